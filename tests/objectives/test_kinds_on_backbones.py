"""Every kind of task on every family: it trains, resumes where it stopped, and exports what was trained."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from autotune.objectives.augmentation.cutoff import Cutoff
from autotune.objectives.prepared import PreparedObjective
from autotune.objectives.tasks.registry import TASKS
from autotune.objectives.training.exporting import save_model
from autotune.objectives.training.heads import load_heads
from autotune.objectives.training.mixing import gathered
from autotune.objectives.training.plain import PlainTrainer
from autotune.objectives.training.production import train_production
from autotune.objectives.training.trainer import Evaluation
from autotune.spaces.configuration import Configuration
from autotune.spaces.errors import EncoderError
from transformers import (
    AutoModelForMaskedLM,
    AutoModelForQuestionAnswering,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
)

from .corpora import tasks_of

Objectives = Callable[..., PreparedObjective]
Architectures = Callable[..., Path]
CPU = torch.device("cpu")

KINDS: dict[str, tuple[dict[str, object], Any]] = {
    "classification": ({}, AutoModelForSequenceClassification),
    "multi_label": ({}, AutoModelForSequenceClassification),
    "regression": ({"label": "stars"}, AutoModelForSequenceClassification),
    "token_classification": ({"tokens": "text"}, AutoModelForTokenClassification),
    "span": ({"context": "text"}, AutoModelForQuestionAnswering),
    "masked_lm": ({}, AutoModelForMaskedLM),
    "generation": (
        {"max_target_length": 12},
        None,
    ),  # its class depends on the family: test_tasks_generation.py opens its exports
}
"""A kind's settings, and the class of transformers that opens its export."""
FAMILIES = ["bert", "roberta", "xlm-roberta", "distilbert", "electra", "deberta-v2", "modernbert", "gpt2", "t5", "bart"]
LACKING = {("masked_lm", "gpt2"), ("masked_lm", "t5"), ("masked_lm", "bart"), ("token_classification", "bart")}
"""What transformers has no class for."""
PAIRS = [(kind, family) for kind in KINDS for family in FAMILIES if (kind, family) not in LACKING]
CUT = {task.kind for task in TASKS if task.cuts}
EXPORTED = [(kind, family) for kind, family in PAIRS if KINDS[kind][1] is not None]
CONFIGURATION = Configuration(learning_rate=3e-3, ratios={"aspect": 0.5})


def prepared_of(kind: str, family: str, objective: Objectives, architectures: Architectures) -> PreparedObjective:
    given = {"main": {"kind": kind, **KINDS[kind][0]}, "aspect": {"kind": "classification", "label": "aspect"}}
    main, _ = tasks_of(given)
    return objective(
        tasks=given,
        objective=f"main.{next(iter(main.metrics))}",
        model={"encoder": str(architectures(family))},
        training={"epochs": 1, "batch_size": 8},
    )


def test_every_kind_is_here():
    assert sorted(KINDS) == sorted(task.kind for task in TASKS)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "family"), EXPORTED)
def test_the_export_and_the_heads_beside_it_compute_what_was_trained(
    kind: str, family: str, objective: Objectives, architectures: Architectures, tmp_path: Path
):
    prepared = prepared_of(kind, family, objective, architectures)
    task = prepared.main.task
    done = train_production(prepared, CONFIGURATION, CPU, lambda *_: None, keep_best=True)
    save_model(done, prepared, tmp_path / "model", {}, tmp_path)
    batch = gathered(
        prepared.validation, torch.arange(len(prepared.validation.tokens)), prepared.pad, fixed_shapes=False
    )
    full = {"input_ids": prepared.codes.original[batch.ids], "attention_mask": batch.mask.long()}
    if batch.types is not None:
        full["token_type_ids"] = batch.types
    loaded, model = load_heads(tmp_path / "model"), done.run.model.eval()
    with torch.inference_mode():
        exported = KINDS[kind][1].from_pretrained(tmp_path / "model").eval()(**full)
        for name in ("main", "aspect"):
            own, found = model.read(name, batch.ids, batch.mask, batch.types), loaded.read(name, **full)
            if name == "main" and kind == "regression":
                own.logits = model.predict(task, batch).unsqueeze(1)  # in the label's own unit
            for key in {"logits", "start_logits", "end_logits"} & set(own):
                kept = prepared.models.vocabulary.kept if name == "main" and kind == "masked_lm" else slice(None)
                torch.testing.assert_close(found[key][..., kept], own[key], atol=1e-4, rtol=1e-4)
                if name == "main":
                    torch.testing.assert_close(exported[key], found[key], atol=1e-5, rtol=1e-5)
                assert own[key].std() > 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("magnitude", [0.3, 1.0])
@pytest.mark.parametrize(("kind", "family"), [pair for pair in PAIRS if pair[0] in CUT])
def test_a_cut_batch_has_a_finite_loss_of_its_own(
    kind: str, family: str, magnitude: float, objective: Objectives, architectures: Architectures
):
    prepared = prepared_of(kind, family, objective, architectures)
    task, codes = prepared.main.task, prepared.codes
    batch = gathered(prepared.main, torch.arange(12), prepared.pad, fixed_shapes=False)
    chosen = torch.ones(1, 12, dtype=torch.bool)
    cut = Cutoff().apply(batch, chosen, torch.tensor([magnitude]), torch.Generator(), codes)
    model = prepared.models.build(["main"], prepared.settings.training).eval()
    plain, found = (
        model({task: task.prepare(b, codes, torch.Generator().manual_seed(0))})["main"].item() for b in (batch, cut)
    )
    assert math.isfinite(found)
    assert found != plain


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "family"), PAIRS)
def test_a_trial_goes_on_from_its_checkpoint(
    kind: str, family: str, objective: Objectives, architectures: Architectures
):
    prepared = prepared_of(kind, family, objective, architectures)

    def trainer() -> PlainTrainer:
        return PlainTrainer(prepared, CPU)

    def evaluations(given: PlainTrainer) -> list[Evaluation]:
        return [replace(evaluation, seconds=0) for evaluation in given.advance()]

    straight, first, second = trainer(), trainer(), trainer()
    straight.admit(0, CONFIGURATION)
    expected = [evaluations(straight), evaluations(straight)]
    first.admit(0, CONFIGURATION)
    found = [evaluations(first)]
    checkpoint = first.evict(0)
    assert checkpoint is not None
    second.admit(0, CONFIGURATION, checkpoint)
    assert [*found, evaluations(second)] == expected
    assert expected[-1][0].finished
    assert not any(evaluation.failure for [evaluation] in expected)


@pytest.mark.parametrize(("kind", "family"), sorted(LACKING))
def test_what_transformers_lacks_is_said_when_the_study_is_made(
    kind: str, family: str, objective: Objectives, architectures: Architectures
):
    with pytest.raises(EncoderError, match=r"no mask token|blanks are filled in by encoders|has no class for it"):
        prepared_of(kind, family, objective, architectures)
