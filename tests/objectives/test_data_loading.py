import bz2
import csv
import gc
import gzip
import hashlib
import io
import json
import lzma
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import datasets
import pyarrow
import pytest
from autotune.objectives.corpus.named_sources import named_source
from autotune.objectives.data import as_text, json_lines
from autotune.objectives.data.loading import fingerprint, load_table
from autotune.objectives.data.sources import resolve_source
from autotune.objectives.data.table import Table, append
from autotune.objectives.settings import ObjectiveSettings
from autotune.spaces.errors import DataError
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pyarrow.parquet import write_table


def load(folder: Path, name: str, content: str | bytes) -> Table:
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return load_table(resolve_source(name, folder))


def error_of(folder: Path, name: str, content: str | bytes) -> str:
    with pytest.raises(DataError) as caught:
        load(folder, name, content)
    return str(caught.value)


def test_every_value_of_a_csv_stays_the_text_of_the_file(tmp_path: Path):
    table = load(tmp_path, "a.csv", "text,n\nNA,007\nnull,1.10\n,-\nTrue,2024-01-01\n nan ,1e5\n")
    assert table.columns == {
        "text": ["NA", "null", "", "True", " nan "],
        "n": ["007", "1.10", "-", "2024-01-01", "1e5"],
    }


def test_quoted_line_ends_and_carriage_returns(tmp_path: Path):
    table = load(tmp_path, "a.csv", 'text,label\r\n"two\r\nlines, one ""text""",x\r\nlast,y')
    assert table.columns == {"text": ['two\r\nlines, one "text"', "last"], "label": ["x", "y"]}
    assert [table.where(row) for row in range(len(table))] == ["a.csv, line 2", "a.csv, line 4"]


def test_a_byte_order_mark_and_blank_lines_leave_no_trace(tmp_path: Path):
    table = load(tmp_path, "a.csv", b"\xef\xbb\xbf\n\ntext,label\n\na,x\n\n\nb,y\n\n")
    assert table.columns == {"text": ["a", "b"], "label": ["x", "y"]}
    assert list(table.lines) == [5, 8]


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_a_second_byte_order_mark_leaves_no_trace_either(tmp_path: Path, name: str):
    rows = {"a.csv": "text,label\na,x\n", "a.jsonl": '{"text": "a", "label": "x"}\n'}
    assert load(tmp_path, name, f"\ufeff\ufeff{rows[name]}").columns == {"text": ["a"], "label": ["x"]}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_csv_that_pandas_reads_in_another_way_is_a_data_error(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    message = error_of(tmp_path, "a.csv", "\n\ufefftext,label\na,x\n")
    assert message.startswith("a.csv: not a readable CSV file (")
    assert capfd.readouterr() == ("", "")
    gc.collect()  # `datasets` leaves the file open where it fails, which no later test should be blamed for


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (",text,label\n0,a,007\n1,b,y\n", [2, 3]),
        (",text,label\n7,a,007\n-3,b,y\n", [2, 3]),
        ("text,label,,\na,007,,\nb,y, ,\n", [2, 3]),
        ("text,,label\na,,007\nb,,y\n", [2, 3]),
        (",text,label,\n0,a,007,\n,,,\n1,b,y,\n,,,\n,,\n", [2, 4]),
        ("text;label;\r\na;007;\r\n;;\r\nb;y;\r\n;;\r\n", [2, 4]),
        ('text,label\n\na,007\n"",""\nb,y\n,\n\n', [3, 5]),
    ],
)
def test_what_pandas_and_spreadsheets_write_beside_the_data_is_ignored(tmp_path: Path, content: str, lines: list[int]):
    table = load(tmp_path, "a.csv", content)
    assert table.columns == {"text": ["a", "b"], "label": ["007", "y"]}
    assert (table.names, list(table.lines)) == (["text", "label"], lines)
    assert table.fingerprint == hashlib.sha256(content.encode()).hexdigest()


def test_a_tsv_and_a_path_that_looks_like_a_pattern(tmp_path: Path):
    table = load(tmp_path, "re[v]iews*?.tsv", "text\tlabel\na, b\tx\n")
    assert table.columns == {"text": ["a, b"], "label": ["x"]}


@pytest.mark.parametrize(
    ("rows", "texts"),
    [
        ('"a quote that\tx\nnobody closes\ty\n', ['"a quote that', "nobody closes"]),
        ('"What a film\tx\nand so on\ty\nup to here"\tz\n', ['"What a film', "and so on", 'up to here"']),
        ('"Great" she said\tx\n', ['"Great" she said']),
        ('"Great, ""she"" said"\tx\n"a\tb"\tx\n', ['Great, "she" said', "a\tb"]),
        ('"two\nlines"\tx\n', ["two\nlines"]),
    ],
)
def test_quotes_of_a_tsv_join_no_rows(tmp_path: Path, rows: str, texts: list[str]):
    table = load(tmp_path, "a.tsv", "text\tlabel\n" + rows)
    assert table.columns["text"] == texts
    assert table.lines[0] == 2


@pytest.mark.parametrize("good", ['"a ""quoted"" text"\tx\n', '"one"\t"x"\n"two"\t"x"\n'])
def test_one_stray_quote_does_not_make_the_quotes_of_all_others_text(tmp_path: Path, good: str):
    message = error_of(tmp_path, "a.tsv", f'text\tlabel\n{good}"stray" start\ty\n')
    assert "text follows a closing quote" in message


def test_a_tsv_that_can_be_read_in_no_way_says_what_is_wrong_with_its_quotes(tmp_path: Path):
    message = error_of(tmp_path, "a.tsv", 'text\tlabel\n"never closed\tx\nno label\n')
    assert message == "a.tsv, line 2: a quote opens in this row and is never closed"


