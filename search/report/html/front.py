"""Several objectives: the complete trials by the first two of them, and the front."""

from ...summary.summary import Summary
from .figure import OTHER, WIDTH, Figure, Key, Mark, fitted, joined, named_trials, ring, x_axis, y_axis
from .scales import dots, line, spanning

_LEFT, _RIGHT, _TOP, _BOTTOM = 56, WIDTH - 14, 28, 260


def front_figure(summary: Summary) -> Figure | None:
    """The first objective to the right, the second upwards; None where there is one objective or no trial."""
    if not summary.has_several or not summary.complete:
        return None
    first, second = list(summary.objectives)[:2]
    named = named_trials(summary, best=False)  # with several objectives there is no one best
    x, y = (
        spanning([trial.values[place] for trial in summary.complete], *ends, must=[])
        for place, ends in enumerate([(_LEFT, _RIGHT), (_BOTTOM, _TOP)])
    )
    places = {trial.number: (x(trial.values[0]), y(trial.values[1])) for trial in summary.complete}
    members = sorted(places[trial.number] for trial in summary.front)
    x_marks, x_labels = x_axis(x, _TOP, _BOTTOM, first)
    y_marks, y_labels = y_axis(y, _LEFT, _RIGHT)
    marks = [
        *([Mark("line winner thin", line(members))] if len(summary.objectives) == 2 else []),
        Mark(f"dots {OTHER}", dots(list(places.values()))),
        Mark("mark winner", joined(ring, members)),
        *(Mark(f"mark {each.kind}", each.marker(*places[each.trial.number]), each.words) for each in named),
    ]
    front = Key((Mark("mark winner", ring(14, 6)),), "on the front")
    others = Key((Mark(f"dots {OTHER}", "M14 6h0"),), "complete trials")
    numbers = ", ".join(str(trial.number) for trial in summary.front)
    more = " The front is that of all objectives." if len(summary.objectives) > 2 else ""
    return Figure(
        name="front",
        title="Pareto front",
        description=f"{second} over {first} of {len(places)} complete trials; on the front are trials {numbers}",
        caption=f"A point is a complete trial.{more}",
        height=_BOTTOM + 38,
        marks=(*x_marks, *y_marks, *marks),
        labels=(*x_labels, *y_labels, fitted(4, 14, second, WIDTH - 8)),
        keys=(front, *(each.point_key for each in named), others),
    )
