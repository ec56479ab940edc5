"""Candidate tasks from columns, kind by kind, the likeliest first."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from ...objectives.tasks.label_sets import TRUTHS
from ...objectives.tasks.tags import OUTSIDE, is_entity_tag
from . import names
from .columns import Column, Form, split

_KINDS = {Form.CLASSES: "classification", Form.NUMBERS: "regression", Form.LABEL_LISTS: "multi_label"}
_ANSWERS = {
    "classification": (Form.CLASSES, Form.NUMBERS),
    "regression": (Form.NUMBERS, Form.CLASSES),
    "multi_label": (Form.LABEL_LISTS,),
    "generation": (Form.TEXT,),
}
"""What a column must hold where somebody asks for a kind."""
_NO_COLUMNS = {"kind", "separator"}
"""Settings of a task that name no column."""
_LABELS = 3
"""Columns of 0 and 1 from which on they are labels of one task; two are rather two tasks."""
RECONSTRUCT = "reconstruct"
"""The name of a task that needs no labels."""


@dataclass(frozen=True)
class Chosen:
    """A task as the study file has it."""

    name: str
    settings: Mapping[str, str | list[str]]
    why: str
    answers: Sequence[str] = ()
    """The columns that it learns to give."""
    metric: str = ""
    """What trials are compared by, where that is not the kind's first metric."""

    @property
    def columns(self) -> set[str]:
        """All columns that it needs."""
        given = [value for key, value in self.settings.items() if key not in _NO_COLUMNS]
        return {name for value in given for name in ([value] if isinstance(value, str) else value)}

    @property
    def reading(self) -> dict[str, str]:
        """What the encoder reads of a row, for another task on the same rows."""
        keys = {"text": "text", "text_pair": "text_pair", "tokens": "tokens"}
        if "context" in self.settings:
            keys = {"question": "text", "context": "text_pair"}
        return {keys[key]: str(value) for key, value in self.settings.items() if key in keys}


_Finder = Callable[[Sequence[Column], str | None], Iterable[Chosen]]


def finders(kind: str | None) -> Sequence[_Finder]:
    """What looks for a main task of that kind, or of any, in this order."""
    match kind:
        case None:
            return _spans, tagged, _answered
        case "span":
            return (_spans,)
        case "token_classification":
            return (tagged,)
        case "masked_lm":
            return (_unlabelled,)
        case "generation":
            return _answered, _unlabelled
        case _:
            return (_answered,)


def _named(columns: Iterable[Column], wanted: Sequence[str], *forms: Form) -> Iterator[Column]:
    """The columns of these names that hold something (of one of the forms, if any), the likeliest first."""
    known: dict[str, Column] = {}
    for column in columns:
        if column.form in forms or (not forms and (column.values or column.lists)):
            known.setdefault(names.plain_name(column.name), column)
    return (known[name] for name in wanted if name in known)


def _spans(columns: Sequence[Column], _: str | None) -> Iterator[Chosen]:
    """A question about a context, by the names of the columns alone."""
    parts = {
        "question": next(_named(columns, names.QUESTIONS), None),
        "context": next(_named(columns, names.CONTEXTS), None),
        "answer": next(_named(columns, names.SPANS), None),
    }
    if not all(parts.values()) or not _stands_in(parts["answer"], parts["context"]):
        return
    given = {key: column.name for key, column in parts.items() if column}
    start = next(_starts(columns), None)
    settings = {"kind": "span", **given, **({"start": start} if start else {})}
    yield Chosen("answer", settings, "by the columns' names", [given["answer"], *([start] if start else [])])


def _stands_in(answers: Column | None, contexts: Column | None) -> bool:
    """Whether some answer stands in the context of its row."""
    if answers is None or contexts is None:
        return False
    given = answers.lists or [[value] for value in answers.values]
    return any(
        answer and answer in context for row, context in zip(given, contexts.values, strict=False) for answer in row
    )


def _starts(columns: Sequence[Column]) -> Iterator[str]:
    """Columns of the characters at which answers begin: whole numbers, whatever else they look like."""
    for wanted in names.STARTS:
        for column in columns:
            values = column.values or [item for row in column.lists for item in row]
            places = [value.removesuffix(".0") for value in values if value not in {"", "-1", "-1.0"}]
            if names.plain_name(column.name) == wanted and places and all(map(str.isdecimal, places)):
                yield column.name


def tagged(columns: Sequence[Column], kind: str | None) -> Iterator[Chosen]:
    """Tasks of words that have as many tags in every row, the likeliest first; they have one kind only."""
    del kind
    tokens = [*_named(columns, names.WORDS), *(column for column in columns if column.form is Form.WORD_LISTS)]
    others = [column for column in columns if _has_entities(column) or column.form is Form.LABEL_LISTS]
    tags = [*_named(columns, names.TAGS), *sorted(others, key=lambda column: not _has_entities(column))]
    for words in tokens:
        for given in tags:
            if given is not words and is_tagged(words, given):
                yield with_tags(words.name, given)


def with_tags(words: str, tags: Column) -> Chosen:
    """The task of the words in that column that gives each of these tags."""
    settings = {"kind": "token_classification", "tokens": words, "tags": tags.name}
    return Chosen(tags.name, settings, f"a tag for every word, {_tags_told(tags)}", [tags.name])


def is_tagged(words: Column, tags: Column) -> bool:
    """Lists, or words between blanks whose tags say so themselves: any two columns of single words are as long."""
    if bool(words.lists) != bool(tags.lists) or (not tags.lists and not _has_entities(tags)):
        return False
    pairs = zip(_parts(words), _parts(tags), strict=True)
    return len({tag for row in _parts(tags) for tag in row}) > 1 and all(len(row) == len(its) for row, its in pairs)


