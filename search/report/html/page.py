"""Renders the report's page: Jinja fills the templates, and escapes all that is not a template's own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import jinja2
from markupsafe import Markup

from ... import wording
from ...confirmation.result import Confirmed
from ...confirmation.words import measured
from ...confirmation.words import sentences as words_of
from ...safe_text import plain, printable
from ...summary.summary import Summary
from .. import sentences
from ..arms import marks
from ..data import operation_lines
from ..records import TrialRecord
from ..trials import reached, role_of
from . import facts
from .bars import importance_figure, mix_figure
from .curves import curves_figure
from .figure import WIDTH, Figure
from .front import front_figure
from .intervals import ablation_figure, arms_figure
from .parallel import parallel_figure
from .weights import weights_figure


@dataclass(frozen=True)
class Origin:
    """Where a study comes from: the versions that made it and that report it, and its data's fingerprints.

    `called`: how a command finds it, in a shell.
    """

    versions: Mapping[str, str]
    fingerprints: Mapping[str, str]
    called: str


def render_page(summary: Summary, records: Sequence[TrialRecord], origin: Origin, confirmed: Confirmed | None) -> str:
    """The whole page as HTML. Text of the user's comes without control characters, and escaped.

    Args:
        summary: what the search found.
        records: its trials.
        origin: what it was made with.
        confirmed: what fresh trainings say of it, if there are any.
    """
    template = _environment().get_template("page.html")
    return template.render(
        **_found(summary, confirmed),
        called=plain(origin.called),
        figures=_figures(summary, records, confirmed),
        cost=facts.cost(summary, records, confirmed),
        origin=origin,
    )


@cache
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
    return plain(value) if type(value) is str else value


def _trace(trace: str) -> Markup:
    """A traceback, line by line as it was."""
    return Markup.escape("\n".join(map(printable, trace.splitlines())))


def _found(summary: Summary, confirmed: Confirmed | None) -> dict[str, Any]:
    """What the templates ask of a study, and the words that the terminal uses too."""
    best, verdict = summary.best, confirmed.verdict if confirmed else None
    return {
        "summary": summary,
        "best": best,
        "confirmed": confirmed,
        "verdict": verdict,
        "winner": confirmed.winner if confirmed else None,
        "words": words_of(confirmed) if confirmed else [],
        "standing": [line.plain for line in sentences.standing(summary, best)] if best else [],
        "tiles": facts.verdict(confirmed, verdict) if confirmed and verdict else facts.searched(summary),
        "operations": [line.plain for line in operation_lines(summary)],
        "bank": summary.augmentation.operations,
        "bank_columns": dict.fromkeys(name for row in summary.augmentation.operations.values() for name in row),
        "facts": facts,
        "marks": marks,
        "measured": measured,
        "reached": reached,
        "role_of": role_of,
        "sentences": sentences,
        "trace": _trace,
        "width": WIDTH,
        "wording": wording,
    }


def _figures(summary: Summary, records: Sequence[TrialRecord], confirmed: Confirmed | None) -> dict[str, Figure | None]:
    return {
        "ablation": ablation_figure(confirmed) if confirmed else None,
        "arms": arms_figure(confirmed) if confirmed else None,
        "curves": curves_figure(summary, records),
        "front": front_figure(summary),
        "importance": importance_figure(summary),
        "mix": mix_figure(summary, confirmed.winner if confirmed else None),
        "parallel": parallel_figure(summary),
        "weights": weights_figure(summary),
    }
