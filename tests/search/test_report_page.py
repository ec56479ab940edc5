"""The report as a page: the facts of the terminal's report, in a browser's language, and nothing else."""

import math
import re
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import optuna
import pytest
from autotune.search.confirmation.result import Confirmed
from autotune.search.confirmation.words import sentences as words_of
from autotune.search.report.html.page import Origin, render_page
from autotune.search.report.records import records_of
from autotune.search.summary.summarizing import summarize
from autotune.spaces.configuration import Configuration, Mix, SettingValue
from optuna.trial import TrialState

from .built import BuiltStudy, raced_study
from .confirmed import BASELINE, WORSE, confirmed
from .conftest import Command

HOSTILE = "<script>alert('x')</script>\x1b[2J\u202e&amp;\"'></svg></style>{{ 7777*7777 }}"
SECTIONS = ["verdict", "configuration", "top", "curves", "importance", "parallel", "weights", "mix"]
CONFIRMED = ["ablation", "tied", "short-runs"]
LAST = ["data", "failures", "cost", "versions"]


class Page(HTMLParser):
    """What a browser would make of it: elements with their attributes, and the words that a reader sees."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self._words: list[str] = []
        self._within = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._within = tag

    def handle_data(self, data: str) -> None:
        if self._within != "style":
            self._words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self._words).split())

    @property
    def sections(self) -> list[str | None]:
        return [given["id"] for tag, given in self.elements if tag == "section"]


def page_of(study: optuna.Study, confirmation: Confirmed | None = None, *, paired: bool = False) -> str:
    origin = Origin({"autotune-mtl": "0.1"}, {"/private/reviews.csv": "ab" * 32}, called="reviews")
    return render_page(summarize(study), records_of(study, paired=paired), origin, confirmation)


def pictures(html: str) -> dict[str, ElementTree.Element]:
    """The pictures by their title; as XML, so that nothing in them is left open."""
    found = [ElementTree.fromstring(each) for each in re.findall(r'<svg class="figure".*?</svg>', html, re.DOTALL)]
    return {str(picture.findtext("title")): picture for picture in found}


def test_the_facts_of_the_terminal_are_on_the_page() -> None:
    page = Page(page_of(raced_study().study))
    assert page.sections == [*SECTIONS, *LAST]
    for fact in (
        "Study reviews",
        "sentiment.accuracy, higher is better; encoder scratch:tiny; 3 complete, 1 pruned, 1 failed, 1 running",
        "Trial 2 beats trial 0 (baseline, 0.9000) by 3.00 points.",
        "It is 5.00 points better than trial 1 (equal weights, 0.8800).",
        "partly luck (winner's curse)",
        "autotune study confirm reviews",
        "none 60%, noise 30%, reverse 10%",
        "equal weights: lr 5e-5, β_aspect 0.50",
        "1 × diverged, first in trial 4: a loss is NaN",
        "aspect on in the best trial; with it 2 complete, 1 pruned",
        "training over all trials 34 s",
        "autotune-mtl 0.1",
        "ab" * 32,
    ):
        assert fact in page.text, fact


def test_it_needs_nothing_from_outside_and_runs_nothing() -> None:
    html = page_of(raced_study().study, confirmed())
    page = Page(html)
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "link", "img", "iframe", "object", "embed", "form", "base", "use", "image", "audio"}
    given = [(name, value or "") for _, attributes in page.elements for name, value in attributes.items()]
    assert not [name for name, _ in given if name.startswith("on") or name in {"src", "srcset", "style", "xlink:href"}]
    assert all(value.startswith("#") for name, value in given if name == "href")
    assert "url(" not in html
    assert "@import" not in html
    assert not re.search(r"\b(?:https?|file|data|ftp):", html.replace("http-equiv", ""))
    policy = next(each["content"] for _, each in page.elements if each.get("http-equiv"))
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"


def test_at_a_later_look_the_intervals_of_gains_are_called_what_they_are() -> None:
    first, second = (page_of(raced_study().study, confirmed(looks=looks)) for looks in ({}, {5: None}))
    assert "98.3 %" not in first
    assert "with 95 % intervals, of gains 98.3 %</caption>" in second
    assert "its line the 98.3 % interval" in second
    assert "its line is the 98.3 % interval" in second
    arms, tied = (second.partition(head)[2].partition("</table>")[0] for head in ("<caption>All arms", 'id="tied"'))
    assert "+4.0 points (2.7 to 5.3)" in arms
    assert "+4.0 points (2.7 to 5.3)" in tied


def hostile_study() -> BuiltStudy:
    study = BuiltStudy(
        name=HOSTILE,
        objective=f"{HOSTILE}.accuracy",
        main_task=HOSTILE,
        auxiliary_tasks=[f"aux{HOSTILE}"],
        encoder=HOSTILE,
        cleaning=[{"what": HOSTILE, "count": 3, "examples": [HOSTILE], "action": "dropped"}],
        augmentation={"operations": {HOSTILE: {"rows": 1}}, "dropped": {HOSTILE: HOSTILE}, "label_changing": [HOSTILE]},
    )
    mix = Mix(operations={HOSTILE: 0.5}, magnitude=0.1)
    for rate in (1e-5, 1e-4, 1e-3, 1e-2, 2e-2):
        settings: dict[str, SettingValue] = {HOSTILE: f"{HOSTILE}{rate}"}
        hostile = Configuration(learning_rate=rate, ratios={f"aux{HOSTILE}": rate}, mix=mix, training=settings)
        study.add_complete(0.5 + rate, hostile, "baseline" if rate == 1e-5 else None)
    study.add_failed("crashed", HOSTILE, trace=f"{HOSTILE}\n  {HOSTILE}")
    return study


def test_text_of_the_user_stays_text() -> None:
    html = page_of(hostile_study().study, confirmed(parts={HOSTILE: BASELINE}, winner=(*BASELINE[:5], math.nan)))
    page = Page(html)
    assert "script" not in {tag for tag, _ in page.elements}
    assert page.sections == [*SECTIONS, *CONFIRMED, *LAST]
    assert "<script>alert('x')</script>␛[2J" in page.text
    assert str(7777 * 7777) not in html  # of a template within the text; no time of day and no figure has it
    assert not [character for character in html if not character.isprintable() and character not in "\n"]
    assert set(pictures(html)) >= {"Learning curves", "Loss weights and the score", "Augmentation mix"}


def test_every_picture_has_a_name_and_its_contents_in_words() -> None:
    html = page_of(raced_study().study, confirmed())
    found = pictures(html)
    assert set(found) == {
        "Gains over the baseline on fresh seeds",
        "Learning curves",
        "All parameters of all complete trials",
        "Loss weights and the score",
        "Augmentation mix",
        "The effect of each part of the winner",
    }
    for picture in found.values():
        assert picture.get("role") == "img"
        named = [picture.find(f"*[@id='{name}']") for name in str(picture.get("aria-labelledby")).split()]
        assert all(each is not None and each.text for each in named)
    assert html.count("<figcaption>") == len(found)


def numbers_of(picture: ElementTree.Element) -> list[float]:
    paths = " ".join(path.get("d", "") for path in picture.iter("path"))
    return [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?(?:e-?\d+)?", paths)]


@pytest.mark.parametrize("values", [[], [0.5], [0.5, 0.5], [0.1, 0.2], [-5e9, 3e-12, 7.0], [math.inf, 0.5]])
def test_any_values_can_be_drawn(values: list[float]) -> None:
    study = BuiltStudy()
    for value in values:
        study.add_complete(value)
    html = page_of(study.study)
    for picture in pictures(html).values():
        assert all(map(math.isfinite, numbers_of(picture)))
    for word in (">nan<", ">inf<", "NaN"):
        assert word not in html


def test_a_study_in_which_all_failed() -> None:
    study = BuiltStudy()
    for _ in range(3):
        study.add_failed("out of memory", "needs 9 GiB")
    text = Page(page_of(study.study)).text
    assert "No trial is complete yet, so there is no best configuration." in text
    assert "3 × out of memory, first in trial 0: needs 9 GiB In trials 0, 1, 2." in text
    assert "autotune study confirm" not in text
    assert "No trial has been evaluated yet." in text


def test_an_empty_study() -> None:
    page = Page(page_of(BuiltStudy().study))
    assert page.sections == ["verdict", *SECTIONS[3:], *LAST]
    assert "No trial failed." in page.text
    assert "Nothing was found by the checks" in page.text


def test_several_objectives() -> None:
    study = optuna.create_study(study_name="reviews", directions=["maximize", "minimize"])
    facts: dict[str, object] = {
        "objective": ["sentiment.accuracy", "cost.gflops"],
        "total": 4,
        "main_task": "sentiment",
        "auxiliary_tasks": [],
        "max_steps": 9,
        "cleaning": [],
        "augmentation": {},
        "normalisers": {},
        "encoder": "scratch:tiny",
    }
    for key, value in facts.items():
        study.set_user_attr(key, value)
    for role, values in (("baseline", [0.8, 2.0]), ("", [0.9, 2.0]), ("", [0.7, 1.0])):
        trial = study.ask()
        configuration = Configuration(learning_rate=1e-3 * values[0])
        trial.set_user_attr("configuration", configuration.model_dump())
        trial.set_user_attr("best_step", 9)
        trial.set_user_attr("role", role)
        study.tell(trial, values)
    html = page_of(study)
    text = Page(html).text
    assert "sentiment.accuracy, higher is better; cost.gflops, lower is better" in text
    assert "2 of 3 complete trials; no other trial is at least as good" in text
    assert "Trial 0 (baseline: 0.8000, 2.0000) is dominated by trial 1." in text
    assert "Pareto front" in pictures(html)
    assert "With several objectives no curves are kept" in text


def test_folds_are_told() -> None:
    study = BuiltStudy()
    study.add_baseline(0.8)
    trial = study.ask()
    for fold, value in enumerate((0.8, 0.85, 0.9), 1):
        trial.report(value, fold)
    trial.set_user_attr("folds", {"accuracy": [0.8, 0.9, 1.0]})
    trial.set_user_attr("best_step", 44)
    study.study.tell(trial, 0.9)
    text = Page(page_of(study.study)).text
    assert "0.9000 ± 0.1000 over 3 folds (mean ± standard deviation)" in text
    assert "folds 0.8000, 0.9000, 1.0000" in text
    assert "the mean over the folds so far" in text


def test_curves_are_the_mean_over_the_folds_though_the_pruner_heard_each_fold() -> None:
    """As the Wilcoxon pruner does."""
    study = BuiltStudy()
    folds = (0.8, 0.9, 1.0)
    for count in (3, 2):
        trial = study.ask()
        for fold, value in enumerate(folds[:count], 1):
            trial.report(value, fold)
        if count == 3:
            trial.set_user_attr("folds", {"accuracy": list(folds)})
            trial.set_user_attr("best_step", 44)
            study.study.tell(trial, 0.9)
        else:
            study.study.tell(trial, state=TrialState.PRUNED)
    assert [[value for _, value in record.curve] for record in records_of(study.study, paired=True)] == [
        pytest.approx([0.8, 0.85, 0.9]),
        pytest.approx([0.8, 0.85]),
    ]
    text = Page(page_of(study.study, paired=True)).text
    assert "trial 0, complete: 0.9000 at 3" in text
    assert "trial 1, pruned: 0.8500 at 2" in text
    assert "the mean over the folds so far" in text


@pytest.mark.parametrize(("pruner", "end"), [("wilcoxon", "0.8000"), ("median", "0.9000")])
def test_what_trials_reported_of_folds_is_known_by_the_pruner_of_the_file(
    folder: Path, autotune: Command, pruner: str, end: str
) -> None:
    file = folder / "study.yaml"
    text = file.read_text(encoding="utf-8").replace("validation: 0.25", "validation: {folds: 2}")
    file.write_text(text.replace("trials: 4, ", f"trials: 4, pruner: {pruner}, "), encoding="utf-8")
    assert autotune("study", "create", "study.yaml").code == 0
    study = optuna.load_study(study_name="tiny", storage="sqlite:///autotune.db")
    trial = study.ask()
    trial.set_user_attr("configuration", Configuration(learning_rate=5e-5).model_dump())
    for fold, value in enumerate((0.7, 0.9), 1):
        trial.report(value, fold)
    study.tell(trial, state=TrialState.PRUNED)
    assert autotune("study", "report", "tiny", "--html", "report.html").code == 0
    page = Page((folder / "report.html").read_text(encoding="utf-8"))
    assert f"trial 0, pruned: {end} at 2" in page.text


@pytest.mark.slow
def test_of_many_trials_a_part_is_drawn_and_that_is_said() -> None:
    study = BuiltStudy(total=500)
    study.add_baseline(0.4)
    for index in range(500):
        study.add_complete(0.5 + index / 1000)
    found = pictures(page_of(study.study))
    curves = found["Learning curves"]
    assert sum("line" in path.get("class", "").split() for path in curves.iter("path")) == 200
    text = Page(page_of(study.study)).text
    assert "Of 501 trials 200 are drawn: the named ones, and an even sample of the others." in text
    assert "Of 501 trials 200 are drawn: the named ones, the best tenth, and an even sample of the others." in text


def test_a_value_far_from_all_others_does_not_flatten_them() -> None:
    study = BuiltStudy(direction="minimize")
    for index in range(60):
        study.add_complete(0.5 + index / 100)
    study.add_complete(1e9)
    html = page_of(study.study)
    ticks = [label.text for label in pictures(html)["Learning curves"].iter("text")]
    assert not [tick for tick in ticks if "e8" in str(tick) or "000000" in str(tick)]
    assert "At the edge, as they lie far from all others: " in Page(html).text


def test_the_verdict_is_that_of_the_terminal() -> None:
    found = confirmed()
    html = page_of(raced_study().study, found)
    text = Page(html).text
    assert all(sentence in text for sentence in words_of(found))
    start = text.index("Verdict", text.index("Versions"))
    assert text[start:].startswith(f"Verdict {words_of(found)[0]}")
    assert "Not confirmed" not in text
    assert "trial 2 , by fresh seeds" in text
    assert "multi-task training: +4.0 points" in text
    assert "augmentation: no effect that 6 seeds can show" in text
    assert "keeping the best third at step 44 would have dropped the winner" in text
    assert "training on fresh seeds 3 min 0 s" in text


def test_the_indifference_set_begins_with_the_simplest() -> None:
    html = page_of(raced_study().study, confirmed(winner=BASELINE[::-1], other=WORSE))
    section = html[html.index('<section id="tied">') :]
    rows = re.findall(r"<tr.*?</tr>", section[: section.index("</section>")], re.DOTALL)[1:]
    names = [unescape(str(re.findall(r"<td[^>]*>(.*?)</td>", row)[0])) for row in rows]
    assert names == ["baseline", "trial 2"]
    assert 'class="chosen"' in rows[0]


@pytest.mark.parametrize(
    "found",
    [
        lambda: confirmed((0.8,), (0.9,), (0.7,), parts={"multi-task training": (0.8,)}),
        lambda: confirmed(winner=(math.nan,) * 6, other=(math.nan,) * 6),
        lambda: confirmed((math.nan,) * 6),
        lambda: confirmed((math.nan,) * 6, (math.nan,) * 6, (math.nan,) * 6),
        lambda: confirmed(missing=7, parts={}),
        lambda: confirmed(BASELINE, BASELINE, BASELINE),
    ],
    ids=["one seed", "the baseline alone", "no baseline", "nothing", "unfinished", "all equal"],
)
def test_confirmations_that_say_little(found: Callable[[], Confirmed]) -> None:
    html = page_of(raced_study().study, found())
    text = Page(html).text
    assert all(sentence in text for sentence in words_of(found()))
    for picture in pictures(html).values():
        assert all(map(math.isfinite, numbers_of(picture)))


def test_pruned_and_failed_trials_end_with_a_cross() -> None:
    study = raced_study()
    (curves,) = [each for title, each in pictures(page_of(study.study)).items() if title == "Learning curves"]
    crosses = [path for path in curves.iter("path") if path.get("class") == "mark other"]
    pruned = [trial for trial in study.study.trials if trial.state == TrialState.PRUNED]
    assert sum(path.get("d", "").count("M") for path in crosses) == len(pruned)


def test_the_command_writes_the_page_and_says_where(trained: Path, autotune: Command) -> None:
    done = autotune("study", "report", "tiny", "--html", "report.html")
    assert (done.code, done.err) == (0, "")
    assert done.out == "wrote report.html: open it in a browser\n"
    page = Page((trained / "report.html").read_text(encoding="utf-8"))
    assert page.sections == [*SECTIONS, *LAST]
    assert "reviews.csv" in page.text
    assert str(trained) not in page.text
    assert "the study was made with autotune 0.1.0" in page.text
    before = (trained / "report.html").stat().st_ino
    assert autotune("study", "report", "tiny", "--html", "report.html").code == 0
    assert (trained / "report.html").stat().st_ino != before
    # The database is let go when the command's process ends, which here it does not.
    left = {path.name for path in trained.iterdir()} - {"autotune.db-shm", "autotune.db-wal"}
    assert left == {"autotune.db", "report.html", "reviews.csv", "study.yaml"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--html", "report.html", "--json"], "--html writes a page and --json prints JSON; leave one of them out"),
        (["--html", "gone/report.html"], "--html: there is no folder 'gone'"),
        (["--html", "study.yaml/report.html"], "--html: there is no folder 'study.yaml'"),
        (["--html", "."], "--html: '.' is a folder; name a file in it"),
    ],
)
def test_where_it_cannot_be_written(trained: Path, autotune: Command, options: list[str], words: str) -> None:
    before = sorted(path.name for path in trained.iterdir())
    done = autotune("study", "report", "tiny", *options)
    assert done.code == 2
    assert words in done.err
    assert "Traceback" not in done.err
    assert sorted(path.name for path in trained.iterdir()) == before


def test_the_page_says_how_a_command_finds_the_study() -> None:
    study = raced_study().study
    origin = Origin({}, {}, called="reviews --storage sqlite:///other.db")
    html = render_page(summarize(study), records_of(study, paired=False), origin, confirmed=None)
    assert "autotune study confirm reviews --storage sqlite:///other.db" in Page(html).text


def test_a_page_names_no_place_of_the_machine(trained: Path, autotune: Command) -> None:
    """It is handed on: neither where the database lies, nor where the encoder does."""
    place = f"sqlite:///{trained / 'autotune.db'}"
    assert autotune("study", "report", "tiny", "--storage", place, "--html", "report.html").code == 0
    html = (trained / "report.html").read_text(encoding="utf-8")
    assert "autotune study confirm tiny --storage URL" in Page(html).text
    assert str(trained) not in html
    study = raced_study().study
    local = replace(summarize(study), encoder="/srv/ada/minilm")
    html = render_page(local, records_of(study, paired=False), Origin({}, {}, called="reviews"), confirmed=None)
    assert "encoder minilm" in Page(html).text
    assert "/srv/ada" not in html
