"""An export for transformers' own Trainer: its arguments, and separately the settings it has no argument for."""

from typing import Any

from ...spaces.training import TrainingSettings
from .best_file import BestConfiguration

WRITTEN_BY = "autotune study export"
"""By its first key an export is told from files that it must not replace."""
_ARGUMENTS = {
    "epochs",
    "batch_size",
    "learning_rate",
    "warmup",
    "schedule",
    "weight_decay",
    "max_grad_norm",
    "precision",
    "evaluations_per_epoch",
}
"""Settings that have an argument, or that change nothing of what is trained."""


def hugging_face(best: BestConfiguration) -> dict[str, Any]:
    """The export as JSON; `TrainingArguments(output_dir=..., **content["training_arguments"])` takes its part."""
    settings = best.settings
    training = TrainingSettings.model_validate({**settings.training.model_dump(), **best.configuration.training})
    main = settings.tasks[settings.main_task]
    return {
        "written_by": WRITTEN_BY,
        "training_arguments": _arguments(best, training),
        "not_arguments": _others(best, training),
        "encoder": settings.model.encoder,
        "revision": settings.model.revision,
        "max_length": settings.model.max_length,
        "labels": best.labels.get(settings.main_task),
        "task": {"name": settings.main_task, **main.model_dump(mode="json", exclude={"data"})},
        "data": settings.data.model_dump(mode="json", exclude={"clean"}),
        "loss_weights": best.loss_weights.model_dump(),
        "augmentation": best.configuration.mix.model_dump(),
        "found": best.found.model_dump(mode="json", include={"study", "trial", "value"}),
        "confirmed": best.confirmed.model_dump(mode="json") if best.confirmed else None,
        "versions": best.versions,
    }


def _arguments(best: BestConfiguration, training: TrainingSettings) -> dict[str, Any]:
    bf16 = {"bf16": True} if training.precision == "bf16" else {}
    return {
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
        **bf16,
    }


def _others(best: BestConfiguration, training: TrainingSettings) -> dict[str, Any]:
    """What the configuration has beyond the defaults, and transformers no argument for.

    A precision that each device decides is among it: an argument would say bf16 of every device, or of none.
    """
    usual = TrainingSettings()
    precision = {"precision": "auto"} if training.precision == "auto" else {}
    found = {
        name: value for name, value in training.model_dump(exclude=_ARGUMENTS).items() if value != getattr(usual, name)
    }
    return {**precision, **found, **{name: value for name, value in best.configuration.cleaning.items() if value}}
