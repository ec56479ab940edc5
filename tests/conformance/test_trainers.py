"""One suite that every trainer passes (objectives/training/trainer.py has the rules); a new one is one entry."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import mkdtemp

import pytest
import torch
from autotune.objectives.multi_task.fused.model import FusedModel
from autotune.objectives.multi_task.model import MultiTaskModel
from autotune.objectives.prepared import PreparedObjective
from autotune.objectives.training.checkpoints import CheckpointStore
from autotune.objectives.training.durable import DurableTrainer
from autotune.objectives.training.failure import FailureKind
from autotune.objectives.training.fresh import Fresh
from autotune.objectives.training.fused.trainer import FusedTrainer
from autotune.objectives.training.plain import PlainTrainer
from autotune.objectives.training.seeded import SeededTrainer
from autotune.objectives.training.trainer import Checkpoint, Evaluation, Trainer
from autotune.spaces.configuration import Configuration, Mix

from ..objectives.trained import to_the_end, told

Objectives = Callable[..., PreparedObjective]


@dataclass(frozen=True)
class Kind:
    """A trainer, how it is made, and the class whose `passes` a failed allocation is simulated in."""

    make: Callable[[PreparedObjective, int], Trainer]
    model: type[torch.nn.Module]


def plain(prepared: PreparedObjective, slots: int) -> Trainer:
    return PlainTrainer(prepared, torch.device("cpu"), slots)


def durable(prepared: PreparedObjective, slots: int) -> Trainer:
    return DurableTrainer(
        plain(prepared, slots),
        CheckpointStore(Path(mkdtemp(dir=os.environ["AUTOTUNE_CACHE"])), "test", 10**9),
        cost=1.0,
        note=print,
    )


def fused(prepared: PreparedObjective, slots: int) -> Trainer:
    return FusedTrainer(prepared, torch.device("cpu"), slots)


def on_two_cores(prepared: PreparedObjective, slots: int) -> Trainer:
    return FusedTrainer(prepared, torch.device("cpu"), slots, cores=2)


class OneSeed(dict[int, Fresh]):
    """Every trial has the same seed."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._seed = seed

    def __missing__(self, trial_id: int) -> Fresh:
        return Fresh(self._seed)


def seeded(prepared: PreparedObjective, slots: int) -> Trainer:
    return SeededTrainer(lambda _: prepared, OneSeed(prepared.seed), torch.device("cpu"), slots, PlainTrainer)


def seeded_fused(prepared: PreparedObjective, slots: int) -> Trainer:
    return SeededTrainer(lambda _: prepared, OneSeed(prepared.seed), torch.device("cpu"), slots, FusedTrainer)


TRAINERS = {
    "plain": Kind(plain, MultiTaskModel),
    "durable": Kind(durable, MultiTaskModel),
    "fused": Kind(fused, FusedModel),
    "fused-on-two-cores": Kind(on_two_cores, FusedModel),
    "seeded": Kind(seeded, MultiTaskModel),
    "seeded-fused": Kind(seeded_fused, FusedModel),
}

PRECISE = [*((name, "fp32") for name in TRAINERS), ("plain", "bf16"), ("fused", "bf16")]
"""Precision is the business of what trains; the others hold one of these."""
IN_BOTH_PRECISIONS = pytest.mark.parametrize(("kind", "either"), PRECISE, indirect=True)
AUGMENTATION = {"operations": ["noise", "reverse", "mixup"], "magnitude": [0.1, 0.3], "levels": 2, "replicas": 2}

BASELINE = Configuration(learning_rate=1e-3)
RICH = Configuration(
    learning_rate=2e-3,
    ratios={"aspect": 0.5, "words": 1.5},
    mix=Mix(operations={"noise": 0.3, "reverse": 0.1, "mixup": 0.4}, magnitude=0.3),
    training={"weight_decay": 0.1, "dropout": 0.2, "max_grad_norm": 0.5},
)
BALANCED = {
    f"{weighting}-{sampling}": RICH.model_copy(
        update={"training": {**RICH.training, "weighting": weighting, "sampling": sampling, "early_stopping": 5, **own}}
    )
    for weighting, sampling, own in [
        ("uncertainty", "all", {}),
        ("dwa", "uniform", {"epochs": 4}),  # it looks back on two epochs
        ("random", "proportional", {}),
        ("pcgrad", "temperature", {}),
        ("upgrad", "all", {}),
        ("cagrad", "all", {}),
        ("static", "uniform", {}),
    ]
}
"""Every weighting, every sampling, early stopping: whatever keeps a state, or draws, while a trial runs."""
WORDS = Configuration(learning_rate=5e-4, ratios={"words": 1.0}, training={"schedule": "cosine"})


