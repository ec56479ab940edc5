from pathlib import Path

import pytest
from autotune.objectives.data.sources import Kind, resolve_source
from autotune.spaces.errors import DataError


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.csv", Kind.CSV),
        ("A.CSV", Kind.CSV),
        ("a.tsv", Kind.TSV),
        ("a.jsonl", Kind.JSONL),
        ("a.ndjson", Kind.JSONL),
        ("a.json", Kind.JSONL),
        ("a.parquet", Kind.PARQUET),
        ("a.csv.gz", Kind.CSV),
        ("A.TSV.GZ", Kind.TSV),
        ("a.jsonl.gz", Kind.JSONL),
    ],
)
def test_a_file_is_known_by_its_suffix_relative_to_the_base(tmp_path: Path, name: str, kind: Kind):
    (tmp_path / name).touch()
    source = resolve_source(name, tmp_path)
    assert (source.text, source.kind, source.place) == (name, kind, str(tmp_path / name))
    assert source.is_file


def test_an_absolute_path_stays(tmp_path: Path):
    file = tmp_path / "a.csv"
    file.touch()
    assert resolve_source(str(file), Path("elsewhere")).place == str(file)


@pytest.mark.parametrize(
    ("text", "config", "split"),
    [("set", None, "train"), ("set@test", None, "test"), ("set:small@test", "small", "test"), ("./set", None, "train")],
)
def test_a_folder_takes_a_configuration_and_a_split(tmp_path: Path, text: str, config: str | None, split: str):
    (tmp_path / "set").mkdir()
    source = resolve_source(text, tmp_path)
    assert (source.kind, source.place) == (Kind.FOLDER, str(tmp_path / "set"))
    assert (source.config, source.split) == (config, split)


def test_a_folder_with_a_strange_name_is_taken_as_written(tmp_path: Path):
    (tmp_path / "set@test").mkdir()
    assert resolve_source("set@test", tmp_path).place == str(tmp_path / "set@test")
    (tmp_path / "table.csv").mkdir()
    assert resolve_source("table.csv", tmp_path).kind is Kind.FOLDER


@pytest.mark.parametrize(
    ("text", "place", "config", "split"),
    [
        ("owner/name", "owner/name", None, "train"),
        ("owner/na-me_1.0@validation", "owner/na-me_1.0", None, "validation"),
        ("owner/name:en@train[:1000]", "owner/name", "en", "train[:1000]"),
        ("owner/name:en", "owner/name", "en", "train"),
    ],
)
def test_a_hub_id(tmp_path: Path, text: str, place: str, config: str | None, split: str):
    source = resolve_source(text, tmp_path)
    assert (source.kind, source.place, source.config, source.split) == (Kind.HUB, place, config, split)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("review.csv", "review.csv: no such file, did you mean 'reviews.csv'?"),
        ("data/train.csv", "data/train.csv: no such file (nor is there a folder 'data')"),
        ("train.gz", "train.gz: the file is compressed (gzip): unpack it, or call it .csv.gz, .tsv.gz, .jsonl.gz"),
        ("train.txt.gz", "train.txt.gz: the file is compressed (gzip): unpack it, or call it .csv.gz"),
        (
            "train.xlsx",
            "train.xlsx: the file is a zip archive: unpack it, or save a spreadsheet (.xlsx, .ods) as CSV UTF-8",
        ),
        ("notes.txt", "notes.txt: files of the type '.txt' are not supported; give a file (.csv, .tsv, .jsonl"),
        ("folder/trian", "folder/trian: no such file or folder, did you mean 'train'?"),
        ("word", "word: no such file or folder"),
        ("hf://datasets/a/b", "hf://datasets/a/b: no such file or folder"),
        ("", "'' names no data"),
        (f"{'x' * 300}.csv", f"{'x' * 300}.csv: cannot be looked up (File name too long)"),
        ("y" * 300, f"{'y' * 300}: cannot be looked up (File name too long)"),
    ],
)
def test_what_cannot_be_resolved_is_an_error_that_helps(tmp_path: Path, text: str, message: str):
    for name in ("reviews.csv", "notes.txt"):
        (tmp_path / name).touch()
    for name in ("train.gz", "train.txt.gz"):
        (tmp_path / name).write_bytes(b"\x1f\x8b\x08\0")
    (tmp_path / "train.xlsx").write_bytes(b"PK\x03\x04\x14\0")
    (tmp_path / "folder" / "train").mkdir(parents=True)
    with pytest.raises(DataError) as caught:
        resolve_source(text, tmp_path)
    assert str(caught.value).startswith(message)
