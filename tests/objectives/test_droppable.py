"""Cleaning that is searched: a trial goes without the rows that its configuration leaves out, for as many steps."""

import csv
import random
from collections.abc import Callable
from importlib import util
from pathlib import Path
from typing import Any

import pytest
import torch
from autotune.objectives.prepare import prepare
from autotune.objectives.prepared import PreparedObjective
from autotune.objectives.settings import ObjectiveSettings
from autotune.objectives.training.run import TrainingRun
from autotune.objectives.training.whole import FoldRun
from autotune.spaces.augmentation import AugmentationSpace
from autotune.spaces.cleaning import CleaningSpace
from autotune.spaces.configuration import Configuration
from autotune.spaces.errors import StudyFileError

CPU = torch.device("cpu")
GOOD, BAD = ("superb", "excellent", "lovely", "wonderful"), ("awful", "dreadful", "terrible", "horrible")
THINGS = ("battery", "screen", "delivery", "speaker", "camera", "keyboard", "charger", "manual")
TWO = (("good", "good"), ("bad", "bad"))
SEARCHED = CleaningSpace(drop_suspect_labels=[True, False], near_duplicates=[None, 0.9])


def reviews(wrong: int = 0, copies: int = 0) -> list[tuple[str, str]]:
    """160 reviews; the labels of the first `wrong` are turned, near-copies of `copies` others stand at the end."""
    draw = random.Random(0)
    rows: list[tuple[str, str]] = []
    for i in range(160):
        words = GOOD if i % 2 else BAD
        text = (
            f"the {draw.choice(THINGS)} and the {draw.choice(THINGS)} are {draw.choice(words)} {draw.choice(words)} {i}"
        )
        rows.append((text, ("bad" if i % 2 else "good") if i < wrong else ("good" if i % 2 else "bad")))
    return [*rows, *[(f"{text}!", label) for text, label in rows[100 : 100 + copies]]]