@pytest.fixture(params=[pytest.param(name, marks=[pytest.mark.slow] if name != "plain" else []) for name in TRAINERS])
def kind(request: pytest.FixtureRequest) -> Kind:
    return TRAINERS[request.param]


@pytest.fixture
def prepared(objective: Objectives) -> PreparedObjective:
    return objective(augmentation=AUGMENTATION)


@pytest.fixture
def either(request: pytest.FixtureRequest, objective: Objectives) -> PreparedObjective:
    return objective(augmentation=AUGMENTATION, training={"precision": request.param})


def alone(kind: Kind, prepared: PreparedObjective, configuration: Configuration) -> list[Evaluation]:
    trainer = kind.make(prepared, 1)
    trainer.admit(0, configuration)
    return told(to_the_end(trainer)[0])


def first_checkpoint(kind: Kind, prepared: PreparedObjective, configuration: Configuration) -> Checkpoint:
    trainer = kind.make(prepared, 1)
    trainer.admit(0, configuration)
    assert trainer.advance()
    checkpoint = trainer.evict(0)
    assert checkpoint is not None
    return checkpoint


def tensors(checkpoint: Checkpoint) -> Iterator[torch.Tensor]:
    for part in (checkpoint.weights, checkpoint.optimizer, checkpoint.random_state, checkpoint.weighting):
        yield from part.values()


@pytest.mark.slow
@pytest.mark.parametrize("configuration", [BASELINE, RICH])
def test_evaluations_come_at_the_rungs_and_finished_is_last(
    kind: Kind, prepared: PreparedObjective, configuration: Configuration
):
    found = alone(kind, prepared, configuration)
    rungs = prepared.rungs(prepared.training_of(configuration))
    assert [evaluation.step for evaluation in found] == rungs
    assert [evaluation.finished for evaluation in found] == [False] * (len(rungs) - 1) + [True]
    assert all(evaluation.failure is None for evaluation in found)
    assert all(set(evaluation.metrics) == set(prepared.main.task.metrics) for evaluation in found)
    assert all(set(evaluation.losses) == {"sentiment", *configuration.ratios} for evaluation in found)


@pytest.mark.slow
@IN_BOTH_PRECISIONS
def test_neighbours_and_slots_change_nothing(kind: Kind, either: PreparedObjective):
    trainer = kind.make(either, 3)
    for trial_id, configuration in enumerate([WORDS, RICH, BASELINE]):
        trainer.admit(trial_id, configuration)
    found = to_the_end(trainer)
    for trial_id, configuration in enumerate([WORDS, RICH, BASELINE]):
        assert told(found[trial_id]) == alone(kind, either, configuration)


def test_no_trial_waits_while_another_runs_ahead(kind: Kind, prepared: PreparedObjective):
    trainer = kind.make(prepared, 2)
    trainer.admit(0, BASELINE)
    trainer.admit(1, WORDS)
    first = [evaluation for _ in range(2) for evaluation in trainer.advance()]
    assert {evaluation.trial_id for evaluation in first[:2]} == {0, 1}


@pytest.mark.slow
def test_a_slot_that_is_used_again_changes_nothing(kind: Kind, prepared: PreparedObjective):
    trainer = kind.make(prepared, 2)
    trainer.admit(0, WORDS)
    trainer.admit(1, BASELINE)
    trainer.advance()
    trainer.evict(0)
    trainer.admit(2, RICH)
    found = to_the_end(trainer)
    assert told(found[2]) == alone(kind, prepared, RICH)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "either", "rung"),
    [(*each, rung) for each in PRECISE for rung in ((0, 1, 2) if "fp32" in each else (1,))],
    indirect=["kind", "either"],
)
def test_a_trial_goes_on_from_its_checkpoint_as_if_never_stopped(kind: Kind, either: PreparedObjective, rung: int):
    trainer = kind.make(either, 1)
    trainer.admit(7, RICH)
    before = [evaluation for _ in range(rung + 1) for evaluation in trainer.advance()]
    checkpoint = trainer.evict(7)
    assert checkpoint is not None
    assert (checkpoint.step, checkpoint.configuration) == (before[-1].step, RICH)
    torch.manual_seed(123)
    other = kind.make(either, 2)
    other.admit(1, BASELINE)
    other.admit(9, RICH, checkpoint)
    after = to_the_end(other)[9]
    assert told(before + after) == alone(kind, either, RICH)


