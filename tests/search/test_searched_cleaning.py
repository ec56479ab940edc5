"""A study that searches its cleaning, from the file to the trained model."""

import csv
import json
from pathlib import Path

import pytest
import yaml
from autotune.search.export.best_file import read_best
from autotune.search.wording import in_short
from autotune.spaces.configuration import Configuration
from autotune.spaces.errors import StudyFileError

from .conftest import Command

SPACE = {"cleaning": {"drop_suspect_labels": [True, False], "near_duplicates": [None, 0.9]}}


def test_a_configuration_says_in_short_what_it_leaves_out():
    given = Configuration(learning_rate=1e-3, cleaning={"drop_suspect_labels": True, "near_duplicates": 0.9})
    assert in_short(given) == "lr 1e-3, without suspect labels, without near-duplicates from 0.9"
    kept = Configuration(learning_rate=1e-3, cleaning={"drop_suspect_labels": False, "near_duplicates": None})
    assert in_short(kept) == "lr 1e-3"


@pytest.mark.slow
def test_searched_cleaning_goes_from_the_file_to_the_model(
    reviews_csv: Path, autotune: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(reviews_csv.parent)
    with reviews_csv.open("a", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([("The battery is superb!!", "positive", "battery")])
    study = {
        "data": {"train": "reviews.csv", "validation": 0.25},
        "model": {"encoder": "scratch:tiny", "max_length": 16},
        "tasks": {"sentiment": {"kind": "classification"}},
        "space": SPACE,
        "training": {"epochs": 1, "precision": "fp32"},
        "search": {"trials": 4, "sampler": "grid", "pruner": "none", "grid": {"over": ["cleaning.near_duplicates"]}},
    }
    Path("study.yaml").write_text(yaml.safe_dump(study), encoding="utf-8")
    for arguments in (["create", "study.yaml"], ["run", "study.yaml", "--devices", "cpu"]):
        outcome = autotune("study", *arguments)
        assert (outcome.code, outcome.err) == (0, "")
    number = next(
        trial["number"]
        for trial in json.loads(autotune("study", "show", "study", "--json").out)["trials"]
        if trial["configuration"]["cleaning"] == {"near_duplicates": 0.9}
    )
    assert autotune("study", "export", "study", "--trial", str(number)).code == 0
    best = read_best(Path("best.yaml"))
    assert best.configuration.cleaning == {"near_duplicates": 0.9}
    outcome = autotune("train", "best.yaml", "-o", "model", "--devices", "cpu")
    assert (outcome.code, outcome.err) == (0, "")
    text = Path("best.yaml").read_text(encoding="utf-8")
    Path("best.yaml").write_text(text.replace("near_duplicates: 0.9", "near_duplicates: 0.7"), encoding="utf-8")
    with pytest.raises(StudyFileError, match=r"must be one of the choices of cleaning.near_duplicates: null, 0.9"):
        read_best(Path("best.yaml"))
