"""Gains with their intervals: the arms against the baseline, and the effect of each part of the winner."""

from collections.abc import Mapping

from ...confirmation.result import Confirmed
from ...verdict.estimate import Estimate
from ...verdict.units import Unit
from .figure import OTHER, WIDTH, WINNER, Figure, Key, Label, Mark, box, fitted, x_axis
from .scales import Scale

_LEFT, _RIGHT, _ROW = 8, WIDTH - 8, 42
_VALUE = 215
"""Units that a gain and its interval take in words."""


def arms_figure(confirmed: Confirmed) -> Figure | None:
    """A dot and a line an arm; None where nothing can be compared with the baseline."""
    comparisons = confirmed.verdict.comparisons if confirmed.verdict else {}
    if not confirmed.verdict or not comparisons:
        return None
    gains = {name: comparison.gain for name, comparison in comparisons.items()}
    best = confirmed.verdict.winner.name
    marks, labels, x = _rows(gains, confirmed.unit)
    for row, (name, gain) in enumerate(gains.items()):
        kind, y = WINNER if name == best else OTHER, row * _ROW + 28
        marks += [_whisker(gain, confirmed.unit, x, y, f"interval {kind}"), _dot(gain, confirmed.unit, x, y, kind)]
    return Figure(
        name="arms",
        title="Gains over the baseline on fresh seeds",
        description=_in_words(gains, confirmed.unit),
        caption=(
            "A dot is the mean of the differences to the baseline, seed by seed, and its line the "
            f"{confirmed.gain_level} interval. Left of zero the baseline is better."
        ),
        height=len(gains) * _ROW + 40,
        marks=tuple(marks),
        labels=tuple(labels),
        keys=(Key((Mark(f"interval {WINNER}", "M0 6H28"), Mark(f"dot {WINNER}", "M14 6h0")), "the winner"),),
    )


def ablation_figure(confirmed: Confirmed) -> Figure | None:
    """A bar a part of the winner, with its interval; None where nothing was ablated."""
    if not confirmed.effects:
        return None
    gains = {effect.part: effect.comparison.gain for effect in confirmed.effects}
    marks, labels, x = _rows(gains, confirmed.unit)
    for row, effect in enumerate(confirmed.effects):
        gain, y = effect.comparison.gain, row * _ROW + 22
        start, end = sorted((x(0.0), x(_value(gain.mean, confirmed.unit))))
        marks.append(Mark("bar" if effect.is_shown else "bar pale", box(start, y, round(end - start, 1), 12)))
        marks.append(_whisker(gain, confirmed.unit, x, y + 6, "interval"))
    keys = {
        True: Key((Mark("bar", box(0, 2, 28, 8)),), "an effect that these seeds show"),
        False: Key((Mark("bar pale", box(0, 2, 28, 8)),), "none that they can show"),
    }
    kinds = {effect.is_shown for effect in confirmed.effects}
    return Figure(
        name="ablation",
        title="The effect of each part of the winner",
        description=_in_words(gains, confirmed.unit),
        caption=(
            "A bar is the winner's score minus that of the winner without the part, seed by seed; its line is the "
            f"{confirmed.gain_level} interval. Not corrected for the number of parts: of twenty without effect one may "
            "look as if it had one."
        ),
        height=len(gains) * _ROW + 40,
        marks=tuple(marks),
        labels=tuple(labels),
        keys=tuple(key for is_shown, key in keys.items() if is_shown in kinds),
    )


def _rows(gains: Mapping[str, Estimate], unit: Unit) -> tuple[list[Mark], list[Label], Scale]:
    """The axis below, a line at zero, and each row's name and gain in words; the rest is drawn by the caller."""
    ends = [0.0, *(_value(end, unit) for gain in gains.values() for end in gain.ends)]
    x = Scale(min(ends), max(ends), _LEFT, _RIGHT)
    bottom = len(gains) * _ROW
    marks, labels = x_axis(x, 0, bottom, "points better" if unit.points else "better by")
    marks.append(Mark("zero", f"M{x(0.0):g} 0V{bottom}"))
    for row, (name, gain) in enumerate(gains.items()):
        y = row * _ROW + 15
        labels.append(fitted(0, y, name, WIDTH - _VALUE, kind="label halo"))
        labels.append(Label(WIDTH, y, unit.gain(gain), "end", "value halo"))
    return marks, labels, x


def _value(gain: float, unit: Unit) -> float:
    return 100 * gain if unit.points else gain


def _whisker(gain: Estimate, unit: Unit, x: Scale, y: float, kind: str) -> Mark:
    low, high = (x(_value(end, unit)) for end in gain.ends)
    return Mark(kind, f"M{low:g} {y - 4:g}v8m0 -4H{high:g}m0 -4v8")


def _dot(gain: Estimate, unit: Unit, x: Scale, y: float, kind: str) -> Mark:
    return Mark(f"dot {kind}", f"M{x(_value(gain.mean, unit)):g} {y:g}h0")


def _in_words(gains: Mapping[str, Estimate], unit: Unit) -> str:
    return "; ".join(f"{name} {unit.gain(gain)}" for name, gain in gains.items())
