"""Checkpoints on disk: to the bit what was saved, or nothing at all."""

import ctypes
import ctypes.util
import json
import os
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path

import pytest
import torch
from autotune.objectives.prepared import PreparedObjective
from autotune.objectives.training.checkpoints import CheckpointStore, NoRoom
from autotune.objectives.training.durable import DurableTrainer
from autotune.objectives.training.patience import Patience
from autotune.objectives.training.plain import PlainTrainer
from autotune.objectives.training.trainer import Checkpoint, Evaluation, Trainer
from autotune.spaces.configuration import Configuration, Mix
from safetensors.torch import save_file

Objectives = Callable[..., PreparedObjective]
CPU = torch.device("cpu")
SMALL = Configuration(learning_rate=1e-3)
RICH = Configuration(
    learning_rate=2e-3,
    ratios={"aspect": 0.5},
    mix=Mix(operations={"mixup": 0.25}, magnitude=0.3),
    training={"weighting": "uncertainty", "early_stopping": 5, "dropout": 0.2},
)


@pytest.fixture
def store(tmp_path: Path) -> CheckpointStore:
    return CheckpointStore(tmp_path / "checkpoints", "this data, these versions", 10**9)


def small(step: int = 2, size: int = 10) -> Checkpoint:
    return Checkpoint(SMALL, step, {"weight": torch.arange(size, dtype=torch.float32) + step}, {}, {})


def trained(prepared: PreparedObjective) -> Checkpoint:
    """A rich trial after its first rung, as a trainer makes it."""
    trainer = PlainTrainer(prepared, CPU)
    trainer.admit(3, RICH)
    told = trainer.advance()
    checkpoint = trainer.checkpoint(3)
    assert checkpoint is not None
    return replace(checkpoint, told=told)


def loaded(store: CheckpointStore, configuration: Configuration = SMALL, trial_id: int = 0) -> Checkpoint:
    checkpoint = store.load(trial_id, configuration)
    assert checkpoint is not None
    return checkpoint


def test_a_trial_comes_back_to_the_bit(store: CheckpointStore, objective: Objectives):
    saved = trained(objective(augmentation={"operations": ["mixup"], "magnitude": [0.1, 0.3]}))
    assert all(getattr(saved, part) for part in ("weights", "optimizer", "random_state", "weighting", "told"))
    assert saved.patience != Patience()
    store.save(3, saved)
    back = loaded(store, RICH, 3)
    for part in fields(Checkpoint):
        before, after = getattr(saved, part.name), getattr(back, part.name)
        if isinstance(before, dict):
            assert before.keys() == after.keys()
            assert all(before[key].dtype == after[key].dtype for key in before)
            assert all(torch.equal(before[key], after[key]) for key in before), part.name
        else:
            assert before == after, part.name


def test_a_metric_that_is_not_finite_comes_back_too(store: CheckpointStore):
    told = [Evaluation(0, 2, {"accuracy": 0.5, "log_loss": float("inf")}, losses={"main": 0.1 + 0.2}, seconds=1.5)]
    store.save(0, replace(small(), told=told))
    assert loaded(store).told == told


def test_the_last_one_counts(store: CheckpointStore):
    store.save(0, small(2))
    store.save(0, small(4))
    assert loaded(store).step == 4
    assert list(store.sizes()) == [0]
    assert not list(store.folder.glob("*.part"))


def test_folds_have_a_place_and_no_tensors(store: CheckpointStore, objective: Objectives):
    prepared = replace(objective(), folds=[objective(seed=seed) for seed in range(2)])
    trainer = PlainTrainer(prepared, CPU)
    trainer.admit(0, SMALL)
    told = trainer.advance()
    checkpoint = trainer.checkpoint(0)
    assert checkpoint is not None
    store.save(0, replace(checkpoint, told=told))
    again = PlainTrainer(prepared, CPU)
    again.admit(0, SMALL, loaded(store))
    (last,) = again.advance()
    assert (told[0].step, last.step, last.finished) == (10, 20, True)


@pytest.mark.parametrize(
    ("configuration", "signature"),
    [
        (SMALL.model_copy(update={"learning_rate": 1.0000001e-3}), None),
        (SMALL.model_copy(update={"ratios": {"aspect": 1.0}}), None),
        (SMALL, "other data"),
    ],
)
def test_one_of_something_else_is_none(store: CheckpointStore, configuration: Configuration, signature: str | None):
    store.save(0, small())
    assert replace(store, signature=signature or store.signature).load(0, configuration) is None
    assert store.load(0, SMALL) is not None


def test_without_a_file_or_a_folder_there_is_none(store: CheckpointStore):
    assert store.load(0, SMALL) is None
    assert store.sizes() == {}
    store.retain([0])
    store.remove(0)
    assert not store.folder.exists()


@pytest.mark.parametrize("kept", [0, 4, 8, 40, -1])
def test_a_torn_file_is_none(store: CheckpointStore, kept: int):
    store.save(0, small())
    path = store.folder / "0.safetensors"
    path.write_bytes(path.read_bytes()[:kept])
    assert store.load(0, SMALL) is None
    store.save(0, small(6))
    assert loaded(store).step == 6


