"""Classifying a table's columns by a few rules: texts, labels, numbers, lists, or unusable."""

import math
import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from statistics import mean

from ...objectives.data.cleaning import rows as rows_in_words
from ...objectives.data.repairs import respelt, spellings
from ...objectives.data.table import Table
from ...objectives.tasks.labels import MISSING
from ...objectives.tasks.regression import number_of
from ...spaces.errors import DataError
from . import names
from .exports import cells_told
from .notations import other_notation

_MOST_LABELS = 100
"""Of a column whose name does not say that it has labels."""
_ROWS_A_LABEL = 10
"""Rows that each of its labels must have on average."""
_FEW_NUMBERS = 10
"""Different whole numbers that are rather grades or codes than quantities, such as one to five stars."""
_MANY = 0.2
"""Share of the rows with a separator from which on it is one: a title or two may hold a `|`."""
_MOSTLY = 0.9
_LEAST_LABELLED = 0.5
"""Share of the rows that have a label of a task; it trains on these alone, and of few learns little."""
_MUCH_SHORTER = 0.5
"""Of the average length of other texts: what is shorter is rather a title, a name or a label."""
_MOST_SHOWN = 5
"""Labels that are told one by one, the most frequent ones."""
_PARTS = "says of what part of the data a row is; write each part to a file of its own, and name them in data: train, \
validation and test"
EMPTY, ALIKE = "empty in all rows", "the same in all rows"
CODES = "codes or dates"
SEPARATOR = "|"
_OTHER_SEPARATORS = (";", ",", "/")
"""Between labels, too, though never taken for it unasked: one label's own name may hold one."""
_DATE = re.compile(r"(\d{4}-\d\d-\d\d|\d{1,2}([./])\d{1,2}\2\d{2}(\d\d)?)([T ].{0,30})?")
"""2024-03-05, 05.03.2024 or 3/5/24, with or without a time."""
_CODE = re.compile(r"(?=.*\d)[!-~]{1,64}|\d{4}-\d\d-\d\d.{0,32}")
"""A word with a digit in it, without blanks; or a date with its time."""


class Form(StrEnum):
    """What a column holds."""

    TEXT = "texts"
    CLASSES = "labels"
    NUMBERS = "numbers"
    LABEL_LISTS = "several labels a row"
    WORD_LISTS = "lists of words"
    USELESS = "nothing of use"


@dataclass(frozen=True)
class Column:
    """A column and what it was found to be."""

    name: str
    form: Form
    told: str
    """For messages and comments: what it holds, with figures."""
    values: Sequence[str] = ()
    """Each row's text; none where the column holds lists."""
    lists: Sequence[Sequence[str]] = ()
    counts: Counter[str] = field(default_factory=Counter[str])
    """How often there is each value, or each part of lists."""
    length: float = 0.0
    """Characters of a text, on average."""
    separator: str = ""
    """What stands between several labels of a row, where it is not the usual one."""

    @property
    def is_mostly_labelled(self) -> bool:
        """Whether half of the rows or more have a label."""
        return self.labelled >= _LEAST_LABELLED * len(self.values)

    @property
    def labelled(self) -> int:
        """Rows that are not empty."""
        return sum(bool(value.strip()) for value in self.values)

    @property
    def alone(self) -> Sequence[str]:
        """Labels of one row, of which there must be two."""
        return [label for label, count in self.counts.items() if count < 2]

    def is_much_shorter(self, others: Iterable["Column"]) -> bool:
        """Whether there are texts among the others beside which these are short."""
        return any(each.form is Form.TEXT and self.length < _MUCH_SHORTER * each.length for each in others)


def describe(table: Table) -> list[Column]:
    """All columns: those of texts, of lists, and those that cannot be used, which say why."""
    read = [_of_texts(name, values, table) for name, values in table.columns.items()]
    found = [_labels_after_all(column, read) for column in read]
    found += [_of_lists(name, rows) for name, rows in table.lists.items()]
    return [*found, *(Column(name, Form.USELESS, why) for name, why in table.faults.items())]


def _labels_after_all(column: Column, columns: Sequence[Column]) -> Column:
    """A column that is only called like a text: it has few values, and others have the texts."""
    name, others = names.plain_name(column.name), {names.plain_name(other.name) for other in columns}
    if (
        column.form is not Form.TEXT
        or name not in names.TEXTS
        or len(column.counts) > _most_labels(len(column.values))
        or any(name in pair and others.issuperset(pair) for pair in names.PAIRS)
        or not column.is_much_shorter(columns)
    ):
        return column
    blank = sum(not value.strip() for value in column.values)
    return replace(column, form=Form.CLASSES, told=in_words(column.counts) + _blank_told(blank))


