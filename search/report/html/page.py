"""Renders the report's page: Jinja fills the templates, and escapes all that is not a template's own."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath

import jinja2
from markupsafe import Markup

from .. import sentences, wording
from ..data import operation_lines
from ..ranking import RankedTrial
from ..records import TrialRecord, period, seconds_by_state
from ..summary import Summary
from ..trials import reached, role_of
from .bars import importance_figure, mix_figure
from .curves import curves_figure
from .figure import WIDTH, Figure
from .front import front_figure
from .parallel import parallel_figure
from .weights import weights_figure

_CONTENTS = {
    "verdict": "Verdict",
    "configuration": "Configuration",
    "curves": "Curves",
    "importance": "Importance",
    "parallel": "Parameters",
    "weights": "Loss weights",
    "mix": "Mix",
    "data": "Data",
    "failures": "Failures",
    "cost": "Cost",
    "versions": "Versions",
}


@dataclass(frozen=True)
class Origin:
    """Where a study comes from: the versions that made it and that report it, and its data's fingerprints."""

    versions: Mapping[str, str] = field(default_factory=dict[str, str])
    fingerprints: Mapping[str, str] = field(default_factory=dict[str, str])


def render_page(summary: Summary, records: Sequence[TrialRecord], origin: Origin) -> str:
    """The whole page as HTML. Text of the user's comes without control characters, and escaped."""
    best = summary.best
    return (
        _environment()
        .get_template("page.html")
        .render(
            **_HELPERS,
            summary=summary,
            best=best,
            contents=[(name, title) for name, title in _CONTENTS.items() if best or name != "configuration"],
            standing=list(sentences.standing(summary, best)) if best else [],
            shell_name=shlex.quote(wording.plain(summary.study)),
            tiles=list(_tiles(summary)),
            configuration=list(_configuration(summary, best)) if best else [],
            figures=_figures(summary, records),
            operations=list(operation_lines(summary)),
            bank_columns=list(dict.fromkeys(name for row in summary.augmentation.operations.values() for name in row)),
            cost=list(_cost(summary, records)),
            versions=list(origin.versions.items()),
            fingerprints=[(_relative(name), known) for name, known in origin.fingerprints.items()],
        )
    )


def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader(__package__ or "", ""),
        autoescape=True,
        finalize=_printable,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _printable(value: object) -> object:
    """Text without control characters. What a template wrote itself is Markup, and left as it is."""
    return wording.plain(value) if type(value) is str else value


def _trace(trace: str) -> Markup:
    """A traceback, line by line as it was."""
    lines = ("".join(each if each.isprintable() else " " for each in line) for line in trace.splitlines())
    return Markup.escape("\n".join(lines))


_HELPERS = {
    "width": WIDTH,
    "wording": wording,
    "sentences": sentences,
    "reached": reached,
    "role_of": role_of,
    "trace": _trace,
}


def _figures(summary: Summary, records: Sequence[TrialRecord]) -> dict[str, Figure | None]:
    return {
        "front": front_figure(summary),
        "curves": curves_figure(summary, records),
        "importance": importance_figure(summary),
        "parallel": parallel_figure(summary),
        "weights": weights_figure(summary),
        "mix": mix_figure(summary, summary.best) if summary.best else None,
    }


def _tiles(summary: Summary) -> Iterator[tuple[str, str]]:
    if summary.best:
        yield f"best, trial {summary.best.number}", reached(summary.best)
    if summary.baseline:
        yield f"baseline, trial {summary.baseline.number}", reached(summary.baseline)
    if summary.best and summary.baseline:
        yield "in the search", wording.gain(summary.best.value, summary.baseline.value, summary.direction)
    done = summary.counts.complete + summary.counts.pruned + summary.counts.failed
    yield "trials done", f"{done} of {summary.counts.total}"


def _configuration(summary: Summary, best: RankedTrial) -> Iterator[tuple[str, str]]:
    yield from sentences.configuration_rows(summary, best.configuration)
    if best.folds:
        yield "folds", ", ".join(map(wording.number, best.folds[0]))


def _cost(summary: Summary, records: Sequence[TrialRecord]) -> Iterator[tuple[str, str]]:
    yield "training over all trials", wording.duration(summary.seconds)
    words = {"complete": "complete", "pruned": "pruned", "fail": "failed", "running": "running"}
    spent = seconds_by_state(records)
    for state, name in words.items():
        if state in spent:
            count = sum(record.state == state for record in records)
            yield f"in {count} {name} trial{'s' if count > 1 else ''}", wording.duration(spent[state])
    if when := period(records):
        yield "from, to (UTC)", " to ".join(f"{each:%Y-%m-%d %H:%M}" for each in when)


def _relative(source: str) -> str:
    """A data source as the study file names it, but never where it lies on somebody's machine."""
    return PurePath(source).name if PurePath(source).is_absolute() else source
