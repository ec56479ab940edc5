"""The best configuration as a file with all that a training needs: best.yaml, its JSON, Hugging Face's arguments."""

import json
import os
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import yaml

from ..objectives.data.sources import Kind, resolve_source
from ..objectives.settings import ObjectiveSettings
from ..spaces.errors import StudyError, TrainingError
from .best_file import BestConfiguration, Found, FrontMember, LossWeights
from .report.ranking import RankedTrial, ranked_trials
from .report.summary import Summary, summarize
from .report.wording import one_line
from .study import StudyRecord

Format = Literal["yaml", "json", "hf"]
_VERSIONED = ("autotune-mtl", "optuna", "torch", "transformers", "datasets", "scikit-learn")


def best_configuration(record: StudyRecord, folder: Path, number: int | None = None) -> BestConfiguration:
    """A complete trial of a study, with paths relative to `folder`.

    Args:
        record: the study.
        folder: where the export will lie.
        number: of the trial; by default the best one, of several objectives by the first.

    Raises:
        TrainingError: no trial is complete.
        StudyError: the trial of that number is not.
    """
    summary = summarize(record.study)
    best = _chosen(record, number)
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
            values=summary.named(best),
            folds=list(best.folds[0]) if best.folds else [],
            front=[_member(summary, trial) for trial in summary.front if trial.number != best.number],
        ),
        configuration=configuration,
        loss_weights=weights,
        seed=record.file.search.seed,
        augmentation=record.file.space.augmentation,
        cleaning=record.file.space.cleaning,
        settings=moved.settings(record.file),
        fingerprints={moved.source(text): known for text, known in record.fingerprints.items()},
        labels=record.study.user_attrs.get("labels", {}),
        versions={name: version(name) for name in _VERSIONED},
    )


def _chosen(record: StudyRecord, number: int | None) -> RankedTrial:
    complete = ranked_trials(record.study)
    if not complete:
        raise TrainingError(f"the study {record.name!r} has no complete trial to export; run it first")
    if number is None:
        return complete[0]
    for trial in complete:
        if trial.number == number:
            return trial
    known = ", ".join(map(str, sorted(trial.number for trial in complete)))
    raise StudyError(f"--trial: {number} is no complete trial of {record.name!r}; complete are: {known}")


def _member(summary: Summary, trial: RankedTrial) -> FrontMember:
    return FrontMember(trial=trial.number, values=summary.named(trial), configuration=one_line(trial.configuration))


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
        # A trial has as many steps as the study's own batch size makes, whatever its batches hold.
        "num_train_epochs": training.epochs * training.batch_size / best.settings.training.batch_size,
        "per_device_train_batch_size": training.batch_size,
        "warmup_steps": training.warmup,  # below 1: a share of all steps
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
        """A data source; DataError where it is gone."""
        source = resolve_source(text, self._old)
        if source.kind is Kind.HUB:
            return text
        config = f":{source.config}" if source.config else ""
        split = f"@{source.split}" if source.split != "train" else ""
        return self._path(Path(source.place)) + config + split

    def encoder(self, text: str) -> str:
        folder = self._old / text
        return self._path(folder) if folder.is_dir() else text

    def settings(self, settings: ObjectiveSettings) -> ObjectiveSettings:
        content = settings.model_dump(include=set(ObjectiveSettings.model_fields))
        data, model = content["data"], content["model"]
        held_out = [name for name in ("validation", "test") if isinstance(data[name], str)]
        data.update({name: self.source(data[name]) for name in ("train", *held_out)})
        model["encoder"] = self.encoder(model["encoder"])
        for task in content["tasks"].values():
            if task["data"] is not None:
                task["data"] = {name: text and self.source(text) for name, text in task["data"].items()}
        return ObjectiveSettings.model_validate(content)

    def _path(self, path: Path) -> str:
        return Path(os.path.relpath(path.resolve(), self._new)).as_posix()
