"""Formatting of numbers and names, the same in the live view, in reports and in messages."""

from collections.abc import Iterable, Mapping

from ..objectives.data.cleaning import Finding
from ..spaces.configuration import Configuration, SettingValue
from .safe_text import plain

MAXIMIZE = "maximize"

REMEDY = (
    "If a constant answer would have that score, train longer (training.epochs), search higher learning rates, or take "
    "a finer metric as the objective."
)
"""Where all have one score."""


def encoder(name: str, revision: str | None) -> str:
    """An encoder, with the beginning of its commit where it is of the Hub."""
    return name if revision is None else f"{name} at {revision[:12]}"


def counted(count: int, noun: str) -> str:
    """So many of something: "1 seed", "3 seeds"."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def finding_told(finding: Finding) -> str:
    """What was found in the data, with one of its cases, on one line."""
    count = counted(finding.count, "row") if finding.action == "dropped" else str(finding.count)
    example = f", e.g. {plain(finding.examples[0])!r}" if finding.examples else ""
    return f"{finding.action}: {finding.what}: {count}{example}"


def number(value: float) -> str:
    """A metric's value: four decimals, as 1 / 10,000 is finer than any small validation set can tell.

    Below 0.01, where a small error would be called 0.0000, four digits: 0.005000, 1.200e-05. Zeros at their end stay,
    so that small values are as wide as each other in a column.
    """
    if _is_small(value):
        return f"{value:#.4g}"
    return f"{value:.4f}" if abs(value) < 1000 else f"{value:.6g}"


def difference(size: float, value: float) -> str:
    """The size of a gap or deviation beside a value: to four decimals like the value, unless that says too little."""
    return f"{size:.4f}" if 1e-4 <= size < 0.01 and not _is_small(value) else number(size)


def _is_small(value: float) -> bool:
    return 0 < abs(value) < 0.01


def rate(value: float) -> str:
    """A learning rate as 1.2e-4, which lines up over all sizes."""
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{mantissa.removesuffix('.0')}e{int(exponent)}"


def percent(share: float) -> str:
    """A share in [0, 1] as whole percent, where little is never called nothing."""
    return "<1%" if 0 < share < 0.005 else f"{100 * share:.0f}%"


def probability(p: float) -> str:
    """To three decimals, where what is possible is called neither impossible nor certain: <0.001, >0.999."""
    written = f"{p:.3f}"
    if written == "0.000":
        return "<0.001"
    return ">0.999" if written == "1.000" and p < 1 else written


def p_value(p: float) -> str:
    """For example "p = 0.016", or "p < 0.001"."""
    written = probability(p)
    return f"p {written[0]} {written[1:]}" if written[0] in "<>" else f"p = {written}"


def duration(seconds: float) -> str:
    """Two units are enough: 42 s, 12 min 3 s, 2 h 5 min."""
    minutes, rest_s = divmod(round(seconds), 60)
    hours, rest_min = divmod(minutes, 60)
    if hours:
        return f"{hours} h {rest_min} min"
    return f"{minutes} min {rest_s} s" if minutes else f"{rest_s} s"


def to_the_minute(seconds: float) -> str:
    """A duration in whole minutes: 12 min, 2 h 5 min."""
    if seconds < 60:
        return "less than a minute"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def estimate(seconds: float) -> str:
    """A duration that is only guessed."""
    return to_the_minute(seconds) if seconds < 60 else f"about {to_the_minute(seconds)}"


def advantage(value: float, reference: float, direction: str) -> float:
    """How much better the value is than the reference; negative if it is worse."""
    return value - reference if direction == MAXIMIZE else reference - value


def are_scores(values: Iterable[float], *, maximize: bool) -> bool:
    """Whether their differences are told in points, hundredths of 1, as those of a score such as accuracy are.

    Higher is better then, and nothing is beyond 1. An error has its own unit.
    """
    return maximize and all(abs(value) <= 1 for value in values)


def distance(value: float, reference: float, direction: str) -> str:
    """The gap between two values: in points for scores, else in the metric's own unit."""
    gap = abs(value - reference)
    scores = are_scores((value, reference), maximize=direction == MAXIMIZE)
    return f"{100 * gap:.2f} points" if scores else difference(gap, value)


def gain(value: float, reference: float, direction: str) -> str:
    """What the value gains over the reference: "1.50 points better", "0.0200 worse", "as good"."""
    better_by = advantage(value, reference, direction)
    if better_by == 0:
        return "as good"
    return f"{distance(value, reference, direction)} {'better' if better_by > 0 else 'worse'}"


def compared(value: float, reference: float, name: str, direction: str) -> str:
    """A clause such as "1.50 points better than the baseline"."""
    clause = gain(value, reference, direction)
    return f"{clause} {'as' if value == reference else 'than'} {name}"


def mix(shares: Mapping[str, float]) -> str:
    """The mix in percent, "none" included, without the operations that are off."""
    return ", ".join(f"{plain(name)} {percent(share)}" for name, share in shares.items() if share > 0)


def setting(value: SettingValue) -> str:
    """The value of a training setting, in the study file's words where it has its own (null)."""
    if value is None:
        return "null"
    return f"{value:.3g}" if isinstance(value, float) else plain(str(value))


def in_short(configuration: Configuration) -> str:
    """What a configuration switches on, as short as it can be said."""
    return ", ".join(_parts(configuration))


def _parts(configuration: Configuration) -> Iterable[str]:
    yield f"lr {rate(configuration.learning_rate)}"
    yield from (f"β_{plain(task)} {beta:.2f}" for task, beta in configuration.betas.items())
    if augmented := mix(configuration.mix.operations):
        yield f"{augmented}, magnitude {configuration.mix.magnitude:.2f}"
    yield from (f"{plain(name)} {setting(value)}" for name, value in configuration.training.items())
    yield from cleaning(configuration)


def cleaning(configuration: Configuration) -> Iterable[str]:
    """What a configuration leaves out of the training rows: "without near-duplicates from 0.9"."""
    if configuration.cleaning.get("drop_suspect_labels"):
        yield "without suspect labels"
    if (threshold := configuration.cleaning.get("near_duplicates")) is not None:
        yield f"without near-duplicates from {setting(threshold)}"
