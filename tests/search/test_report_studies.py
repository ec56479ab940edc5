"""Reports of real Optuna studies: the facts are right, and a reader sees them at every width."""

import io
import json
import math
import time
import warnings

import optuna
import pytest
from autotune.objectives.training.failure import FailureKind
from autotune.search.report.terminal import print_report
from autotune.search.summary.summarizing import summarize
from autotune.spaces.configuration import Configuration
from optuna.trial import TrialState
from rich.console import Console

from .built import BuiltStudy, Direction, raced_study

GOLDEN = """\
Study reviews
sentiment.accuracy, higher is better; encoder scratch:tiny

Best configuration: trial 2, 0.9300 at step 88 of 132
  α sentiment    0.800
  β aspect       0.200
  learning rate  1.2e-4
  mix            none 60%, noise 30%, reverse 10%
  magnitude      0.150
  weight_decay   0.03

Trial 2 beats trial 0 (baseline, 0.9000) by 3.00 points.
It is 5.00 points better than trial 1 (equal weights, 0.8800).
The best of 4 noisy trials is partly luck (winner's curse) until it is confirmed on fresh seeds.

Top five
  trial   value  step  configuration
      2  0.9300    88  lr 1.2e-4, β_aspect 0.20, noise 30%, reverse 10%, magnitude 0.15,
                       weight_decay 0.03
      0  0.9000    88  baseline: lr 5e-5
      1  0.8800    88  equal weights: lr 5e-5, β_aspect 0.50

Auxiliary tasks; trials differ in more than these: a hint, no proof
  aspect on in the best trial; with it 2 complete, 1 pruned, best 0.9300, mean 0.9050; without 1
  complete, 0 pruned, best 0.9000, mean 0.9000

Trials 3 complete, 1 pruned, 1 failed, 1 running, of 12 in all
  1 × diverged, first in trial 4: a loss is NaN
Time 34 s of training over all trials
"""


def render(study: BuiltStudy, width: int = 100) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    print_report(summarize(study.study), console, confirmed=None)
    assert isinstance(console.file, io.StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines()).strip() + "\n"


def flat(study: BuiltStudy, width: int = 100) -> str:
    return " ".join(render(study, width).split())


def test_json_has_exactly_the_promised_keys() -> None:
    facts = summarize(raced_study().study).to_json()
    assert list(facts) == [
        "study", "objective", "direction", "best", "baseline", "trials", "failures", "top", "importance",
        "auxiliaries",
        "normalisers",
        "cleaning",
        "augmentation",
        "seconds",
    ]  # fmt: skip
    assert set(facts["best"]) == {"number", "value", "step", "configuration"}
    assert facts["baseline"] == {"number": 0, "value": 0.90}
    assert facts["trials"] == {"total": 12, "complete": 3, "pruned": 1, "failed": 1, "running": 1}
    assert facts["seconds"] == 34.0
    assert facts["auxiliaries"] == {
        "aspect": {
            "in_best": True,
            "on": {"complete": 2, "pruned": 1, "best": 0.93, "mean": pytest.approx(0.905)},
            "off": {"complete": 1, "pruned": 0, "best": 0.9, "mean": 0.9},
        }
    }
    assert json.loads(json.dumps(facts, allow_nan=False)) == facts


def test_the_total_is_never_below_what_is_there() -> None:
    """A run may be given more trials than the study was made for."""
    study = BuiltStudy(total=2)
    for value in (0.5, 0.6, 0.7):
        study.add_complete(value)
    assert summarize(study.study).counts.total == 3
    study.ask()
    assert "3 complete, 0 pruned, 0 failed, 1 running, of 4 in all" in flat(study)


def test_best_configuration_is_normalised_and_complete() -> None:
    configuration = summarize(raced_study().study).to_json()["best"]["configuration"]
    assert configuration["alpha"] == pytest.approx(0.8)
    assert configuration["betas"] == pytest.approx({"aspect": 0.2})
    assert configuration["mix"] == pytest.approx({"none": 0.6, "noise": 0.3, "reverse": 0.1})
    assert configuration["magnitude"] == 0.15
    assert configuration["training"] == {"weight_decay": 0.03}


def test_what_is_off_is_zero_and_not_missing() -> None:
    study = BuiltStudy()
    study.add_baseline(0.9)
    configuration = summarize(study.study).to_json()["best"]["configuration"]
    assert configuration["betas"] == {"aspect": 0.0}
    assert configuration["mix"] == {"none": 1.0, "noise": 0.0, "reverse": 0.0}
    assert configuration["alpha"] == 1.0


def test_a_pruned_trial_is_never_ranked() -> None:
    study = raced_study()
    assert any(trial.value == 0.99 for trial in study.study.trials if trial.state == TrialState.PRUNED)
    summary = summarize(study.study)
    assert summary.best is not None
    assert summary.best.number == 2
    assert [trial.number for trial in summary.top] == [2, 0, 1]


