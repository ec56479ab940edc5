"""The bank: what is stored where, what is guarded, refused and cached; the fast ways equal the simple ones."""

import json
import multiprocessing
import os
import random
import shutil
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar, Self

import pytest
import torch
from autotune.objectives import machine
from autotune.objectives.augmentation import building, generating, registry
from autotune.objectives.augmentation.bank import TokenBank
from autotune.objectives.augmentation.generating import Job, Spread, generate
from autotune.objectives.augmentation.making import make_operations
from autotune.objectives.augmentation.noise import Noise
from autotune.objectives.augmentation.operation import Resources, RuleOperation, TextOperation
from autotune.objectives.augmentation.reverse import Reverse
from autotune.objectives.data.row import Row
from autotune.objectives.prepare import prepare
from autotune.objectives.prepared import PreparedObjective
from autotune.objectives.settings import ObjectiveSettings
from autotune.objectives.tasks.token_classification import TokenClassification
from autotune.spaces.augmentation import AugmentationSpace
from autotune.spaces.errors import OperationUnavailable

Objectives = Callable[..., PreparedObjective]
ONE = {"levels": 1, "replicas": 1, "magnitude": 0.3}


class Swap(TextOperation):
    """Turns every row into its opposite; rows about the battery are refused."""

    name: ClassVar[str] = "flip"
    version: ClassVar[int] = 1
    magnitude: ClassVar[str] = "nothing that matters to a test"
    changes_label: ClassVar[bool] = True
    calls: ClassVar[list[int]] = []

    def rewrite(self, rows: Sequence[Row], magnitude: float, replica: int, seed: int) -> list[Row | None]:
        self.calls.append(len(rows))
        other = {"positive": "negative", "negative": "positive"}
        return [
            None if "battery" in row.texts[0] else Row((f"not {row.texts[0]}",), other[str(row.label)]) for row in rows
        ]


class Shout(RuleOperation):
    name: ClassVar[str] = "replace"
    version: ClassVar[int] = 1
    magnitude: ClassVar[str] = "nothing that matters to a test"
    keeps_words: ClassVar[bool] = True

    def apply(self, text: str, magnitude: float, generator: random.Random) -> str:
        return f"{text}{text}"

    def apply_words(self, words: Sequence[str], magnitude: float, generator: random.Random) -> list[str]:
        return [self.apply(word, magnitude, generator) for word in words]


class Missing(Shout):
    name: ClassVar[str] = "mask"

    @classmethod
    def make(cls, space: AugmentationSpace, resources: Resources) -> Self:
        raise OperationUnavailable("space: augmentation: mask: model: there is none")


@pytest.fixture
def operations(monkeypatch: pytest.MonkeyPatch) -> None:
    for operation in (Swap, Shout, Missing):
        monkeypatch.setitem(registry.TEXT_OPERATIONS, operation.name, operation)


def ids(prepared: PreparedObjective, stored: torch.Tensor) -> list[int]:
    tokens = prepared.bank.tokens.take(stored.reshape(1))
    return tokens.ids.tolist()


@pytest.mark.usefixtures("operations")
def test_labels_follow_and_refused_rows_are_their_originals(objective: Objectives):
    opposites = {"positive": "negative", "negative": "positive"}
    prepared = objective(augmentation={"operations": ["flip"], "flip": {"opposites": opposites}, **ONE}, seed=11)
    texts, bank = prepared.corpus.train["sentiment"].column("text"), prepared.bank
    refused = ["battery" in text for text in texts]
    original, variant = bank.places
    assert original.tolist() == list(range(len(texts)))
    assert (variant == original).tolist() == refused
    changed = torch.tensor(refused).logical_not()
    assert torch.equal(bank.targets[variant][changed], 1 - bank.targets[original][changed])
    assert bank.counts() == {"flip": {"rows": len(texts), "refused": sum(refused), "guarded": 0}}
    assert [finding.count for finding in prepared.findings if "flip" in finding.what] == [sum(refused)]
    assert prepared.operations.label_changing == ["flip"]
    assert not prepared.operations.made  # their models would be held as long as the study


@pytest.mark.usefixtures("operations")
def test_tags_follow_words_of_other_lengths(objective: Objectives):
    prepared = objective(
        tasks={"main": {"kind": "token_classification", "tokens": "text", "tags": "tags"}},
        objective="main.f1",
        augmentation={"operations": ["replace"], **ONE},
    )
    bank = prepared.bank
    for row in range(bank.places.shape[1]):
        before, after = (bank.targets[bank.places[which, row].reshape(1)][0].tolist() for which in (0, 1))
        tags = [[value for value in values if value >= 0] for values in (before, after)]
        assert tags[1] == tags[0][: len(tags[1])]  # some words are cut at the maximal length
        assert len(tags[1]) > 2
        assert before != after or ids(prepared, bank.places[0, row]) == ids(prepared, bank.places[1, row])