cells = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6) | st.sampled_from(
    ["NA", "null", "1.0", " ", "  ", "\t", '"', "\r", "\n", "\ufeff", "", "#", "'"]
)


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), width=st.integers(1, 3), end=st.sampled_from(["\n", "\r\n", "\r"]), tabs=st.booleans())
def test_a_csv_has_the_rows_that_the_csv_module_reads(
    tmp_path: Path, data: st.DataObject, width: int, end: str, tabs: bool
):
    rows = data.draw(st.lists(st.lists(cells, min_size=width, max_size=width), min_size=1, max_size=8))
    # Before Python 3.13 the writer forgets to quote a line end that is not its own.
    quote_all = data.draw(st.booleans()) or any(set(cell) & {"\r", "\n"} for row in rows for cell in row)
    quoting = csv.QUOTE_ALL if quote_all else csv.QUOTE_MINIMAL
    delimiter = "\t" if tabs else ","
    written = io.StringIO(newline="")
    writer = csv.writer(written, delimiter=delimiter, lineterminator=end, quoting=quoting)
    writer.writerow([f"column {number}" for number in range(width)])
    for row in rows:
        written.write(end * data.draw(st.integers(0, 2)))
        writer.writerow(row)
    text = written.getvalue()
    rows = [row for row in rows if width == 1 or any(row)]
    assume(rows)
    read = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    expected = [row for row in read if any(row) or len(row) == 1][1:]
    table = load(tmp_path, "a.tsv" if tabs else "a.csv", text)
    assert [list(row) for row in zip(*table.columns.values(), strict=True)] == expected == rows
    lines = io.StringIO(text, newline="").readlines()
    assert [next(csv.reader(lines[line - 1 :], delimiter=delimiter)) for line in table.lines] == rows


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "a.csv: the file is empty"),
        (b"\xef\xbb\xbf \n\n", "a.csv: the file is empty"),
        (b"text,label\n", "a.csv: has no rows, only the columns text, label"),
        (b"text,label\na,x\nb\n", "a.csv, line 3: 1 field, where the header has 2 columns (text, label)"),
        (b"text,label\na,x,y\nb,x\n", "a.csv, line 2: 3 fields, where the header has 2 columns (text, label)"),
        (b"text,,label, \na,x,y,z\n", "a.csv, line 1: the header has no name for column 2, 4"),
        (
            b",text,label\nr1,a,x\n",
            "a.csv, line 1: the header has no name for column 1 (an index, as pandas writes it? write the file with "
            "index=False, or give the column a name)",
        ),
        (
            b",text,label\n0,a,x\n1,b,x\n0,c,y\n1,d,y\n1,e,y\n",
            "a.csv, line 1: the header has no name for column 1 (an index, as pandas writes it? ",
        ),
        (b"text,label,,\na,x,,oh\n", "a.csv, line 1: the header has no name for column 4"),
        (b",,\na,x,\n", "a.csv, line 1: the header has no name for column 1, 2, 3"),
        (b"text,label\n,,,\na,x\n", "a.csv, line 2: 4 fields, where the header has 2 columns (text, label)"),
        (b"text,label\na,x\n,,,\n", "a.csv, line 3: 4 fields, where the header has 2 columns (text, label)"),
        (b"text\na\n,\nb\n", "a.csv, line 3: 2 fields, where the header has 1 column (text)"),
        (b"text,text\na,x\n", "a.csv, line 1: the header repeats 'text'"),
        (b'text,label\na,x\n"b,x\nc,y\n', "a.csv, line 3: a quote opens in this row and is never closed"),
        (b'text,label\n"a "b" c",x\n', "a.csv, line 2: text follows a closing quote"),
        (b"text,label\n" + b"a" * 200_000 + b",x\n", "a.csv, line 2: a field over 131,072 characters"),
        (b"text,label\na\0b,x\n", "a.csv, line 2: holds a NUL byte"),
        (b"text,label\na,x\ncaf\xe9 noir,x\n", "a.csv, line 3: byte 4 of the line (0xe9) is not UTF-8; the file looks"),
        (b"\xef\xbb\xbfa,b\n\xff,x\n", "a.csv, line 2: byte 1 of the line (0xff) is not UTF-8"),
        (
            gzip.compress(b"text,label\na,x\n", mtime=0),
            "a.csv: the file is compressed (gzip): unpack it, or call it a.csv.gz",
        ),
        (lzma.compress(b"text,label\na,x\n"), "a.csv: the file is compressed (xz): unpack it"),
        (bz2.compress(b"text,label\na,x\n"), "a.csv: the file is compressed (bzip2): unpack it"),
        (
            b"PK\x03\x04\x14\0\0",
            "a.csv: the file is a zip archive: unpack it, or save a spreadsheet (.xlsx, .ods) as CSV",
        ),
        (b"\xd0\xcf\x11\xe0\xa1", "a.csv: the file is a spreadsheet of an old Excel (.xls): save it as CSV UTF-8"),
    ],
)
def test_a_mistake_in_a_csv_names_its_line(tmp_path: Path, content: bytes, message: str):
    assert error_of(tmp_path, "a.csv", content).startswith(message)


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        (
            "sep=,\ntext,label\na,x\n",
            "the header has no name for column 2 (this line is for Excel alone: delete it)",
        ),
        ('text, label\na, "x, y"\n', "line 1: blanks follow the separators; a quote after a blank does not quote"),
    ],
)
def test_what_is_likely_behind_a_mistake_is_said(tmp_path: Path, content: str, hint: str):
    assert hint in error_of(tmp_path, "a.csv", content)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.tsv", "text\tlabel\r\n很好吃 😀\tx\r\n"),
        ("a.csv", "text\tlabel\r\n很好吃 😀\tx\r\n"),
        ("a.jsonl", '{"text": "很好吃 😀", "label": "x"}\n'),
    ],
)
def test_utf_16_is_known_by_its_byte_order_mark(tmp_path: Path, encoding: str, name: str, content: str):
    """Excel's "Unicode text" is written so."""
    data = f"\ufeff{content}".encode(encoding)
    table = load(tmp_path, name, data)
    assert table.columns == {"text": ["很好吃 😀"], "label": ["x"]}
    assert table.fingerprint == hashlib.sha256(data).hexdigest()


def test_utf_16_that_breaks_off_names_its_line(tmp_path: Path):
    message = error_of(tmp_path, "a.csv", "text,label\na,x\n".encode("utf-16") + b"\0")
    assert message == "a.csv, line 3: not UTF-16 (truncated data), as which the file begins; save it as UTF-8"


