"""Trials that survive: they go on from the store, tell again what they told, and are tried again out of memory."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from autotune.objectives.multi_task.model import PASS_TOKENS, MultiTaskModel
from autotune.objectives.prepared import PreparedObjective
from autotune.objectives.training.checkpoints import CheckpointStore
from autotune.objectives.training.durable import DurableTrainer
from autotune.objectives.training.failure import FailureKind
from autotune.objectives.training.plain import PlainTrainer
from autotune.objectives.training.run import TrainingRun
from autotune.objectives.training.trainer import Checkpoint, Evaluation, Trainer
from autotune.spaces.configuration import Configuration

Objectives = Callable[..., PreparedObjective]
GOOD = Configuration(learning_rate=1e-3, training={"dropout": 0.2})
BAD = Configuration(learning_rate=2e-3, ratios={"aspect": 0.5}, training={"dropout": 0.0})


@pytest.fixture
def store(tmp_path: Path) -> CheckpointStore:
    return CheckpointStore(tmp_path / "checkpoints", "same", 10**9)


@pytest.fixture
def make(objective: Objectives, store: CheckpointStore) -> Callable[..., DurableTrainer]:
    """Makes trainers over one store, as a process after another would have them."""

    def made(slots: int = 1, note: Callable[[str], None] = print) -> DurableTrainer:
        return DurableTrainer(
            PlainTrainer(objective(), torch.device("cpu"), slots), store, note, cost=1e9
        )  # a save may take longer than such a small rung

    return made


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The steps that are really trained."""
    done: list[int] = []
    step = TrainingRun._step

    def counted(self: TrainingRun) -> None:
        done.append(self.step)
        step(self)

    monkeypatch.setattr(TrainingRun, "_step", counted)
    return done


def told(found: list[Evaluation], trial_id: int = 0) -> list[Evaluation]:
    return [replace(one, trial_id=0, seconds=0) for one in found if one.trial_id == trial_id]


def to_the_end(trainer: Trainer) -> list[Evaluation]:
    found: list[Evaluation] = []
    while evaluations := trainer.advance():
        found += evaluations
        for one in evaluations:
            if one.finished:
                trainer.discard(one.trial_id)
    return found


def alone(objective: Objectives, configuration: Configuration) -> list[Evaluation]:
    trainer = PlainTrainer(objective(), torch.device("cpu"))
    trainer.admit(0, configuration)
    return told(to_the_end(trainer))


def test_a_killed_trial_goes_on_at_its_step(
    make: Callable[..., DurableTrainer], objective: Objectives, steps: list[int]
):
    expected = alone(objective, GOOD)
    assert [one.step for one in expected] == [2, 5, 8, 10]
    steps.clear()
    first = make()
    first.admit(0, GOOD)
    before = [one for _ in range(3) for one in first.advance()]  # the third begins with a checkpoint at step 5
    del first
    assert steps == list(range(8))
    steps.clear()
    second = make()
    second.admit(0, GOOD)
    assert told(second.advance()) == told(before)[:2]
    assert told(to_the_end(second)) == expected[2:]
    assert steps == list(range(5, 10))


def test_what_is_told_again_takes_no_time(make: Callable[..., DurableTrainer]):
    first = make()
    first.admit(0, GOOD)
    first.advance()
    first.evict(0)
    second = make()
    second.admit(0, GOOD)
    assert second.upcoming() == []  # nobody to blame for reading a file
    assert [(one.step, one.seconds) for one in second.advance()] == [(2, 0.0)]
    assert second.upcoming() == [0]


def test_a_trial_that_left_before_it_told_again_tells_nothing(make: Callable[..., DurableTrainer]):
    first = make()
    first.admit(0, GOOD)
    first.advance()
    first.evict(0)
    second = make(slots=2)
    second.admit(0, GOOD)
    second.admit(1, BAD)
    second.evict(0)
    assert [one.trial_id for one in second.advance()] == [1]


def test_a_given_checkpoint_is_told_by_whoever_gives_it(make: Callable[..., DurableTrainer]):
    first = make()
    first.admit(0, GOOD)
    before = first.advance()
    checkpoint = first.checkpoint(0)
    assert checkpoint is not None
    assert told(list(checkpoint.told)) == told(before)
    second = make()
    second.admit(0, GOOD, checkpoint)
    assert [one.step for one in second.advance()] == [5]