def _parts(column: Column) -> Sequence[Sequence[str]]:
    return column.lists or [value.split() for value in column.values]


def _has_entities(column: Column) -> bool:
    tags = {tag for row in _parts(column) for tag in row}
    return any(map(is_entity_tag, tags)) and all(tag == OUTSIDE or is_entity_tag(tag) for tag in tags)


def _tags_told(column: Column) -> str:
    return f"{len({tag for row in _parts(column) for tag in row})} different ones"


def _answered(columns: Sequence[Column], kind: str | None) -> Iterator[Chosen]:
    """A text and a column that answers it: by its name, else the one with the fewest labels, else numbers."""
    forms = _ANSWERS[kind] if kind else tuple(_KINDS)
    if kind == "multi_label":
        columns = [split(column) for column in columns]
    named = [*_named(columns, names.ANSWERS)]
    if kind:
        named = sorted((column for column in named if column.form in forms), key=lambda each: forms.index(each.form))
    if any("text_pair" in _reading(columns, column) for column in named):
        named.sort(key=lambda column: names.plain_name(column.name) in names.KINDS)
    for column in named:
        own = kind if kind and column.form in forms else None if kind else _kind_of(column)
        if own and (reading := _reading(columns, column)):
            yield answer(column, own, reading, column.told)
    if kind in (None, "multi_label"):
        yield from _with_own_columns(columns)
    guessed = [column for column in columns if column.form in forms and _can_be_guessed(column, kind)]
    for column in sorted(guessed, key=lambda column: _doubt(column, forms)):
        if reading := _reading(columns, column):
            yield answer(column, kind or _KINDS[column.form], reading, f"a guess: {column.told}")


def _doubt(column: Column, forms: Sequence[Form]) -> tuple[bool, bool, int, bool, int]:
    """Least of the likeliest guess: where a text is from (`source`) is rather known than asked for."""
    is_weak, are_classes = names.plain_name(column.name) in names.WEAK_TEXTS, column.form is Form.CLASSES
    has_gaps = are_classes and column.labelled < len(column.values)
    return is_weak, has_gaps, forms.index(column.form), are_classes and bool(column.alone), len(column.counts)


def _with_own_columns(columns: Sequence[Column]) -> Iterator[Chosen]:
    """Labels with a column each, which says 0 or 1: toxic, obscene, threat."""
    found = [
        column
        for column in columns
        if column.form is Form.CLASSES and {*map(str.lower, column.counts)} <= TRUTHS.keys()
    ]
    reading = _reading(columns, None)
    if len(found) < _LABELS or not reading:
        return
    labels = [column.name for column in found]
    yield Chosen(
        "labels", {"kind": "multi_label", **reading, "labels": labels}, f"{len(labels)} columns of 0 and 1", labels
    )


def _kind_of(column: Column) -> str | None:
    if column.form is Form.TEXT:
        return "generation" if names.plain_name(column.name) in names.WRITTEN else None
    return _KINDS.get(column.form)


def _can_be_guessed(column: Column, kind: str | None) -> bool:
    """Where nobody asks for a kind, labels must be what an auxiliary could learn."""
    if kind or column.form is not Form.CLASSES:
        return column.form is not Form.TEXT
    return column.is_mostly_labelled and not column.alone


def answer(column: Column, kind: str, reading: Mapping[str, str], why: str) -> Chosen:
    """The task of that kind that answers what is read by this column."""
    key = {"multi_label": "labels", "generation": "target"}.get(kind, "label")
    guess = "" if _is_known(reading) else f"; the longest texts are in {reading['text']!r}"
    between = {"separator": column.separator} if column.separator else {}
    settings = {"kind": kind, **reading, key: column.name, **between}
    return Chosen(column.name, settings, why + guess, [column.name])


def _is_known(reading: Mapping[str, str]) -> bool:
    return "text_pair" in reading or "tokens" in reading or names.plain_name(reading["text"]) in names.TEXTS


def _unlabelled(columns: Sequence[Column], kind: str | None) -> Iterator[Chosen]:
    if kind and (reading := _reading(columns, None)):
        yield Chosen(RECONSTRUCT if kind == "masked_lm" else "copy", {"kind": kind, **reading}, "needs no labels")


def _has_words(column: Column) -> bool:
    """Whether it is read rather than learnt: texts, or a few of them, as all premises may share their hypotheses."""
    return column.form is Form.TEXT or 2 * sum(" " in value.strip() for value in column.counts) > len(column.counts)


def _reading(columns: Sequence[Column], answer: Column | None) -> dict[str, str]:
    """What the encoder reads: a pair or a text by its name, else the longest texts, else words; empty if nothing."""
    others = [column for column in columns if column is not answer]
    for pair in names.PAIRS:
        found = [column for column in _named(others, pair, Form.TEXT, Form.CLASSES) if _has_words(column)]
        if len(found) == 2 and any(column.form is Form.TEXT for column in found):
            return {"text": found[0].name, "text_pair": found[1].name}
    texts = [column for column in others if column.form is Form.TEXT]
    longest = sorted(texts, key=lambda column: -column.length)
    named = (column for column in _named(others, names.TEXTS, Form.TEXT) if _is_surely_text(column, texts))
    if text := next(chain(named, longest), None):
        return {"text": text.name}
    lists = (column for column in others if column.form is Form.WORD_LISTS)
    words = next(chain(_named(others, names.WORDS, Form.WORD_LISTS), lists), None)
    return {"tokens": words.name} if words else {}


def _is_surely_text(column: Column, texts: Sequence[Column]) -> bool:
    return names.plain_name(column.name) not in names.WEAK_TEXTS or not column.is_much_shorter(texts)
