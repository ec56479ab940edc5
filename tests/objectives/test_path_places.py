"""Where the paths of a study file lead."""

from pathlib import Path

import pytest
from autotune.objectives.places import place_of


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a.csv", "/study/a.csv"),
        ("../a.csv", "/study/../a.csv"),
        ("/data/a.csv", "/data/a.csv"),
        ("~/a.csv", "/ada/a.csv"),
        ("./~/a.csv", "/study/~/a.csv"),
        ("~nobody-is-called-so/a.csv", "/study/~nobody-is-called-so/a.csv"),
    ],
)
def test_a_path_is_relative_to_the_study_file_or_begins_at_home(text: str, place: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", "/ada")
    assert place_of(text, Path("/study")) == Path(place)
