"""What `autotune train` does; imported only when it runs."""

import json
import shlex
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path

import torch
from safetensors import SafetensorError

from ...objectives.prepare import prepare
from ...objectives.prepared import PreparedObjective
from ...objectives.training.exporting import save_model
from ...objectives.training.failing import failure_of
from ...objectives.training.failure import FailureKind
from ...objectives.training.group import Group, joined
from ...objectives.training.judge import baseline_judge
from ...objectives.training.production import Manner, Trained, train_production
from ...objectives.training.resuming import SavedHistory
from ...objectives.training.weighting.registry import weighting_type
from ...spaces.errors import Interrupted, TrainingError, first_line
from ..export.best_file import BestConfiguration, read_best
from ..interruption import interruption
from ..production.destination import Destination, Facts, held
from ..production.labels import check_labels
from ..production.model_card import ModelCard
from ..production.own_device import own_device
from ..production.rows import note_of_rows
from ..production.trackers import Trackers, tracker_names
from ..production.unchanged import check_data, warnings
from ..wording import number
from ..writing import write_text
from .consoles import generation, tell
from .progress import watched
from .shown import told

_TRACKERS = "trackers.json"


@dataclass(frozen=True)
class TrainOptions:
    """The options of `autotune train`."""

    all_data: bool
    device: str
    micro_batch: int | None
    report_to: Sequence[str] = ()


def train_command(path: Path, folder: Path, options: TrainOptions) -> None:
    """Train an exported configuration and write model, tokenizer, metrics.json and a model card."""
    with joined() as group:
        try:
            _Training(read_best(path), path, folder, options, group).run()
        except Interrupted as stopped:
            if group.leads:
                raise
            sys.exit(stopped.exit_code)  # all stop together, and one says so


