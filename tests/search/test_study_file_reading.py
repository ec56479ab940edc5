from pathlib import Path

import pytest
from autotune.search.study_file.reading import parse_study_file, read_study_file
from autotune.search.study_file.schema import StudyFile
from autotune.spaces.errors import StudyFileError

from .test_study_file_mistakes import GOOD, changed, complaints


def parsed(text: str) -> StudyFile:
    return parse_study_file(text, "study.yaml")


def test_a_good_file() -> None:
    study = parsed(GOOD)
    assert (study.name, study.main_task, study.metric, study.storage) == ("reviews", "sentiment", "accuracy", None)
    assert study.auxiliary_tasks == ["aspect", "films", "language"]
    assert study.space.learning_rate == (1e-5, 5e-4)
    assert (study.search.trials, study.search.timeout) == (12, 1800)


def test_read_study_file_names_the_file_as_it_was_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.yaml").write_text("\ufeff" + GOOD, encoding="utf-8")
    assert read_study_file(Path("a.yaml")) == parsed(GOOD)
    Path("a.yaml").write_text(changed("trials: 12", "trials: 0"), encoding="utf-8")
    with pytest.raises(
        StudyFileError,
        match=r"^a\.yaml, line 14: search\.trials: 0: must be a whole number of at least 1 and at most 1000000$",
    ):
        read_study_file(Path("a.yaml"))


def test_a_file_without_a_name_names_its_study(tmp_path: Path) -> None:
    (tmp_path / "my reviews.yaml").write_text(GOOD.replace("name: reviews\n", ""), encoding="utf-8")
    assert read_study_file(tmp_path / "my reviews.yaml").name == "my-reviews"
    with pytest.raises(StudyFileError, match="name: missing"):
        parsed(GOOD.replace("name: reviews\n", ""))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(StudyFileError, match=r"absent\.yaml: there is no such file$"):
        read_study_file(tmp_path / "absent.yaml")
    with pytest.raises(StudyFileError, match=r"is a folder, not a study file$"):
        read_study_file(tmp_path)
    (tmp_path / "latin.yaml").write_bytes("name: a\nobjective: é".encode("latin-1"))
    with pytest.raises(StudyFileError, match=r"latin\.yaml, line 2: not UTF-8 \(byte 0xe9\); save it as UTF-8$"):
        read_study_file(tmp_path / "latin.yaml")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "study.yaml: the file is empty"),
        ("# nothing yet\n", "study.yaml: the file is empty"),
        ("\n- a", "study.yaml, line 2: a study file is a mapping of keys (`name: ...`), not a list"),
        ("reviews", "study.yaml, line 1: a study file is a mapping of keys (`name: ...`), not a single value"),
        (
            "name: a\ndata: [1,\n",
            "study.yaml, line 2: not valid YAML: expected the node content, but found the end of the file "
            "(while parsing a flow node)",
        ),
        (
            "name: 'a\ndata:\n",
            "study.yaml, line 2: not valid YAML: found unexpected end of stream (while scanning a quoted scalar that "
            "begins on line 1)",
        ),
        ("a: b: c\n", "study.yaml, line 1, column 5: not valid YAML: mapping values are not allowed here"),
        ("data:\n\ttrain: x\n", "study.yaml, line 2, column 1: not valid YAML: a tab; indent with spaces"),
        ("name: a\n\0", "study.yaml, line 2: the character U+0000 is not allowed here"),
        ("name: *a", "study.yaml, line 1, column 7: not valid YAML: found undefined alias 'a'"),
        ("[" * 5000, "study.yaml: groups and lists are nested too deeply"),
        (
            "name: a\n---\nname: b",
            "study.yaml, line 2, column 1: not valid YAML: expected a single document in the stream, but found another "
            "document",
        ),
    ],
)
def test_text_that_is_no_study_file_at_all(text: str, complaint: str) -> None:
    assert complaints(text) == [complaint]


def test_values_are_short_and_without_passwords() -> None:
    for password in ("secret", "so secret", "sec@ret"):
        (told,) = complaints(changed("name: reviews", f"name: r\nstorage: ['postgresql://me:{password}@host/db']"))
        assert "ret" not in told
    assert "postgresql://me:***@host/db" in told
    for address in ("postgresql:/me:secret@host/db", "postgresql:///me:secret@host/db"):
        (told,) = complaints(changed("name: reviews", f"name: r\nstorage: ['{address}']"))
        assert "secret" not in told
        assert "me:***@host/db" in told
    (told,) = complaints(changed("epochs: 3", f"epochs: {'x' * 10_000}"))
    assert len(told) < 200
    assert all(line.isprintable() and len(line) < 500 for line in complaints(changed("epochs", f'"\\e[2J{"x" * 999}"')))


def test_plain_scalars_are_those_of_yaml_1_2() -> None:
    study = parsed(
        changed("epochs: 3", "weight_decay: 1e-3, epochs: 1_0")
        .replace("label: aspect", "label: on")
        .replace("[1e-5", "['1e-5'")
    )
    assert (study.training.weight_decay, study.training.epochs) == (1e-3, 10)
    assert study.tasks["aspect"].model_dump()["label"] == "on"
    assert study.space.learning_rate == (1e-5, 5e-4)


def test_anchors_and_merges() -> None:
    text = changed("films: {kind: classification, data", "films: {<<: *aspect, label: label, data").replace(
        "aspect: {", "aspect: &aspect {"
    )
    assert parsed(text) == parsed(GOOD)
    found = complaints(changed("films: {kind: classification, data", "films: {<<: 3, kind: classification, data"))
    assert found == ["study.yaml, line 8: tasks.films: <<: merges other groups of keys, and nothing else"]
    assert complaints("name: &a [*a]")[0] == "study.yaml, line 1: name: an alias (*) inside its own anchor"


def test_aliases_that_multiply_take_no_time() -> None:
    lines = ["x0: &x0 [a, a]", *(f"x{i}: &x{i} [*x{i - 1}, *x{i - 1}]" for i in range(1, 60))]
    merges = ["y0: &y0 {a: 1}", *(f"y{i}: &y{i} {{<<: [*y{i - 1}, *y{i - 1}]}}" for i in range(1, 60))]
    text = GOOD + "\n".join([*lines, *merges, "storage: *x59", ""])
    assert any("storage: [[" in line and "must be text or null" in line for line in complaints(text))
