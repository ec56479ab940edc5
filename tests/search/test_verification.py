"""`autotune verify`: the same seeds trained again, the rule by which a result lands, and what is refused."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
import yaml
from autotune.search.beside import digest
from autotune.search.export.best_file import BestConfiguration, read_best
from autotune.search.production.retraining import Outcome
from autotune.search.production.unchanged import check_data, warnings
from autotune.search.production.verification import Promise, Verification
from autotune.search.versions import versions
from hypothesis import assume, given
from hypothesis import strategies as st

from .conftest import Command

INLINE = ("--executor", "inline", "--devices", "cpu")
Edit = Callable[[dict[str, Any]], None]


def verification(
    stored: list[float],
    measured: list[float | None],
    interval: tuple[float, float] | None,
    changed: tuple[str, ...] = (),
) -> Verification:
    """Of seeds from 1; `measured` may be of the first few."""
    promise = Promise(dict(enumerate(stored, 1)), fmean(stored), interval, confirmed=interval is not None)
    outcomes = {
        seed: Outcome(value, "" if value is not None else "diverged: a loss is NaN")
        for seed, value in enumerate(measured, 1)
    }
    return Verification("sentiment.accuracy", promise, outcomes, changed)


SCORES = st.lists(st.floats(0, 1), min_size=2, max_size=8)


@given(SCORES, st.integers(1, 8))
def test_the_same_scores_land_however_few_seeds_are_trained(stored: list[float], count: int) -> None:
    """The mean of the first few seeds may lie outside of the interval, be they the very same scores."""
    mean = fmean(stored)
    found = verification(stored, list(stored[:count]), (mean - 1e-6, mean + 1e-6))
    assert (found.identical, found.landed, found.is_kept) == (True, True, True)
    assert found.sentences()[-1].startswith("identical to the stored score")


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=8), st.floats(0, 1), st.floats(0, 1))
def test_over_all_seeds_it_is_the_mean_that_must_lie_in_the_interval(
    pairs: list[tuple[float, float]], one: float, other: float
) -> None:
    measured, low, high = fmean(after for _, after in pairs), min(one, other), max(one, other)
    assume(min(abs(measured - low), abs(measured - high)) > 1e-9)
    found = verification([before for before, _ in pairs], [after for _, after in pairs], (low, high))
    assert found.mean == pytest.approx(measured)
    assert found.landed == (low <= measured <= high)
    assert found.is_kept == found.landed


def test_fewer_seeds_move_the_promised_mean_by_their_paired_difference() -> None:
    found = verification([0.5, 0.9, 0.7], [0.45, 0.85], (0.64, 0.76))
    assert found.mean == pytest.approx(0.65)
    assert found.landed
    assert found.sentences() == [
        "sentiment.accuracy 0.6500 (confirmed 0.7000, moved by 2 of 3 seeds) lies in the confirmed interval, 0.6400 to "
        "0.7600",
        "not identical, though packages, system and device are those of the export: another device than `--devices "
        "auto` takes, or another number of threads a process, rounds differently",
    ]


def test_a_miss_names_what_is_another_one_here() -> None:
    found = verification([0.8, 0.8], [0.6, 0.6], (0.75, 0.85), ("torch is 9.0 here and was 8.0",))
    assert (found.landed, found.is_kept) == (False, False)
    assert found.sentences() == [
        "sentiment.accuracy 0.6000 does not lie in the confirmed interval, 0.7500 to 0.8500",
        "not identical: torch is 9.0 here and was 8.0",
    ]


def test_a_training_that_fails_breaks_the_promise() -> None:
    found = verification([0.8, 0.8], [0.8, None], (0.75, 0.85))
    assert (found.mean, found.landed, found.is_kept) == (None, False, False)
    assert found.sentences()[0] == "not reproduced: 1 of 2 trainings failed"
    assert found.to_json()["seeds"]["2"] == {
        "promised": 0.8,
        "measured": None,
        "failure": "diverged: a loss is NaN",
    }


@pytest.mark.parametrize(("measured", "kept"), [(0.8, True), (0.8000001, False)])
def test_without_an_interval_only_the_score_itself_can_be_kept(measured: float, kept: bool) -> None:
    found = verification([0.8], [measured], None)
    assert (found.landed, found.is_kept) == (None, kept)
    assert (
        "no interval to compare with (the export is not confirmed), only the scores themselves were compared"
        in found.sentences()[0]
    )


def with_figures(best: Path, change: float = 0.0) -> None:
    """Make the export promise what its one seed scored, or something else, as if it had been confirmed."""

    def confirm(content: dict[str, Any]) -> None:
        value = content["found"]["value"] + change
        content["confirmed"] = {
            "name": "trial 1",
            "winner": "trial 1",
            "seeds": [content["seed"]],
            "scores": {str(content["seed"]): value},
            "mean": value,
            "interval": [value - 0.01, value + 0.01],
        }

    edit(best, confirm)


def edit(best: Path, change: Edit) -> None:
    content = yaml.safe_load(best.read_text(encoding="utf-8"))
    change(content)
    best.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def test_an_unconfirmed_export_is_trained_on_its_one_seed(best: Path, autotune: Command) -> None:
    outcome = autotune("verify", "best.yaml", *INLINE)
    assert (outcome.code, outcome.err) == (0, "")
    value = read_best(best).found.value
    assert outcome.out.splitlines()[-2:] == [
        f"sentiment.accuracy {value:.4f}: no interval to compare with (the export is not confirmed), only the scores "
        "themselves were compared",
        "identical to the stored score, to the last digit",
    ]


def test_json_is_all_that_standard_output_has(best: Path, autotune: Command) -> None:
    with_figures(best)
    edit(best, lambda content: content["versions"].update(torch="1.0\x1b[31m"))
    outcome = autotune("verify", "best.yaml", "--json", *INLINE)
    assert outcome.code == 0
    assert "and was 1.0␛[31m" in outcome.err
    found = json.loads(outcome.out)
    assert (found["kept"], found["landed"], found["identical"], found["confirmed"]) == (True, True, True, True)
    assert found["seeds"]["0"]["measured"] == found["seeds"]["0"]["promised"] == read_best(best).found.value
    assert found["changed"] == [f"torch is {versions()['torch']} here and was 1.0\x1b[31m"]
    assert "seed 0: " in outcome.err


def test_a_promise_that_is_not_kept_is_exit_1(best: Path, autotune: Command) -> None:
    with_figures(best, change=0.3)
    outcome = autotune("verify", "best.yaml", *INLINE)
    assert outcome.code == 1
    assert "does not lie in the confirmed interval" in outcome.out
    assert "-0.3" in outcome.out


def test_seeds_that_are_not_there(best: Path, autotune: Command) -> None:
    outcome = autotune("verify", "best.yaml", "--seeds", "2")
    assert (outcome.code, outcome.err) == (2, "--seeds: 2: the export was measured on 1 seed: 0\n")


CHANGES: list[Edit] = [
    lambda content: content["settings"]["training"].update(epochs=1),
    lambda content: content["settings"]["model"].update(max_length=12),
    lambda content: content["configuration"].update(learning_rate=0.5),
    lambda content: content["augmentation"].update(replicas=7),
    lambda content: content.update(seed=1),
]


@pytest.mark.slow
@pytest.mark.parametrize("change", CHANGES)
def test_figures_of_another_configuration_are_refused(best: Path, autotune: Command, change: Edit) -> None:
    assert read_best(best).is_as_measured
    edit(best, change)
    assert not read_best(best).is_as_measured
    outcome = autotune("verify", "best.yaml")
    assert outcome.code == 2
    assert ": digest: the figures belong to another configuration" in outcome.err
    assert outcome.err.startswith("best.yaml, line ")


def test_settings_that_no_study_has(best: Path, autotune: Command) -> None:
    """Of an export that says nothing of what it was measured on."""

    def repeat(content: dict[str, Any]) -> None:
        content["settings"]["tasks"]["aspect"]["label"] = "label"
        content["digest"] = None

    edit(best, repeat)
    outcome = autotune("verify", "best.yaml")
    assert (outcome.code, outcome.err) == (
        2,
        "settings.tasks.aspect: the same task as 'sentiment'; give it another label column, or data of its own\n",
    )


def test_seeds_that_no_generator_takes(best: Path, autotune: Command) -> None:
    with_figures(best)
    edit(best, lambda content: content["confirmed"].update(seeds=[-1], scores={"-1": content["confirmed"]["mean"]}))
    outcome = autotune("verify", "best.yaml")
    assert outcome.code == 2
    assert "confirmed.seeds: -1: must be a whole number of at least 0 and at most 4294967295" in outcome.err


def with_models(best: Path) -> BestConfiguration:
    """The export as of a study that also read an encoder in a folder and a lexicon."""
    Path("encoder").mkdir()
    Path("encoder/config.json").write_text("{}", encoding="utf-8")
    Path("words.tsv").write_text("a\tb\n", encoding="utf-8")

    def add(content: dict[str, Any]) -> None:
        content["settings"]["model"]["encoder"] = "encoder"
        content["augmentation"].update(operations=["noise", "mixup", "replace"])
        content["augmentation"]["replace"]["lexicon"] = "words.tsv"
        for text in ("encoder", "words.tsv"):
            content["fingerprints"][text] = digest((text,), text, Path())
        content["digest"] = BestConfiguration.model_validate(content).content_digest()

    edit(best, add)
    return read_best(best)


def test_files_may_lie_elsewhere(best: Path) -> None:
    """The same data, encoder and words under other names, another version: the figures stay this configuration's."""
    before = with_models(best)
    moved = {name: f"data/other.{name}" for name in ("reviews.csv", "encoder", "words.tsv")}
    Path("data").mkdir()
    for old, new in moved.items():
        Path(old).rename(new)

    def move(content: dict[str, Any]) -> None:
        content["settings"]["data"]["train"] = moved["reviews.csv"]
        content["settings"]["model"]["encoder"] = moved["encoder"]
        content["augmentation"]["replace"]["lexicon"] = moved["words.tsv"]
        content["fingerprints"] = {moved[text]: known for text, known in content["fingerprints"].items()}
        content["versions"]["torch"] = "1.0"

    edit(best, move)
    after = read_best(best)
    assert (after.is_as_measured, after.content_digest()) == (True, before.content_digest())
    check_data(after, best)