@pytest.mark.parametrize(("direction", "winner"), [("maximize", 1), ("minimize", 0)])
def test_direction_decides_and_the_earlier_of_equals_wins(direction: Direction, winner: int) -> None:
    study = BuiltStudy(direction=direction)
    for value in (0.5, 0.7, 0.7, 0.5):
        study.add_complete(value)
    best = summarize(study.study).best
    assert best is not None
    assert best.number == winner


def test_top_holds_five() -> None:
    study = BuiltStudy()
    for value in range(8):
        study.add_complete(value / 10)
    assert [trial.number for trial in summarize(study.study).top] == [7, 6, 5, 4, 3]


def test_empty_study() -> None:
    facts = summarize(BuiltStudy().study).to_json()
    assert facts["best"] is None
    assert facts["baseline"] is None
    assert facts["top"] == []
    assert facts["importance"] == {}
    assert facts["seconds"] == 0


def test_failures_are_counted_by_kind() -> None:
    study = BuiltStudy()
    study.add_failed("out of memory")
    study.add_failed("diverged", "first")
    study.add_failed("diverged", "second")
    study.add_failed(None)
    groups = [(group.kind, group.count, group.trials, group.message) for group in summarize(study.study).failures]
    assert groups[0] == ("diverged", 2, (1, 2), "first")
    assert groups[1:] == [
        ("out of memory", 1, (0,), "a loss is NaN"),
        ("lost", 1, (3,), "another program than autotune ended it"),
    ]


def test_five_kinds_of_failures_are_told_apart() -> None:
    study = BuiltStudy()
    for place, kind in enumerate(FailureKind):
        for _ in range(place + 1):
            study.add_failed(kind, f"words on {kind}", trace=f"Traceback of {kind}:\n  line\x1b[2J two")
    text = render(study, 120)
    facts = summarize(study.study).to_json()["failures"]
    assert {kind: facts[kind]["count"] for kind in facts} == {
        "timed out": 5, "pre-empted": 4, "crashed": 3, "out of memory": 2, "diverged": 1,
    }  # fmt: skip
    for kind, found in facts.items():
        assert len(found["trials"]) == found["count"]
        assert (found["message"], found["trace"][:9]) == (f"words on {kind}", "Traceback")
        assert f"  {found['count']} × {kind}, first in trial {found['trials'][0]}: words on {kind}\n" in text
    assert "    Traceback of crashed:\n      line␛[2J two\n" in text
    assert text.count("Traceback") == 1


def test_a_failed_baseline_is_null_and_its_repetition_counts() -> None:
    study = BuiltStudy()
    study.add_failed("crashed", role="baseline")
    study.add_complete(0.9)
    assert summarize(study.study).to_json()["baseline"] is None
    study.add_baseline(0.8)
    assert summarize(study.study).to_json()["baseline"] == {"number": 2, "value": 0.8}


def test_infinite_values_and_unknown_seconds_never_reach_the_json() -> None:
    study = BuiltStudy(direction="minimize")
    study.add_complete(-math.inf)
    study.add_complete(0.4, seconds=math.nan)
    for value in (math.inf, 0.5, 0.6, 0.7, 0.8):
        study.add_complete(value)
    facts = summarize(study.study).to_json()
    assert facts["best"]["number"] == 1
    json.dumps(facts, allow_nan=False)


def test_importance_finds_the_parameter_that_decides() -> None:
    study = BuiltStudy()
    for _ in range(60):
        trial = study.ask()
        trial.set_user_attr("best_step", 88)
        study.study.tell(trial, 1 - abs(math.log(trial.params["learning_rate"] / 1e-4)))
    importance = summarize(study.study).importance
    assert next(iter(importance)) == "learning_rate"
    assert sum(importance.values()) == pytest.approx(1)


@pytest.mark.parametrize("values", [[0.9], [0.9, 0.8, 0.7], [0.9] * 6])
def test_importance_is_silent_where_nothing_can_be_said(values: list[float]) -> None:
    study = BuiltStudy()
    for value in values:
        study.add_complete(value)
    assert summarize(study.study).importance == {}


