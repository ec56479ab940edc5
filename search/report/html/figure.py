"""A picture as numbers and words; the template draws it. Units are those of its viewBox, `WIDTH` of them across."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from unicodedata import east_asian_width

from ...ranking import RankedTrial
from ...safe_text import plain
from ...summary.summary import Summary
from ..trials import reached
from .scales import Scale

WIDTH = 420
LETTER = 7.8
"""Units of one letter at the pictures' largest font size, 13.5; a wide one (Chinese) takes two."""

WINNER, BASELINE, EQUAL, OTHER = "winner", "baseline", "equal", "other"
Marker = Callable[[float, float], str]


@dataclass(frozen=True)
class Mark:
    """Something drawn: an SVG path, the CSS class that says how, and what a pointer over it shows."""

    kind: str
    path: str
    title: str = ""


@dataclass(frozen=True)
class Label:
    """Text at a place; `whole` is all of it where it had to be cut."""

    x: float
    y: float
    text: str
    anchor: str
    kind: str
    whole: str = ""


@dataclass(frozen=True)
class Key:
    """An entry of a picture's legend: a small drawing 28 × 12 and what it stands for."""

    marks: tuple[Mark, ...]
    words: str


@dataclass(frozen=True)
class Figure:
    """A picture with its name, its contents in words for who cannot see it, and its caption."""

    name: str
    title: str
    description: str
    caption: str
    height: float
    marks: tuple[Mark, ...]
    labels: tuple[Label, ...]
    keys: tuple[Key, ...] = ()


@dataclass(frozen=True)
class Named:
    """A trial that stands out in every picture: how it is drawn, its mark, and what it is called."""

    trial: RankedTrial
    kind: str
    marker: Marker
    words: str

    @property
    def key(self) -> Key:
        """Its entry in the legend of lines."""
        return Key((Mark(f"line {self.kind}", "M0 6H28"), Mark(f"mark {self.kind}", self.marker(14, 6))), self.words)

    @property
    def point_key(self) -> Key:
        """Its entry in the legend of points."""
        return replace(self.key, marks=(Mark(f"mark {self.kind}", self.marker(14, 6)),))


def named_trials(summary: Summary, *, best: bool = True) -> list[Named]:
    """The best trial unless `best` is False, the baseline and equal weights; a trial that is two of them comes once."""
    given = [
        (summary.best if best else None, WINNER, ring, "the search's best"),
        (summary.baseline, BASELINE, diamond, "baseline"),
        (summary.equal_weights, EQUAL, square, "equal weights"),
    ]
    found: dict[int, Named] = {}
    for trial, kind, marker, name in given:
        if trial is None:
            continue
        if known := found.get(trial.number):
            found[trial.number] = replace(known, words=f"{known.words}; {name}")
        else:
            found[trial.number] = Named(trial, kind, marker, f"trial {trial.number}, {reached(trial)}: {name}")
    return list(found.values())


def ring(x: float, y: float) -> str:
    """A circle around a place, as a path."""
    return f"M{x - 4.5:g} {y:g}a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0 -9 0"


def diamond(x: float, y: float) -> str:
    """A diamond around a place, as a path."""
    return f"M{x:g} {y - 5.5:g}l5.5 5.5l-5.5 5.5l-5.5 -5.5z"


def square(x: float, y: float) -> str:
    """A square around a place, as a path."""
    return f"M{x - 4:g} {y - 4:g}h8v8h-8z"


def cross(x: float, y: float) -> str:
    """A small cross at a place, as a path."""
    return f"M{x - 2.5:g} {y - 2.5:g}l5 5m0 -5l-5 5"


def box(x: float, y: float, width: float, height: float) -> str:
    """A filled box from its upper left corner, as a path."""
    return f"M{x:g} {y:g}h{width:g}v{height:g}h{-width:g}z"


def joined(marker: Marker, points: Iterable[tuple[float, float]]) -> str:
    """One path of the same marker at every point."""
    return "".join(marker(x, y) for x, y in points)


def x_axis(scale: Scale, top: float, bottom: float, name: str) -> tuple[list[Mark], list[Label]]:
    """Lines across the picture at round values, the values below them, and the axis' name below these."""
    marks = [Mark("grid", f"M{tick.place:g} {top:g}V{bottom:g}") for tick in scale.ticks]
    labels = [Label(tick.place, bottom + 15, tick.label, "middle", "tick") for tick in scale.ticks]
    return marks, [*labels, fitted((scale.start + scale.end) / 2, bottom + 31, name, WIDTH - 60, "middle")]


def y_axis(scale: Scale, left: float, right: float) -> tuple[list[Mark], list[Label]]:
    """Lines across the picture at round values, and the values left of them."""
    marks = [Mark("grid", f"M{left:g} {tick.place:g}H{right:g}") for tick in scale.ticks]
    return marks, [Label(left - 6, tick.place + 4, tick.label, "end", "tick") for tick in scale.ticks]


def fitted(x: float, y: float, text: str, width: float, anchor: str = "start", kind: str = "label") -> Label:
    """A label that is cut with … where it would be wider than `width` units."""
    text = plain(text)
    left = width
    for place, letter in enumerate(text):
        left -= LETTER * (2 if east_asian_width(letter) in "WF" else 1)
        if left < 0:
            return Label(x, y, f"{text[: max(place - 1, 1)]}…", anchor, kind, whole=text)
    return Label(x, y, text, anchor, kind)