def prepared(
    folder: Path,
    rows: list[tuple[str, str]],
    cleaning: CleaningSpace | None = None,
    *,
    encoder: str = "scratch:tiny",
    tasks: dict[str, Any] | None = None,
    **data: object,
) -> PreparedObjective:
    with (folder / "train.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([("text", "label"), *rows])
    with (folder / "held.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([("text", "label"), ("it is lovely", "good"), ("it is awful", "bad")])
    settings = ObjectiveSettings.model_validate(
        {
            "data": {"train": "train.csv", "validation": "held.csv", **data},
            "model": {"encoder": encoder, "max_length": 24},
            "tasks": tasks or {"main": {"kind": "classification"}, "words": {"kind": "masked_lm"}},
            "training": {"epochs": 1, "precision": "fp32"},
        }
    )
    return prepare(settings, AugmentationSpace.model_validate({"operations": ["noise"]}), folder, 0, cleaning=cleaning)


def chosen(**cleaning: bool | float | None) -> Configuration:
    return Configuration(learning_rate=1e-3, cleaning=dict(cleaning))


def test_wrong_labels_are_suspected_and_few_others(tmp_path: Path):
    whole = prepared(tmp_path, reviews(wrong=8), clean={"suspect_labels": "report"})
    gone = whole.droppable.rows["drop_suspect_labels", True]["main"]
    assert len(set(range(8)) & gone) >= 7
    assert len(gone) <= 12
    finding = next(found for found in whole.findings if "contradict" in found.what)
    assert (finding.count, finding.action) == (len(gone), "noted")
    assert len(whole.cleaned(chosen()).main.tokens) == 160  # told of, but not asked to go


def suspects(folder: Path, rows: list[tuple[str, str, str]], group: str | None) -> frozenset[int]:
    """Of rows of a text, a label and a group; the first lines of the file."""
    with (folder / "rows.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([("text", "label", "author"), *rows])
    whole = prepared(folder, reviews(), train="rows.csv", group=group, clean={"suspect_labels": "report"})
    return whole.droppable.rows["drop_suspect_labels", True]["main"]


def test_rows_of_a_group_do_not_vouch_for_each_others_labels(tmp_path: Path):
    """Each of 20 authors has a word of their own, and one label; the first one's labels are all wrong."""
    turned = {"good": "bad", "bad": "good"}
    rows = [
        (f"{text} author{i % 20}", label if i % 20 else turned[label], f"{i % 20}")
        for i, (text, label) in enumerate(reviews())
    ]
    assert suspects(tmp_path, rows, "author") == {i for i in range(160) if i % 20 == 0}
    assert not suspects(tmp_path, rows, None)


def test_nothing_is_suspected_where_a_label_is_of_one_group(tmp_path: Path):
    rows = [(text, label, label if label == "bad" else "") for text, label in reviews(wrong=8)]
    assert suspects(tmp_path, rows, None)
    assert not suspects(tmp_path, rows, "author")


@pytest.mark.slow
def test_a_pretrained_encoder_suspects_by_its_embeddings(tmp_path: Path, minilm: Path):
    whole = prepared(tmp_path, reviews(wrong=8), clean={"suspect_labels": "drop"}, encoder=str(minilm))
    gone = whole.droppable.rows["drop_suspect_labels", True]["main"]
    assert len(set(range(8)) & gone) >= 7
    assert len(gone) <= 16
    assert len(whole.cleaned(chosen()).main.tokens) == 160 - len(gone)
    assert next(found for found in whole.findings if "contradict" in found.what).action == "dropped"


def test_without_cleanlab_the_error_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    found: Callable[..., Any] = util.find_spec
    monkeypatch.setattr(
        "autotune.objectives.suspects.find_spec", lambda name: None if name == "cleanlab" else found(name)
    )
    with pytest.raises(StudyFileError, match=r"suspect_labels: needs cleanlab: pip install 'autotune-mtl\[suspects\]'"):
        prepared(tmp_path, reviews(), clean={"suspect_labels": "report"})


@pytest.mark.parametrize(
    ("cleaning", "data", "place"),
    [
        (CleaningSpace(drop_suspect_labels=[True, False]), {}, "space: cleaning"),
        (None, {"clean": {"suspect_labels": "drop"}}, "data: clean: suspect_labels"),
    ],
)
def test_only_a_classification_has_suspect_labels(
    tmp_path: Path, cleaning: CleaningSpace | None, data: dict[str, Any], place: str
):
    rows = [(text, str(i % 7)) for i, (text, _) in enumerate(reviews())]
    with pytest.raises(StudyFileError, match=f"{place}: suspect labels are those of .* 'main' is regression"):
        prepared(tmp_path, rows, cleaning, tasks={"main": {"kind": "regression"}}, **data)


def test_a_trial_goes_without_what_it_leaves_out_for_as_many_steps(tmp_path: Path):
    whole = prepared(tmp_path, reviews(wrong=8, copies=20), SEARCHED)
    assert len(whole.main.tokens) == 180
    suspects = len(whole.droppable.rows["drop_suspect_labels", True]["main"])
    for configuration, rows in [
        (chosen(), 180),
        (chosen(drop_suspect_labels=False, near_duplicates=None), 180),
        (chosen(near_duplicates=0.9), 160),
        (chosen(drop_suspect_labels=True), 180 - suspects),
    ]:
        trained = whole.cleaned(configuration)
        assert {len(its.tokens) for its in trained.train.values()} == {rows}
        assert trained.bank.places.shape[1] == len(trained.main.targets) == rows  # type: ignore[arg-type]
        assert trained.rungs(trained.training_of(configuration)) == whole.rungs(whole.settings.training)
        assert trained.validations is whole.validations
    both = whole.cleaned(chosen(drop_suspect_labels=True, near_duplicates=0.9))
    gone = whole.droppable.rows["drop_suspect_labels", True]["main"] | set(range(160, 180))
    kept = [row for row in range(180) if row not in gone]
    assert torch.equal(both.main.tokens.ids, whole.main.take(kept).tokens.ids)
    assert torch.equal(both.main.targets[torch.arange(len(kept))], whole.main.targets[torch.tensor(kept)])


def test_the_studys_own_choice_stands_where_a_configuration_says_nothing(tmp_path: Path):
    space = CleaningSpace(near_duplicates=[None, 0.8])
    whole = prepared(tmp_path, reviews(copies=20), space, clean={"near_duplicates": 0.9})
    assert len(whole.main.tokens) == 180
    assert len(whole.cleaned(chosen()).main.tokens) == 160
    assert len(whole.cleaned(chosen(near_duplicates=None)).main.tokens) == 180


def test_near_duplicates_of_an_auxiliarys_own_rows_leave_as_data_says_in_every_trial(tmp_path: Path):
    near = [(f"{text}{end}", label) for text, label in reviews()[:10] for end in ("", "!")]
    with (tmp_path / "own.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([("text", "label"), *near])
    tasks = {"main": {"kind": "classification"}, "own": {"kind": "classification", "data": {"train": "own.csv"}}}
    space = CleaningSpace(near_duplicates=[None, 0.9])
    for threshold, rows in ((0.9, 10), (None, 20)):
        whole = prepared(tmp_path, reviews(copies=20), space, tasks=tasks, clean={"near_duplicates": threshold})
        for configuration in (chosen(), chosen(near_duplicates=None), chosen(near_duplicates=0.9)):
            assert len(whole.cleaned(configuration).train["own"].tokens) == rows


@pytest.mark.slow
def test_a_run_trains_on_the_cleaned_rows(tmp_path: Path):
    whole = prepared(tmp_path, reviews(wrong=8, copies=20), SEARCHED)
    first, other = (
        TrainingRun(0, configuration, whole, CPU) for configuration in (chosen(), chosen(near_duplicates=0.9))
    )
    assert first.total_steps == other.total_steps == 12
    assert first.advance().losses != other.advance().losses


def test_folds_leave_out_their_own_rows(tmp_path: Path):
    whole = prepared(tmp_path, reviews(wrong=8), SEARCHED, validation={"folds": 4})
    gone = whole.droppable.rows["drop_suspect_labels", True]["main"]
    configuration = chosen(drop_suspect_labels=True)
    trained = [fold.cleaned(configuration) for fold in whole.folds]
    for fold, its, kept in zip(whole.folds, trained, whole.corpus.folds, strict=True):
        assert len(its.main.tokens) == len(set(kept.train["main"]) - gone)
        assert torch.equal(its.validation.tokens.ids, fold.validation.tokens.ids)
        assert its.rungs(its.settings.training) == fold.rungs(fold.settings.training)
    assert sum(
        len(fold.main.tokens) - len(its.main.tokens) for fold, its in zip(whole.folds, trained, strict=True)
    ) == 3 * len(gone)
    run = FoldRun(0, configuration, whole, CPU, parts=1)
    assert run.advance().step == whole.folds[0].rungs(whole.settings.training)[-1]


def test_texts_that_are_cut_are_told_of_with_what_is_lost(tmp_path: Path):
    rows = [*reviews(), ("good " * 60, "good"), ("bad " * 60, "bad")]
    whole = prepared(tmp_path, rows)
    (finding,) = [found for found in whole.findings if "max_length" in found.what]
    tokens = int(whole.main.tokens.lengths.sum())
    lost = 2 * (62 - 24)  # 60 words between two special tokens
    assert (finding.count, finding.action) == (2, "noted")
    share = f"{100 * lost / (tokens + lost):.1f}%"
    assert finding.what == f"train.csv: text cut at max_length 24 ({share} of all tokens lost) in training rows"
    assert finding.examples[0].startswith("good good")


def test_texts_that_are_cut_are_told_of_by_the_rows_that_have_them(tmp_path: Path):
    rows = [*reviews(), *((f"{word} " * 60 + str(i), label) for i in range(9) for word, label in TWO)]
    whole = prepared(tmp_path, rows, validation=0.5)
    cut = [found.what.rpartition(" lost) in ")[2] for found in whole.findings if "max_length" in found.what]
    assert cut == ["training rows", "validation rows"]
    folded = prepared(tmp_path, rows, validation={"folds": 2})
    cut = [found.what.rpartition(" lost) in ")[2] for found in folded.findings if "max_length" in found.what]
    assert cut == ["training rows"]  # which are those that the folds hold out
