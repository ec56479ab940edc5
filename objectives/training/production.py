"""Production training: one configuration at full length, its best weights, a folder that transformers opens."""

import errno
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

from ...spaces.configuration import Configuration
from ...spaces.errors import Interrupted
from ..models.encoders import quiet_transformers
from ..models.vocabulary import Vocabulary, output_names, table_names
from ..prepared import PreparedObjective
from ..tasks.task import Task
from .evaluating import evaluate
from .group import ALONE, Group
from .heads import FOLDER, describe_head, save_head, write_index
from .resuming import History, SavedHistory
from .run import TrainingRun
from .trainer import Evaluation

_GO_ON, _SAVE, _LEAVE = range(3)
"""What a process wants after a step; of a group's wishes the greatest counts."""

Progress = Callable[[int, int, Mapping[str, float]], None]
"""Hears (step, steps in all, metrics of the last evaluation) after every step."""


@dataclass(frozen=True)
class Trained:
    """A production training's outcome. `validation` is empty where all data was trained on."""

    run: TrainingRun
    step: int
    validation: Mapping[str, float]
    test: Mapping[str, float]
    seconds: float
    """Of training and measuring, all lives of the training together."""
    evaluations: Sequence[Evaluation] = ()
    """All of them, in order; where all data was trained on their metrics say nothing."""


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


def train_production(  # noqa: PLR0913
    prepared: PreparedObjective,
    configuration: Configuration,
    device: torch.device,
    progress: Progress,
    *,
    metric: str,
    maximize: bool,
    keep_best: bool,
    manner: Manner = Manner(),
) -> Trained:
    """Train to the end; keep the weights of the best evaluation, or the last ones.

    Without rows held out (`keep_best` False) there is nothing to choose by, so the last weights count.

    Raises:
        Diverged: a loss or a prediction is not finite.
        Interrupted: somebody asked to stop; the state is saved where `manner` has a place for it.
        InputError: processes cannot share a batch of this configuration.
        TrainingError: another process of the group is gone.
    """
    torch.set_flush_denormal(True)
    trained = configuration if keep_best else _at_full_length(configuration)
    run = TrainingRun(0, trained, prepared, device, manner.parts, most=manner.micro_batch, group=manner.group)
    sign = 1 if maximize else -1
    history = History((lambda evaluation: sign * evaluation.metrics[metric]) if keep_best else None)
    if manner.saved is not None:
        manner.saved.load(run, history)
    manner.begins(run.step)
    metrics = history.told[-1].metrics if keep_best and history.told else {}
    run.on_step = lambda step: progress(step, run.total_steps, metrics)
    while not run.finished:
        evaluation = _next_evaluation(run, history, manner)
        metrics = evaluation.metrics if keep_best else {}
        history.add(evaluation, run)
        manner.hears(evaluation if keep_best else replace(evaluation, metrics={}), run.learning_rate)
        progress(run.step, run.total_steps, metrics)
        if not run.finished:
            _pause(run, history, manner)
    began = time.perf_counter()
    step, validation = run.step, metrics
    if history.best is not None:
        step, weights = history.best
        validation = history.at(step).metrics
        run.load_weights(weights)
    rows = prepared.test if manner.group.leads else None
    test = evaluate(run.model, rows, prepared, device, "fp32") if rows else {}
    seconds = sum(evaluation.seconds for evaluation in history.told) + time.perf_counter() - began
    return Trained(run, step, validation, test, seconds, tuple(history.told))


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
    wish = manner.group.most(_LEAVE if manner.stops() else _SAVE if is_due else _GO_ON)
    if wish and manner.saved is not None and manner.group.leads:
        manner.saved.save(run, history)
    if wish == _LEAVE:
        where = f"stopped at step {run.step} of {run.total_steps}"
        raise Interrupted(where if manner.saved is None else f"{where}; the same command goes on from there")


def _at_full_length(configuration: Configuration) -> Configuration:
    """Without early stopping: on rows that are trained on, the metric soon stops rising and says nothing."""
    return configuration.model_copy(update={"training": {**configuration.training, "early_stopping": None}})


