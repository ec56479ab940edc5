"""Paths of an export: relative to where it lies, whatever the study file said, and never absolute."""

from pathlib import Path

import pytest
from autotune.objectives.data.sources import resolve_source
from autotune.objectives.settings import ObjectiveSettings
from autotune.search.export.relocation import Relocation
from autotune.spaces.augmentation import AugmentationSpace
from autotune.spaces.errors import DataError, InputError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder of a study, with data and models, and `out` beside them."""
    for name in ("encoder", "rows", "out"):
        (tmp_path / name).mkdir()
    for name in ("reviews.csv", "held.csv", "words.tsv"):
        (tmp_path / name).write_text("text,label\na,b\n", encoding="utf-8")
    return tmp_path


def test_every_kind_of_path_is_moved(place: Path) -> None:
    kind = {"kind": "classification"}
    given = ObjectiveSettings.model_validate(
        {
            "data": {
                "train": "reviews.csv",
                "validation": str(place / "held.csv"),
                "test": "rows@test",
                "encoding": "cp1252",
            },
            "model": {"encoder": "encoder"},
            "tasks": {
                "main": kind,
                "own": {**kind, "data": {"train": "rows:small", "validation": "held.csv", "encoding": "cp1250"}},
                "hub": {**kind, "data": {"train": "owner/name:config@train[:9]"}},
            },
        }
    )
    moved = Relocation(place, place / "out").settings(given)
    data = moved.data
    assert (data.train, data.validation, data.test) == ("../reviews.csv", "../held.csv", "../rows@test")
    assert moved.model.encoder == "../encoder"
    own, hub = moved.tasks["own"].data, moved.tasks["hub"].data
    assert own is not None
    assert hub is not None
    assert (own.train, hub.train) == ("../rows:small", "owner/name:config@train[:9]")
    assert (own.validation, hub.validation) == ("../held.csv", None)
    assert (data.encoding, own.encoding, hub.encoding) == ("cp1252", "cp1250", None)


@pytest.mark.parametrize("encoder", ["scratch:tiny", "package:some_package/model", "owner/name"])
def test_an_encoder_that_is_no_folder_stays(place: Path, encoder: str) -> None:
    assert Relocation(place, place / "out").model(encoder, "model.encoder") == encoder


def test_what_operations_read_is_moved(place: Path) -> None:
    given = AugmentationSpace.model_validate(
        {
            "operations": ["replace", "mask", "synthesize"],
            "replace": {"lexicon": str(place / "words.tsv")},
            "mask": {"model": "encoder"},
            "synthesize": {"model": "owner/name"},
            "flip": {"lexicon": "/of/an/operation/that/is/not/there.tsv", "opposites": {"a": "b"}},
        }
    )
    moved = Relocation(place, place / "out").augmentation(given)
    assert (moved.replace.lexicon, moved.mask.model, moved.synthesize.model) == (
        "../words.tsv",
        "../encoder",
        "owner/name",
    )
    assert (moved.flip.lexicon, moved.flip.opposites) == (None, {"a": "b"})


def test_what_lies_at_home_is_moved(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(place))
    moved = Relocation(place / "rows", place / "out")
    space = AugmentationSpace.model_validate({"operations": ["replace"], "replace": {"lexicon": "~/words.tsv"}})
    assert moved.augmentation(space).replace.lexicon == "../words.tsv"
    assert moved.source("~/reviews.csv") == "../reviews.csv"
    assert moved.model("~/encoder", "model.encoder") == "../encoder"


def test_a_name_that_begins_like_a_home_is_a_name(place: Path) -> None:
    (place / "~nobody-at-all.csv").write_text("text,label\na,b\n", encoding="utf-8")
    assert Relocation(place, place).source("~nobody-at-all.csv") == "./~nobody-at-all.csv"
    assert Path(resolve_source("./~nobody-at-all.csv", place).place) == place / "~nobody-at-all.csv"


@pytest.mark.parametrize("name", ["/models/of/ada", "~root/../models/of/ada"])
def test_an_absolute_path_that_is_gone_never_comes_out(place: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"model\.encoder: .* does not exist"):
        Relocation(place, place / "out").model(name, "model.encoder")
    with pytest.raises(DataError, match="no such file"):
        Relocation(place, place / "out").source("/data/of/ada.csv")


# Every character that a file's name may have on a POSIX system, and the hostile ones often.
_NAMES = st.text(
    st.sampled_from("@:[]%#&?!*'\"\\ \n\t$`~-") | st.characters(exclude_characters="/\0", exclude_categories=["Cs"]),
    min_size=1,
    max_size=12,
).filter(lambda name: name not in {".", ".."} and len(name.encode()) < 200)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(folder=_NAMES, name=_NAMES, out=_NAMES)
def test_hostile_paths_come_out_relative_and_mean_the_same_file(
    tmp_path: Path, folder: str, name: str, out: str
) -> None:
    study, export = tmp_path / "study" / folder, tmp_path / "export" / out
    study.mkdir(parents=True, exist_ok=True)
    export.mkdir(parents=True, exist_ok=True)
    file = study / f"{name}.csv"
    file.write_text("text,label\na,b\n", encoding="utf-8")
    moved = Relocation(study, export)
    for text in (file.name, str(file)):
        relative = moved.source(text)
        assert not Path(relative).is_absolute()
        assert str(tmp_path) not in relative
        assert Path(resolve_source(relative, export).place) == file.resolve()
