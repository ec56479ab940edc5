"""What a study file may say otherwise while its study lives."""

import csv
import hashlib
import json
from pathlib import Path

import pytest
from autotune.objectives.data.huggingface import read_collection
from autotune.objectives.data.sources import resolve_source
from autotune.search.changing import forbidden_changes
from autotune.search.export.best_file import read_best
from autotune.search.production.unchanged import check_data
from autotune.search.roles import ROLE
from autotune.search.study import open_study
from autotune.search.study_file.reading import parse_study_file
from autotune.search.study_file.schema import StudyFile
from autotune.spaces.errors import DataError

from .conftest import STUDY, Command

DATABASE = "sqlite:///autotune.db"
GRID = "the study 'tiny' cannot continue: a trial's number is its place in the grid"
PRUNER = "asha, hyperband and wilcoxon need values that only trials run under them record"


def say(folder: Path, search: str) -> None:
    text = (folder / "study.yaml").read_text(encoding="utf-8")
    head, _, _ = text.partition("search:")
    (folder / "study.yaml").write_text(f"{head}search: {{{search}}}\n", encoding="utf-8")


def file_with(search: str, validation: str = "0.25") -> StudyFile:
    text = STUDY.replace("trials: 4, sampler: random", search).replace("validation: 0.25", f"validation: {validation}")
    return parse_study_file(text, "study.yaml")


@pytest.mark.slow
def test_parts_of_folders_in_other_encodings_are_trained_on(folder: Path, autotune: Command) -> None:
    content = (folder / "reviews.csv").read_text(encoding="utf-8")
    for name, the, encoding in (("latin", "Thé", "cp1252"), ("cyrillic", "\u0422\u0445\u0435", "cp1251")):
        (folder / name).mkdir()
        (folder / name / "train.csv").write_text(content.replace("The", the), encoding)
    text = STUDY.replace("reviews.csv", "'latin@train[1:]', encoding: cp1252")
    own = "label: aspect, data: {train: 'cyrillic@train[1:]', encoding: cp1251}"
    (folder / "study.yaml").write_text(text.replace("label: aspect", own), encoding="utf-8")
    assert autotune("study", "create", "study.yaml").code == 0
    outcome = autotune("study", "run", "study.yaml", "--trials", "1", "--devices", "cpu")
    assert outcome.code == 0, outcome.err
    assert autotune("study", "export", "study.yaml").code == 0
    best = folder / "best.yaml"
    check_data(read_best(best), best)
    (folder / "cyrillic" / "train.csv").write_text(content.replace("The", "\u0422\u0445\u0451"), "cp1251")
    assert "cyrillic@train[1:]: the data changed" in autotune("study", "run", "study.yaml", "--trials", "2").err
    with pytest.raises(DataError, match="not the data that the configuration was found on"):
        check_data(read_best(best), best)


@pytest.mark.slow
def test_data_whose_fingerprint_an_earlier_version_made_is_unchanged(folder: Path, autotune: Command) -> None:
    with (folder / "reviews.csv").open(encoding="utf-8") as stream:
        rows = [{**row, "places": {"shelf": "a"}} for row in csv.DictReader(stream)]
    (folder / "set").mkdir()
    (folder / "set" / "train.json").write_text(json.dumps(rows), encoding="utf-8")
    (folder / "study.yaml").write_text(STUDY.replace("reviews.csv", "set"), encoding="utf-8")
    assert autotune("study", "create", "study.yaml").code == 0
    read = read_collection(resolve_source("set", folder))
    earlier = hashlib.sha256(json.dumps([read.columns, read.lists, read.faults]).encode()).hexdigest()
    study = open_study("tiny", DATABASE).study
    assert study.user_attrs["fingerprints"] != {"set": earlier}
    study.set_user_attr("fingerprints", {"set": earlier})
    outcome = autotune("study", "run", "study.yaml", "--trials", "1", "--devices", "cpu")
    assert outcome.code == 0, outcome.err
    assert autotune("study", "export", "study.yaml").code == 0
    check_data(read_best(folder / "best.yaml"), folder / "best.yaml")


@pytest.mark.slow
def test_another_number_of_trials_is_the_study_s_new_total(trained: Path, autotune: Command) -> None:
    say(trained, "trials: 6, sampler: random")
    assert "4 complete, 0 pruned, 0 failed, 0 running, of 4" in autotune("study", "show", "tiny").out
    outcome = autotune("study", "run", "study.yaml", "--devices", "cpu")
    assert outcome.code == 0, outcome.err
    assert "changed in the study file, and taken over: search.trials: 4 -> 6\n" in outcome.out
    assert "all trials are done: 6 of 6 trials done" in outcome.out
    assert autotune("study", "run", "study.yaml").out == (
        "nothing to do: all 6 trials are done (--trials N sets another total)\n"
    )
    assert open_study("tiny", DATABASE).file.search.trials == 6


@pytest.mark.slow
def test_fewer_trials_than_have_ended_take_none_away(trained: Path, autotune: Command) -> None:
    say(trained, "trials: 2, sampler: random")
    outcome = autotune("study", "run", "study.yaml")
    assert outcome.code == 0, outcome.err
    assert outcome.out == (
        "changed in the study file, and taken over: search.trials: 4 -> 2\n"
        "nothing to do: 4 trials are done; 2 were requested (--trials N sets another total)\n"
    )
    assert "4 complete, 0 pruned, 0 failed, 0 running, of 4" in autotune("study", "show", "tiny").out