def test_no_warning_escapes_for_parameters_that_few_trials_have() -> None:
    study = BuiltStudy()
    for value in (0.9, 0.8, 0.7, 0.6):
        study.add_complete(value)
    rare = study.study.ask({"training.dropout": optuna.distributions.FloatDistribution(0, 0.5)})
    rare.set_user_attr("configuration", Configuration(learning_rate=1e-4).model_dump())
    rare.set_user_attr("best_step", 88)
    study.study.tell(rare, 0.1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        summary = summarize(study.study)
    assert summary.importance


@pytest.mark.slow
def test_a_thousand_trials_are_summed_up_in_seconds() -> None:
    study = BuiltStudy(total=1000)
    for index in range(1000):
        add = study.add_pruned if index % 3 else study.add_complete
        add((index * 37 % 101) / 101)
    start_s = time.process_time()
    summary = summarize(study.study)
    assert time.process_time() - start_s < 3
    assert summary.counts.complete == 334


def test_the_whole_report() -> None:
    assert render(raced_study()) == GOLDEN


@pytest.mark.parametrize("width", [40, 60, 200])
def test_every_fact_survives_every_width(width: int) -> None:
    study = raced_study()
    lines = render(study, width).splitlines()
    assert max(map(len, lines)) <= width
    assert "…" not in "".join(lines)
    text = flat(study, width)
    for fact in ("none 60%", "α sentiment", "3.00 points", "winner's curse", "diverged", "of 12 in all"):
        assert fact in text


def test_switched_off_parts_are_called_off() -> None:
    study = BuiltStudy()
    study.add_baseline(0.8)
    study.add_complete(0.9, Configuration(learning_rate=1e-4))
    text = flat(study)
    assert "β aspect off" in text
    assert "magnitude off" in text
    assert "mix none 100%" in text


def test_it_says_plainly_that_nothing_beats_the_baseline() -> None:
    study = BuiltStudy()
    study.add_baseline(0.9)
    study.add_equal_weights(0.8)
    study.add_complete(0.9)
    text = flat(study)
    assert "No trial beats trial 0 (baseline, 0.9000)" in text
    assert " beats trial 0 (baseline, 0.9000) by" not in text
    assert "winner's curse" in text


def test_a_winner_level_with_a_repeated_baseline_does_not_beat_it() -> None:
    study = BuiltStudy()
    study.add_complete(0.9)
    study.add_baseline(0.9)
    assert "No trial beats trial 1 (baseline, 0.9000)" in flat(study)


def test_equal_weights_may_win() -> None:
    study = BuiltStudy()
    study.add_baseline(0.8)
    study.add_equal_weights(0.9)
    assert "It is the trial with equal weights" in flat(study)


def test_without_a_baseline_no_gain_is_claimed() -> None:
    study = BuiltStudy()
    study.add_complete(0.9)
    text = flat(study)
    assert "Trial 0 (baseline) has no value" in text
    assert "beats" not in text
    assert "One trial is one noisy measurement" in text


def test_nothing_complete() -> None:
    study = BuiltStudy()
    study.add_pruned(0.7)
    text = flat(study)
    assert "No trial is complete yet" in text
    assert "Best configuration" not in text


def test_all_failed() -> None:
    study = BuiltStudy()
    for _ in range(3):
        study.add_failed("out of memory", "needs 9 GiB\n\x1b[2Jmore")
    text = flat(study)
    assert "0 complete, 0 pruned, 3 failed" in text
    assert "3 × out of memory, first in trial 0: needs 9 GiB ␛[2Jmore" in text
    assert "\x1b" not in text


def test_a_lower_value_can_be_better_and_is_no_point() -> None:
    study = BuiltStudy(direction="minimize", objective="stars.rmse")
    study.add_baseline(0.75)
    study.add_complete(0.5)
    text = flat(study)
    assert "lower is better" in text
    assert "Trial 1 beats trial 0 (baseline, 0.7500) by 0.2500." in text


def test_markup_in_names_is_printed_literally() -> None:
    study = BuiltStudy(
        name="[red]x", objective="[b]main.accuracy", main_task="[b]main", auxiliary_tasks=["[/]aux"], encoder="[dim]"
    )
    study.add_complete(0.9, Configuration(learning_rate=1e-4, ratios={"[/]aux": 1.0}, training={"[i]s": "[u]"}))
    study.add_failed("crashed", "[bold]no[/bold]")
    text = flat(study)
    for literal in ("[red]x", "[b]main", "β [/]aux", "β_[/]aux", "[i]s [u]", "[dim]", "[bold]no[/bold]"):
        assert literal in text


@pytest.mark.parametrize("differs", [False, True])
def test_trials_that_are_all_alike_say_nothing(differs: bool) -> None:
    study = BuiltStudy()
    study.add_baseline(0.5)
    for value in (0.5, 0.5 + 0.01 * differs):
        study.add_complete(value)
    said = "All 3 complete trials have the value 0.5000, so nothing can be said of their configurations."
    assert (said in " ".join(render(study).split())) is not differs


def test_importance_is_drawn_as_bars() -> None:
    study = BuiltStudy()
    for value in (0.9, 0.8, 0.7, 0.6, 0.5):
        study.add_complete(value)
    text = render(study, 60)
    assert "rough, from 5 complete trials" in " ".join(text.split())
    bars = [line for line in text.splitlines() if "█" in line]
    assert bars[0].count("█") == 16
    assert all(line.endswith("%") for line in bars)