@pytest.mark.slow
def test_parallel_equals_serial(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(generating, "FEWEST_FOR_PROCESSES", 1)
    monkeypatch.setattr(generating, "core_count", lambda: 2)
    rows = [Row((f"the {number} parcel came three weeks too late",)) for number in range(2500)]
    jobs = [Job(operation, 0.3, replica, 7) for operation in (Noise(), Reverse()) for replica in range(2)]
    told: list[tuple[int, int, str]] = []
    parallel = list(generate(jobs, rows, lambda *news: told.append(news)))
    assert parallel == [job(rows) for job in jobs]
    assert told[-1] == (10_000, 10_000, "reverse")
    assert [done for done, *_ in told] == sorted(done for done, *_ in told)


@pytest.mark.slow
def test_who_is_interrupted_waits_for_no_more_rows(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(generating, "core_count", lambda: 2)
    rows = [Row(("the parcel came three weeks too late, and nobody could say why " * 4,))] * 40_000
    jobs = [Job(Noise(), 0.3, replica, 7) for replica in range(20)]
    began, others = 0.0, set(multiprocessing.active_children())

    def interrupted(*_: object) -> None:
        nonlocal began
        began = time.monotonic()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(generate(jobs, rows, interrupted))
    for process in set(multiprocessing.active_children()) - others:
        process.join(60)
    assert time.monotonic() - began < 10  # the other 799 chunks would take more than a minute


@pytest.mark.parametrize(("quota", "expected"), [("100000 100000\n", 1), ("300000 100000\n", 3), ("max 100000\n", 8)])
def test_rows_are_rewritten_by_as_many_processes_as_the_container_leaves_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quota: str, expected: int
):
    asked: list[int] = []

    @contextmanager
    def mapping(processes: int) -> Generator[Spread]:
        asked.append(processes)
        yield map

    (tmp_path / "cpu.max").write_text(quota, encoding="ascii")
    monkeypatch.setattr(machine, "_CGROUP", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(generating, "_mapping", mapping)
    monkeypatch.setattr(generating, "FEWEST_FOR_PROCESSES", 1)
    rows = [Row(("too late",))]
    jobs = [Job(Noise(), 0.3, 0, 7)]
    assert list(generate(jobs, rows, lambda *_: None)) == [jobs[0](rows)]
    assert asked == [expected]


@pytest.mark.usefixtures("operations")
def test_the_cache_holds_the_same_bank_and_asks_no_operation(objective: Objectives):
    space: dict[str, object] = {"operations": ["flip"], "flip": {"opposites": {"positive": "negative"}}, **ONE}
    first = objective(augmentation=space, seed=12)
    asked = len(Swap.calls)
    second = objective(augmentation=space, seed=12, training={"epochs": 1})
    assert len(Swap.calls) == asked
    assert torch.equal(first.bank.tokens.ids, second.bank.tokens.ids)
    assert torch.equal(first.bank.places, second.bank.places)
    objective(augmentation={**space, "magnitude": 0.4}, seed=12)
    assert len(Swap.calls) == asked + 1


@pytest.fixture
def built(reviews_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], TokenBank]:
    """Builds a bank of two pieces in the cache, tmp_path/cache, from those that are there."""
    monkeypatch.setenv("AUTOTUNE_CACHE", str(tmp_path / "cache"))
    given = {"data": {"train": "reviews.csv"}, "model": {"encoder": "scratch:tiny", "max_length": 16}}
    settings = ObjectiveSettings.model_validate({**given, "tasks": {"sentiment": {"kind": "classification"}}})
    space = AugmentationSpace.model_validate({"operations": ["noise", "reverse"], **ONE})

    def build() -> TokenBank:
        shutil.rmtree(tmp_path / "cache" / "banks", ignore_errors=True)
        return prepare(settings, space, reviews_csv.parent, 0).bank

    return build


def assert_equal(right: TokenBank, found: TokenBank) -> None:
    assert torch.equal(right.places, found.places)
    assert torch.equal(right.tokens.ids, found.tokens.ids)
    assert torch.equal(right.status, found.status)


def test_an_operation_says_once_what_it_depends_on(objective: Objectives, monkeypatch: pytest.MonkeyPatch):
    """A language model reads all its weights for it."""
    read = list[str]()

    def fingerprint(self: Shout) -> str:
        read.append(self.name)
        return str(self.version)

    monkeypatch.setattr(Shout, "fingerprint", property(fingerprint))
    monkeypatch.setitem(registry.TEXT_OPERATIONS, "replace", Shout)
    objective(augmentation={"operations": ["replace"], "levels": 3, "replicas": 2, "magnitude": [0.1, 0.3]}, seed=23)
    assert read == ["replace"]


@pytest.mark.parametrize("stored_by_another", [0, 1])
def test_a_piece_that_another_process_stores_meanwhile_changes_no_other(
    built: Callable[[], TokenBank], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stored_by_another: int
):
    right = built()
    sorted((tmp_path / "cache" / "bank").iterdir())[stored_by_another].unlink()
    monkeypatch.setattr(building, "is_cached", lambda *_: False)  # as it was when this process looked
    assert_equal(right, built())


def test_a_piece_that_cannot_be_read_is_made_again(built: Callable[[], TokenBank], tmp_path: Path):
    right = built()
    first, second = (tmp_path / "cache" / "bank").iterdir()
    first.write_bytes(second.read_bytes()[:-30])
    assert_equal(right, built())


def test_the_tag_of_a_word_that_only_a_shorter_variant_reaches_is_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    class Short(Shout):
        def apply(self, text: str, magnitude: float, generator: random.Random) -> str:
            return "a" if "-" in text else text

    monkeypatch.setitem(registry.TEXT_OPERATIONS, "replace", Short)
    space = AugmentationSpace.model_validate({"operations": ["replace"], **ONE})
    settings = ObjectiveSettings.model_validate(
        {
            "data": {"train": "rows.jsonl", "clean": {"near_leaks": None}},
            "model": {"encoder": "scratch:tiny", "max_length": 8},
            "tasks": {"main": {"kind": "token_classification"}},
        }
    )

    def last_tags(last: str) -> set[str]:
        words = [[f"w{number}", "q-q-q-q-q", "Paris"] for number in range(20)]
        rows = [{"tokens": row, "tags": ["B-city", "O", last]} for row in words]
        (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
        prepared = prepare(settings, space, tmp_path, 0)
        bank, task = prepared.bank, prepared.main.task
        assert isinstance(task, TokenClassification)
        tags = [[int(tag) for tag in bank.targets[place.reshape(1)][0] if tag >= 0] for place in bank.places[1]]
        assert {len(row) for row in tags} == {3}
        return {task.labels[row[-1]] for row in tags}

    assert last_tags("O") == {"O"}
    assert last_tags("B-city") == {"B-city"}


def test_the_bank_is_mapped_from_its_file(objective: Objectives, autotune_cache: Path):
    bank = objective(augmentation={"operations": ["noise"], **ONE}, seed=13).bank
    maps = Path("/proc/self/maps")
    if not maps.exists():
        pytest.skip("no /proc/self/maps on this system")
    address = bank.tokens.ids.data_ptr()
    owner = [
        line
        for line in maps.read_text().splitlines()
        if int(line.split("-")[0], 16) <= address < int(line.split("-")[1].split()[0], 16)
    ]
    assert len(owner) == 1
    assert str(autotune_cache / "banks") in owner[0]


def test_variants_that_repeat_held_out_rows_are_dropped_and_counted(
    objective: Objectives, monkeypatch: pytest.MonkeyPatch
):
    held = objective(seed=14).corpus.validation.column("text")

    class Leak(Shout):
        def apply(self, text: str, magnitude: float, generator: random.Random) -> str:
            return held[0].upper() if "screen" in text else f"{text} {text}"

    monkeypatch.setitem(registry.TEXT_OPERATIONS, "replace", Leak)
    prepared = objective(augmentation={"operations": ["replace"], **ONE}, seed=14)
    leaks = ["screen" in text for text in prepared.corpus.train["sentiment"].column("text")]
    assert any(leaks)
    assert prepared.bank.counts()["replace"]["guarded"] == sum(leaks)
    assert (prepared.bank.places[1] == prepared.bank.places[0]).tolist() == leaks


def test_what_is_near_a_held_out_row_is_said_by_near_leaks(objective: Objectives, monkeypatch: pytest.MonkeyPatch):
    held = objective(seed=14).corpus.validation.column("text")

    class Near(Shout):
        def apply(self, text: str, magnitude: float, generator: random.Random) -> str:
            return f"{held[0]} qq" if "screen" in text else f"{text} {text}"

    monkeypatch.setitem(registry.TEXT_OPERATIONS, "replace", Near)

    def guarded(near: float) -> int:
        data = {"train": "reviews.csv", "validation": 0.25, "clean": {"near_leaks": near}}
        prepared = objective(augmentation={"operations": ["replace"], **ONE}, seed=14, data=data)
        return prepared.bank.counts()["replace"]["guarded"]

    assert guarded(0.99) == 0 < guarded(0.8)


def resources() -> Resources:
    return Resources(Path(), "scratch:tiny", [Row(("a",), "x"), Row(("b",), "y")], ["x", "y"])


def test_all_missing_needs_come_at_once(monkeypatch: pytest.MonkeyPatch):
    other = type("Other", (Missing,), {"name": "back_translate"})
    for operation in (Missing, other):
        monkeypatch.setitem(registry.TEXT_OPERATIONS, operation.name, operation)
    space = AugmentationSpace(operations=["mask", "noise", "back_translate"])
    with pytest.raises(OperationUnavailable, match=r"(?s)mask: .*back_translate: .*on_missing: drop"):
        make_operations(space, resources())
    made = make_operations(space.model_copy(update={"on_missing": "drop"}), resources())
    assert list(made.made) == ["noise"]
    assert set(made.dropped) == {"mask", "back_translate"}