WHOLE = {
    "signature": "this data, these versions",
    "configuration": SMALL.model_dump(),
    "step": 2,
    "patience": {"best": None, "waited": 0},
    "told": [],
}
FOREIGN: dict[str, tuple[dict[str, torch.Tensor], dict[str, str] | None]] = {
    "no header": ({}, None),
    "nothing of ours": ({}, {}),
    "another's header": ({}, {"format": "pt"}),
    "no JSON": ({}, {"autotune": "step 2"}),
    "no mapping": ({}, {"autotune": "[2]"}),
    "nothing in it": ({}, {"autotune": "{}"}),
    "no configuration": ({}, {"autotune": json.dumps(WHOLE | {"configuration": {"rate": 1}})}),
    "no signature": ({}, {"autotune": json.dumps({key: WHOLE[key] for key in WHOLE if key != "signature"})}),
    "no step": ({}, {"autotune": json.dumps({key: WHOLE[key] for key in WHOLE if key != "step"})}),
    "a tensor that no part has": ({"gradients/weight": torch.ones(2)}, {"autotune": json.dumps(WHOLE)}),
    "an evaluation of another version": ({}, {"autotune": json.dumps(WHOLE | {"told": [{"score": 1}]})}),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_foreign_file_is_none(store: CheckpointStore, name: str):
    tensors, header = FOREIGN[name]
    store.folder.mkdir()
    save_file(tensors, store.folder / "0.safetensors", header)
    assert store.load(0, SMALL) is None


def test_the_whole_header_would_do(store: CheckpointStore):
    """So what makes the foreign ones foreign is what each of them lacks."""
    store.folder.mkdir()
    save_file({"weights/w": torch.ones(2)}, store.folder / "0.safetensors", {"autotune": json.dumps(WHOLE)})
    assert loaded(store).step == 2


def test_a_file_that_is_no_trial_s_is_none_s(store: CheckpointStore):
    store.save(0, small())
    (store.folder / "notes.safetensors").write_bytes(b"mine")
    assert list(store.sizes()) == [0]


def test_the_budget_is_kept_and_the_earlier_file_with_it(store: CheckpointStore):
    store.save(0, small(2, size=100))
    store.save(1, small(2, size=100))
    tight = replace(store, budget_bytes=sum(store.sizes().values()) + 300)
    with pytest.raises(NoRoom, match="MB do not fit next to"):
        tight.save(0, small(4, size=1000))
    assert loaded(store).step == 2
    tight.save(0, small(6, size=100))  # one in the place of another needs no room beside it
    assert loaded(store).step == 6


def test_only_what_is_retained_stays(store: CheckpointStore):
    for trial_id in range(4):
        store.save(trial_id, small())
    store.retain([1, 3, 9])
    assert sorted(store.sizes()) == [1, 3]
    store.remove(1)
    store.remove(1)
    assert sorted(store.sizes()) == [3]


def test_sizes_are_those_of_the_files(store: CheckpointStore):
    store.save(5, small(size=1000))
    assert store.sizes() == {5: (store.folder / "5.safetensors").stat().st_size}
    assert store.sizes()[5] > 4000


def test_what_a_kill_left_half_written_goes_after_a_while(store: CheckpointStore):
    store.save(0, small())
    old, new = store.folder / "tmpa.part", store.folder / "tmpb.part"
    for path in (old, new):
        path.write_bytes(b"half")
    hour_ago = time.time() - 3600
    os.utime(old, (hour_ago, hour_ago))
    store.retain([0])
    assert (old.exists(), new.exists()) == (False, True)  # somebody may be writing the new one
    assert sorted(store.sizes()) == [0]


@contextmanager
def nobody() -> Generator[None]:
    """Without the rights of root, if the tests have them."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_folder_that_may_not_be_written_keeps_the_earlier_file(store: CheckpointStore):
    store.save(0, small(2))
    store.folder.chmod(0o555)
    try:
        with nobody(), pytest.raises(PermissionError):
            store.save(0, small(4))
    finally:
        store.folder.chmod(0o755)
    assert loaded(store).step == 2


def test_a_file_that_may_not_be_read_is_none(store: CheckpointStore):
    store.save(0, small())
    (store.folder / "0.safetensors").chmod(0)
    with nobody():
        assert store.load(0, SMALL) is None


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of one megabyte."""
    libc = ctypes.CDLL(ctypes.util.find_library("c"), use_errno=True)
    place = tmp_path / "disk"
    place.mkdir()
    if not hasattr(libc, "mount") or libc.mount(b"tmpfs", os.fsencode(place), b"tmpfs", 0, b"size=1m"):
        pytest.skip(f"no small file system can be mounted here: {os.strerror(ctypes.get_errno())}")
    yield place
    libc.umount(os.fsencode(place))


def test_a_full_disk_leaves_the_earlier_file_whole(full_disk: Path):
    store = CheckpointStore(full_disk / "checkpoints", "same", 10**9)
    store.save(0, small(2, size=100_000))
    with pytest.raises(OSError, match="space"):
        store.save(0, small(4, size=200_000))
    assert loaded(store).step == 2
    assert not list(store.folder.glob("*.part"))
    store.save(0, small(6, size=1000))
    assert loaded(store).step == 6


def test_training_goes_on_over_a_full_disk(full_disk: Path, objective: Objectives):
    prepared, notes = objective(), list[str]()

    def to_the_end(trainer: Trainer) -> list[Evaluation]:
        trainer.admit(0, SMALL)
        return [replace(one, seconds=0) for _ in range(9) for one in trainer.advance()]

    durable = DurableTrainer(
        PlainTrainer(prepared, CPU), CheckpointStore(full_disk / "c", "same", 10**9), notes.append, cost=1.0
    )
    assert to_the_end(durable) == to_the_end(PlainTrainer(prepared, CPU))
    (note,) = notes
    assert note.startswith("checkpoints cannot be written (")
    assert "space" in note