@pytest.mark.slow
def test_a_trial_that_moves_at_every_rung_is_the_same(kind: Kind, prepared: PreparedObjective):
    found: list[Evaluation] = []
    checkpoint = None
    while not found or not found[-1].finished:
        trainer = kind.make(prepared, 1)
        trainer.admit(0, RICH, checkpoint)
        found += trainer.advance()
        checkpoint = trainer.evict(0)
    assert checkpoint is None
    assert told(found) == alone(kind, prepared, RICH)


@pytest.mark.slow
@pytest.mark.parametrize("name", BALANCED)
def test_what_balances_losses_and_draws_tasks_resumes_too(kind: Kind, prepared: PreparedObjective, name: str):
    moved: list[Evaluation] = []
    checkpoint = None
    while not moved or not moved[-1].finished:
        trainer = kind.make(prepared, 1)
        torch.manual_seed(len(moved))
        trainer.admit(0, BALANCED[name], checkpoint)
        moved += trainer.advance()
        checkpoint = trainer.evict(0)
    stayed = alone(kind, prepared, BALANCED[name])
    assert all(evaluation.failure is None for evaluation in stayed)
    assert told(moved) == stayed


def test_a_trial_out_of_patience_ends_in_the_same_place_wherever_it_moves(kind: Kind, prepared: PreparedObjective):
    """Nothing is learnt at such a rate, so the first evaluation stays the best."""
    impatient = Configuration(learning_rate=1e-12, training={"early_stopping": 2})
    rungs = prepared.rungs(prepared.training_of(impatient))
    stayed = alone(kind, prepared, impatient)
    assert [evaluation.step for evaluation in stayed] == rungs[:3]
    assert [evaluation.finished for evaluation in stayed] == [False, False, True]
    checkpoint = first_checkpoint(kind, prepared, impatient)
    trainer = kind.make(prepared, 1)
    trainer.admit(0, impatient, checkpoint)
    assert told(to_the_end(trainer)[0]) == stayed[1:]
    assert trainer.evict(0) is None


@pytest.mark.slow
@pytest.mark.parametrize("configuration", [RICH, *(BALANCED[name] for name in ("uncertainty-all", "dwa-uniform"))])
def test_a_checkpoint_lives_on_the_cpu_and_later_training_does_not_reach_it(
    kind: Kind, prepared: PreparedObjective, configuration: Configuration
):
    checkpoint = first_checkpoint(kind, prepared, configuration)
    before = [tensor.clone() for tensor in tensors(checkpoint)]
    assert all(tensor.device.type == "cpu" for tensor in before)
    trainer = kind.make(prepared, 1)
    trainer.admit(0, configuration, checkpoint)
    to_the_end(trainer)
    assert all(map(torch.equal, before, tensors(checkpoint)))


def test_a_trial_that_has_not_begun_keeps_its_checkpoint(kind: Kind, prepared: PreparedObjective):
    checkpoint = first_checkpoint(kind, prepared, BASELINE)
    trainer = kind.make(prepared, 1)
    trainer.admit(0, BASELINE, checkpoint)
    back = trainer.evict(0)
    assert back is not None
    assert back.step == checkpoint.step
    assert all(map(torch.equal, tensors(back), tensors(checkpoint)))


def poisoned(checkpoint: Checkpoint) -> Checkpoint:
    name = next(iter(checkpoint.weights))
    return replace(
        checkpoint, weights={**checkpoint.weights, name: torch.full_like(checkpoint.weights[name], torch.nan)}
    )


@pytest.mark.slow
def test_nan_stays_in_its_own_slot(kind: Kind, prepared: PreparedObjective):
    trainer = kind.make(prepared, 2)
    trainer.admit(0, RICH, poisoned(first_checkpoint(kind, prepared, RICH)))
    trainer.admit(1, WORDS)
    found = to_the_end(trainer)
    assert len(found[0]) == 1
    failure = found[0][0].failure
    assert failure is not None
    assert failure.kind is FailureKind.DIVERGED
    assert "not finite" in failure.message
    assert found[0][0].finished
    assert not found[0][0].metrics
    assert trainer.evict(0) is None
    assert told(found[1]) == alone(kind, prepared, WORDS)