def test_another_configuration_begins_at_the_start(make: Callable[..., DurableTrainer], steps: list[int]):
    first = make()
    first.admit(0, GOOD)
    first.advance()
    first.evict(0)
    steps.clear()
    second = make()
    second.admit(0, BAD)
    assert [one.step for one in second.advance()] == [2]
    assert steps == [0, 1]


def test_evicting_keeps_the_file_and_discarding_removes_it(make: Callable[..., DurableTrainer], store: CheckpointStore):
    trainer = make(slots=2)
    for trial_id in (0, 1):
        trainer.admit(trial_id, GOOD)
    for _ in range(4):
        trainer.advance()
    assert sorted(store.sizes()) == [0, 1]
    trainer.discard(0)
    assert trainer.evict(1) is not None
    assert list(store.sizes()) == [1]


def test_a_trial_before_its_first_rung_leaves_no_file(make: Callable[..., DurableTrainer], store: CheckpointStore):
    trainer = make()
    trainer.admit(0, GOOD)
    assert trainer.evict(0) is None
    assert store.sizes() == {}


@pytest.mark.slow
def test_a_finished_trial_is_kept_and_not_resumed(
    make: Callable[..., DurableTrainer], store: CheckpointStore, objective: Objectives, steps: list[int]
):
    expected = alone(objective, GOOD)
    trainer = make()
    trainer.admit(0, GOOD)
    while not trainer.advance()[-1].finished:
        pass
    assert trainer.evict(0) is None
    kept = store.load(0, GOOD)
    assert kept is not None
    assert (kept.step, told(list(kept.told))) == (10, expected)
    steps.clear()
    trainer.admit(0, GOOD)
    assert told(to_the_end(trainer)) == expected
    assert steps == list(range(10))


@dataclass
class Clock:
    """Stands still but for what costs time."""

    now: float = 0.0

    def monotonic(self) -> float:
        return self.now


class Ticking(Trainer):
    """Ten seconds a rung, for ever."""

    def __init__(self) -> None:
        self.steps: dict[int, int] = {}

    @property
    def capacity(self) -> int:
        return 3

    def admit(
        self, trial_id: int, configuration: Configuration, checkpoint: Checkpoint | None = None, parts: int = 1
    ) -> None:
        self.steps[trial_id] = 0

    def upcoming(self) -> list[int]:
        return list(self.steps)[:1]

    def advance(self) -> list[Evaluation]:
        trial_id = min(self.steps, key=self.steps.__getitem__)
        self.steps[trial_id] += 1
        return [Evaluation(trial_id, self.steps[trial_id], seconds=10.0)]

    def checkpoint(self, trial_id: int) -> Checkpoint | None:
        return Checkpoint(GOOD, self.steps[trial_id], {}, {}, {})

    def evict(self, trial_id: int) -> Checkpoint | None:
        del self.steps[trial_id]
        return None


@dataclass(frozen=True)
class SlowStore(CheckpointStore):
    """Takes its time to save, and notes what."""

    clock: Clock = field(default_factory=Clock)
    seconds: float = 2.0
    saved: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])

    def save(self, trial_id: int, checkpoint: Checkpoint) -> None:
        self.clock.now += self.seconds
        self.saved.append((trial_id, checkpoint.step))


