"""How one trial is trained. Every field is a setting, and every setting may be searched."""

from typing import Literal

from pydantic import Field

from .settings import Settings

Precision = Literal["auto", "fp32", "bf16"]
"""Of matrix products; weights are fp32."""

COSTS_NOTHING = frozenset(
    {
        "learning_rate",
        "warmup",
        "schedule",
        "weight_decay",
        "max_grad_norm",
        "dropout",
        "layer_decay",
        "reinitialize_layers",
    }
)
"""Settings that change what a step does, and not how much there is to compute."""


class TrainingSettings(Settings):
    """Settings of one training; defaults are the field's usual ones for fine-tuning on little data."""

    epochs: int = Field(
        default=3, ge=1, le=1000, description="length: passes over the main task's rows at the study's batch size"
    )
    batch_size: int = Field(default=16, ge=1, le=4096, description="rows of each task in one optimizer step, at most")
    learning_rate: float | None = Field(
        default=None,
        gt=0,
        description="the baseline's peak learning rate; by default the middle (on a log scale) of the searched range",
    )
    warmup: float = Field(default=0.1, ge=0, lt=1, description="share of the steps in which the rate rises from 0")
    schedule: Literal["linear", "cosine", "constant"] = Field(
        default="linear", description="how the rate falls after the warm-up"
    )
    weight_decay: float = Field(
        default=0.01, ge=0, le=1, description="AdamW's decoupled decay; not applied to biases and norms"
    )
    max_grad_norm: float | None = Field(
        default=1.0, gt=0, description="gradients are clipped to this norm; null: never"
    )
    dropout: float | None = Field(default=None, ge=0, lt=1, description="null: the encoder's own")
    evaluations_per_epoch: int = Field(
        default=1, ge=1, le=100, description="rungs: how often a trial is evaluated and may be pruned"
    )
    precision: Precision = Field(
        default="auto", description="auto: bf16 matrix products where the device has them, with fp32 weights"
    )
    weighting: Literal["static", "uncertainty", "dwa", "random", "pcgrad", "upgrad", "cagrad"] = Field(
        default="static",
        description="how the losses, scaled by α and β_k, are combined: summed, or balanced further",
    )
    sampling: Literal["all", "proportional", "uniform", "temperature"] = Field(
        default="all",
        description="auxiliary batches beside each main batch: one of every task, or of one task that is drawn by the "
        "tasks' rows or evenly",
    )
    temperature: float = Field(
        default=2.0,
        ge=1,
        le=100,
        description="T of p_k ∝ rows^(1/T) with `sampling: temperature`; 1 is proportional, large is uniform",
    )
    early_stopping: int | None = Field(
        default=None, ge=1, le=1000, description="evaluations without a new best after which a trial ends; null: never"
    )
    layer_decay: float = Field(
        default=1.0,
        gt=0,
        le=1,
        description="each layer's rate is this times that of the layer above; heads have the full rate",
    )
    freeze_layers: int = Field(
        default=0, ge=0, le=200, description="the lowest layers, and the embeddings below them, that do not train"
    )
    keep_layers: int | None = Field(
        default=None, ge=1, le=200, description="only the first layers of the encoder are used; null: all"
    )
    reinitialize_layers: int = Field(
        default=0, ge=0, le=200, description="the top layers that start from random weights"
    )