@pytest.mark.parametrize(
    ("encoding", "name", "line", "text", "words"),
    [
        ("latin-1", "Latin-1 or Windows-1252", "cp1252", "café noir", "'café'"),
        ("gbk", "GBK", "gbk", "很好吃", "'很好吃,x'"),
        ("gb18030", "GB18030", "gb18030", "很好吃 味道也不错 下次再来 囧,x", "'很好吃', '味道也不错', '下次再来'"),
        ("cp1251", "Latin-1 or Windows-1252", "cp1252", "хорошо да", "'õîðîøî', 'äà,x'"),
    ],
)
def test_another_encoding_is_named_with_how_the_words_read_in_it(
    tmp_path: Path, encoding: str, name: str, line: str, text: str, words: str
):
    """Of most encodings of one byte a character nothing but the words tells which it is."""
    message = error_of(tmp_path, "a.csv", f"text,label\n{text},x\n".encode(encoding))
    advice = f"looks like {name}: save it as UTF-8, or add this line to the study file, under data: `encoding: {line}`"
    assert message.endswith(f"{advice} (its words then read {words}; if that is wrong, name another encoding)")


@pytest.mark.parametrize(
    ("encoding", "text"),
    [("cp1252", "café “noir” €5"), ("latin-1", "café"), ("gb18030", "很好吃 😀"), ("utf-16-le", "café")],
)
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "text,label\r\n{},x\r\n"),
        ("a.tsv.gz", "text\tlabel\n{}\tx\n"),
        ("a.jsonl", '{{"text": "{}", "label": "x"}}\n'),
    ],
)
def test_an_encoding_that_is_named_is_read(tmp_path: Path, encoding: str, text: str, name: str, content: str):
    data = content.format(text).encode(encoding)
    data = gzip.compress(data) if name.endswith(".gz") else data
    (tmp_path / name).write_bytes(data)
    table = load_table(replace(resolve_source(name, tmp_path), encoding=encoding))
    assert table.columns == {"text": [text], "label": ["x"]}
    assert table.fingerprint == hashlib.sha256(data).hexdigest() == fingerprint(resolve_source(name, tmp_path))


@pytest.mark.parametrize("mark", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_says_more_than_the_study_file(tmp_path: Path, mark: str):
    (tmp_path / "a.csv").write_bytes("text,label\ncafé,x\n".encode(mark))
    table = load_table(replace(resolve_source("a.csv", tmp_path), encoding="cp1252"))
    assert table.columns == {"text": ["café"], "label": ["x"]}


def test_a_byte_that_the_encoding_has_not_is_named_with_its_line(tmp_path: Path):
    (tmp_path / "a.csv").write_bytes(b"text,label\na,x\nb\x81,x\n")
    with pytest.raises(DataError) as caught:
        load_table(replace(resolve_source("a.csv", tmp_path), encoding="cp1252"))
    assert str(caught.value) == "a.csv, line 3: 0x81 is not cp1252, which `encoding` says"


def test_the_files_of_a_folder_have_the_encoding_that_is_named(tmp_path: Path):
    (tmp_path / "set").mkdir()
    for name in ("one", "two"):
        (tmp_path / "set" / f"{name}.csv").write_bytes(f"text,label\ncafé {name},x\n".encode("cp1252"))
    table = load_table(replace(resolve_source("set", tmp_path), encoding="cp1252"))
    assert sorted(table.columns["text"]) == ["café one", "café two"]
    assert table.fingerprint == fingerprint(resolve_source("set", tmp_path))


@pytest.mark.parametrize("part", ["", "@train[:1]", "@train[:100%]"])
@pytest.mark.parametrize("name", ["train.csv", "train.json", "train.csv.gz"])
def test_the_fingerprint_of_a_folder_in_an_encoding_is_that_of_its_table(tmp_path: Path, name: str, part: str):
    (tmp_path / "set").mkdir()
    text = '[{"text": "café"}, {"text": "thé"}]' if name.endswith(".json") else "text\ncafé\nthé\n"
    content = text.encode("cp1252")
    (tmp_path / "set" / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    classes = {"kind": "classification", "data": {"train": f"set{part}", "encoding": "cp1252"}}
    tasks = {"main": {"kind": "classification"}, "own": classes}
    named = ObjectiveSettings.model_validate({"data": {"train": "other.csv", "encoding": "utf-16"}, "tasks": tasks})
    source = named_source(f"set{part}", named, tmp_path)
    assert fingerprint(source) == load_table(source).fingerprint


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv.gz", gzip.compress("text,label\ncafé,x\n".encode("cp1252"), mtime=0)),
        ("a.jsonl.gz", gzip.compress('{"text": "café", "label": "x"}'.encode("cp1252"), mtime=0)),
        ("a.json", '[{"text": "café", "label": "x"}]'.encode("cp1252")),
    ],
)
def test_packed_files_and_arrays_of_a_folder_have_the_encoding_that_is_named(tmp_path: Path, name: str, content: bytes):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / name).write_bytes(content)
    source = resolve_source("set", tmp_path)
    table = load_table(replace(source, encoding="cp1252"))
    assert table.columns == {"text": ["café"], "label": ["x"]}
    assert table.fingerprint == fingerprint(source)
    with pytest.raises(DataError, match=rf"^set: {name}, line .*: `encoding: cp1252`"):
        load_table(source)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", 'text,label\n"two\nlines",007\n'),
        ("a.tsv", "text\tlabel\na\t007\n"),
        ("a.jsonl", '{"text": "a", "label": 1.10}\n'),
        ("a.conll", "word O\n"),
    ],
)
def test_a_compressed_file_is_read_as_what_is_in_it(tmp_path: Path, name: str, content: str):
    plain, data = load(tmp_path, name, content), gzip.compress(content.encode())
    packed = load(tmp_path, f"{name}.gz", data)
    assert (packed.columns, packed.lists, packed.lines) == (plain.columns, plain.lists, plain.lines)
    assert packed.fingerprint == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"text,label\na,x\n", "a.csv.gz: not compressed with gzip, as its name says; call it a.csv"),
        (gzip.compress(b"text,label\na,x\n")[:-9], "a.csv.gz: cannot be unpacked (Compressed file ended before"),
        (gzip.compress(b"text,label\na,x\n")[:-8] + bytes(8), "a.csv.gz: cannot be unpacked (CRC check failed"),
        (gzip.compress(b""), "a.csv.gz: the file is empty"),
        (gzip.compress(b"text,label\na\n"), "a.csv.gz, line 2: 1 field, where the header has 2 columns"),
        (gzip.compress(lzma.compress(b"a")), "a.csv.gz: the file is compressed (xz): unpack it"),
    ],
    ids=["plain", "breaks off", "wrong sum", "empty", "ragged", "xz in it"],  # gzip writes the time
)
def test_a_compressed_file_that_cannot_be_read(tmp_path: Path, content: bytes, message: str):
    assert error_of(tmp_path, "a.csv.gz", content).startswith(message)