def test_another_encoder_in_the_place_of_the_known_one_is_another_configuration(best: Path) -> None:
    with_models(best)
    edit(best, lambda content: content["fingerprints"].update(encoder="0" * 64))
    assert not read_best(best).is_as_measured
    edit(best, lambda content: content["settings"]["model"].update(encoder="elsewhere"))
    assert not read_best(best).is_as_measured


def test_an_export_of_before_names_lexicons_and_models_by_their_paths() -> None:
    """The digest is one that autotune wrote then."""
    older: dict[str, Any] = {
        "found": {"study": "tiny", "trial": 1, "value": 0.8, "step": 5, "baseline": 0.7},
        "configuration": {"learning_rate": 1e-3},
        "loss_weights": {"alpha": 1.0, "betas": {}, "normalisers": {"sentiment": 0.7}},
        "seed": 0,
        "augmentation": {"operations": ["replace"], "replace": {"lexicon": "words.tsv"}},
        "settings": {
            "data": {"train": "reviews.csv"},
            "model": {"encoder": "./encoder"},
            "tasks": {"sentiment": {"kind": "classification"}},
        },
        "fingerprints": {"reviews.csv": "a" * 64, "./encoder": "b" * 64, "words.tsv": "c" * 64},
        "digest": "b9e7debdc3d998ce09f08189136e2f592310ce5df088ca66e359df006e97ab58",
        "versions": {},
    }
    assert BestConfiguration.model_validate(older).is_as_measured
    assert not BestConfiguration.model_validate({**older, "seed": 1}).is_as_measured


