"""Memory of a GPU that really runs out: of several trials, and of one."""

import gc
import math
from collections.abc import Callable, Iterator

import pytest
import torch
from autotune.objectives.prepared import PreparedObjective
from autotune.objectives.training.failure import FailureKind
from autotune.objectives.training.fused.gpu_slots import probe_gpu, probe_step, slots_worth
from autotune.objectives.training.fused.trainer import FusedTrainer
from autotune.objectives.training.plain import PlainTrainer
from autotune.objectives.training.trainer import Evaluation, Trainer
from autotune.spaces.configuration import Configuration

COUNT = 8
TRIAL = Configuration(learning_rate=1e-3, ratios={"aspect": 0.5})
Objective = Callable[[], PreparedObjective]


@pytest.fixture
def large(objective: Callable[..., PreparedObjective]) -> PreparedObjective:
    """48 long reviews in one batch: what a step computes takes far more memory than weights do."""
    rows = [(f"The {'really ' * 100}good thing {number}", "positive", "price") for number in range(32)]
    rows += [(f"The {'really ' * 100}bad thing {number}", "negative", "screen") for number in range(32)]
    tasks: dict[str, dict[str, object]] = {
        "sentiment": {"kind": "classification"},
        "aspect": {"kind": "classification", "label": "aspect"},
    }
    training = {"batch_size": 48, "epochs": 2, "evaluations_per_epoch": 1, "precision": "fp32"}
    return objective(rows=rows, tasks=tasks, model={"encoder": "scratch:mini", "max_length": 128}, training=training)


@pytest.fixture
def limit(gpu: torch.device) -> Iterator[Callable[[int], None]]:
    """Lets this process have so many bytes of the GPU beside those that it has."""

    def to(amount: int) -> None:
        gc.collect()
        torch.cuda.empty_cache()
        whole = torch.cuda.get_device_properties(gpu).total_memory
        torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_allocated(gpu) + amount) / whole, gpu)

    yield to
    torch.cuda.set_per_process_memory_fraction(1.0, gpu)
    torch.cuda.empty_cache()


def finished(trainer: Trainer, count: int, parts: int = 1) -> list[Evaluation]:
    for trial_id in range(count):
        trainer.admit(trial_id, TRIAL, parts=parts)
    last: dict[int, Evaluation] = {}
    while evaluations := trainer.advance():
        last |= {evaluation.trial_id: evaluation for evaluation in evaluations}
    return [last[trial_id] for trial_id in range(count)]


def test_a_program_of_too_many_trials_goes_on_in_halves_and_loses_none(
    large: PreparedObjective, gpu: torch.device, limit: Callable[[int], None]
) -> None:
    one = probe_gpu(large, TRIAL, gpu).trial
    limit(3 * one)
    trainer = FusedTrainer(large, gpu, COUNT)
    found = finished(trainer, COUNT)
    assert [evaluation.failure for evaluation in found] == [None] * COUNT
    assert all(evaluation.finished for evaluation in found)
    assert trainer._most_trials < COUNT


def test_a_trial_that_is_too_large_alone_fits_in_parts_of_its_batches(
    large: PreparedObjective, gpu: torch.device, limit: Callable[[int], None]
) -> None:
    limit(int(0.75 * probe_gpu(large, TRIAL, gpu).trial))
    (whole,) = finished(PlainTrainer(large, gpu), 1)
    assert whole.failure is not None
    assert whole.failure.kind is FailureKind.OUT_OF_MEMORY
    (halved,) = finished(PlainTrainer(large, gpu), 1, parts=2)
    assert halved.failure is None


def test_a_trial_leaves_no_memory_behind(large: PreparedObjective, gpu: torch.device) -> None:
    finished(PlainTrainer(large, gpu), 1)
    finished(FusedTrainer(large, gpu, 2), 2)
    gc.collect()
    before = torch.cuda.memory_allocated(gpu)
    for _ in range(3):
        finished(PlainTrainer(large, gpu), 1)
        finished(FusedTrainer(large, gpu, 2), 2)
    gc.collect()
    assert torch.cuda.memory_allocated(gpu) <= before + 2**20


def test_a_probe_gives_back_all_that_it_took(large: PreparedObjective, gpu: torch.device) -> None:
    probe_step(large, TRIAL, gpu, 1)  # what is loaded once stays
    before = torch.cuda.memory_reserved(gpu)
    assert probe_step(large, TRIAL, gpu, 4) < math.inf
    assert torch.cuda.memory_reserved(gpu) <= before + 2**21


def test_the_slots_that_a_gpu_is_worth_fit_into_it(large: PreparedObjective, gpu: torch.device) -> None:
    probe = probe_gpu(large, TRIAL, gpu)
    slots, why = slots_worth(probe, 10, lambda count: probe_step(large, TRIAL, gpu, count))
    assert 1 <= slots <= 10
    assert slots * probe.trial <= probe.free
    assert why.startswith("training ")