def test_a_folder_with_compressed_files_is_read_as_before(tmp_path: Path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "one.csv.gz").write_bytes(gzip.compress(b"text,label\na b,007\nc d,NA\n"))
    table = load_table(resolve_source("set", tmp_path))
    assert table.columns == {"text": ["a b", "c d"], "label": ["007", "NA"]}
    columns = [table.columns, table.lists, table.faults]
    assert table.fingerprint == hashlib.sha256(json.dumps(columns).encode()).hexdigest()


def test_how_a_fault_is_worded_changes_no_fingerprint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "train.json").write_text('[{"text": "a", "answer": {"k": "1"}, "rows": [[1, 2]]}]')
    source = resolve_source("set", tmp_path)
    table = load_table(source)
    assert {*table.faults} == {"answer", "rows"}
    # That of earlier versions, which hash the messages too: with one worded anew, their studies cannot be resumed.
    earlier = "7cdd7662815a6ba0682afdff7430f643e5bef5f3e1cec04f874ad2bd449cdb8b"
    assert fingerprint(source, earlier) == earlier
    monkeypatch.setattr(as_text, "_what", lambda _: "something else")
    assert fingerprint(source) == load_table(source).fingerprint == table.fingerprint
    assert fingerprint(source, "of other data") == table.fingerprint


def test_all_mistakes_come_at_once_the_first_five_in_full(tmp_path: Path):
    message = error_of(tmp_path, "a.csv", "text,label\n" + "".join(f"row {n}\n" for n in range(7)))
    assert message.splitlines()[0] == "a.csv has 7 mistakes:"
    assert [line.split(":")[0].strip() for line in message.splitlines()[1:6]] == [f"line {n}" for n in range(2, 7)]
    assert message.splitlines()[6:] == ["  and 2 more"]


@pytest.mark.parametrize("separator", [";", "\t"])
@pytest.mark.parametrize(
    ("rows", "texts"),
    [
        ("good, fine{0}4,5\nbad{0}1,0\n", ["good, fine", "bad"]),
        ('"good{0} fine"{0}4\n"two\nlines, ""one"" text"{0}5\n', ["good{0} fine", 'two\nlines, "one" text']),
        ("good{0}x\n", ["good"]),
    ],
)
def test_a_csv_may_have_semicolons_or_tabs_in_place_of_commas(
    tmp_path: Path, separator: str, rows: str, texts: list[str]
):
    content = f"text{separator}label\n" + rows.format(separator)
    table = load(tmp_path, "a.csv", content)
    assert table.columns["text"] == [text.format(separator) for text in texts]
    assert (table.names, table.lines[0]) == (["text", "label"], 2)
    assert table.fingerprint == hashlib.sha256(content.encode()).hexdigest()
    quoted = load(tmp_path, "a.csv", f'"text, or so"{separator}"label"\n' + rows.format(separator))
    assert quoted.names == ["text, or so", "label"]


def test_mistakes_of_a_csv_with_semicolons_are_told_by_its_own_columns(tmp_path: Path):
    content = "text;label\ngood, fine;x\nbad, poor\nfair, or so;x;y\nall, well;y\n"
    assert error_of(tmp_path, "a.csv", content).splitlines() == [
        "a.csv has 2 mistakes:",
        "  line 3: 1 field, where the header has 2 columns (text, label)",
        "  line 4: 3 fields, where the header has 2 columns (text, label)",
    ]


def test_one_wrong_row_does_not_make_a_csv_with_semicolons_one_of_a_single_column(tmp_path: Path):
    message = error_of(tmp_path, "a.csv", "text;label\na;x\nb;y\nc;d;z\n")
    assert message == "a.csv, line 4: 3 fields, where the header has 2 columns (text, label)"


def test_a_csv_of_one_column_may_have_a_semicolon_in_its_name_and_some_rows(tmp_path: Path):
    assert load(tmp_path, "a.csv", "so; or not\na\nb; c\nd\n").columns == {"so; or not": ["a", "b; c", "d"]}


@pytest.mark.parametrize(
    ("separator", "hint"),
    [
        (";", "separated by semicolons; write the file with tabs"),
        (",", "separated by commas; write the file with tabs, or call it .csv"),
    ],
)
def test_another_separator_is_named(tmp_path: Path, separator: str, hint: str):
    header = f"text{separator}label"
    told = f"the header is one column, and seems to be {hint}"
    ragged = error_of(tmp_path, "a.tsv", f"\n{header}\ngood\t fine{separator}x\n")
    assert ragged.startswith(f"a.tsv has 2 mistakes:\n  line 2: {told}\n  line 3: 2 fields, where the header has 1")
    quoted = error_of(tmp_path, "a.tsv", f'"text"{separator}"label"\n"good"{separator}"x"\n')
    assert f"\n  line 1: {told}\n" in quoted
    with pytest.raises(DataError) as caught:
        load(tmp_path, "a.tsv", f"{header}\ngood{separator}x\n").column("text")
    assert str(caught.value).endswith(f"; {told}")


def test_a_csv_with_semicolons_and_tabs_is_not_guessed_at(tmp_path: Path):
    message = error_of(tmp_path, "a.csv", "text;label\tid\ngood, fine;x\t1\n")
    assert "line 1: the header is one column, and seems to be separated by semicolons" in message


def test_one_column_may_have_any_name(tmp_path: Path):
    table = load(tmp_path, "a.csv", "what is good; what is bad\nall\nnothing\n")
    assert table.column("what is good; what is bad") == ["all", "nothing"]
    assert "separated" not in error_of(tmp_path, "b.csv", "text\ngood, fine\n")
    assert "separated" not in error_of(tmp_path, "c.csv", "text,a;b\ngood\n")


