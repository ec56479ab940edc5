"""The report's page in a real browser: nothing is asked for, nothing overflows, text stays text, and it prints."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from autotune.search.report.html.page import Origin, render_page
from autotune.search.report.records import records_of
from autotune.search.summary.summarizing import summarize
from autotune.spaces.configuration import Configuration, Mix

from ..search.built import BuiltStudy, raced_study
from ..search.confirmed import BASELINE, confirmed
from .browser import Browser, browser

__all__ = ["browser"]
pytestmark = pytest.mark.slow

PHONE, DESK = 390, 1200
LONG = "einkommensteuervorauszahlungsbescheid_" * 6
HOSTILE = "<script>document.title='owned'</script><img src='http://evil.test/x.png'><a href='http://evil.test'>"


def write(page: Path, study: BuiltStudy, *, is_confirmed: bool = True) -> Path:
    found = confirmed() if is_confirmed else None
    html = render_page(
        summarize(study.study),
        records_of(study.study, paired=False),
        Origin({"optuna": "5.0"}, {LONG: "ab" * 32}, called="reviews"),
        found,
    )
    page.write_text(html, encoding="utf-8")
    return page


def searched_study() -> BuiltStudy:
    """A study with all the pictures."""
    study = BuiltStudy(total=60, augmentation={"operations": {"noise": {"rows": 4200, "refused": 3, "guarded": 1}}})
    study.add_baseline(0.8)
    study.add_equal_weights(0.81)
    for index in range(40):
        rate = 1e-5 * 1.1**index
        mix = Mix(operations={"noise": index / 80}, magnitude=0.1) if index % 3 else Mix()
        ratios = {"aspect": 0.1 + index / 10} if index % 4 else {}
        study.add_complete(0.7 + index * 37 % 41 / 200, Configuration(learning_rate=rate, ratios=ratios, mix=mix))
    for index in range(8):
        study.add_pruned(0.6 + index / 100)
    study.add_failed("crashed", "CUDA error", trace="Traceback:\n" + "  a very long line " * 30)
    return study


def long_study() -> BuiltStudy:
    """Names, labels and texts as long as anybody could make them, some without a place to break."""
    chinese = "极长的任务名称" * 12
    mix = Mix(operations={LONG: 0.4, chinese: 0.2}, magnitude=0.1)
    found = [{"what": LONG, "count": 10**9, "examples": [LONG * 3], "action": "dropped"}]
    study = BuiltStudy(
        name=LONG, objective=f"{LONG}.accuracy", main_task=LONG, auxiliary_tasks=[chinese], encoder=LONG, cleaning=found
    )
    for index in range(12):
        rate, setting = 1e-5 * 2**index, f"{LONG}{index % 3}"
        configuration = Configuration(
            learning_rate=rate, ratios={chinese: 1.0 + index}, mix=mix, training={LONG: setting}
        )
        study.add_complete(index / 20, configuration, "baseline" if index == 0 else None)
    study.add_failed("crashed", LONG * 3, trace=LONG * 3)
    return study


@pytest.mark.parametrize("width", [320, PHONE, 768, DESK])
@pytest.mark.parametrize("study", [searched_study, long_study, BuiltStudy])
def test_nothing_overflows_and_nothing_is_asked_for(
    browser: Browser, tmp_path: Path, study: Callable[[], BuiltStudy], width: int
) -> None:
    seen = browser.look(write(tmp_path / "report.html", study(), is_confirmed=study is not BuiltStudy), width)
    assert seen.facts["width"] <= width
    assert seen.facts["wide"] == []
    assert seen.facts["outside"] == []
    assert seen.console == []
    assert seen.asked == []
    assert seen.facts["resources"] == []
    assert (seen.facts["scripts"], seen.facts["images"]) == (0, 0)


def test_every_part_is_shown(browser: Browser, tmp_path: Path) -> None:
    facts = browser.look(write(tmp_path / "report.html", searched_study()), PHONE).facts
    assert facts["figures"] == [
        "Gains over the baseline on fresh seeds",
        "Learning curves",
        "Importance of the parameters",
        "All parameters of all complete trials",
        "Loss weights and the score",
        "Augmentation mix",
        "The effect of each part of the winner",
    ]
    assert facts["small"] == 0
    assert "The winner is trial 2" in facts["text"]


def test_hostile_text_is_read_and_not_run(browser: Browser, tmp_path: Path) -> None:
    study = BuiltStudy(name=HOSTILE, objective=f"{HOSTILE}.accuracy", main_task=HOSTILE, auxiliary_tasks=[HOSTILE])
    for rate in (1e-5, 1e-4, 1e-3):
        study.add_complete(rate, Configuration(learning_rate=rate, ratios={HOSTILE: rate}, training={HOSTILE: HOSTILE}))
    study.add_failed("crashed", HOSTILE, trace=HOSTILE)
    page = tmp_path / "report.html"
    facts = summarize(study.study), records_of(study.study, paired=False)
    page.write_text(
        render_page(*facts, Origin({}, {}, called="reviews"), confirmed(parts={HOSTILE: BASELINE})), encoding="utf-8"
    )
    seen = browser.look(page, PHONE)
    assert (seen.facts["scripts"], seen.facts["images"], seen.asked, seen.console) == (0, 0, [], [])
    assert HOSTILE in seen.facts["text"]
    assert any(label.startswith("β <script>") for label in seen.facts["labels"])


def test_a_page_that_asks_for_something_is_noticed(browser: Browser, tmp_path: Path) -> None:
    """What the other tests say is not there would be seen."""
    page = tmp_path / "other.html"
    page.write_text(f"{HOSTILE}<script>console.log('said')</script><p style='width:900px'>wide", encoding="utf-8")
    seen = browser.look(page, PHONE)
    assert seen.facts["width"] > PHONE
    assert seen.facts["wide"]
    assert len(seen.console) == 1
    assert seen.asked == ["GET http://evil.test/x.png HTTP/1.1"]


def test_the_policy_stops_what_escaping_would_have_missed(browser: Browser, tmp_path: Path) -> None:
    page = write(tmp_path / "report.html", searched_study())
    html = page.read_text(encoding="utf-8")
    page.write_text(html.replace("<main>", f"<main>{HOSTILE}<script>console.log('run')</script>"), encoding="utf-8")
    seen = browser.look(page, PHONE)
    assert seen.asked == []
    assert seen.console
    assert all("Content Security Policy" in line for line in seen.console)


def test_it_prints_on_paper(browser: Browser, tmp_path: Path) -> None:
    pdf = tmp_path / "report.pdf"
    browser.print(write(tmp_path / "report.html", searched_study()), pdf)
    content = pdf.read_bytes()
    assert content.startswith(b"%PDF-")
    assert 2 <= len(re.findall(rb"/Type\s*/Page\b", content)) <= 12


def test_light_and_dark(browser: Browser, tmp_path: Path) -> None:
    page = write(tmp_path / "report.html", raced_study())
    shown: dict[str, bytes] = {}
    for name, options in (("light", ()), ("dark", ("--blink-settings=preferredColorScheme=0",))):
        picture = tmp_path / f"{name}.png"
        browser.photograph(page, picture, 800, 600, *options)
        shown[name] = picture.read_bytes()
    assert shown["light"] != shown["dark"]
