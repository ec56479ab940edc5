"""What is read beside the data counts by its content."""

import errno
from pathlib import Path

import pytest
from autotune.search.beside import beside
from autotune.search.study_file.reading import parse_study_file
from autotune.search.study_file.schema import StudyFile
from autotune.spaces.errors import StudyError

KEYS = {"model.encoder", "space.augmentation.replace.lexicon"}


def study(encoder: str) -> StudyFile:
    return parse_study_file(
        f"""
data: {{train: reviews.csv, validation: 0.2}}
model: {{encoder: {encoder}}}
tasks: {{sentiment: {{kind: classification}}}}
space: {{augmentation: {{operations: [replace], replace: {{lexicon: words.tsv}}, flip: {{lexicon: other.tsv}}}}}}
search: {{trials: 1}}
""",
        "study.yaml",
        "tiny",
    )


def test_lexicons_and_folders_count_by_their_content(tmp_path: Path) -> None:
    for name in ("words.tsv", "other.tsv"):
        (tmp_path / name).write_text("great\tadj\tfine\t\n", encoding="utf-8")
    (tmp_path / "encoder").mkdir()
    for name in ("config.json", "model.safetensors", "README.md"):
        (tmp_path / "encoder" / name).write_text(name, encoding="utf-8")
    before = beside(study("./encoder"), tmp_path)
    assert before.keys() == KEYS  # flip is no operation of it
    (tmp_path / "encoder" / "README.md").write_text("mine", encoding="utf-8")
    assert beside(study("./encoder"), tmp_path) == before
    (tmp_path / "encoder" / "model.safetensors").write_text("trained on", encoding="utf-8")
    (tmp_path / "words.tsv").write_text("great\tadj\tpoor\t\n", encoding="utf-8")
    after = beside(study("./encoder"), tmp_path)
    assert {key for key in KEYS if after[key] != before[key]} == KEYS


def test_what_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "words.tsv").write_text("", encoding="utf-8")

    def closed(file: Path, *_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(file))

    monkeypatch.setattr(Path, "open", closed)
    with pytest.raises(StudyError, match=r"replace\.lexicon: '.*words.tsv' cannot be read: Permission denied"):
        beside(study("scratch:tiny"), tmp_path)


def test_what_lies_elsewhere_is_left_out(tmp_path: Path) -> None:
    assert beside(study("scratch:tiny"), tmp_path) == {}
