"""Checkpoints on disk: one file per trial, written atomically, as safetensors with the rest in the header."""

import json
import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch
from pydantic import TypeAdapter
from safetensors import SafetensorError, safe_open

from ...spaces.configuration import Configuration
from ..tensor_cache import save_atomically
from .checkpoint_files import checkpoint_file, checkpoint_files, checkpoint_sizes
from .patience import Patience
from .trainer import Checkpoint, Evaluation

_PARTS = ("weights", "optimizer", "random_state", "weighting", "losses")
_ABANDONED_S = 600.0


class NoRoom(OSError):
    """The store's budget has no room for a checkpoint."""


@dataclass(frozen=True)
class _Header:
    """All of a checkpoint that is no tensor."""

    signature: str
    configuration: Configuration
    step: int
    patience: Patience
    told: Sequence[Evaluation]


_HEADER = TypeAdapter(_Header)


@dataclass(frozen=True)
class CheckpointStore:
    """The checkpoints of one study on this machine.

    Args:
        folder: where they are; made when the first is saved.
        signature: of all but the configuration that a trial's course follows from: settings, data, seed, versions. A
            file with another one is as good as none.
        budget_bytes: what all files together may take.
    """

    folder: Path
    signature: str
    budget_bytes: int

    def save(self, trial_id: int, checkpoint: Checkpoint) -> None:
        """Replace the trial's checkpoint.

        Raises:
            NoRoom: the budget is used up; the earlier checkpoint stays.
            OSError: it cannot be written; the earlier checkpoint stays.
        """
        path = self._path(trial_id)
        tensors = {f"{part}/{name}": value for part in _PARTS for name, value in getattr(checkpoint, part).items()}
        others = sum(size for file, size in checkpoint_files(self.folder) if file != path)
        size = sum(tensor.nbytes for tensor in tensors.values())
        if others + size > self.budget_bytes:
            raise NoRoom(
                f"{size / 1e6:.0f} MB do not fit next to {others / 1e6:.0f} of {self.budget_bytes / 1e6:.0f} MB"
            )
        header = _Header(
            self.signature, checkpoint.configuration, checkpoint.step, checkpoint.patience, checkpoint.told
        )
        save_atomically(tensors, path, {"autotune": json.dumps(_HEADER.dump_python(header))})

    def load(self, trial_id: int, configuration: Configuration) -> Checkpoint | None:
        """The trial's checkpoint; None where there is none, or one of something else."""
        with suppress(OSError, SafetensorError, ValueError, KeyError), safe_open(self._path(trial_id), "pt") as file:
            header = _HEADER.validate_python(json.loads((file.metadata() or {})["autotune"]))
            if (header.configuration, header.signature) != (configuration, self.signature):
                return None
            parts: dict[str, dict[str, torch.Tensor]] = {part: {} for part in _PARTS}
            for key in file.keys():  # noqa: SIM118, it is no dictionary
                part, _, name = key.partition("/")
                parts[part][name] = file.get_tensor(key)
            return Checkpoint(configuration, header.step, **parts, patience=header.patience, told=header.told)
        return None

    def remove(self, trial_id: int) -> None:
        """Remove the trial's checkpoint, if there is one; one that may not be removed stays."""
        with suppress(OSError):
            self._path(trial_id).unlink(missing_ok=True)

    def retain(self, trial_ids: Collection[int]) -> None:
        """Remove the checkpoints of all other trials, and what a kill left half written."""
        kept = {self._path(trial_id) for trial_id in trial_ids}
        for file, _ in checkpoint_files(self.folder):
            if file not in kept:
                with suppress(OSError):  # another user's
                    file.unlink(missing_ok=True)
        for part in self.folder.glob("*.part"):
            with suppress(OSError):  # somebody else's, which may be renamed right now
                if time.time() - part.stat().st_mtime > _ABANDONED_S:
                    part.unlink()

    def sizes(self) -> dict[int, int]:
        """The bytes of each trial's checkpoint."""
        return checkpoint_sizes(self.folder)

    def _path(self, trial_id: int) -> Path:
        return checkpoint_file(self.folder, trial_id)
