"""Bar charts: parameter importance, and the augmentation mix."""

from statistics import fmean

from ... import wording
from ...confirmation.result import Arm
from ...summary.importance import STEADY
from ...summary.summary import NONE, Summary
from .figure import WIDTH, Figure, Key, Label, Mark, box, fitted
from .scales import Scale

_ROW = 38
_VALUE = 60
"""Units that a bar's value takes at the right end of its row."""


def importance_figure(summary: Summary) -> Figure | None:
    """A bar a parameter, the most important first; None where nothing can be said."""
    if not summary.importance:
        return None
    x = Scale(0.0, max(summary.importance.values()), 0, WIDTH)
    marks, labels = _rows({name: (share, wording.percent(share)) for name, share in summary.importance.items()}, x)
    rough = f" Rough, from {summary.counts.complete} complete trials." if summary.counts.complete < STEADY else ""
    return Figure(
        name="importance",
        title="Importance of the parameters",
        description=", ".join(f"{name} {wording.percent(share)}" for name, share in summary.importance.items()),
        caption=f"How much each parameter matters for reaching the best tenth of the trials (PED-ANOVA).{rough}",
        height=_ROW * len(summary.importance),
        marks=tuple(marks),
        labels=tuple(labels),
    )


def mix_figure(summary: Summary, winner: Arm | None) -> Figure | None:
    """The mix of the confirmed winner, or else of the search's best, and the mean of all complete trials.

    None where the study has no operations, or no trial is complete.
    """
    if not summary.operations or not summary.best:
        return None
    x = Scale(0.0, 1.0, 0, WIDTH)
    shares = summary.mix(winner.configuration if winner else summary.best.configuration)
    mixes = [summary.mix(trial.configuration) for trial in summary.complete]
    means = {name: fmean(mix[name] for mix in mixes) for name in shares}
    named = {"not augmented" if name == NONE else name: share for name, share in shares.items()}
    marks, labels = _rows({name: (share, wording.percent(share)) for name, share in named.items()}, x)
    marks += [
        Mark("mean", f"M{x(mean):g} {row * _ROW + 19}v12", f"mean {wording.percent(mean)}")
        for row, mean in enumerate(means.values())
    ]
    bar = Key((Mark("bar", box(0, 2, 28, 8)),), winner.name if winner else f"trial {summary.best.number}")
    mean = Key((Mark("mean", "M14 0v12"),), f"mean of all {len(mixes)} complete trials")
    return Figure(
        name="mix",
        title="Augmentation mix",
        description=", ".join(f"{name} {wording.percent(share)}" for name, share in named.items()),
        caption="How much of a batch of the main task each operation augments.",
        height=_ROW * len(named),
        marks=tuple(marks),
        labels=tuple(labels),
        keys=(bar, mean),
    )


def _rows(values: dict[str, tuple[float, str]], x: Scale) -> tuple[list[Mark], list[Label]]:
    """A name and a value in words, and below them a bar on a pale one of full length."""
    marks: list[Mark] = []
    labels: list[Label] = []
    for row, (name, (value, words)) in enumerate(values.items()):
        top = row * _ROW
        labels += [fitted(0, top + 14, name, WIDTH - _VALUE), Label(WIDTH, top + 14, words, "end", "value")]
        marks += [Mark("rest", box(0, top + 20, WIDTH, 10)), Mark("bar", box(0, top + 20, x(value), 10))]
    return marks, labels
