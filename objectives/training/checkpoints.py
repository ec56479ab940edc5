"""Checkpoints on disk: one file a trial, whole or not there, as safetensors with the rest in the header."""

import json
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from ...spaces.configuration import Configuration
from ..caching import save_atomically
from .patience import Patience
from .trainer import Checkpoint, Evaluation

_PARTS = ("weights", "optimizer", "random_state", "weighting")
_ABANDONED_S = 600.0


class NoRoom(OSError):
    """The store's budget has no room for a checkpoint."""


@dataclass(frozen=True)
class CheckpointStore:
    """The checkpoints of one study on this machine.

    Args:
        folder: where they are; made when the first is saved.
        signature: of all but the configuration that a trial's course follows from: settings, data, seed, versions. A
            file with another one is as good as none.
        budget: bytes that all files together may take.
    """

    folder: Path
    signature: str
    budget: int

    def save(self, trial_id: int, checkpoint: Checkpoint) -> None:
        """Replace the trial's checkpoint.

        Raises:
            NoRoom: the budget is used up; the earlier checkpoint stays.
            OSError: it cannot be written; the earlier checkpoint stays.
        """
        path = self._path(trial_id)
        tensors = {f"{part}/{name}": value for part in _PARTS for name, value in getattr(checkpoint, part).items()}
        others = sum(file.stat().st_size for file in self._files() if file != path)
        size = sum(tensor.nbytes for tensor in tensors.values())
        if others + size > self.budget:
            raise NoRoom(f"{size / 1e6:.0f} MB are too much beside {others / 1e6:.0f} of {self.budget / 1e6:.0f} MB")
        header = {
            "signature": self.signature,
            "configuration": checkpoint.configuration.model_dump(),
            "step": checkpoint.step,
            "patience": asdict(checkpoint.patience),
            "told": [asdict(evaluation) for evaluation in checkpoint.told],
        }
        try:
            save_atomically(tensors, path, {"autotune": json.dumps(header)})
        except SafetensorError as error:  # how it reports what the system refused
            raise OSError(str(error)) from error

    def load(self, trial_id: int, configuration: Configuration) -> Checkpoint | None:
        """The trial's checkpoint; None where there is none, or one of something else."""
        with suppress(OSError, SafetensorError), safe_open(self._path(trial_id), framework="pt") as file:
            header: dict[str, Any] = json.loads((file.metadata() or {}).get("autotune", "{}"))
            known = Configuration.model_validate(header["configuration"]) if header else None
            if known != configuration or header["signature"] != self.signature:
                return None
            parts: dict[str, dict[str, torch.Tensor]] = {part: {} for part in _PARTS}
            for key in file.keys():  # noqa: SIM118, it is no dictionary
                part, _, name = key.partition("/")
                parts[part][name] = file.get_tensor(key)
            told = [Evaluation(**evaluation) for evaluation in header["told"]]
            return Checkpoint(
                configuration, header["step"], **parts, patience=Patience(**header["patience"]), told=told
            )
        return None

    def remove(self, trial_id: int) -> None:
        """Remove the trial's checkpoint, if there is one."""
        self._path(trial_id).unlink(missing_ok=True)

    def retain(self, trial_ids: Collection[int]) -> None:
        """Remove the checkpoints of all other trials, and what a kill left half written."""
        kept = {self._path(trial_id) for trial_id in trial_ids}
        for file in self._files():
            if file not in kept:
                file.unlink(missing_ok=True)
        for part in self.folder.glob("*.part"):
            with suppress(FileNotFoundError):  # somebody else's may be renamed right now
                if time.time() - part.stat().st_mtime > _ABANDONED_S:
                    part.unlink()

    def sizes(self) -> dict[int, int]:
        """The bytes of each trial's checkpoint."""
        return {int(file.stem): file.stat().st_size for file in self._files()}

    def _files(self) -> Iterator[Path]:
        return self.folder.glob("*.safetensors")

    def _path(self, trial_id: int) -> Path:
        return self.folder / f"{trial_id}.safetensors"
