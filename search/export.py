"""The best configuration as a file that holds all a training needs: best.yaml, its JSON, or Hugging Face's arguments."""

import json
import os
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import yaml
from optuna.trial import FrozenTrial, TrialState
from pydantic import Field

from ..objectives.models.encoders import PACKAGE, is_scratch
from ..objectives.settings import ObjectiveSettings
from ..spaces.configuration import Configuration
from ..spaces.errors import StudyError, TrainingError
from ..spaces.settings import Settings
from .report.summary import summarize
from .study import StudyRecord

Format = Literal["yaml", "json", "hf"]
_VERSIONED = ("autotune-mtl", "optuna", "torch", "transformers", "datasets", "scikit-learn")


class Found(Settings):
    """Where a configuration comes from, and what it reached in the search."""

    study: str = Field(description="name of the study")
    trial: int = Field(description="number of the trial")
    value: float = Field(description="the objective on validation data: the best of many noisy trials, so partly luck")
    step: int = Field(description="main-task optimizer steps at the best evaluation")
    baseline: float | None = Field(description="the objective of trial 0: the main task alone, default rate")


class LossWeights(Settings):
    """α and β_k, for training code of your own: L = α·L_main/n_main + Σ β_k·L_k/n_k with the normalisers n."""

    alpha: float = Field(gt=0, le=1, description="the main task's weight")
    betas: dict[str, float] = Field(description="the auxiliary tasks' weights; α + Σ β_k = 1")
    normalisers: dict[str, float] = Field(description="each task's loss for a know-nothing prediction")


class BestConfiguration(Settings):
    """best.yaml."""

    found: Found = Field(description="where it comes from")
    configuration: Configuration = Field(description="what the winning trial trained")
    loss_weights: LossWeights = Field(description="the same importance as normalised weights")
    seed: int = Field(description="of split, batch order, first weights and dropout")
    replicas: int = Field(ge=1, description="variants of a row that each operation makes")
    settings: ObjectiveSettings = Field(description="data, model, tasks and training; paths are relative to this file")
    fingerprints: dict[str, str] = Field(description="SHA-256 of each data source")
    versions: dict[str, str] = Field(description="what it was found with")


def best_configuration(record: StudyRecord, folder: Path) -> BestConfiguration:
    """The best complete trial of a study, with paths relative to `folder`.

    Raises:
        TrainingError: no trial is complete.
    """
    summary = summarize(record.study)
    best = summary.best
    if best is None:
        raise TrainingError(f"the study {record.name!r} has no complete trial to export; run it first")
    configuration = best.configuration
    moved = _Relocation(record.path.parent, folder)
    weights = LossWeights(
        alpha=configuration.alpha, betas=configuration.betas, normalisers=record.study.user_attrs["normalisers"]
    )
    return BestConfiguration(
        found=Found(
            study=record.name,
            trial=best.number,
            value=best.value,
            step=best.step,
            baseline=summary.baseline.value if summary.baseline else None,
        ),
        configuration=configuration,
        loss_weights=weights,
        seed=record.file.search.seed,
        replicas=record.file.space.augmentation.replicas,
        settings=moved.settings(record.file),
        fingerprints={moved.source(text): known for text, known in record.fingerprints.items()},
        versions={name: version(name) for name in _VERSIONED},
    )


def render(best: BestConfiguration, style: Format) -> str:
    """The text of an export."""
    content = json.loads(best.model_dump_json())
    if style == "json":
        return json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    if style == "hf":
        return json.dumps(_hugging_face(best), indent=2, ensure_ascii=False) + "\n"
    header = f"# The best configuration of the study {best.found.study}. Train it: autotune train best.yaml -o model\n"
    return header + yaml.safe_dump(content, sort_keys=False, allow_unicode=True)


def _hugging_face(best: BestConfiguration) -> dict[str, Any]:
    """Arguments for transformers' TrainingArguments, and the loss weights beside them."""
    training = best.settings.training.model_copy(update=best.configuration.training)
    arguments = {
        "learning_rate": best.configuration.learning_rate,
        "num_train_epochs": training.epochs,
        "per_device_train_batch_size": training.batch_size,
        "warmup_ratio": training.warmup,
        "lr_scheduler_type": {"constant": "constant_with_warmup"}.get(training.schedule, training.schedule),
        "weight_decay": training.weight_decay,
        "max_grad_norm": training.max_grad_norm or 0.0,
        "optim": "adamw_torch_fused",
        "seed": best.seed,
    }
    return {
        "training_arguments": arguments,
        "encoder": best.settings.model.encoder,
        "loss_weights": best.loss_weights.model_dump(),
        "augmentation": best.configuration.mix.model_dump(),
    }


class _Relocation:
    """Paths relative to one folder, rewritten to be relative to another; all else as it is."""

    def __init__(self, old: Path, new: Path) -> None:
        self._old = old.resolve()
        self._new = new.resolve()

    def source(self, text: str) -> str:
        path = self._old / text
        return Path(os.path.relpath(path, self._new)).as_posix() if path.exists() else text

    def settings(self, settings: ObjectiveSettings) -> ObjectiveSettings:
        content = {name: getattr(settings, name) for name in ObjectiveSettings.model_fields}
        data = settings.data
        moved: dict[str, Any] = {"train": self.source(data.train)}
        if isinstance(data.validation, str):
            moved["validation"] = self.source(data.validation)
        if data.test:
            moved["test"] = self.source(data.test)
        content["data"] = data.model_copy(update=moved)
        content["tasks"] = {name: self._task(task) for name, task in settings.tasks.items()}
        content["model"] = settings.model.model_copy(update={"encoder": self._encoder(settings.model.encoder)})
        return ObjectiveSettings.model_validate({name: _plain(value) for name, value in content.items()})

    def _task(self, task: Any) -> Any:
        if task.data is None:
            return task
        return task.model_copy(update={"data": task.data.model_copy(update={"train": self.source(task.data.train)})})

    def _encoder(self, encoder: str) -> str:
        return encoder if is_scratch(encoder) or encoder.startswith(PACKAGE) else self.source(encoder)


def _plain(value: Any) -> Any:
    if isinstance(value, Settings):
        return value.model_dump()
    return {key: _plain(item) for key, item in value.items()} if isinstance(value, dict) else value
