"""Production training: one configuration at full length, and its best weights. As a folder: exporting.py."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import torch

from ...spaces.configuration import Configuration
from ...spaces.errors import Interrupted
from ..prepared import PreparedObjective
from .evaluating import evaluate, evaluation
from .group import ALONE, Group
from .resuming import History, SavedHistory
from .run import TrainingRun
from .trainer import Evaluation

_GO_ON, _SAVE, _LEAVE = range(3)
"""What a process wants after a step; of a group's wishes the greatest counts."""

TrainingProgress = Callable[[int, int, Mapping[str, float]], None]
"""Hears (step, steps in all, metrics) after every step, once it is evaluated; metrics are empty where it is not."""


@dataclass(frozen=True)
class Trained:
    """A production training's outcome.

    `validation` and `test` are measured in fp32, as whoever opens the exported model computes; they are empty where
    nothing was measured, and `validation` where all data was trained on.
    """

    run: TrainingRun
    step: int
    validation: Mapping[str, float]
    test: Mapping[str, float]
    seconds: float
    """Of training and measuring up to each evaluation, all lives of the training together."""


@dataclass(frozen=True)
class Manner:
    """How a production training is run; what it trains does not depend on it."""

    micro_batch: int | None = None
    """Rows at once, whatever the batch size; None: a whole batch."""
    parts: int = 1
    """Into how many each batch is divided; where memory ran out."""
    group: Group = ALONE
    saved: SavedHistory | None = None
    """Where its state is kept on disk."""
    stops: Callable[[], bool] = lambda: False
    """Whether somebody asked to stop."""
    begins: Callable[[int], None] = lambda _: None
    """Is told the step that this life of the training begins at."""
    hears: Callable[[Evaluation, float], None] = lambda *_: None
    """Is told each evaluation, without metrics where they say nothing, and the learning rate."""


def train_production(
    prepared: PreparedObjective,
    configuration: Configuration,
    device: torch.device,
    progress: TrainingProgress,
    *,
    keep_best: bool,
    manner: Manner = Manner(),
) -> Trained:
    """Train to the end as `train_to_best` does, and measure the weights that are kept.

    Raises:
        As `train_to_best`.
    """
    trained = train_to_best(prepared, configuration, device, progress, keep_best=keep_best, manner=manner)
    began, model = time.perf_counter(), trained.run.model
    leads, rows = manner.group.leads, prepared.test
    validation = evaluation(model, prepared, device, "fp32") if leads and keep_best else {}
    test = evaluate(model, rows, prepared, device, "fp32") if leads and rows else {}
    seconds = trained.seconds + time.perf_counter() - began
    return replace(trained, validation=validation, test=test, seconds=seconds)


def train_to_best(
    prepared: PreparedObjective,
    configuration: Configuration,
    device: torch.device,
    progress: TrainingProgress,
    *,
    keep_best: bool,
    manner: Manner = Manner(),
) -> Trained:
    """Train to the end; keep the weights of the best evaluation, or the last ones, which nothing measures.

    Without rows held out (`keep_best` False) there is nothing to choose by, so the last weights count.

    Raises:
        Diverged: a loss or a prediction is not finite.
        Interrupted: somebody asked to stop; the state is saved where `manner` has a place for it.
        InputError: processes cannot share a batch of this configuration.
        TrainingError: another process of the group is gone.
    """
    torch.set_flush_denormal(True)
    trained = configuration if keep_best else _at_full_length(configuration)
    run = TrainingRun(0, trained, prepared, device, manner.parts, most_rows=manner.micro_batch, group=manner.group)
    metric, sign = prepared.settings.metric, 1 if prepared.settings.maximize else -1
    history = History((lambda evaluation: sign * evaluation.metrics[metric]) if keep_best else None)
    if manner.saved is not None:
        manner.saved.load(run, history)
    manner.begins(run.step)
    total = run.total_steps
    while not run.finished:
        run.on_step = partial(_tell_step, progress, run.next_rung, total)
        found = _next_evaluation(run, history, manner)
        history.add(found, run)
        manner.hears(found if keep_best else replace(found, metrics={}), run.learning_rate)
        progress(run.step, total, found.metrics if keep_best else {})
        if not run.finished:
            _pause(run, history, manner)
    step = run.step
    if history.best is not None:
        step, weights = history.best
        run.load_weights(weights)
    return Trained(run, step, {}, {}, sum(told.seconds for told in history.told))


def _tell_step(progress: TrainingProgress, rung: int, total: int, step: int) -> None:
    """Tell of a step before the next rung, which is told of once it is evaluated."""
    if step < rung:
        progress(step, total, {})


def _next_evaluation(run: TrainingRun, history: History, manner: Manner) -> Evaluation:
    """Train to the next rung, saving on the way, and evaluate there."""
    began, rung = time.perf_counter(), run.next_rung
    while run.step < rung - 1:
        run.go_to(run.step + 1)
        _pause(run, history, manner)
    evaluation = run.advance_to(rung)
    return replace(evaluation, seconds=time.perf_counter() - began)


def _pause(run: TrainingRun, history: History, manner: Manner) -> None:
    """Save where the run is, if it is time to or somebody asked to stop; a group does what one of it wants."""
    is_due = manner.saved is not None and manner.group.leads and manner.saved.is_due
    wish = manner.group.largest(_LEAVE if manner.stops() else _SAVE if is_due else _GO_ON)
    if wish and manner.saved is not None and manner.group.leads:
        manner.saved.save(run, history)
    if wish == _LEAVE:
        where = f"stopped at step {run.step} of {run.total_steps}"
        raise Interrupted(where if manner.saved is None else f"{where}; the same command resumes from there")


def _at_full_length(configuration: Configuration) -> Configuration:
    """Without early stopping: on rows that are trained on, the metric soon stops rising and says nothing."""
    return configuration.model_copy(update={"training": {**configuration.training, "early_stopping": None}})