def test_a_rate_beyond_all_bounds_diverges(kind: Kind, prepared: PreparedObjective):
    trainer = kind.make(prepared, 1)
    trainer.admit(0, Configuration(learning_rate=1e30))
    found = to_the_end(trainer)[0]
    assert found[-1].failure is not None
    assert found[-1].seconds > 0  # a budget of device-hours pays for what came to nothing, too
    assert found[-1].failure.kind is FailureKind.DIVERGED


CPU_ALLOCATOR = (
    "[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory: "
    "you tried to allocate 68719476736 bytes. Error code 12 (Cannot allocate memory)"
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 64.00 GiB."), FailureKind.OUT_OF_MEMORY),
        (RuntimeError(CPU_ALLOCATOR), FailureKind.OUT_OF_MEMORY),
        (MemoryError(), FailureKind.OUT_OF_MEMORY),
        (RuntimeError("the size of tensor a (3) must match"), FailureKind.CRASHED),
    ],
)
def test_what_breaks_in_one_trial_is_its_own_failure(
    kind: Kind,
    prepared: PreparedObjective,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    expected: FailureKind,
):
    def broken(*_: object, **__: object) -> None:
        raise error

    trainer = kind.make(prepared, 2)
    trainer.admit(0, RICH)
    trainer.admit(1, BASELINE)
    with monkeypatch.context() as patch:
        patch.setattr(kind.model, "passes", broken)
        failed = trainer.advance()
    assert [(evaluation.finished, evaluation.failure and evaluation.failure.kind) for evaluation in failed] == [
        (True, expected)
    ]
    assert failed[0].failure is not None
    assert failed[0].failure.message
    assert trainer.evict(failed[0].trial_id) is None
    (other,) = to_the_end(trainer).values()
    assert told(other) == alone(kind, prepared, BASELINE if failed[0].trial_id == 0 else RICH)


def test_no_memory_for_a_model_is_that_trials_failure_too(
    kind: Kind, prepared: PreparedObjective, monkeypatch: pytest.MonkeyPatch
):
    def broken(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    trainer = kind.make(prepared, 1)
    with monkeypatch.context() as patch:
        patch.setattr(torch.nn.Module, "to", broken)
        trainer.admit(0, BASELINE)
        (evaluation,) = trainer.advance()
    assert evaluation.failure is not None
    assert evaluation.failure.kind is FailureKind.OUT_OF_MEMORY
    assert trainer.evict(0) is None


def test_an_empty_trainer_has_nothing_to_tell(kind: Kind, prepared: PreparedObjective):
    assert kind.make(prepared, 2).advance() == []


def test_mistakes_of_the_caller_are_value_errors(kind: Kind, prepared: PreparedObjective):
    trainer = kind.make(prepared, 2)
    assert trainer.capacity == 2
    with pytest.raises(ValueError, match="at least one slot"):
        kind.make(prepared, 0)
    with pytest.raises(ValueError, match="trial 5 is in no slot"):
        trainer.evict(5)
    trainer.admit(5, BASELINE)
    with pytest.raises(ValueError, match="in a slot already"):
        trainer.admit(5, BASELINE)
    trainer.admit(6, BASELINE)
    with pytest.raises(ValueError, match="all 2 slots are taken"):
        trainer.admit(7, BASELINE)
    trainer.evict(5)
    trainer.admit(7, BASELINE)
    with pytest.raises(ValueError, match="trial 5 is in no slot"):
        trainer.evict(5)


def test_a_finished_trial_holds_its_slot_until_it_is_evicted_and_has_no_checkpoint(
    kind: Kind, prepared: PreparedObjective
):
    trainer = kind.make(prepared, 1)
    trainer.admit(0, BASELINE)
    to_the_end(trainer)
    assert trainer.advance() == []
    with pytest.raises(ValueError, match="slots are taken"):
        trainer.admit(1, BASELINE)
    assert trainer.evict(0) is None
    trainer.admit(1, BASELINE)
    assert trainer.advance()
