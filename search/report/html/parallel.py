"""Parallel coordinates: every parameter of every trial at once. Axes are rows, so that they fit a phone."""

from collections.abc import Sequence

from ...summary.summary import Summary
from .axes import LEFT, RIGHT, Axis, axes_of
from .figure import OTHER, WIDTH, Figure, Key, Label, Mark, fitted, named_trials
from .scales import evenly, line

MOST = 200
"""Lines of one picture."""
_ROW, _LINE = 56, 24
"""Units from row to row, and from a row's top to its axis."""
_BEST_SHARE = 0.1


def parallel_figure(summary: Summary) -> Figure | None:
    """A row a parameter that varies, the objectives last; None with fewer than two complete trials."""
    if len(summary.complete) < 2:
        return None
    axes = axes_of(summary)
    paths = {trial.number: _path(axes, rank) for rank, trial in enumerate(summary.complete)}
    named = named_trials(summary)
    best, rest = _drawn(summary, {each.trial.number for each in named})
    lines = [
        *(Mark(f"line {OTHER} complete", paths[number], f"trial {number}") for number in rest),
        *(Mark("line best", paths[number], f"trial {number}, of the best tenth") for number in reversed(best)),
        *(Mark(f"line {each.kind}", paths[each.trial.number], each.words) for each in reversed(named)),
    ]
    shown = len(lines)
    return Figure(
        name="parallel",
        title="All parameters of all complete trials",
        description=f"{len(axes)} rows: {', '.join(axis.name for axis in axes)}",
        caption=_caption(len(paths), shown),
        height=_ROW * len(axes),
        marks=(*(mark for row, axis in enumerate(axes) for mark in _grid(row, axis)), *lines),
        labels=tuple(label for row, axis in enumerate(axes) for label in _labels(row, axis)),
        keys=(*(Key(each.key.marks[:1], each.words) for each in named), *_keys(best, rest)),
    )


def _path(axes: Sequence[Axis], rank: int) -> str:
    return line([(axis.places[rank], row * _ROW + _LINE) for row, axis in enumerate(axes)])


def _drawn(summary: Summary, named: set[int]) -> tuple[list[int], list[int]]:
    """The best tenth, and an even sample of the others; without the named ones."""
    numbers = [trial.number for trial in summary.complete]
    tenth = numbers[: round(_BEST_SHARE * len(numbers))][: MOST // 2]
    best = [number for number in tenth if number not in named]
    others = [number for number in numbers if number not in {*tenth, *named}]
    return best, evenly(others, MOST - len(best) - len(named))


def _grid(row: int, axis: Axis) -> list[Mark]:
    y = row * _ROW + _LINE
    ticks = "".join(f"M{tick.place:g} {y - 3}v6" for tick in axis.ticks)
    return [Mark("axis", f"M{LEFT} {y}H{RIGHT}{ticks}")]


def _labels(row: int, axis: Axis) -> list[Label]:
    top = row * _ROW
    ticks = [fitted(tick.place, top + _LINE + 16, tick.label, 56, "middle", "tick halo") for tick in axis.ticks]
    return [fitted(4, top + 15, axis.name, WIDTH - 8, kind="label halo"), *ticks]


def _keys(best: Sequence[int], rest: Sequence[int]) -> list[Key]:
    keys = [Key((Mark("line best", "M0 6H28"),), "the best tenth")] if best else []
    return [*keys, Key((Mark(f"line {OTHER} complete", "M0 6H28"),), "other complete trials")] if rest else keys


def _caption(there: int, shown: int) -> str:
    few = f" Of {there} trials {shown} are drawn: the named ones, the best tenth, and an even sample of the others."
    return (
        "A line from top to bottom is a trial; it crosses each row at its value. Parameters that never varied are left "
        f"out.{few if shown < there else ''}"
    )
