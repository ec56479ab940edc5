"""Logging of a production training to TensorBoard, MLflow or W&B, by transformers' own integrations.

Each tracker is configured as its makers say, by environment variables (MLFLOW_TRACKING_URI, WANDB_MODE, …). What is
sent: the main task's metrics, every task's loss and the learning rate, at each evaluation.
"""

import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState
from transformers.integrations.integration_utils import MLflowCallback, TensorBoardCallback, WandbCallback

from ...objectives.models.encoders import quiet_transformers
from ...objectives.training.trainer import Evaluation
from ...spaces.errors import InputError, first_line
from ..passwords import without_passwords

PACKAGES = {"tensorboard": "tensorboard", "mlflow": "mlflow-skinny", "wandb": "wandb"}
"""What a tracker's package is called where it is installed from; it is imported under the tracker's name."""


def tracker_names(given: Sequence[str]) -> list[str]:
    """The trackers that `--report-to` names, each once; several may stand in one, with commas.

    Raises:
        InputError: one that is not known or not installed.
    """
    names = list(dict.fromkeys(name.strip() for text in given for name in text.split(",") if name.strip()))
    for name in names:
        if name not in PACKAGES:
            raise InputError(f"--report-to: {name!r} is none of {', '.join(PACKAGES)}")
        if find_spec(name) is None:
            raise InputError(f"--report-to: {name} is not installed: pip install {PACKAGES[name]}")
    return names


@dataclass(frozen=True)
class _Parameters:
    """What the integrations read of transformers' TrainingArguments, whose hundred defaults would all be wrong here."""

    values: Mapping[str, Any]
    output_dir: str = "."
    run_name: str = ""
    logging_steps: int = 1

    def to_dict(self) -> dict[str, Any]:
        return dict(self.values)

    def to_json_string(self) -> str:
        return json.dumps(dict(self.values), indent=2, ensure_ascii=False)


@dataclass
class Trackers:
    """Some trackers, told of one training.

    Args:
        names: checked by `tracker_names`.
        folder: the model's; TensorBoard's files go beside it, into `runs/`, unless TENSORBOARD_LOGGING_DIR says where.
        parameters: what is trained; shown beside the run.
        note: is told, once each, of a tracker that was lost; the training goes on.
    """

    names: Sequence[str]
    folder: Path
    parameters: Mapping[str, Any]
    note: Callable[[str], None] = lambda _: None
    _callbacks: dict[str, TrainerCallback] = field(default_factory=dict[str, TrainerCallback], init=False)
    _state: TrainerState = field(init=False)

    def __post_init__(self) -> None:
        self._state = TrainerState()

    def begin(self, step: int, known: Mapping[str, str]) -> dict[str, str]:
        """Begin to send, from a step on.

        Args:
            step: main-task optimizer steps done; 0 at the start.
            known: the runs of an earlier life of this training, by tracker.

        Returns:
            This life's runs, by tracker; they are the known ones, where there were some.

        Raises:
            InputError: a tracker cannot be reached, or does not take it.
        """
        for name in self.names:
            try:
                self._callbacks[name] = _STARTS[name](self.folder, step, known.get(name))
                self._call(self._callbacks[name].on_train_begin)
            except _errors(name) as error:
                raise InputError(f"--report-to: {name}: {without_passwords(first_line(error))}") from None
        return {name: found for name in self.names if (found := _run_id(name)) is not None}

    def hear(self, evaluation: Evaluation, learning_rate: float) -> None:
        """Send one evaluation's metrics, its losses, and the rate of the last step."""
        self._state.global_step = evaluation.step
        logs = {f"loss_{name}": loss for name, loss in evaluation.losses.items()}
        logs |= {f"eval_{name}": value for name, value in evaluation.metrics.items()}
        logs["learning_rate"] = learning_rate
        finite = {name: value for name, value in logs.items() if math.isfinite(value)}
        self._each(lambda name: self._call(self._callbacks[name].on_log, logs=finite))

    def end(self) -> None:
        """The training is over, or this life of it."""
        self._each(self._close)
        self._callbacks.clear()

    def _close(self, name: str) -> None:
        if name == "mlflow":
            import_module(name).flush_async_logging()
        self._call(self._callbacks[name].on_train_end)
        if name == "mlflow":
            import_module(name).end_run()
        elif name == "wandb":
            import_module(name).finish()

    def _each(self, act: Callable[[str], None]) -> None:
        for name in list(self._callbacks):
            try:
                act(name)
            except _errors(name) as error:
                self.note(f"{name} failed ({without_passwords(first_line(error))}): logging to it has stopped")
                del self._callbacks[name]

    def _call(self, event: Callable[..., object], **more: object) -> None:
        arguments = _Parameters(self.parameters, run_name=self.folder.name)
        with quiet_transformers():
            event(arguments, self._state, TrainerControl(), **more)


def _tensorboard(folder: Path, step: int, known: str | None) -> TrainerCallback:
    """Events after the step, of a life that was killed, are hidden by the writer."""
    del known
    writer = import_module("torch.utils.tensorboard").SummaryWriter
    place = os.environ.get("TENSORBOARD_LOGGING_DIR") or str(folder.absolute().parent / "runs" / folder.name)
    return TensorBoardCallback(writer(place, purge_step=step + 1 if step else None))


def _mlflow(folder: Path, step: int, known: str | None) -> TrainerCallback:
    del folder, step
    if known is not None:
        import_module("mlflow").start_run(run_id=known)
    return MLflowCallback()


def _wandb(folder: Path, step: int, known: str | None) -> TrainerCallback:
    del step
    project = os.environ.get("WANDB_PROJECT", "autotune")
    import_module("wandb").init(project=project, name=folder.name, id=known, resume="allow")
    return WandbCallback()


_STARTS: Mapping[str, Callable[[Path, int, str | None], TrainerCallback]] = {
    "tensorboard": _tensorboard,
    "mlflow": _mlflow,
    "wandb": _wandb,
}


def _run_id(name: str) -> str | None:
    """By what a later life finds this run."""
    if name == "mlflow" and (run := import_module(name).active_run()) is not None:
        return str(run.info.run_id)
    if name == "wandb" and (run := import_module(name).run) is not None:
        return str(run.id)
    return None


def _errors(name: str) -> tuple[type[Exception], ...]:
    """What a tracker raises where it cannot be reached or written."""
    if name == "mlflow":
        return OSError, import_module("mlflow.exceptions").MlflowException
    if name == "wandb":
        return OSError, import_module("wandb.errors").Error
    return (OSError,)
