"""Production training: one configuration at full length, its best weights, a folder that transformers opens."""

import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

from ...spaces.configuration import Configuration
from ..models.encoders import quiet_transformers
from ..models.vocabulary import Vocabulary, output_names, table_names
from ..prepare import PreparedObjective
from ..tasks.task import Task
from .evaluating import evaluate
from .heads import FOLDER, describe_head, save_head, write_index
from .run import TrainingRun

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


def train_production(  # noqa: PLR0913
    prepared: PreparedObjective,
    configuration: Configuration,
    device: torch.device,
    progress: Progress,
    *,
    metric: str,
    maximize: bool,
    keep_best: bool,
    parts: int = 1,
) -> Trained:
    """Train to the end; keep the weights of the best evaluation, or the last ones.

    Without rows held out (`keep_best` False) there is nothing to choose by, so the last weights count.

    Raises:
        Diverged: a loss or a prediction is not finite.
    """
    began = time.perf_counter()
    torch.set_flush_denormal(True)
    run = TrainingRun(0, configuration if keep_best else _at_full_length(configuration), prepared, device, parts)
    metrics: Mapping[str, float] = {}
    best: tuple[float, int, Mapping[str, float], dict[str, torch.Tensor]] | None = None
    run.on_step = lambda step: progress(step, run.total_steps, metrics)
    while not run.finished:
        evaluation = run.advance()
        metrics = evaluation.metrics if keep_best else {}
        value = evaluation.metrics[metric] * (1 if maximize else -1)
        if keep_best and (best is None or value >= best[0]):
            best = value, evaluation.step, metrics, run.weights()
        progress(run.step, run.total_steps, metrics)
    step, validation = run.step, metrics
    if best is not None:
        _, step, validation, weights = best
        run.load_weights(weights)
    test = evaluate(run.model, prepared.test, prepared, device, "fp32") if prepared.test else {}
    return Trained(run, step, validation, test, time.perf_counter() - began)


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


def save_model(trained: Trained, prepared: PreparedObjective, folder: Path) -> None:
    """Write the model, its tokenizer and the other tasks' heads; the folder appears only when whole."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
    try:
        with quiet_transformers():
            main = export_model(trained, prepared)
            main.save_pretrained(part)
            prepared.encoder.tokenizer.save_pretrained(part)
            _save_heads(trained, prepared, main, part)
        part.chmod(0o755)
        if folder.exists():
            folder.rmdir()
        part.replace(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


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
