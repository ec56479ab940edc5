"""Learning curves of all trials."""

from collections.abc import Sequence

from ... import wording
from ...summary.summary import Summary
from ..records import TrialRecord
from .figure import OTHER, WIDTH, Figure, Key, Label, Mark, Named, cross, fitted, joined, named_trials, x_axis, y_axis
from .scales import Scale, evenly, line, spanning

MOST = 200
"""Curves of one picture: more are a grey area, and each costs the page a few hundred bytes."""
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, WIDTH - 12, 26, 226


def curves_figure(summary: Summary, records: Sequence[TrialRecord]) -> Figure | None:
    """The curves of at most 200 trials; None where no trial reported anything."""
    known = {record.number: record for record in records if record.curve}
    if not known:
        return None
    named = [each for each in named_trials(summary) if each.trial.number in known]
    special = {each.trial.number for each in named}
    others = evenly([number for number in known if number not in special], MOST - len(special))
    shown = [known[number] for number in [*others, *special]]
    x, y = _scales(shown, [known[number] for number in special])
    x_marks, x_labels = x_axis(x, _TOP, _BOTTOM, _x_name(summary))
    y_marks, y_labels = y_axis(y, _LEFT, _RIGHT)
    marks = [
        *(_thin(known[number], x, y) for number in others),
        *_stops([known[number] for number in others], x, y),
        *(mark for each in reversed(named) for mark in _named(each, known[each.trial.number], x, y)),
    ]
    objective = next(iter(summary.objectives))
    return Figure(
        name="curves",
        title="Learning curves",
        description=f"{objective} of {len(shown)} trials over their training; {_ends(named)}",
        caption=_caption(summary, shown, len(known), y),
        height=_BOTTOM + 38,
        marks=(*x_marks, *y_marks, *marks),
        labels=(*x_labels, *y_labels, _y_name(summary)),
        keys=(*(each.key for each in named), *_other_keys([known[number] for number in others])),
    )


def _x_name(summary: Summary) -> str:
    return "folds done" if _is_folded(summary) else "training step of the main task"


def _is_folded(summary: Summary) -> bool:
    return any(trial.folds for trial in summary.complete)


def _y_name(summary: Summary) -> Label:
    better = "higher" if summary.direction == wording.MAXIMIZE else "lower"
    return fitted(4, 14, f"{next(iter(summary.objectives))}, {better} is better", WIDTH - 8)


def _scales(shown: Sequence[TrialRecord], special: Sequence[TrialRecord]) -> tuple[Scale, Scale]:
    steps = [step for record in shown for step, _ in record.curve]
    values = [value for record in shown for _, value in record.curve]
    must = [value for record in special for _, value in record.curve]
    return Scale(min(steps), max(steps), _LEFT, _RIGHT), spanning(values, _BOTTOM, _TOP, 0.96, must=must)


def _path(record: TrialRecord, x: Scale, y: Scale) -> str:
    points = [(x(step), y(value)) for step, value in record.curve]
    return line(points) if len(points) > 1 else f"{line(points)}h0"


def _thin(record: TrialRecord, x: Scale, y: Scale) -> Mark:
    return Mark(f"line {OTHER} {record.state}", _path(record, x, y), _told(record))


def _told(record: TrialRecord) -> str:
    step, value = record.curve[-1]
    return f"trial {record.number}, {record.state}: {wording.number(value)} at {step}"


def _stops(records: Sequence[TrialRecord], x: Scale, y: Scale) -> list[Mark]:
    ends = [record.curve[-1] for record in records if record.state in {"pruned", "fail"}]
    return [Mark(f"mark {OTHER}", joined(cross, [(x(step), y(value)) for step, value in ends]))] if ends else []


def _named(each: Named, record: TrialRecord, x: Scale, y: Scale) -> list[Mark]:
    step, value = record.curve[-1]
    title = f"{each.words}; {_told(record)}"
    return [
        Mark(f"line {each.kind}", _path(record, x, y), title),
        Mark(f"mark {each.kind}", each.marker(x(step), y(value)), title),
    ]


def _other_keys(others: Sequence[TrialRecord]) -> list[Key]:
    keys = {
        "complete": Key((Mark(f"line {OTHER} complete", "M0 6H28"),), "complete"),
        "pruned": Key((Mark(f"line {OTHER} pruned", "M0 6H20"), Mark(f"mark {OTHER}", cross(20, 6))), "pruned"),
        "fail": Key((Mark(f"line {OTHER} fail", "M0 6H20"), Mark(f"mark {OTHER}", cross(20, 6))), "failed"),
        "running": Key((Mark(f"line {OTHER} running", "M0 6H28"),), "running"),
    }
    there = {record.state for record in others}
    return [key for state, key in keys.items() if state in there]


def _ends(named: Sequence[Named]) -> str:
    return "; ".join(each.words for each in named) or "none is complete"


def _caption(summary: Summary, shown: Sequence[TrialRecord], there: int, y: Scale) -> str:
    what = "the mean over the folds so far" if _is_folded(summary) else "its value on the validation data at each rung"
    sentences = [f"A line is a trial: {what}. A cross is where one was stopped."]
    if there > len(shown):
        sentences.append(f"Of {there} trials {len(shown)} are drawn: the named ones, and an even sample of the others.")
    beyond = sum(not y.holds(value) for record in shown for _, value in record.curve)
    if beyond:
        sentences.append(f"At the edge, as they lie far from all others: {wording.counted(beyond, 'value')}.")
    return " ".join(sentences)
