"""The model card: valid front matter, the verdict, and nothing of a user's text that acts as markup."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from autotune.search.export.best_file import BestConfiguration, read_best
from autotune.search.export.confirmed_figures import ConfirmedFigures, Figure, Gain
from autotune.search.export.exporting import render
from autotune.search.production import model_card
from autotune.search.safe_text import markdown
from autotune.search.wording import number
from markdown_it import MarkdownIt

Command = Callable[..., Any]
WORDS = ["fresh seeds: +3.1 points (1.0 to 5.2) over the baseline", "the simplest of the tied is `baseline`"]
CONFIRMED = ConfirmedFigures(
    name="trial 2",
    winner="trial 2",
    seeds=[1, 2],
    scores={1: 0.8, 2: 0.9},
    mean=0.85,
    interval=(0.8, 0.9),
    corrected=0.84,
    corrected_interval=(0.79, 0.9),
    baseline=Figure(mean=0.82, interval=(0.78, 0.86)),
    gain=Gain(mean=0.021, interval=(0.015, 0.042), better=True, p=0.016, pairs=2),
    measured_gain=Figure(mean=0.031, interval=(0.01, 0.052)),
    optimism=Figure(mean=0.05),
    tied=["trial 2", "baseline"],
    simplest="baseline",
    words=WORDS,
)


@pytest.fixture
def best(trained: Path, autotune: Command) -> BestConfiguration:
    assert autotune("study", "export", "study.yaml").code == 0
    return read_best(trained / "best.yaml")


def card(best: BestConfiguration, autotune: Command, *options: str, name: str = "model") -> tuple[dict[str, Any], str]:
    """The front matter and the body of a trained model's card."""
    Path("best.yaml").write_text(render(best, "yaml"), encoding="utf-8")
    outcome = autotune("train", "best.yaml", "-o", name, "--devices", "cpu", *options)
    assert (outcome.code, outcome.err) == (0, "")
    empty, front, body = (Path(name) / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    assert empty == ""
    return yaml.safe_load(front), body


@pytest.mark.slow
def test_a_card_says_what_was_trained_on_what_and_how_to_open_it(best: BestConfiguration, autotune: Command) -> None:
    front, body = card(best, autotune, "--micro-batch", "4")
    assert front == {
        "library_name": "transformers",
        "tags": ["autotune"],
        "metrics": ["accuracy"],
        "pipeline_tag": "text-classification",
    }
    assert f"| sentiment | classification | α = {number(best.loss_weights.alpha)} |" in body
    assert f"| reviews.csv | {best.fingerprints['reviews.csv']} |" in body
    assert "| validation | 8 |" in body
    assert "autotune train best.yaml -o model --micro-batch 4\n" in body
    assert 'pipeline("text-classification", model="path/to/this/folder", truncation=True)' in body
    assert best.found.value is not None
    assert f"was {number(best.found.value)}, the baseline's" in body
    assert "fresh seeds have not confirmed it" in body
    assert str(Path.cwd()) not in body


def test_a_confirmed_configuration_brings_its_verdict(best: BestConfiguration, autotune: Command) -> None:
    _, body = card(best.model_copy(update={"confirmed": CONFIRMED}), autotune)
    assert "- fresh seeds: +3.1 points (1.0 to 5.2) over the baseline\n" in body
    assert r"the simplest of the tied is \`baseline\`" in body
    assert "| accuracy on 2 fresh seeds | 0.8500 | 0.8000 to 0.9000 |" in body
    assert "| 0.8000 to 0.9000 |\n| the same, corrected for selection | 0.8400 | 0.7900 to 0.9000 |\n" in body
    gains = (
        "| gain over the baseline | 0.0310 | 0.0100 to 0.0520 |\n"
        "| the same, corrected for selection | 0.0210 | 0.0150 to 0.0420 |\n"
    )
    assert gains in body
    assert "| by how much the search's score was too high | 0.0500 |  |" in body
    assert "cannot distinguish: trial 2, baseline; the simplest of them is baseline" in body
    assert "Unknown" not in body


def test_at_a_later_look_the_gain_has_its_own_level(best: BestConfiguration, autotune: Command) -> None:
    gain = Gain(mean=0.021, interval=(0.015, 0.042), better=True, p=0.016, pairs=2, look=2)
    _, body = card(best.model_copy(update={"confirmed": CONFIRMED.model_copy(update={"gain": gain})}), autotune)
    assert "| gain over the baseline, 98.3 % interval | 0.0310 | 0.0100 to 0.0520 |" in body
    assert "| the same, corrected for selection, 98.3 % interval | 0.0210 | 0.0150 to 0.0420 |" in body


def test_a_gain_of_an_older_export_is_called_what_it_is(best: BestConfiguration, autotune: Command) -> None:
    _, body = card(
        best.model_copy(update={"confirmed": CONFIRMED.model_copy(update={"measured_gain": None})}), autotune
    )
    assert "| gain over the baseline, corrected for selection | 0.0210 | 0.0150 to 0.0420 |" in body


@pytest.mark.parametrize(
    ("name", "gain", "answer"),
    [
        ("trial 12", CONFIRMED.gain, "It is shown to be better than the baseline."),
        ("trial 12", Gain(mean=0.0, better=False, p=0.9, pairs=2), "It is not shown to be better than the baseline."),
        ("trial 12", None, "It is not compared with the baseline, which failed on every seed."),
        ("baseline", None, "It is the baseline itself."),
    ],
)
def test_who_did_not_win_is_named_and_has_its_own_answer(name: str, gain: Gain | None, answer: str) -> None:
    of_another = CONFIRMED.model_copy(update={"name": name, "gain": gain})
    first, *_ = model_card._confirmed(of_another, "accuracy")
    assert first.startswith(f"This is {name}, not the winner, trial 2. {answer} ")
    first, *_ = model_card._confirmed(CONFIRMED, "accuracy")
    assert first == f"- {markdown(WORDS[0])}"


def test_a_lone_winner_is_tied_with_nobody() -> None:
    alone = CONFIRMED.model_copy(update={"tied": ["trial 2"], "simplest": "trial 2"})
    assert not [line for line in model_card._confirmed(alone, "accuracy") if "cannot distinguish" in line]


@pytest.mark.parametrize(("trial", "answer"), [(0, "It is the baseline itself."), (3, "Unknown.")])
def test_a_trial_that_was_asked_for_is_not_called_the_best(
    best: BestConfiguration, autotune: Command, trial: int, answer: str
) -> None:
    assert autotune("study", "export", "study.yaml", "--trial", str(trial)).code == 0
    _, body = card(read_best(Path("best.yaml")), autotune)
    assert f"{answer} In the search its accuracy on validation data was" in body
    assert "one noisy score, and partly luck if it was chosen for it" in body


def test_figures_of_another_configuration_are_not_shown(best: BestConfiguration, autotune: Command) -> None:
    changed = best.configuration.model_copy(update={"learning_rate": 2e-3})
    _, body = card(best.model_copy(update={"confirmed": CONFIRMED, "configuration": changed}), autotune)
    assert "do not apply to it" in body
    assert "fresh seeds" not in body


def test_a_users_text_is_no_markup(best: BestConfiguration, autotune: Command) -> None:
    name = "m <b>|*x*_y_`z`[a](javascript:b)"
    study = "--- # <script>alert(1)</script> | &amp; [x](http://a.b)"
    _, body = card(
        best.model_copy(update={"found": best.found.model_copy(update={"study": study})}), autotune, name=name
    )
    page = MarkdownIt("commonmark").enable("table").render(body)
    assert "<script" not in page
    assert "<a " not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; | &amp;amp; [x](http://a.b)" in page
    assert "m &lt;b&gt;|*x*_y_`z`[a](javascript:b)</h1>" in page


@pytest.mark.parametrize("text", ["a|b", "<i>", "**b**", "`c`", "[l](u)", "a\n# b", "&lt;", "\\|", "~~d~~", "$x$"])
def test_literal_text_is_shown_as_it_is(text: str) -> None:
    page = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(f"| h |\n|---|\n| {markdown(text)} |\n")
    shown = page.partition("<td>")[2].partition("</td>")[0]
    for entity, character in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&amp;", "&")):
        shown = shown.replace(entity, character)
    assert shown == " ".join(text.split())