def test_hundreds_of_columns_are_taken_in_one_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Each look at some columns copies what is known of all: one by one they would take the square of their number."""
    looks: list[list[str]] = []
    select = datasets.Dataset.select_columns

    def counted(dataset: datasets.Dataset, names: list[str]) -> datasets.Dataset:
        looks.append(names)
        return select(dataset, names)

    monkeypatch.setattr(datasets.Dataset, "select_columns", counted)
    names = [f"c{number}" for number in range(300)]
    line = ",".join(names) + "\n"
    table = load(tmp_path, "wide.csv", line + line)
    assert [table.column(name) for name in names] == [[name] for name in names]
    assert looks == [names]


def test_rows_of_two_files_have_lists_where_all_of_both_are_written_so(tmp_path: Path):
    lists, blank, words = (
        load(tmp_path, name, f'labels\n"{cell}"\n')
        for name, cell in (("a.csv", "['x']"), ("b.csv", " "), ("c.csv", "y"))
    )
    assert append(lists, lists).items("labels", "|") == [["x"], ["x"]]
    assert append(blank, lists).items("labels", "|") == [[], ["x"]]
    mixture = append(lists, words)
    assert mixture.column("labels") == ["['x']", "y"]
    with pytest.raises(DataError, match="line 2: column 'labels' holds a list written as text"):
        mixture.items("labels", "|")


def test_a_missing_column_names_the_columns_and_the_nearest(tmp_path: Path):
    table = load(tmp_path, "a.csv", "text,label\na,x\n")
    with pytest.raises(DataError) as caught:
        table.column("lable")
    assert str(caught.value) == (
        "a.csv: there is no column 'lable', did you mean 'label'?; its columns: 'text', 'label'"
    )


def test_json_lines_keep_the_digits_of_the_file(tmp_path: Path):
    table = load(
        tmp_path,
        "a.jsonl",
        '{"text": "2024-01-01", "n": 1.10, "b": true}\r\n\n'
        '{"n": 12345678901234567890, "text": "a\\u2028b", "b": null}\n',
    )
    assert table.columns == {
        "text": ["2024-01-01", "a\u2028b"],
        "n": ["1.10", "12345678901234567890"],
        "b": ["true", ""],
    }
    assert table.where(1) == "a.jsonl, line 3"


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
@pytest.mark.parametrize(
    "content",
    [
        '[{"text": "a", "n": 1.10, "tags": ["x"]}, {"text": "b", "n": 7, "tags": null}]',
        '\n[\n  {"text": "a", "n": 1.10, "tags": ["x"]},\n  {"text": "b", "n": 7, "tags": []}\n]\n',
        '{"text": "a", "n": 1.10, "tags": ["x"]}\n{"text": "b", "n": 7, "tags": []}\n',
    ],
)
def test_json_is_an_array_of_objects_or_one_a_line(tmp_path: Path, name: str, content: str):
    table = load(tmp_path, name, content)
    assert table.columns == {"text": ["a", "b"], "n": ["1.10", "7"]}
    assert table.items("tags") == [["x"], []]
    assert table.where(1) == f"{name}, {'line' if content.startswith('{') else 'row'} 2"
    assert table.fingerprint == hashlib.sha256(content.encode()).hexdigest()


def test_a_fault_of_an_array_names_its_row(tmp_path: Path):
    table = load(tmp_path, "a.json", '[{"text": "a", "n": 1},\n\n{"text": "b"}]')
    with pytest.raises(DataError, match=r"^a.json, row 2: the key 'n' is missing$"):
        table.column("n")


def test_the_json_files_of_a_folder_keep_their_digest(tmp_path: Path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "train.json").write_text('{"text": "a", "label": 1}\n{"text": "b", "label": 0}\n')
    content = [{"text": ["a", "b"], "label": ["1", "0"]}, {}, {}]
    table = load_table(resolve_source("set", tmp_path))
    assert table.fingerprint == hashlib.sha256(json.dumps(content).encode()).hexdigest()


def test_an_object_that_is_null_is_empty_and_one_that_misses_is_a_fault(tmp_path: Path):
    table = load(
        tmp_path, "a.jsonl", '{"x": null}\n{"x": {"text": "a", "y": {"z": "b"}}}\n{"x": {"text": "c", "y": null}}\n'
    )
    assert table.column("x.text") == ["", "a", "c"]
    assert table.column("x.y.z") == ["", "b", ""]
    with pytest.raises(DataError, match="line 2: the key 'text' is missing"):
        load(tmp_path, "b.jsonl", '{"x": {"text": "a"}}\n{"y": 1}\n').column("x.text")


def test_a_key_with_a_dot_and_a_key_inside_another_do_not_pass_for_each_other(tmp_path: Path):
    table = load(tmp_path, "a.jsonl", '{"a.b": 1, "c": 3, "a": {"b": 2}}\n')
    assert table.columns == {"c": ["3"]}
    with pytest.raises(DataError, match=r"^a.jsonl, column 'a.b' occurs twice: as 'a.b' and as 'b' in 'a'$"):
        table.column("a.b")
    write_table(pyarrow.table({"a": [{"b": 2}], "a.b": [[1]]}), tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"^a.parquet, column 'a.b' occurs twice: as 'b' in 'a' and as 'a.b'$"):
        load_table(resolve_source("a.parquet", tmp_path)).items("a.b")


def test_null_in_a_column_of_lists_is_an_empty_list(tmp_path: Path):
    table = load(tmp_path, "a.jsonl", '{"tags": null}\n{"tags": ["a", null]}\n{"tags": null}\n')
    assert table.lists == {"tags": [[], ["a", ""], []]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"a": 1}\n{"a": }\n', "a.jsonl, line 2: not JSON: Expecting value at character 7"),
        ('["a"]\n', "a.jsonl, row 1: no JSON object"),
        ('["a"]\n["b"]\n', "a.jsonl has 2 mistakes:\n  line 1: no JSON object"),
        ("[]\n", "a.jsonl: has no rows"),
        ('[{"a": 1},\n {"a": }]\n', "a.jsonl, line 2: not JSON: Expecting value at character 8"),
        ('[{"a": 1, "a": 2}]\n', "a.jsonl: in the array the key 'a' occurs twice"),
        (
            '{"data": [\n{"text": "a"}\n],\n"n": 1}\n',
            "a.jsonl: the file is one object over several lines, with the keys 'data', 'n'; write an array of objects,",
        ),
        (
            '{"text": {"0": "a", "1": "b"}, "label": {"0": 1, "1": 0}}\n',
            "a.jsonl: the file is one object of columns, as pandas writes it by default; write its rows: df",
        ),
        ('{"a": 1, "a": 2}\n', "a.jsonl, line 1: the key 'a' occurs twice"),
        ("[" * 100_000, "a.jsonl, line 1: "),
        ("\n \n", "a.jsonl: the file is empty"),
    ],
)
def test_a_mistake_in_json_lines_names_its_line(tmp_path: Path, content: str, message: str):
    assert error_of(tmp_path, "a.jsonl", content).startswith(message)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ("tokens", "a.jsonl: column 'tokens' holds lists, not texts"),
        ("extra", "a.jsonl, line 1: the key 'extra' is missing"),
        ("half", "a.jsonl, line 2: 'half' holds an unpaired surrogate, which is not a character"),
    ],
)
def test_a_column_of_json_lines_fails_only_when_it_is_used(tmp_path: Path, column: str, message: str):
    rows = '{"text": "a", "tokens": ["a"], "half": ""}\n{"text": "b", "tokens": [], "extra": 1, "half": "\\ud800"}\n'
    table = load(tmp_path, "a.jsonl", rows)
    assert table.column("text") == ["a", "b"]
    with pytest.raises(DataError) as caught:
        table.column(column)
    assert str(caught.value) == message


@pytest.mark.parametrize("inner", ["{}", '{{"id": {}}}'])
def test_rows_with_keys_of_their_own_are_looked_into_a_few_times_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inner: str
):
    """Votes by user, as an object, make as many columns as rows."""
    looks = 0

    class Counting(json_lines._Row):  # pyright: ignore[reportPrivateUsage]
        def __getattribute__(self, name: str) -> Any:  # noqa: ANN401
            nonlocal looks
            looks += 1
            return super().__getattribute__(name)

        def __contains__(self, key: object) -> bool:
            nonlocal looks
            looks += 1
            return super().__contains__(key)

    monkeypatch.setattr(json_lines, "_Row", Counting)
    rows = (f'{{"text": "a", "votes": {{"user{n}": {inner.format(n)}}}}}\n' for n in range(100))
    table = load(tmp_path, "a.jsonl", "".join(rows))
    assert len(table.column("text")) == 100
    assert looks < 100 * 10


def parquet(folder: Path) -> None:
    label = datasets.ClassLabel(names=["bad", "good"])
    features = datasets.Features(
        text=datasets.Value("string"),
        label=label,
        n=datasets.Value("int64"),
        tokens=datasets.List(datasets.Value("string")),
    )
    rows = {"text": ["NA", None], "label": [1, 0], "n": [7, 8], "tokens": [["a"], []]}
    datasets.Dataset.from_dict(rows, features=features).to_parquet(str(folder / "a.parquet"))


def test_parquet_with_label_names(tmp_path: Path):
    parquet(tmp_path)
    table = load_table(resolve_source("a.parquet", tmp_path))
    assert table.columns == {"text": ["NA", ""], "label": ["good", "bad"], "n": ["7", "8"]}
    assert table.where(1) == "a.parquet, row 2"
    with pytest.raises(DataError, match="column 'tokens' holds lists, not texts"):
        table.column("tokens")


@pytest.mark.parametrize("several", [False, True])
def test_a_number_beyond_the_labels_of_a_parquet_file_is_named_with_its_row(tmp_path: Path, several: bool):
    names = datasets.ClassLabel(names=["bad", "good"])
    features = datasets.Features(text=datasets.Value("string"), label=datasets.List(names) if several else names)
    table = datasets.Dataset.from_dict({"text": [], "label": []}, features=features).data.table
    labels = [[1], [2], []] if several else [1, 2, -1]
    rows = pyarrow.table({"text": ["a", "b", "c"], "label": labels}).cast(table.schema)
    write_table(rows.replace_schema_metadata(features.arrow_schema.metadata), tmp_path / "a.parquet")
    found = load_table(resolve_source("a.parquet", tmp_path))
    assert found.column("text") == ["a", "b", "c"]
    with pytest.raises(DataError) as caught:
        found.column("label")
    assert str(caught.value) == (
        "a.parquet, column 'label' cannot be read as text (row 2: 2 is the number of none of its labels 'bad', 'good')"
    )


def test_large_lists_of_parquet_are_lists(tmp_path: Path):
    features = datasets.Features(text=datasets.Value("string"), tokens=datasets.LargeList(datasets.Value("string")))
    rows = {"text": ["a", "b", "c"], "tokens": [["x"], ["y", "z"], None]}
    datasets.Dataset.from_dict(rows, features=features).to_parquet(str(tmp_path / "a.parquet"))
    assert load_table(resolve_source("a.parquet", tmp_path)).items("tokens") == [["x"], ["y", "z"], []]


def test_a_column_of_a_type_without_text_harms_no_other_of_a_parquet_file(tmp_path: Path):
    marks = pyarrow.array([[("a", 1)], []], pyarrow.map_(pyarrow.string(), pyarrow.int64()))
    write_table(pyarrow.table({"text": ["a", "b"], "marks": marks}), tmp_path / "a.parquet")
    table = load_table(resolve_source("a.parquet", tmp_path))
    assert table.column("text") == ["a", "b"]
    with pytest.raises(DataError, match=r"column 'marks' holds map<.*>, not text"):
        table.column("marks")


def test_a_value_that_python_has_no_place_for_harms_no_other_column_of_a_parquet_file(tmp_path: Path):
    """A year beyond 9999 is how databases write "for ever"."""
    ever = pyarrow.array([253402300800000000, 0], pyarrow.timestamp("us"))
    write_table(pyarrow.table({"text": ["a", "b"], "until": ever}), tmp_path / "a.parquet")
    table = load_table(resolve_source("a.parquet", tmp_path))
    assert table.column("text") == ["a", "b"]
    with pytest.raises(DataError, match="column 'until' cannot be read as text"):
        table.column("until")


def test_a_number_that_misses_in_json_lines_is_empty(tmp_path: Path):
    """Python's own json writes it as NaN."""
    table = load(tmp_path, "a.jsonl", '{"text": "a", "n": NaN}\n{"text": NaN, "n": Infinity}\n')
    assert table.columns == {"text": ["a", ""], "n": ["", "Infinity"]}