def test_a_setting_that_a_later_autotune_adds_changes_nothing(best: Path) -> None:
    """An older file lacks it, and its digest does too."""
    content = json.loads(read_best(best).model_dump_json())
    del content["settings"]["training"]["temperature"]
    older = BestConfiguration.model_validate(content)
    content["digest"] = older.content_digest()
    assert content["digest"] != read_best(best).digest
    assert BestConfiguration.model_validate(content).is_as_measured


def test_data_that_changed_or_is_gone(best: Path, autotune: Command) -> None:
    with Path("reviews.csv").open("a", encoding="utf-8") as file:
        file.write("The battery of 9 is superb.,positive,battery\n")
    outcome = autotune("verify", "best.yaml")
    assert outcome.code == 2
    assert "settings.data.train: reviews.csv: not the data that the configuration was found on" in outcome.err
    Path("reviews.csv").unlink()
    outcome = autotune("verify", "best.yaml")
    assert outcome.code == 2
    line = next(n for n, text in enumerate(best.read_text("utf-8").splitlines(), 1) if text == "    train: reviews.csv")
    assert outcome.err == f"best.yaml, line {line}: settings.data.train: reviews.csv: no such file\n"


def with_rows(best: Path, rows: str | None) -> None:
    """As an export of a version that chose these rows; None: that did not say which."""

    def choose(content: dict[str, Any]) -> None:
        content["rows"] = rows
        content["digest"] = BestConfiguration.model_validate(content).content_digest()

    edit(best, choose)