@pytest.mark.parametrize(
    ("cost", "seconds", "expected"),
    [
        (1.0, 2.0, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
        (0.05, 2.0, [1, 5, 9]),  # two seconds are a twentieth of forty
        (0.2, 2.0, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
        (0.1, 2.0, [1, 3, 5, 7, 9]),
        (0.05, 60.0, [1]),
    ],
)
def test_checkpoints_take_their_share_of_the_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cost: float, seconds: float, expected: list[int]
):
    store = SlowStore(tmp_path, "same", 10**9, seconds=seconds)
    for module in ("durable", "saving"):
        clock = SimpleNamespace(monotonic=store.clock.monotonic)
        monkeypatch.setattr(f"autotune.objectives.training.{module}.time", clock)
    trainer = DurableTrainer(Ticking(), store, cost=cost, note=print)
    trainer.admit(0, GOOD)
    for _ in range(11):
        trainer.advance()
    assert store.saved == [(0, step) for step in expected]


def limit(monkeypatch: pytest.MonkeyPatch, rows: int, task: str = "aspect") -> None:
    """No more than so many rows of a task fit into memory."""
    passes = MultiTaskModel.passes

    def limited(
        self: MultiTaskModel, batches: Mapping[Any, Any], most: int = PASS_TOKENS
    ) -> Iterator[dict[str, torch.Tensor]]:
        if self.training and any(at.name == task and len(batch.ids) > rows for at, batch in batches.items()):
            raise torch.OutOfMemoryError("simulated")
        return passes(self, batches, most)

    monkeypatch.setattr(MultiTaskModel, "passes", limited)


@pytest.mark.slow
def test_out_of_memory_a_trial_is_alone_and_its_neighbours_go_on_afterwards(
    make: Callable[..., DurableTrainer], objective: Objectives, monkeypatch: pytest.MonkeyPatch
):
    good, bad = alone(objective, GOOD), alone(objective, BAD)
    notes: list[str] = []
    limit(monkeypatch, 4)
    trainer = make(slots=3, note=notes.append)
    for trial_id, configuration in ((0, GOOD), (1, BAD)):
        trainer.admit(trial_id, configuration)
    found = trainer.advance() + trainer.advance()
    assert [one.trial_id for one in found] == [0, 1]
    trainer.admit(2, GOOD)  # waits as well
    assert trainer.upcoming() == [1]
    found += to_the_end(trainer)
    assert notes == ["trial 1 ran out of memory: retrying alone, with each batch in two parts"]
    assert [one.trial_id for one in found[:5]] == [0, 1, 1, 1, 1]
    assert told(found, 0) == told(found, 2) == good
    for one, other in zip(told(found, 1), bad, strict=True):
        assert (one.step, one.finished, one.failure) == (other.step, other.finished, None)
        assert one.metrics["log_loss"] == pytest.approx(other.metrics["log_loss"], rel=1e-4)
        assert one.losses == pytest.approx(other.losses, rel=1e-4)


@pytest.mark.slow
def test_a_neighbour_that_waits_can_leave_with_its_state(
    make: Callable[..., DurableTrainer], objective: Objectives, monkeypatch: pytest.MonkeyPatch
):
    limit(monkeypatch, 4)
    trainer = make(slots=2)
    trainer.admit(0, GOOD)
    trainer.admit(1, BAD)
    found = trainer.advance() + trainer.advance()
    checkpoint = trainer.evict(0)
    assert checkpoint is not None
    assert checkpoint.step == 2
    assert {one.trial_id for one in to_the_end(trainer)} == {1}
    trainer.admit(0, GOOD)
    again = trainer.advance()
    assert told(again) == told(found)
    assert told(again + to_the_end(trainer)) == alone(objective, GOOD)


def test_memory_that_runs_out_later_costs_only_the_steps_since_the_checkpoint(
    make: Callable[..., DurableTrainer], monkeypatch: pytest.MonkeyPatch, steps: list[int]
):
    trainer = make()
    trainer.admit(1, BAD)
    found = trainer.advance() + trainer.advance()
    limit(monkeypatch, 4)
    found += to_the_end(trainer)
    assert [one.step for one in found] == [2, 5, 8, 10]
    assert steps == [0, 1, 2, 3, 4, 5, 5, 6, 7, 8, 9]


@pytest.mark.slow
def test_out_of_memory_twice_is_a_failure_of_the_one_trial(
    make: Callable[..., DurableTrainer], objective: Objectives, monkeypatch: pytest.MonkeyPatch
):
    limit(monkeypatch, 3)
    trainer = make(slots=2)
    trainer.admit(0, GOOD)
    trainer.admit(1, BAD)
    found = to_the_end(trainer)
    (failed,) = told(found, 1)
    assert failed.finished
    assert failed.failure is not None
    assert failed.failure.kind is FailureKind.OUT_OF_MEMORY
    assert told(found) == alone(objective, GOOD)


def test_what_cannot_be_written_is_tried_again_as_rarely_as_what_can(
    objective: Objectives, store: CheckpointStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each try copies the whole state; at a cost that allows hardly any, the first one is the last."""
    tries: list[int] = []

    def full(_: CheckpointStore, trial_id: int, __: Checkpoint) -> None:
        tries.append(trial_id)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(CheckpointStore, "save", full)
    trainer = DurableTrainer(PlainTrainer(objective(), torch.device("cpu"), 1), store, print, cost=1e-9)
    trainer.admit(0, GOOD)
    assert len(to_the_end(trainer)) > 2
    assert tries == [0]
