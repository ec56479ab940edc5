"""Choosing tasks from a table's columns: the main task, auxiliaries, and what is left out and why."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Self

from ...objectives.checking import name_mistake
from ..study_file.yaml_document import write_line
from .columns import Column, Form
from .finding import RECONSTRUCT, Chosen, answer, finders, is_tagged, tagged, with_tags
from .groups import repeats

_LONGEST_NAME = 60
"""YAML writes a key beyond 128 characters in a form of its own, and nobody reads it."""
_MOST_AUXILIARIES = 4
"""Each adds two parameters to the search; a small one cannot tell more of them apart."""


@dataclass(frozen=True)
class Plan:
    """The main task first, then auxiliaries; and each column that none of them needs, with the reason."""

    tasks: Sequence[Chosen]
    left_out: Mapping[str, str] = field(default_factory=dict[str, str])
    groups: Mapping[str, str] = field(default_factory=dict[str, str])
    """Columns that none needs and that may say which rows belong together, with how often their values repeat."""

    def led_by(self, main: Chosen) -> Self:
        """The plan with this in place of its main task."""
        return replace(self, tasks=[main, *self.tasks[1:]])

    def noted(self, note: str) -> Self:
        """The plan with something to say about its main task, if any."""
        main = self.tasks[0]
        return self.led_by(replace(main, why=f"{main.why}; {note}")) if note else self


def choose(columns: Sequence[Column], kind: str | None = None) -> Plan | None:
    """The tasks that these columns make; None where nothing can be the text, or the answer.

    Args:
        columns: what the table holds.
        kind: of the main task; None: a question with its context and answer, else words with tags, else the column
            that is named like an answer, else the one that has the fewest labels, else one of numbers.
    """
    main = next(chain.from_iterable(find(columns, kind) for find in finders(kind)), None)
    if main is None:
        return None
    left_out = dict[str, str]()
    tasks = [main, *_auxiliaries(columns, main, left_out)]
    if main.settings["kind"] != "masked_lm":
        why = "masked tokens are predicted: needs no labels"
        tasks.append(Chosen(RECONSTRUCT, {"kind": "masked_lm", **main.reading}, why))
    needed = set[str]().union(*(task.columns for task in tasks))
    places = {column.name: place for place, column in enumerate(columns, 1)}
    read = next((column for column in columns if column.name == main.settings.get("text")), None)
    rest = {each.name: each.told + _beside(each, main, read, places) for each in columns if each.name not in needed}
    groups = {column.name: told for column in columns if column.name in rest and (told := repeats(column))}
    return Plan(_with_names(tasks, places), {**rest, **left_out}, groups)


def _beside(column: Column, main: Chosen, read: Column | None, places: Mapping[str, int]) -> str:
    """How a text could be read with the one that is, or labels be learnt; the empty string where that cannot be."""
    if column.form is Form.LABEL_LISTS and main.reading:
        return f"; to learn them too, {_line(answer(column, 'multi_label', main.reading, ''), places)}"
    if column.form is not Form.TEXT or read is None:
        return ""
    if is_tagged(read, column):
        line = _line(with_tags(read.name, column), places)
        return f"; a tag for every word of {read.name!r}; to learn them too, {line}"
    return "" if "text_pair" in main.settings else f"; to read it too, give the tasks `text_pair: {column.name}`"


def _line(task: Chosen, places: Mapping[str, int]) -> str:
    """What to write for a task that was not chosen."""
    (named,) = _with_names([task], places)
    return f"write `{write_line({named.name: dict(named.settings)})[1:-1]}` under tasks"


def _auxiliaries(columns: Sequence[Column], main: Chosen, left_out: dict[str, str]) -> Iterator[Chosen]:
    """Other tags of the same words, and columns with few labels that say something else than those before."""
    by_name = {column.name: column for column in columns}
    told = [by_name[name] for name in main.answers]
    tags = {task.answers[0]: task for task in tagged(columns, None) if task.settings["tokens"] in main.columns}
    count = 0
    for column in columns:
        if column.name in main.columns or (column.name not in tags and column.form is not Form.CLASSES):
            continue
        if why := _why_not(column, told, count) if column.name not in tags else "":
            left_out[column.name] = why
            continue
        count += 1
        told.append(column)
        yield tags.get(column.name) or answer(column, "classification", main.reading, column.told)


def _why_not(column: Column, told: Sequence[Column], count: int) -> str:
    if column.alone:
        which = repr(column.alone[0]) + ", …" * (len(column.alone) > 1)
        return f"{column.told}; each label needs two rows, and {which} has one"
    if not column.is_mostly_labelled:
        return f"{column.told}; fewer than half of the rows have a label"
    if same := next((other.name for other in told if _says_the_same(column, other)), None):
        return f"duplicates {same!r}"
    return f"{column.told}; {_MOST_AUXILIARIES} other auxiliary tasks are enough" if count >= _MOST_AUXILIARIES else ""


def _says_the_same(one: Column, other: Column) -> bool:
    """Whether each value of one stands with one value of the other: a label and its number. Either may miss in rows."""
    pairs = {pair for pair in zip(one.values, other.values, strict=False) if all(map(str.strip, pair))}
    return len(pairs) == len(_filled(one)) == len(_filled(other))


def _filled(column: Column) -> set[str]:
    return {value for value in column.values if value.strip()}


def _with_names(tasks: Iterable[Chosen], places: Mapping[str, int]) -> list[Chosen]:
    """The same tasks under names that a study file, and torch, may have, each another.

    Args:
        tasks: called as their columns, or otherwise.
        places: of the columns, from 1: what a task is called by where its column's name has no Latin letter.
    """
    found: dict[str, Chosen] = {}
    for task in tasks:
        plain = re.sub(r"[^A-Za-z0-9_-]+", "_", task.name).strip("_-")[:_LONGEST_NAME]
        if not plain and task.name in places:
            plain = f"column_{places[task.name]}"
        name = plain if re.match(r"[A-Za-z_]", plain) and not name_mistake(plain) else f"task_{plain}".rstrip("_")
        number = next(number for number in range(1, len(found) + 2) if _numbered(name, number) not in found)
        name = _numbered(name, number)
        found[name] = replace(task, name=name)
    return list(found.values())


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name}_{number}"
