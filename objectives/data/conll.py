"""CoNLL files: one word per line with its tags, and a blank line after each sentence.

The form of the shared tasks on entities and chunks (Tjong Kim Sang & De Meulder 2003, arXiv cs/0306050). The first
column is the word, the last one its tag; those between them are tags of other kinds, such as parts of speech.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from ...spaces.errors import DataError
from .mistakes import Mistakes
from .text_columns import TextColumns

_DOCUMENT = "-DOCSTART-"
_COMMENT = "#"
_SHOWN = 32
"""Characters of a line that a message shows."""


def parse_conll(text: str, source: str) -> TextColumns:
    """Read a row per sentence: list columns `tokens`, `column_2`, …, and `tags`; its line is that of its first word.

    Lines that begin a document (`-DOCSTART-`) are skipped, and so are comments before a sentence: with tabs between the
    columns a line without a tab that begins with `#`; else one whose first part is `#` and that has another number of
    parts than the words have columns, or ends in the tag of no other line.

    Raises:
        DataError: words without tags, or a line with more or fewer columns than most.
    """
    lines = text.split("\n")
    tabs = any("\t" in line for line in lines)
    sentences = list(_sentences(lines, tabs))
    words = [word for _, sentence in sentences for _, word in sentence if not word[0].startswith(_COMMENT)]
    count = Counter(map(len, words)).most_common(1)[0][0] if words else 2
    tags = {word[-1] for word in words if len(word) == count}
    if count < 2:
        raise DataError(
            f"{source}: one column; a CoNLL file has a word and its tag on each line, and blank lines between sentences"
        )
    mistakes, rows = Mistakes(source), dict[int, list[list[str]]]()
    for first, sentence in sentences:
        kept: list[list[str]] = []
        for line, word in sentence:
            comments = word[0].startswith(_COMMENT) if tabs else word[0] == _COMMENT
            if not kept and comments and (len(word) != count or word[-1] not in tags):
                continue
            if len(word) == count:
                kept.append(word)
            else:
                mistakes.add(
                    line, f"the number of columns is {len(word)}, and {count} in most lines: {_shown(lines[line - 1])}"
                )
        if kept:
            rows[first] = kept
    mistakes.raise_if_any()
    result = TextColumns(list(rows))
    for place, name in enumerate(["tokens", *(f"column_{number}" for number in range(2, count)), "tags"]):
        result.put((name,), result.lists, [[word[place] for word in sentence] for sentence in rows.values()])
    return result


def _shown(line: str) -> str:
    return f"{line[:_SHOWN]!r}{'…' if len(line) > _SHOWN else ''}"


def _sentences(lines: Sequence[str], tabs: bool) -> Iterator[tuple[int, list[tuple[int, list[str]]]]]:
    """Each sentence with the number of its first line: its lines' numbers and columns."""
    found: list[tuple[int, list[str]]] = []
    for number, line in enumerate([*lines, ""], 1):
        columns = [part.strip() for part in line.split("\t")] if tabs else line.split()
        if any(columns) and columns[0] != _DOCUMENT:
            found.append((number, columns))
        elif found:
            yield found[0][0], found
            found = []