def test_a_parquet_file_without_rows_or_with_a_name_twice_is_a_data_error(tmp_path: Path):
    write_table(pyarrow.table({"text": pyarrow.array([], pyarrow.string())}), tmp_path / "a.parquet")
    twice = pyarrow.Table.from_arrays([pyarrow.array(["a"]), pyarrow.array(["b"])], names=["text", "text"])
    write_table(twice, tmp_path / "b.parquet")
    for name, message in (
        ("a", "has no rows, only the columns text"),
        ("b", "more than one column has the name 'text'"),
    ):
        with pytest.raises(DataError, match=f"^{name}.parquet: {message}$"):
            load_table(resolve_source(f"{name}.parquet", tmp_path))


def test_a_broken_parquet_file_is_a_data_error(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    assert error_of(tmp_path, "a.parquet", b"PAR1 and no more").startswith("a.parquet: not a readable Parquet file (")
    assert capfd.readouterr() == ("", "")


def test_a_folder_has_splits_and_keeps_its_texts(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "train.csv").write_text("text,label\nNA,007\nnull,01\n")
    (folder / "test.csv").write_text("text,label\nhello,x\n")
    table = load_table(resolve_source("set", tmp_path))
    assert table.columns == {"text": ["NA", "null"], "label": ["007", "01"]}
    assert load_table(resolve_source("set@train[1:]", tmp_path)).columns == {"text": ["null"], "label": ["01"]}
    assert load_table(resolve_source("set@test", tmp_path)).columns == {"text": ["hello"], "label": ["x"]}
    assert capfd.readouterr() == ("", "")


def test_a_folders_files_are_read_and_checked_as_files_are(tmp_path: Path):
    """`datasets` takes a row with a cell too many for one with an index, and a text for a date."""
    files = {"a/train.csv": "text,label\ngood,pos,5\n", "b/train.jsonl": '{"text": "2024-01-01", "label": 1.10}\n'}
    for name, content in files.items():
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(content)
    with pytest.raises(DataError, match=r"^a: train.csv, line 2: "):
        load_table(resolve_source("a", tmp_path))
    assert load_table(resolve_source("b", tmp_path)).columns == {"text": ["2024-01-01"], "label": ["1.10"]}


def test_folders_of_texts_are_no_labels_and_the_message_says_what_to_do(tmp_path: Path):
    for name, text in (("pos/1", "good"), ("pos/2", "great\nfun"), ("neg/1", "bad")):
        file = tmp_path / "set" / "train" / f"{name}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    table = load_table(resolve_source("set", tmp_path))
    assert sorted(table.column("text")) == ["bad", "fun", "good", "great"]
    with pytest.raises(DataError) as caught:
        table.column("label")
    assert str(caught.value) == (
        "set: there is no column 'label'; its columns: 'text'; the names of its folders ('neg', 'pos') are not read as "
        "labels, and each line of a file is a row; make a CSV of it with a row for each file and the columns text and "
        "label"
    )
    (tmp_path / "set" / "train" / "neg" / "1.txt").unlink()
    assert load_table(resolve_source("set", tmp_path)).hint == ""


def test_a_file_without_rows_among_several_of_a_folder_adds_none(tmp_path: Path):
    folder = tmp_path / "shards"
    folder.mkdir()
    for number, rows in enumerate(["good,x\n", "", "bad,y\n"]):
        (folder / f"train-{number}.csv").write_text(f"text,label\n{rows}")
    (folder / "train-3.csv").touch()
    assert load_table(resolve_source("shards", tmp_path)).columns == {"text": ["good", "bad"], "label": ["x", "y"]}
    for number in (0, 2):
        (folder / f"train-{number}.csv").write_text("text,label\n")
    with pytest.raises(DataError, match=r"^shards: has no rows, only the columns text, label$"):
        load_table(resolve_source("shards", tmp_path))


def test_a_folder_whose_readme_says_how_it_is_read_is_read_so(tmp_path: Path):
    label = "{name: label, dtype: {class_label: {names: {'0': neg, '1': pos}}}}"
    names = f"dataset_info: {{features: [{{name: text, dtype: string}}, {label}]}}"
    settings = "configs: [{config_name: default, data_files: train.csv, sep: ';'}]"
    for folder, readme, rows in (("a", names, "text,label\ngood,1\n"), ("b", settings, "text;label\ngood;pos\n")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "README.md").write_text(f"---\n{readme}\n---\n")
        (tmp_path / folder / "train.csv").write_text(rows)
        assert load_table(resolve_source(folder, tmp_path)).columns == {"text": ["good"], "label": ["pos"]}


@pytest.mark.parametrize(
    ("others", "both"),
    [
        (["train.csv"], "'train.jsonl' and 'train.csv'"),
        (["train.csv.gz"], "'train.jsonl' and 'train.csv.gz'"),
        (["train-1.tsv", "train-2.tsv"], "'train-1.tsv' and 'train.jsonl'"),
    ],
)
def test_a_split_in_two_formats_is_refused_unless_a_readme_says_which(tmp_path: Path, others: Sequence[str], both: str):
    (tmp_path / "set").mkdir()
    for name in others:
        content = b"text,label\nb,y\n".replace(b",", b"\t" if "tsv" in name else b",")
        (tmp_path / "set" / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    (tmp_path / "set" / "train.jsonl").write_text('{"text": "a", "label": "x"}\n')
    with pytest.raises(DataError) as caught:
        load_table(resolve_source("set", tmp_path))
    assert str(caught.value) == (
        f"set: {both} are both of the split 'train', in two formats, of which one would be read; "
        "give the path of one file, or move the others to another folder"
    )
    (tmp_path / "set" / "README.md").write_text("---\nlicense: mit\n---\nconfigs: of a machine\n---\n")
    with pytest.raises(DataError, match="in two formats"):
        load_table(resolve_source("set", tmp_path))
    files = "[{config_name: default, data_files: '*.jsonl'}]"
    cards = [
        f"---\nconfigs: {files}\n---\n",
        f"\ufeff---\r\nconfigs: {files}\r\n---\r\n",
        f'---\n{{"configs": {files}}}\n---\n',
    ]
    for card in cards:
        (tmp_path / "set" / "README.md").write_bytes(card.encode())
        assert load_table(resolve_source("set", tmp_path)).columns == {"text": ["a"], "label": ["x"]}


def test_parts_of_a_folder_differ_by_fingerprint(tmp_path: Path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "train.csv").write_text("text\na\nb\nc\n")
    names = ("set", "set@train[:1]", "set@train[:2]", "set@train[1:]")
    assert len({load_table(resolve_source(name, tmp_path)).fingerprint for name in names}) == 4


def test_several_files_of_a_folders_split_are_one_table(tmp_path: Path):
    folder = tmp_path / "set"
    folder.mkdir()
    for name, text in (("train-0.csv", "text\na\nb\n"), ("train-1.csv", "text\nc\n")):
        (folder / name).write_text(text)
    table = load_table(resolve_source("set", tmp_path))
    assert (table.columns, table.where(2)) == ({"text": ["a", "b", "c"]}, "set, row 3")
    assert load_table(resolve_source("set@train[1:]", tmp_path)).columns == {"text": ["b", "c"]}
    with pytest.raises(DataError, match="has no rows"):
        load_table(resolve_source("set@train[2:1]", tmp_path))
    (folder / "train-2.csv").write_text("words\nd\n")
    with pytest.raises(DataError, match=r"^set: train-2.csv: has the columns 'words'; set: train-0.csv has 'text'$"):
        load_table(resolve_source("set", tmp_path))


@pytest.mark.parametrize("faulty", [0, 1])
def test_a_fault_of_one_file_among_several_names_its_file_line_and_key(tmp_path: Path, faulty: int):
    (tmp_path / "set").mkdir()
    for number in (0, 1):
        second = {"text": "b"} if number == faulty else {"text": "b", "label": "y"}
        rows = [{"text": "a", "label": "x"}, second]
        (tmp_path / "set" / f"train-{number}.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    table = load_table(resolve_source("set", tmp_path))
    assert table.column("text") == ["a", "b", "a", "b"]
    with pytest.raises(DataError, match=rf"^set: train-{faulty}.jsonl, line 2: the key 'label' is missing$"):
        table.column("label")


@pytest.mark.parametrize(
    ("text", "files", "message"),
    [
        ("set@dev", {"train.csv": "a\n1\n"}, "set@dev: cannot be loaded as a folder, split 'dev' (Unknown split"),
        ("set:x", {"train.csv": "a\n1\n"}, "set:x: cannot be loaded as a folder, split 'train' (BuilderConfig 'x'"),
        ("set", {}, "set: cannot be loaded as a folder, split 'train' ("),
        ("set", {"set.py": "raise SystemExit('remote code ran')"}, "set: cannot be loaded as a folder"),
    ],
)
def test_a_folder_that_cannot_be_loaded(tmp_path: Path, text: str, files: dict[str, str], message: str):
    (tmp_path / "set").mkdir()
    for name, content in files.items():
        (tmp_path / "set" / name).write_text(content)
    with pytest.raises(DataError) as caught:
        load_table(resolve_source(text, tmp_path))
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(("name", "split"), [("val.yaml", "validation"), ("test.csv", "test")])
def test_a_folder_of_which_a_file_is_named_like_another_split_asks_for_the_training_file(
    tmp_path: Path, name: str, split: str
):
    (tmp_path / "set" / ".venv").mkdir(parents=True)
    (tmp_path / "set" / ".venv" / "a.csv").write_text("no\ndata\n")
    rows = "text;label\n" + "good, or not, or so;pos\nbad;neg\n" * 9
    for each in ("export.csv", "comma.csv", name):
        (tmp_path / "set" / each).write_text("" if each == "val.yaml" else rows)
    with pytest.raises(DataError) as caught:
        load_table(resolve_source("set", tmp_path))
    assert str(caught.value) == (
        f"set: no training file: the name of {name!r} makes it the split {split!r}, and no file is called train; "
        "give the path of one file ('comma.csv', 'export.csv'), or call it so"
    )


@pytest.mark.slow
def test_a_hub_data_set_without_a_network_is_a_data_error(tmp_path: Path):
    """In a process of its own, as the Hugging Face libraries read their environment once."""
    program = (
        "from pathlib import Path\n"
        "from autotune.objectives.data.loading import load_table\n"
        "from autotune.objectives.data.sources import resolve_source\n"
        "from autotune.spaces.errors import DataError\n"
        "try:\n"
        "    load_table(resolve_source('owner/reviews', Path('.')))\n"
        "except DataError as error:\n"
        "    print(error)\n"
    )
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("owner/reviews: no file or folder has this name, and the Hugging Face Hub cannot")
    assert "a local file or folder needs no network" in done.stdout
    assert done.stderr == ""


def test_the_fingerprint_follows_the_bytes_of_a_file_and_the_content_of_a_folder(tmp_path: Path):
    content = b"text,label\na,x\n"
    table = load(tmp_path, "a.csv", content)
    assert table.fingerprint == hashlib.sha256(content).hexdigest() == fingerprint(resolve_source("a.csv", tmp_path))
    (tmp_path / "set").mkdir()
    source = resolve_source("set", tmp_path)
    (tmp_path / "set" / "train.csv").write_bytes(content)
    first = fingerprint(source)
    assert first == load_table(source).fingerprint
    (tmp_path / "set" / "train.csv").write_bytes(content + b"b,y\n")
    assert fingerprint(source) != first


def test_a_file_that_cannot_be_read_is_a_data_error(tmp_path: Path):
    (tmp_path / "a.csv").write_text("text,label\na,x\n")
    source = resolve_source("a.csv", tmp_path)
    (tmp_path / "a.csv").unlink()
    with pytest.raises(DataError, match=r"a.csv: cannot be read \(No such file or directory\)"):
        load_table(source)


def test_real_reviews(shared_data: Path):
    table = load_table(resolve_source("reviews1000/train.csv", shared_data))
    assert len(table) == 700
    assert {label: table.column("label").count(label) for label in ("positive", "negative")} == {
        "positive": 350,
        "negative": 350,
    }
    commands = load_table(resolve_source("snips/validation.jsonl", shared_data))
    assert len(commands) == 700
    assert set(commands.lists) == {"tokens", "tags"}
    assert commands.items("tags")[0][6:10] == ["B-music_item", "O", "B-playlist_owner", "B-playlist"]
    chinese = load_table(resolve_source("waimai4000/aux_hotel.csv", shared_data))
    assert len(chinese) == 2000