def _most_labels(rows: int) -> int:
    return min(_MOST_LABELS, max(2, rows // _ROWS_A_LABEL))


def _blank_told(rows: int) -> str:
    return f", empty in {rows_in_words(rows)}" if rows else ""


def _of_texts(name: str, values: Sequence[str], table: Table) -> Column:
    filled = _filled(names.plain_name(name), values)
    counts = Counter(_merged(filled))
    if not name.strip():
        return Column(name, Form.USELESS, "a column without a name")
    if not filled:
        return Column(name, Form.USELESS, EMPTY)
    if len(counts) < 2:
        return Column(name, Form.USELESS, ALIKE, values)
    if names.plain_name(name) in names.SPLITS and all(names.plain_name(value) in names.PARTS for value in counts):
        return Column(name, Form.USELESS, f"{_PARTS} ({in_words(counts, 'parts')})", values)
    if filled[0].lstrip().startswith("[") and (why := _written_lists(name, table)):
        return Column(name, Form.USELESS, why)
    form, told = _form(names.plain_name(name), filled, counts, len(values))
    if names.is_id(name) and form is not Form.LABEL_LISTS and names.plain_name(name) not in names.ANSWERS:
        form, told = Form.USELESS, "ids, dates or links, by its name"
    json_told, are_json = cells_told(filled)
    if are_json:
        form, told = Form.USELESS, json_told
    elif json_told:
        told += f"; {json_told}"
    told += _blank_told(len(values) - len(filled))
    return Column(name, form, told, values, (), counts, mean(map(len, filled)))


def _filled(name: str, values: Sequence[str]) -> Sequence[str]:
    """Values that are not empty; of quantities also none that stands for a missing one."""
    filled = [value for value in values if value.strip()]
    numbers = _without_gaps(filled)
    is_quantity = _are_numbers(numbers) and _of_numbers(name, numbers, Counter(numbers))[0] is not Form.CLASSES
    return numbers if is_quantity else filled  # among grades `none` may be one of its own


def _without_gaps(values: Sequence[str]) -> Sequence[str]:
    """Values but those that stand for a number that is missing, as `regression` drops them."""
    return [value for value in values if value.strip().lower() not in MISSING]


def _are_numbers(values: Sequence[str]) -> bool:
    return bool(values) and all(math.isfinite(number_of(value)) for value in values)


def _merged(labels: Sequence[str]) -> Sequence[str]:
    """Labels as cleaning spells them: Good and good are one, and so are 1 and 1.0."""
    table = Table("", {"labels": list(labels)}, range(len(labels)), "")
    return respelt(table, "labels", None, spellings(labels), "labels")[0].columns["labels"]


def _written_lists(name: str, table: Table) -> str:
    plain = names.plain_name(name)
    are_words = plain not in names.CLASSES and plain in (*names.WORDS, *names.TAGS)
    try:
        table.items(name, None if are_words else SEPARATOR)
    except DataError as error:
        return str(error)
    return ""


def _form(name: str, filled: Sequence[str], counts: Counter[str], rows: int) -> tuple[Form, str]:
    if sum(bool(_DATE.fullmatch(value.strip())) for value in filled) >= _MOSTLY * len(filled):
        return Form.USELESS, "dates"
    named, limit = name in names.CLASSES, _most_labels(rows)
    if _are_numbers(filled):
        return _of_numbers(name, filled, counts)
    if (parts := _parts(filled)) and _shared(parts, limit):
        return Form.LABEL_LISTS, _separated_told(SEPARATOR)
    may_be_labels = name in names.WEAK_TEXTS or name in names.SPANS
    if name in (*names.TEXTS, *names.SPANS) and not (may_be_labels and len(counts) <= limit):
        return _as_texts(filled)
    are_few = len(counts) <= (rows // 2 if named else limit)
    notation = other_notation(_without_gaps(filled) or filled)
    if are_few and (named or not notation or len(counts) <= _FEW_NUMBERS):
        return Form.CLASSES, in_words(counts) + (_combined(filled, limit) if named or not notation else "")
    why = notation or ("" if named else _no_texts(filled))
    return (Form.USELESS, why) if why else _as_texts(filled, _combined(filled, limit) if named else "")


def _of_numbers(name: str, filled: Sequence[str], counts: Counter[str]) -> tuple[Form, str]:
    """Grades and codes are labels, a row's own number is nothing, and all others are quantities."""
    numbers = sorted({float(value) for value in filled})
    whole = all(number.is_integer() for number in numbers)
    gapless = whole and numbers[-1] - numbers[0] == len(numbers) - 1
    if gapless and len(numbers) == len(filled) > 2 and name not in names.ANSWERS:
        return Form.USELESS, "a number that counts the rows"
    is_code = gapless and numbers[0] in {0, 1} and name in names.CLASSES and name != "target"
    if whole and (len(numbers) <= _FEW_NUMBERS or is_code) and len(numbers) <= max(2, len(filled) // 2):
        return Form.CLASSES, in_words(counts)
    return Form.NUMBERS, f"numbers from {numbers[0]:g} to {numbers[-1]:g}, {len(numbers):,} different ones"


def _as_texts(filled: Sequence[str], more: str = "") -> tuple[Form, str]:
    return Form.TEXT, f"texts of {mean(map(len, filled)):.0f} characters on average{more}"


def _no_texts(filled: Sequence[str]) -> str:
    """What a column of many values seems to hold that is neither numbers nor texts; empty where they may be texts."""
    others = [value for value in filled if not math.isfinite(number_of(value))]
    if len(filled) - len(others) >= _MOSTLY * len(filled):
        return f"numbers except {others[0]!r}"
    codes = sum(bool(_CODE.fullmatch(value.strip())) for value in filled)
    return CODES if codes >= _MOSTLY * len(filled) else ""


def _parts(filled: Sequence[str], separator: str = SEPARATOR) -> Counter[str]:
    """Labels between separators; none where few rows have a separator."""
    if sum(separator in value for value in filled) < _MANY * len(filled):
        return Counter()
    return Counter(part.strip() for value in filled for part in value.split(separator) if part.strip())


def split(column: Column) -> Column:
    """The column as one of several labels a row, if another separator than the usual one seems to be between them."""
    filled = [value for value in column.values if value.strip()]
    may_be_labels = column.form is Form.CLASSES or (
        column.form is Form.TEXT and names.plain_name(column.name) not in names.TEXTS
    )
    if not may_be_labels or not (separator := _separator(filled, _most_labels(len(column.values)))):
        return column
    told = _separated_told(separator) + _blank_told(len(column.values) - len(filled))
    return replace(column, form=Form.LABEL_LISTS, told=told, separator=separator)


def _separated_told(separator: str) -> str:
    return f"labels with {separator!r} between them"


def _combined(filled: Sequence[str], limit: int) -> str:
    """That labels seem to be several in one; empty where they do not."""
    if separator := _separator(filled, limit):
        return f"; several labels with {separator!r} between them? then kind: multi_label, separator: {separator!r}"
    return ""


def _separator(filled: Sequence[str], limit: int) -> str:
    """What seems to stand between several labels in one, other than the usual separator; empty where nothing does."""
    for separator in _OTHER_SEPARATORS:
        parts = _parts(filled, separator)
        if _shared(parts, limit) and _are_combined(set(filled), separator, len(parts)):
            return separator
    return ""


def _are_combined(labels: Collection[str], separator: str, parts: int) -> bool:
    """Whether parts are in several labels, and so are no more than there are labels: "Salem, OR" is one."""
    return parts <= len(labels) and parts < sum(len(label.split(separator)) for label in labels)


def _of_lists(name: str, rows: Sequence[Sequence[str]]) -> Column:
    counts = Counter(item for row in rows for item in row)
    limit = min(_MOST_LABELS, max(2, len(rows) // 2))
    plain = names.plain_name(name)
    if not name.strip() or not counts:
        return Column(name, Form.USELESS, "empty lists" if name.strip() else "a column without a name")
    if len(counts) < 2:
        return Column(name, Form.USELESS, "the same in all lists", (), rows)
    if plain in names.WORDS or not _shared(counts, limit):
        return Column(name, Form.WORD_LISTS, "lists of words", (), rows, counts)
    return Column(name, Form.LABEL_LISTS, f"lists of {in_words(counts)}", (), rows, counts)


def _shared(counts: Counter[str], limit: int) -> bool:
    """Whether the parts of lists are labels: few, and most of them in several rows."""
    return 2 <= len(counts) <= limit and counts.total() >= 2 * len(counts)


def in_words(counts: Counter[str], what: str = "labels") -> str:
    """Labels with their counts: `3 labels: neg 350, neu 20, pos 330`."""
    shown = ", ".join(_shown(counts.most_common(_MOST_SHOWN)))
    return f"{len(counts)} {what}: {shown}{', …' * (len(counts) > _MOST_SHOWN)}"


def _shown(pairs: Iterable[tuple[str, int]]) -> Iterable[str]:
    return (f"{label if len(label) <= 24 else label[:23] + '…'} {count}" for label, count in pairs)
