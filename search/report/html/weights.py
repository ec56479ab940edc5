"""α and every β against the score."""

from collections.abc import Callable, Sequence

from ... import wording
from ...ranking import RankedTrial
from ...summary.summary import Summary
from .figure import OTHER, WIDTH, Figure, Key, Label, Mark, Named, fitted, named_trials, x_axis
from .scales import Scale, dots, spanning

_LEFT, _RIGHT = 76, WIDTH - 12
"""Left of the panels there is room for a value such as -1.200e-05."""
_PANEL = 116
"""Units from one task's panel to the next; points fill 76 of them."""
Share = Callable[[RankedTrial], float]


def weights_figure(summary: Summary) -> Figure | None:
    """A panel a task, main task first: each complete trial's share of the loss and its value; None without a choice."""
    if not summary.auxiliary_tasks or not summary.complete:
        return None
    named = named_trials(summary)
    values = [trial.value for trial in summary.complete]
    shares = _shares(summary)
    bottom = _PANEL * len(shares)
    x = Scale(0.0, 1.0, _LEFT, _RIGHT)
    marks, labels = x_axis(x, 20, bottom, "share of the loss; 0 is switched off")
    keys = (*(each.point_key for each in named), Key((Mark(f"dots {OTHER}", "M14 6h0"),), "other complete trials"))
    for row, (task, share) in enumerate(shares.items()):
        top = row * _PANEL
        y = spanning(values, top + _PANEL - 8, top + 32, 0.96, must=[each.trial.value for each in named])
        marks += [Mark("axis", f"M{_LEFT} {top + _PANEL}H{_RIGHT}")]
        marks += [Mark(f"dots {OTHER}", dots([(x(share(trial)), y(trial.value)) for trial in summary.complete]))]
        marks += [_named(each, share(each.trial), x, y) for each in reversed(named)]
        labels += [fitted(4, top + 16, task, WIDTH - 8), *_ends(y)]
    return Figure(
        name="weights",
        title="Loss weights and the score",
        description="; ".join(f"{task}: {_shares_of(named, share)}" for task, share in shares.items()),
        caption=(
            f"A point is a complete trial: how much of the loss a task was (α of the main task, β of the others; "
            f"they sum to 1), and {next(iter(summary.objectives))} above it. Trials differ in more than these weights."
        ),
        height=bottom + 38,
        marks=tuple(marks),
        labels=tuple(labels),
        keys=keys,
    )


def _shares(summary: Summary) -> dict[str, Share]:
    def beta(task: str) -> Share:
        return lambda trial: trial.configuration.betas.get(task, 0.0)

    main: dict[str, Share] = {f"α {summary.main_task} (main task)": lambda trial: trial.configuration.alpha}
    return main | {f"β {task}": beta(task) for task in summary.auxiliary_tasks}


def _ends(y: Scale) -> list[Label]:
    """The least and the greatest value: a panel is too low for more."""
    ends = {y(value): wording.number(value) for value in (y.low, y.high)}
    return [Label(_LEFT - 6, place + 4, text, "end", "tick") for place, text in ends.items()]


def _named(each: Named, share: float, x: Scale, y: Scale) -> Mark:
    return Mark(f"mark {each.kind}", each.marker(x(share), y(each.trial.value)), f"{each.words}; share {share:.3f}")


def _shares_of(named: Sequence[Named], share: Share) -> str:
    return ", ".join(f"{share(each.trial):.3f} in {each.words}" for each in named)