@dataclass(frozen=True)
class _Training:
    """One process's part in it: the leader speaks and writes, the others compute."""

    best: BestConfiguration
    path: Path
    folder: Path
    options: TrainOptions
    group: Group

    def run(self) -> None:
        device, names = own_device(self.options.device, self.group), tracker_names(self.options.report_to)
        check_data(self.best, self.path)
        for line in warnings(self.best, self.path):
            self._say(line)
        with ExitStack() as stack:
            destination = Destination(self.folder, self._facts())
            if self.group.leads:
                stack.enter_context(held(self.folder, destination.facts))
            if self.group.size > 1:
                # In force once interruption is left: a launcher that saw one process die sends SIGTERM to the others,
                # and they would be gone before they said why they failed.
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
            interrupted = stack.enter_context(interruption(self._say, "after this step"))
            prepared = self._prepared(device)
            manner = Manner(
                micro_batch=self.options.micro_batch,
                group=self.group,
                saved=SavedHistory(destination.store, self._say),
                stops=lambda: interrupted.requested,
            )
            if self.group.leads and names:
                trackers = Trackers(names, self.folder, self._parameters(), self._say)
                stack.callback(trackers.end)
                begins = partial(_begin, trackers, destination.work / _TRACKERS)
                manner = replace(manner, begins=begins, hears=trackers.hear)
            trained = self._trained(prepared, device, manner)
            if self.group.leads:
                self._write(trained, prepared, destination)

    @property
    def _all_data(self) -> bool:
        return self.options.all_data or self.best.settings.data.folds is not None

    @property
    def _say(self) -> Callable[[str], None]:
        return tell if self.group.leads else lambda _: None

    def _facts(self) -> Facts:
        """What decides every bit of the model."""
        return {
            "best.yaml": self.best.measured()[:12],
            "--all-data": self._all_data,
            "--micro-batch": self.options.micro_batch,
            "processes": self.group.size,
            **{name: version(name) for name in ("autotune-mtl", "torch", "transformers")},
        }

    def _prepared(self, device: torch.device) -> PreparedObjective:
        best, settings = self.best, self.best.settings
        if settings.data.folds is not None and not self.options.all_data:
            self._say(
                f"validation was {settings.data.folds} folds of the training rows: training on all rows, to the last "
                "step"
            )
        silent = nullcontext(lambda *_: None)
        with self.group.in_turn(), generation() if self.group.leads else silent as generating:
            prepared = prepare(
                settings,
                best.augmentation,
                self.path.parent,
                best.seed,
                cleaning=best.cleaning,
                all_data=self._all_data,
                progress=generating,
                judge=baseline_judge,
                device=device,
            )
        check_labels(best, prepared.corpus)
        self._compare_rows(prepared)
        for finding in prepared.findings if self._all_data else ():  # of other rows than the study's
            self._say(told(finding))
        weighting = prepared.training_of(best.configuration).weighting
        if self.options.micro_batch and not weighting_type(weighting, 1 + len(best.configuration.ratios)).splits:
            self._say(f"--micro-batch: weighting {weighting!r} needs whole batches, so batches are not split")
        return prepared

    def _compare_rows(self, prepared: PreparedObjective) -> None:
        """Tell of rows that are not those of the study; a file that was changed has figures of no use anyway."""
        if not self.group.leads or not self.best.is_as_measured:
            return
        if note := note_of_rows(self.best, self.path.parent, None if self._all_data else prepared.corpus):
            self._say(note)

    def _trained(self, prepared: PreparedObjective, device: torch.device, manner: Manner) -> Trained:
        with watched(prepared.settings.metric) if self.group.leads else nullcontext(lambda *_: None) as progress:
            configuration, keep_best = self.best.configuration, not self._all_data
            try:
                return train_production(prepared, configuration, device, progress, keep_best=keep_best, manner=manner)
            except (RuntimeError, MemoryError) as error:
                if failure_of(error).kind is not FailureKind.OUT_OF_MEMORY:
                    raise
                raise TrainingError(f"out of memory{self._remedy(prepared)} ({first_line(error)})") from error

    def _remedy(self, prepared: PreparedObjective) -> str:
        """What helps where memory was too short."""
        training = prepared.training_of(self.best.configuration)
        own = -(-training.batch_size // self.group.size)
        rows = min(self.options.micro_batch or own, own)
        splits = weighting_type(training.weighting, 1 + len(self.best.configuration.ratios)).splits
        if rows > 1 and splits:
            return f" with {rows} rows at once; try --micro-batch {rows // 2}, which gives the same result"
        return f" with {rows} rows at once, the minimum; it needs a larger device, or shorter texts"

    def _command(self) -> str:
        """What was typed, without the folders of this machine."""
        options = self.options
        words = ["autotune", "train", self.path.name, "-o", self.folder.absolute().name]
        words += ["--all-data"] if options.all_data else []
        words += ["--micro-batch", str(options.micro_batch)] if options.micro_batch else []
        launcher = f"torchrun --nproc-per-node {self.group.size} --no-python " if self.group.size > 1 else ""
        return launcher + shlex.join(words)

    def _parameters(self) -> dict[str, object]:
        """What a tracker shows beside the run."""
        best = self.best
        return {
            "study": best.found.study,
            "encoder": best.settings.model.encoder,
            "revision": best.settings.model.revision,
            "seed": best.seed,
            **best.configuration.model_dump(exclude={"training"}),
            **{**best.settings.training.model_dump(), **best.configuration.training},
            "learning_rate": best.configuration.learning_rate,
        }

    def _write(self, trained: Trained, prepared: PreparedObjective, destination: Destination) -> None:
        settings = self.best.settings
        metrics = json.dumps(_metrics(settings.objective, trained), indent=2) + "\n"
        card = ModelCard(self.best, prepared, trained, self.folder.absolute().name, self._command())
        try:
            texts = {"metrics.json": metrics, "README.md": card.text()}
            save_model(trained, prepared, self.folder, texts, destination.work)
        except (OSError, SafetensorError) as error:  # the second is what safetensors says of a disk, too
            reason = first_line(error) if isinstance(error, SafetensorError) else error.strerror or error
            raise TrainingError(
                f"--output: {str(self.folder)!r} cannot be written: {reason}; {_left(destination)}"
            ) from None
        for name, found in (("validation", trained.validation), ("test", trained.test)):
            if found:
                tell(f"{name}: {settings.metric} {number(found[settings.metric])}")
        tell(f"wrote {self.folder}")


def _begin(trackers: Trackers, file: Path, step: int) -> None:
    """Go on in the trackers' runs of an earlier life, which a file in the training's own folder names."""
    known = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    write_text(file, json.dumps(trackers.begin(step, known)) + "\n")


def _left(destination: Destination) -> str:
    """What is left of a training whose model cannot be written, and what to do."""
    if destination.store.sizes():
        return "the training's last saved state is kept: fix this, and the same command resumes from it"
    return "nothing had been saved yet: fix this, and run the same command again"


def _metrics(objective: str | Sequence[str], trained: Trained) -> dict[str, object]:
    return {
        "objective": objective,
        "validation": dict(trained.validation) or None,
        "test": dict(trained.test) or None,
        "step": trained.step,
        "seconds": trained.seconds,
    }
