"""Production training of a best.yaml: checked, trained, and written as a folder that transformers opens."""

import json
import shlex
import signal
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path

import torch

from ...objectives.augmentation.generating import BankProgress
from ...objectives.prepare import prepare
from ...objectives.prepared import PreparedObjective
from ...objectives.training.failing import failure_of
from ...objectives.training.failure import FailureKind
from ...objectives.training.group import Group
from ...objectives.training.judge import baseline_judge
from ...objectives.training.production import Manner, Trained, TrainingProgress, train_production
from ...objectives.training.resuming import SavedHistory
from ...objectives.training.weighting.registry import weighting_type
from ...spaces.errors import TrainingError, first_line
from ..export.best_file import BestConfiguration
from ..interruption import interruption
from ..wording import finding_told, number
from ..writing import write_text
from .destination import Destination, Facts, held
from .labels import check_labels
from .model_card import ModelCard
from .model_folder import write_model
from .own_device import own_device
from .rows import note_of_rows
from .trackers import Trackers, tracker_names
from .unchanged import check_data, warnings

_TRACKERS = "trackers.json"


@dataclass(frozen=True)
class TrainOptions:
    """The options of `autotune train`."""

    all_data: bool
    device: str
    micro_batch: int | None
    report_to: Sequence[str]


@dataclass(frozen=True)
class Audience:
    """Who follows a training.

    Args:
        say: hears a line.
        generating: while it is open, hears how far the generation of augmented rows is.
        training: the same of the steps, of a training that is measured by this metric.
    """

    say: Callable[[str], None]
    generating: Callable[[], AbstractContextManager[BankProgress]]
    training: Callable[[str], AbstractContextManager[TrainingProgress]]


NOBODY = Audience(lambda _: None, lambda: nullcontext(lambda *_: None), lambda _: nullcontext(lambda *_: None))


@dataclass(frozen=True)
class ProductionTraining:
    """One process's part in it: the leader speaks and writes, the others compute.

    Args:
        best: what is trained.
        path: its file, which data paths are relative to.
        folder: for the model; new or empty.
        options: how it is trained.
        group: the processes that train it together.
        audience: of the leader; the others speak to NOBODY.
    """

    best: BestConfiguration
    path: Path
    folder: Path
    options: TrainOptions
    group: Group
    audience: Audience

    def run(self) -> None:
        """Train, and write model, tokenizer, metrics.json and a model card.

        Raises:
            InputError: data, labels, folder, device or tracker cannot be used.
            TrainingError: it ran and failed, or the model cannot be written.
            Interrupted: somebody asked to stop; the same call resumes.
        """
        device, names = own_device(self.options.device, self.group), tracker_names(self.options.report_to)
        check_data(self.best, self.path)
        for line in warnings(self.best, self.path):
            self.audience.say(line)
        with ExitStack() as stack:
            destination = Destination(self.folder, self._facts())
            if self.group.leads:
                stack.enter_context(held(self.folder, destination.facts))
            if self.group.size > 1:
                # In force once interruption is left: a launcher that saw one process die sends SIGTERM to the others,
                # and they would be gone before they said why they failed.
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
            interrupted = stack.enter_context(interruption(self.audience.say, "after this step"))
            prepared = self._prepared(device)
            manner = Manner(
                micro_batch=self.options.micro_batch,
                group=self.group,
                saved=SavedHistory(destination.store, self.audience.say),
                stops=lambda: interrupted.requested,
            )
            if self.group.leads and names:
                trackers = Trackers(names, self.folder, self._parameters(), self.audience.say)
                stack.callback(trackers.end)
                begins = partial(_begin, trackers, destination.work / _TRACKERS)
                manner = replace(manner, begins=begins, hears=trackers.hear)
            trained = self._trained(prepared, device, manner)
            if self.group.leads:
                self._write(trained, prepared, destination)

    @property
    def _all_data(self) -> bool:
        return self.options.all_data or self.best.settings.data.folds is not None

    def _facts(self) -> Facts:
        """What decides every bit of the model."""
        return {
            "best.yaml": self.best.content_digest()[:12],
            "--all-data": self._all_data,
            "--micro-batch": self.options.micro_batch,
            "processes": self.group.size,
            **{name: version(name) for name in ("autotune-mtl", "torch", "transformers")},
        }

    def _prepared(self, device: torch.device) -> PreparedObjective:
        best, settings = self.best, self.best.settings
        if settings.data.folds is not None and not self.options.all_data:
            self.audience.say(
                f"validation was {settings.data.folds} folds of the training rows: training on all rows, to the last "
                "step"
            )
        with self.group.in_turn(), self.audience.generating() as generating:
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
            self.audience.say(finding_told(finding))
        weighting = prepared.training_of(best.configuration).weighting
        if self.options.micro_batch and not weighting_type(weighting, 1 + len(best.configuration.ratios)).splits:
            self.audience.say(f"--micro-batch: weighting {weighting!r} needs whole batches, so batches are not split")
        return prepared

    def _compare_rows(self, prepared: PreparedObjective) -> None:
        """Tell of rows that are not those of the study; a file that was changed has figures of no use anyway."""
        if not self.group.leads or not self.best.is_as_measured:
            return
        if note := note_of_rows(self.best, self.path.parent, None if self._all_data else prepared.corpus):
            self.audience.say(note)

    def _trained(self, prepared: PreparedObjective, device: torch.device, manner: Manner) -> Trained:
        with self.audience.training(prepared.settings.metric) as progress:
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
        name, metric = self.folder.absolute().name, self.best.settings.metric
        write_model(ModelCard(self.best, prepared, trained, name, self._command()), destination)
        for split, found in (("validation", trained.validation), ("test", trained.test)):
            if found:
                self.audience.say(f"{split}: {metric} {number(found[metric])}")
        self.audience.say(f"wrote {self.folder}")


def _begin(trackers: Trackers, file: Path, step: int) -> None:
    """Go on in the trackers' runs of an earlier life, which a file in the training's own folder names."""
    known = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    write_text(file, json.dumps(trackers.begin(step, known)) + "\n")
