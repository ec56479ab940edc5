"""A metric's value is readable whatever its size, and the same everywhere."""

import io
import math

import pytest
from autotune.search.confirmation.words import sentences
from autotune.search.report.html.page import Origin, render_page
from autotune.search.report.records import records_of
from autotune.search.report.terminal import print_report
from autotune.search.summary.summarizing import summarize
from autotune.search.verdict.scores import Scores
from autotune.search.verdict.units import unit_of
from autotune.search.wording import compared, difference, distance, gain, number
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from .built import BuiltStudy
from .confirmed import confirmed


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.0, "0.0000"),
        (0.93, "0.9300"),
        (-0.5, "-0.5000"),
        (0.01, "0.0100"),
        (999.9, "999.9000"),
        (1234.5678, "1234.57"),
        (0.005, "0.005000"),
        (0.0083333, "0.008333"),
        (1.2e-5, "1.200e-05"),
        (-3.14159e-9, "-3.142e-09"),
        (math.inf, "inf"),
        (math.nan, "nan"),
    ],
)
def test_a_value_is_readable_whatever_its_size(value: float, written: str) -> None:
    assert number(value) == written


@given(st.floats(min_value=0, max_value=1e6))
def test_what_is_written_is_the_value_to_a_hundredth_of_it(value: float) -> None:
    assert float(number(value)) == pytest.approx(value, rel=0.01)


@pytest.mark.parametrize(
    ("value", "reference", "direction", "in_points"),
    [
        (0.9, 0.8, "maximize", True),
        (1.0, -1.0, "maximize", True),
        (0.4, -1.5, "maximize", False),
        (45.0, 0.5, "maximize", False),
        (0.3, 0.4, "minimize", False),
    ],
)
def test_search_and_confirmation_tell_the_same_values_in_points(
    value: float, reference: float, direction: str, in_points: bool
) -> None:
    scores = Scores({"baseline": {1: reference}, "winner": {1: value}}, maximize=direction == "maximize")
    assert ("points" in distance(value, reference, direction)) is unit_of(scores).points is in_points


def test_a_gap_of_small_errors_is_told() -> None:
    assert distance(1.2e-5, 3.1e-5, "minimize") == "1.900e-05"
    assert gain(1.2e-5, 3.1e-5, "minimize") == "1.900e-05 better"
    assert compared(3.1e-5, 1.2e-5, "the baseline", "minimize") == "1.900e-05 worse than the baseline"


@pytest.mark.parametrize(
    ("size", "value", "written"),
    [
        (0.0082, 0.93, "0.0082"),
        (0.005, 0.5, "0.0050"),
        (1.2e-5, 0.93, "1.200e-05"),
        (0.0082, 0.0093, "0.008200"),
        (0.25, 0.75, "0.2500"),
        (0.0, 0.75, "0.0000"),
        (0.0, 1e-5, "0.0000"),
        (1234.5, 5000.0, "1234.5"),
    ],
)
def test_a_gap_has_the_decimals_of_its_values_unless_nothing_is_left(size: float, value: float, written: str) -> None:
    assert difference(size, value) == written


def small_errors() -> BuiltStudy:
    study = BuiltStudy(direction="minimize", objective="price.rmse", main_task="price")
    study.add_baseline(3.1e-5)
    study.add_complete(2.34e-5)
    study.add_complete(1.2e-5)
    return study


def test_small_errors_are_told_in_the_report() -> None:
    console = Console(file=io.StringIO(), width=100, color_system=None)
    print_report(summarize(small_errors().study), console, confirmed=None)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert "0.0000" not in text
    assert "Trial 2 beats trial 0 (baseline, 3.100e-05) by 1.900e-05." in text
    rows = [line for line in text.splitlines() if "e-05    88" in line]
    assert [row.index("e-05") for row in rows] == [rows[0].index("e-05")] * 3


def test_small_errors_are_told_on_the_page() -> None:
    study = small_errors().study
    html = render_page(
        summarize(study), records_of(study, paired=False), Origin({}, {}, called="errors"), confirmed=None
    )
    assert "0.0000" not in html
    assert ">1.200e-05</text>" in html


def test_small_errors_are_told_in_the_verdict() -> None:
    first, *_ = sentences(confirmed((3.1e-5,) * 6, (1.1e-5,) * 6, (4e-5,) * 6, parts={}, maximize=False))
    assert first.startswith("The winner is trial 2: 1.100e-05 on 6 fresh seeds")
