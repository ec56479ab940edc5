"""A decoder-only model that was trained to write opens with transformers' pipeline."""

from collections.abc import Callable
from pathlib import Path

import torch
from autotune.objectives.prepared import PreparedObjective
from autotune.objectives.training.exporting import save_model
from autotune.objectives.training.production import train_production
from autotune.spaces.configuration import Configuration
from transformers import pipeline


def test_text_generation(
    objective: Callable[..., PreparedObjective], architectures: Callable[..., Path], tmp_path: Path
):
    prepared = objective(
        tasks={"main": {"kind": "generation", "max_target_length": 16}},
        objective="main.chrf",
        model={"encoder": str(architectures("gpt2"))},
        training={"epochs": 1},
    )
    assert prepared.main.task.opening(prepared.encoder).pipeline == "text-generation"
    done = train_production(
        prepared,
        Configuration(learning_rate=1e-3),
        torch.device("cpu"),
        lambda *_: None,
        keep_best=True,
    )
    save_model(done, prepared, tmp_path / "model", {}, tmp_path)
    (found,) = pipeline("text-generation", model=str(tmp_path / "model"), device="cpu")("the battery", max_new_tokens=3)
    assert found["generated_text"].startswith("the battery")
