"""Repairs before all other cleaning, in training, validation and test rows: encodings, and spellings of labels.

The files stay as they are; a table with other texts takes the place of the one that was read.
"""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace

import ftfy

from .cleaning import Finding
from .table import Table

_ENCODINGS_ONLY = ftfy.TextFixerConfig(
    unescape_html=False,
    remove_terminal_escapes=False,
    fix_latin_ligatures=False,
    fix_character_width=False,
    uncurl_quotes=False,
    fix_line_breaks=False,
    fix_surrogates=False,
    remove_control_chars=False,
    normalization=None,
    explain=False,
)
"""Mojibake alone ("cafÃ©"): quotes, widths, ligatures and line breaks of an honest text are left as they are."""

_WHOLE = re.compile(r"^([+-]?\d+)\.0+$")


def with_repaired_texts(table: Table, words: Collection[str] = ()) -> tuple[Table, list[Finding]]:
    """A table whose texts that were decoded with a wrong encoding read as they were meant.

    Args:
        table: texts and lists of texts, in all columns, labels included.
        words: columns of words between blanks, whose number must stay (each may have a tag): a value whose repair
            makes a blank, or takes one away, stays as it is.

    Returns:
        The table (the same one where all is well), and one finding if any value was repaired.
    """
    cases: list[str] = []

    def repaired(text: str, *, keeps_words: bool = False, told: bool = True) -> str:
        if text.isascii():
            return text
        fixed = ftfy.fix_encoding(text, _ENCODINGS_ONLY)
        if fixed == text or (keeps_words and len(fixed.split()) != len(text.split())):
            return text
        if told:
            cases.append(f"{text} -> {fixed}")
        return fixed

    columns = {
        name: [repaired(value, keeps_words=name in words) for value in values] for name, values in table.columns.items()
    }
    written = {name: [repaired(value) for value in values] for name, values in table.written.items()}
    # A list that was written as text is one value, which is told of already.
    lists = {
        name: [[repaired(word, told=name not in written) for word in row] for row in rows]
        for name, rows in table.lists.items()
    }
    if not cases:
        return table, []
    return replace(table, columns=columns, lists=lists, written=written), [
        Finding.of("text in a broken encoding", cases, "repaired")
    ]


def spellings(labels: Iterable[str]) -> dict[str, str]:
    """The most frequent spelling of each label (the first of equals), by the form in which labels are compared.

    Of numbers that are there with and without zeros behind the point those without, in all labels alike.

    Blanks around a label belong to no spelling: an exported model would give them to whoever compares its labels.
    """
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for label in labels:
        counts[_compared(label)][label.strip()] += 1
    numbers = {key for key, found in counts.items() if any(_WHOLE.match(label) for label in found)}
    plain = numbers if any(label == key for key in numbers for label in counts[key]) else set[str]()
    return {key: key if key in plain else found.most_common(1)[0][0] for key, found in counts.items() if key}


def _compared(label: str) -> str:
    """The form in which labels are compared: a whole number is the same with zeros behind its point, as pandas adds.

    In lower case, which keeps `Masse` and `Maße` apart, as case folding does not.
    """
    return whole(" ".join(unicodedata.normalize("NFC", label.lower()).split()))


def whole(text: str) -> str:
    """A whole number without zeros behind its point; any other text as it is."""
    return _WHOLE.sub(r"\1", text)


def label_lists(table: Table, column: str, separator: str | None) -> list[list[str]]:
    """Each row's labels: its one label where there is no separator. DataError where the column cannot be used."""
    if separator is None:
        return [[label] for label in table.column(column)]
    return [[label.strip() for label in labels] for labels in table.items(column, separator)]


def respelt(
    table: Table, column: str, separator: str | None, known: Mapping[str, str], task: str
) -> tuple[Table, list[Finding]]:
    """The table with labels in the spelling that training rows mostly have, and one finding if any was changed.

    Args:
        table: any rows of the task.
        column: the one with the labels.
        separator: stands between two labels of a row; None: a row has one.
        known: what `spellings` says of the training rows. Other labels stay as they are.
        task: whose labels they are, for the finding.
    """
    given = label_lists(table, column, separator)
    wanted = [[known.get(_compared(label), label) for label in labels] for labels in given]
    pairs = zip((label for row in given for label in row), (label for row in wanted for label in row), strict=True)
    if not (cases := [f"{old!r} -> {new!r}" for old, new in pairs if old != new]):
        return table, []
    finding = Finding.of(
        f"label of task {task!r} that differs in case, blanks or zeros", list(dict.fromkeys(cases)), "repaired"
    )
    finding = replace(finding, count=len(cases))
    if separator is not None and column in table.lists:
        return replace(table, lists={**table.lists, column: wanted}), [finding]
    join: Callable[[Sequence[str]], str] = (separator or "").join
    return table.with_column(column, [join(row) for row in wanted]), [finding]
