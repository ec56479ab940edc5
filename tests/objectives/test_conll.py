"""CoNLL files: a sentence is a row, and what is no sentence is skipped or told of."""

from pathlib import Path

import pytest
from autotune.objectives.data.loading import load_table
from autotune.objectives.data.sources import resolve_source
from autotune.objectives.data.table import Table
from autotune.spaces.errors import DataError

FOUR = """\
-DOCSTART- -X- O O

# a comment of several words
EU NNP I-NP I-ORG
rejects VBZ I-VP O

# NN I-NP O
Peter NNP I-NP I-PER
"""


def table(folder: Path, text: str, name: str = "a.conll") -> Table:
    (folder / name).write_text(text, encoding="utf-8", newline="")
    return load_table(resolve_source(name, folder))


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("name", ["a.conll", "a.bio", "a.iob"])
def test_a_sentence_is_a_row(tmp_path: Path, end: str, name: str) -> None:
    found = table(tmp_path, FOUR.replace("\n", end), name)
    assert found.lists == {
        "tokens": [["EU", "rejects"], ["#", "Peter"]],
        "column_2": [["NNP", "VBZ"], ["NN", "NNP"]],
        "column_3": [["I-NP", "I-VP"], ["I-NP", "I-NP"]],
        "tags": [["I-ORG", "O"], ["O", "I-PER"]],
    }
    assert found.where(1) == f"{name}, line 7"


def test_columns_may_have_tabs_between_them(tmp_path: Path) -> None:
    found = table(tmp_path, "New York\tB-LOC\nis\tO\n\n\n \nbig\tO\n")
    assert found.lists == {"tokens": [["New York", "is"], ["big"]], "tags": [["B-LOC", "O"], ["O"]]}


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("EU\tB-ORG\n\t\nthe\tO\n", [["EU"], ["the"]]),  # as a spreadsheet writes an empty line
        ("a O\n-DOCSTART- O\nb O\n", [["a"], ["b"]]),
        ("# newdoc\na O\nb O\n\n# O\nc O\n", [["a", "b"], ["#", "c"]]),
        ("# text = a b\na\tX\nb\tO\n\n#\tO\nc\tX\n", [["a", "b"], ["#", "c"]]),
        ("#\tO\n#tag\tX\n\nc\tX\nd\tO\n", [["#", "#tag"], ["c", "d"]]),
    ],
)
def test_where_sentences_end_and_what_is_a_comment(tmp_path: Path, text: str, tokens: list[list[str]]) -> None:
    assert table(tmp_path, text).lists["tokens"] == tokens


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a O\nb\n\nc O\nd O\n", "a.conll, line 2: the number of columns is 1, and 2 in most lines: 'b'"),
        (
            "a X O\n\u3000 X O\nb X O\n",
            "a.conll, line 2: the number of columns is 2, and 3 in most lines: '\\u3000 X O'",
        ),
        ("a\tO\n#x\nb\tO\n", "a.conll, line 2: the number of columns is 1, and 2 in most lines: '#x'"),
        ("word\nother\n", "a.conll: one column; a CoNLL file has a word and its tag on each line"),
        ("-DOCSTART- O\n\n", "a.conll: has no rows"),
    ],
)
def test_what_is_no_word_with_tags_is_told_of(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        table(tmp_path, text)
    assert message in str(caught.value)


def test_another_suffix_is_told_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        table(tmp_path, FOUR, "a.txt")
    assert "a file with a word and its tags on each line is read as .conll" in str(caught.value)
