"""CoNLL files: one word per line with its tags, and a blank line after each sentence.

The form of the shared tasks on entities and chunks (Tjong Kim Sang & De Meulder 2003, arXiv cs/0306050). The first
column is the word, the last one its tag; those between them are tags of other kinds, such as parts of speech.
"""

from collections import Counter
from collections.abc import Iterator

from ...spaces.errors import DataError
from .mistakes import Mistakes
from .text_columns import TextColumns

_DOCUMENT = "-DOCSTART-"
_COMMENT = "#"


def parse_conll(text: str, source: str) -> TextColumns:
    """Read a row per sentence: list columns `tokens`, `column_2`, …, and `tags`; its line is that of its first word.

    Lines that begin a document (`-DOCSTART-`) are skipped, and comments: lines that begin with `#` and have another
    number of columns than the words.

    Raises:
        DataError: words without tags, or a line with more or fewer columns than most.
    """
    tabs = any("\t" in line for line in text.split("\n"))
    sentences = list(_sentences(text, tabs))
    words = [word for _, sentence in sentences for _, word in sentence]
    counts = Counter(len(word) for word in words if not word[0].startswith(_COMMENT)) or Counter(map(len, words))
    count = counts.most_common(1)[0][0] if counts else 2
    if count < 2:
        raise DataError(
            f"{source}: one column; a CoNLL file has a word and its tag on each line, and a blank line between"
        )
    mistakes, rows = Mistakes(source), dict[int, list[list[str]]]()
    for first, sentence in sentences:
        kept: list[list[str]] = []
        for line, word in sentence:
            if len(word) == count:
                kept.append(word)
            elif not word[0].startswith(_COMMENT):
                mistakes.add(line, f"{len(word)} columns, where most lines have {count}")
        if kept:
            rows[first] = kept
    mistakes.raise_if_any()
    result = TextColumns(list(rows))
    for place, name in enumerate(["tokens", *(f"column_{number}" for number in range(2, count)), "tags"]):
        result.put((name,), result.lists, [[word[place] for word in sentence] for sentence in rows.values()])
    return result


def _sentences(text: str, tabs: bool) -> Iterator[tuple[int, list[tuple[int, list[str]]]]]:
    """Each sentence with the number of its first line: its lines' numbers and columns."""
    found: list[tuple[int, list[str]]] = []
    for number, line in enumerate([*text.split("\n"), ""], 1):
        columns = [part.strip() for part in line.split("\t")] if tabs and "\t" in line else line.split()
        if columns and columns[0] != _DOCUMENT:
            found.append((number, columns))
        elif found and not columns:
            yield found[0][0], found
            found = []