def test_rows_that_another_version_chose_cannot_be_compared(best: Path, autotune: Command) -> None:
    with_rows(best, "0" * 64)
    line = next(n for n, text in enumerate(best.read_text("utf-8").splitlines(), 1) if text.startswith("rows:"))
    outcome = autotune("verify", "best.yaml", *INLINE)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith(f"best.yaml, line {line}: rows: this version of autotune chooses other rows of")


def test_an_older_export_says_nothing_of_its_rows(best: Path, autotune: Command) -> None:
    with_rows(best, None)
    outcome = autotune("verify", "best.yaml", *INLINE)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.count("note: the export does not say which rows its study trained on") == 1


def test_rows_that_were_changed_by_hand_are_another_configurations(best: Path) -> None:
    edit(best, lambda content: content.update(rows="0" * 64))
    assert not read_best(best).is_as_measured


@pytest.mark.parametrize("more", [[], ["--all-data"]])
def test_train_says_where_its_rows_are_others(best: Path, autotune: Command, more: Sequence[str]) -> None:
    edit(best, lambda content: content["settings"]["training"].update(epochs=1))
    train = ("train", "best.yaml", "--devices", "cpu", *more, "-o")
    known = read_best(best).rows
    said = {
        known: "",
        "0" * 64: "warning: this version of autotune chooses other rows of the data than the study had, so the",
        None: "note: the export does not say which rows its study trained on",
    }
    for number, (rows, note) in enumerate(said.items()):
        with_rows(best, rows)
        outcome = autotune(*train, f"model{number}")
        assert (outcome.code, outcome.err) == (0, "")
        told = [line for line in outcome.out.splitlines() if " rows " in line and line.startswith(("warning", "note"))]
        assert len(told) == bool(note)
        assert note in outcome.out


def test_labels_that_differ(best: Path, autotune: Command) -> None:
    edit(best, lambda content: content["labels"].update(sentiment=["negative", "neutral", "positive"]))
    outcome = autotune("verify", "best.yaml", *INLINE)
    assert outcome.code == 2
    assert "labels.sentiment: the training data lacks 'neutral'" in outcome.err


def test_a_newer_format_says_to_upgrade_and_nothing_else(best: Path, autotune: Command) -> None:
    def renew(content: dict[str, Any]) -> None:
        content.update(format=2, unheard_of=True)
        content["versions"]["autotune-mtl"] = "9.1"

    edit(best, renew)
    outcome = autotune("verify", "best.yaml")
    assert outcome.code == 2
    assert outcome.err == (
        "best.yaml, line 1: format: 2: written by autotune '9.1'; this one reads formats up to 1: upgrade it (pip "
        "install --upgrade autotune-mtl)\n"
    )


def test_an_export_for_transformers_is_no_input(trained: Path, autotune: Command) -> None:
    assert autotune("study", "export", "study.yaml", "--format", "hf", "-o", "hf.json").code == 0
    outcome = autotune("verify", "hf.json")
    assert outcome.code == 2
    assert "hf.json: is an export for transformers (--format hf)" in outcome.err
    assert (trained / "hf.json").is_file()


def test_other_versions_are_a_warning(best: Path) -> None:
    assert list(warnings(read_best(best), best)) == []
    edit(best, lambda content: content["versions"].update(torch="1.0", python="2.7"))
    here = versions()
    assert list(warnings(read_best(best), best)) == [
        f"warning: results may differ from those of the export: torch is {here['torch']} here and was 1.0; python is "
        f"{here['python']} here and was 2.7"
    ]