@pytest.mark.slow
def test_an_option_s_total_stays_that_call_s(trained: Path, autotune: Command) -> None:
    assert autotune("study", "run", "study.yaml", "--trials", "5", "--devices", "cpu").code == 0
    assert open_study("tiny", DATABASE).study.user_attrs["total"] == 4
    say(trained, "trials: 8, sampler: random")
    assert "nothing to do: all 5 trials" in autotune("study", "run", "study.yaml", "--trials", "5").out
    assert open_study("tiny", DATABASE).study.user_attrs["total"] == 8


@pytest.mark.slow
def test_a_study_that_began_with_one_trial_has_equal_weights_next(folder: Path, autotune: Command) -> None:
    say(folder, "trials: 1, sampler: random")
    assert autotune("study", "run", "study.yaml", "--devices", "cpu").code == 0
    assert "1 complete, 0 pruned, 0 failed, 0 running, of 1" in autotune("study", "show", "tiny").out
    say(folder, "trials: 2, sampler: random")
    assert autotune("study", "run", "study.yaml", "--devices", "cpu").code == 0
    trials = open_study("tiny", DATABASE).study.trials
    assert [trial.user_attrs[ROLE] for trial in trials] == ["baseline", "equal weights"]


@pytest.mark.slow
def test_sampler_and_pruner_may_change(trained: Path, autotune: Command) -> None:
    say(trained, "trials: 6, sampler: tpe, pruner: median")
    outcome = autotune("study", "run", "study.yaml", "--devices", "cpu")
    assert outcome.code == 0, outcome.err
    told = "search.trials: 4 -> 6, search.sampler: 'random' -> 'tpe', search.pruner: 'auto' -> 'median'"
    assert f"changed in the study file, and taken over: {told}\n" in outcome.out


@pytest.mark.slow
def test_a_change_that_the_trials_so_far_forbid_is_told_by_its_reason(trained: Path, autotune: Command) -> None:
    say(trained, "trials: 6, sampler: grid, pruner: asha")
    outcome = autotune("study", "run", "study.yaml")
    assert outcome.code == 2
    assert "no longer measure the same thing" not in outcome.err
    for told in (GRID, "  search.sampler: 'random' -> 'grid'\n", PRUNER, "  search.pruner: 'auto' -> 'asha'\n"):
        assert told in outcome.err
    assert open_study("tiny", DATABASE).study.user_attrs["total"] == 4


@pytest.mark.parametrize(
    ("before", "after", "forbidden"),
    [
        ("sampler: tpe", "sampler: qmc", []),
        ("sampler: grid", "sampler: tpe", ["search.sampler: 'grid' -> 'tpe'"]),
        ("sampler: grid", "sampler: grid, grid: {levels: 2}", ["search.grid.levels: 3 -> 2"]),
        ("pruner: none", "pruner: one-epoch", []),
        ("pruner: auto", "pruner: percentile", []),
        ("pruner: hyperband", "pruner: hyperband, trials: 9", []),
        ("pruner: hyperband", "pruner: asha", ["search.pruner: 'hyperband' -> 'asha'"]),
        ("pruner: asha", "pruner: none", ["search.pruner: 'asha' -> 'none'"]),
    ],
)
def test_which_changes_are_forbidden(before: str, after: str, forbidden: list[str]) -> None:
    found = forbidden_changes(file_with(before), file_with(after))
    assert [line for _, lines in found for line in lines] == forbidden


def test_the_automatic_pruner_of_many_folds_is_wilcoxon() -> None:
    auto, wilcoxon, none = (file_with(f"pruner: {name}", "{folds: 10}") for name in ("auto", "wilcoxon", "none"))
    assert not list(forbidden_changes(auto, wilcoxon))
    assert [lines for _, lines in forbidden_changes(auto, none)] == [["search.pruner: 'auto' -> 'none'"]]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stored", "goes_on"),
    [({}, True), ({"rows": "others"}, False), ({"rows": None}, True), ({"rows": None, "max_steps": 7}, False)],
)
def test_a_version_that_would_choose_other_rows_does_not_continue(
    trained: Path, autotune: Command, stored: dict[str, object], goes_on: bool
) -> None:
    """Its trials would not be comparable; a study from before rows were stored shows it by their steps."""
    study = open_study("tiny", DATABASE).study
    for name, value in stored.items():
        study.set_user_attr(name, value)
    told = autotune("study", "run", "tiny", "--trials", "5", "--devices", "cpu")
    assert told.code == (0 if goes_on else 2), told
    assert ("chose other rows of its data" in told.err) != goes_on


@pytest.mark.slow
def test_a_version_that_would_read_other_labels_does_not_continue(trained: Path, autotune: Command) -> None:
    """The rows may be the same, as where validation is a file: one class more is another task."""
    study = open_study("tiny", DATABASE).study
    labels = study.user_attrs["labels"]
    name, values = next((name, values) for name, values in labels.items() if values)
    study.set_user_attr("labels", {**labels, name: values[1:]})
    told = autotune("study", "run", "tiny", "--trials", "5", "--devices", "cpu")
    assert (told.code, "read other labels in its data" in told.err) == (2, True), told