def export_model(trained: Trained, prepared: PreparedObjective) -> PreTrainedModel:
    """The main task as transformers' own model, with the full vocabulary, on the CPU."""
    return export_task(trained, prepared, prepared.main.task)


def export_task(trained: Trained, prepared: PreparedObjective, task: Task[Any]) -> PreTrainedModel:
    """One task of a training as transformers' own model, with the full vocabulary, on the CPU."""
    source = prepared.models.source(prepared.training_of(trained.run.configuration))
    model, shared, head = task.build(source), trained.run.model.encoder, trained.run.model.head(task.name).model
    base = model.base_model
    assert isinstance(base, PreTrainedModel)
    vocabulary = prepared.models.vocabulary
    _copy(shared, base, table_names(shared), vocabulary)
    _copy(head, model, output_names(model), vocabulary)
    task.finish(model, prepared.codes)
    return model.eval()


@torch.no_grad()
def _copy(trained: nn.Module, model: nn.Module, trimmed: set[str], vocabulary: Vocabulary) -> None:
    """Copy what a model has of the trained parameters; trimmed ones go to the rows of the tokens that were kept."""
    parameters = dict(model.named_parameters(remove_duplicate=False))
    for name, parameter in trained.named_parameters():
        if name in parameters:
            target, value = parameters[name], parameter.detach().cpu()
            target.copy_(vocabulary.restore(value, target.detach()) if name in trimmed else value)


def save_model(
    trained: Trained,
    prepared: PreparedObjective,
    folder: Path,
    texts: Mapping[str, str] | None = None,
    work: Path | None = None,
) -> None:
    """Write the model, its tokenizer, the other tasks' heads and some texts. Nothing opens a folder that is not whole.

    Args:
        trained: what was trained.
        prepared: from what.
        folder: new or empty.
        texts: further files, by their names.
        work: where the parts are made, which a kill leaves behind; by default beside the folder.

    Raises:
        OSError: it cannot be written, or is not empty.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(dir=work or folder.parent, prefix=f".{folder.name}-"))
    try:
        with quiet_transformers():
            main = export_model(trained, prepared)
            main.save_pretrained(part)
            _save_tokenizer(prepared, part)
            _save_heads(trained, prepared, main, part)
        for name, text in (texts or {}).items():
            (part / name).write_text(text, encoding="utf-8")
        part.chmod(0o755)
        _put(part, folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _save_tokenizer(prepared: PreparedObjective, folder: Path) -> None:
    """The tokenizer, which cuts at the study's `max_length` where it is told to cut, and pads only where told to."""
    tokenizer = prepared.encoder.tokenizer
    tokenizer.model_max_length = prepared.settings.model.max_length
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.backend_tokenizer.no_padding()
    tokenizer.save_pretrained(folder)


def _put(part: Path, folder: Path) -> None:
    """Make a folder of the parts, or fill the empty one that is there: a mount, a link, or where somebody stands.

    Raises:
        OSError: it is not empty, or cannot be written; then it is left as it was.
    """
    if not folder.exists():
        part.replace(folder)
        return
    if any(folder.iterdir()):
        raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY), str(folder))
    # Without its configuration, which comes last, nothing takes a folder for a model.
    files = [folder / file.name for file in sorted(part.iterdir(), key=lambda file: file.name == "config.json")]
    try:
        for file in files:
            shutil.move(part / file.name, file)
    except BaseException:
        for file in files:  # ours alone: somebody may have put more there meanwhile
            shutil.rmtree(file, ignore_errors=True) if file.is_dir() else file.unlink(missing_ok=True)
        raise


def _save_heads(trained: Trained, prepared: PreparedObjective, main: PreTrainedModel, folder: Path) -> None:
    """The heads of the tasks that were trained beside the main one, which `load_heads` opens."""
    described: dict[str, dict[str, Any]] = {}
    for name in trained.run.model.heads:
        task = prepared.train[name].task
        if task is not prepared.main.task:
            model = export_task(trained, prepared, task)
            save_head(model, main, folder / FOLDER / f"{name}.safetensors")
            described[name] = describe_head(prepared, task, model)
    if described:
        write_index(folder, prepared.main.task.name, described)
