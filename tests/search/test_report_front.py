"""Reports of studies whose trials have several values, or one on several folds."""

import io
import json
from typing import Literal

import optuna
import pytest
from autotune.search.report.html.front import front_figure
from autotune.search.report.terminal import print_report
from autotune.search.summary.summarizing import summarize
from autotune.search.wording import in_short
from autotune.spaces.configuration import Configuration
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from rich.console import Console

Direction = Literal["maximize", "minimize"]
GOLDEN = """\
Study reviews
sentiment.accuracy, higher is better; cost.gflops, lower is better; encoder scratch:tiny

Best configuration in sentiment.accuracy: trial 3, 0.9300 at step 88 of 132
  α sentiment    1.000
  β aspect       off
  learning rate  1e-3
  mix            none 100%
  magnitude      off
  keep_layers    null

Pareto front: 3 of 5 complete trials; no other trial is at least as good in every objective and
better in one
  trial  sentiment.accuracy  cost.gflops  configuration
      3              0.9300       2.0000  lr 1e-3, keep_layers null
      2              0.9200       1.0000  lr 1e-3, keep_layers 4
      4              0.8000       0.5000  lr 1e-3, keep_layers 2

Trial 0 (baseline: 0.9000, 2.0000) is dominated by trials 3, 2.
Trial 1 (equal weights: 0.9200, 2.0000) is dominated by trials 3, 2.
The best of 5 noisy trials is partly luck (winner's curse) until it is confirmed on fresh seeds.

Trials 5 complete, 0 pruned, 0 failed, 0 running, of 12 in all
Time 50 s of training over all trials
"""


def studied(objective: str | list[str], directions: list[Direction]) -> optuna.Study:
    study = optuna.create_study(study_name="reviews", directions=directions)
    facts: dict[str, object] = {
        "objective": objective,
        "total": 12,
        "main_task": "sentiment",
        "auxiliary_tasks": ["aspect"],
        "max_steps": 132,
        "cleaning": [],
        "augmentation": {},
        "normalisers": {},
        "encoder": "scratch:tiny",
    }
    for key, value in facts.items():
        study.set_user_attr(key, value)
    return study


def add(
    study: optuna.Study,
    values: list[float],
    role: str | None = None,
    folds: dict[str, list[float]] | None = None,
    **training: int | None,
) -> None:
    trial = study.ask()
    configuration = Configuration.model_validate({"learning_rate": 1e-3, "training": training})
    trial.set_user_attr("configuration", configuration.model_dump())
    trial.set_user_attr("best_step", 88)
    trial.set_user_attr("seconds", 10.0)
    if role:
        trial.set_user_attr("role", role)
    if folds:
        trial.set_user_attr("folds", folds)
    study.tell(trial, values)


def front() -> optuna.Study:
    study = studied(["sentiment.accuracy", "cost.gflops"], ["maximize", "minimize"])
    add(study, [0.90, 2.0], "baseline")
    add(study, [0.92, 2.0], "equal weights")
    add(study, [0.92, 1.0], keep_layers=4)
    add(study, [0.93, 2.0], keep_layers=None)
    add(study, [0.80, 0.5], keep_layers=2)
    return study


def render(study: optuna.Study, width: int = 100) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    print_report(summarize(study), console, confirmed=None)
    assert isinstance(console.file, io.StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines()).strip() + "\n"


def test_the_whole_report_of_a_front() -> None:
    assert render(front()) == GOLDEN


@pytest.mark.parametrize("width", [40, 60, 200])
def test_a_front_fits_every_width(width: int) -> None:
    text = render(front(), width)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    for fact in ("0.9200", "0.5000", "dominated by trials 3, 2"):
        assert fact in " ".join(text.split())


def test_json_has_the_front_the_best_in_the_first_objective_first() -> None:
    facts = summarize(front()).to_json()
    assert [member["number"] for member in facts["front"]] == [3, 2, 4]
    assert facts["front"][1]["values"] == {"sentiment.accuracy": 0.92, "cost.gflops": 1.0}
    assert facts["front"][0]["configuration"]["training"] == {"keep_layers": None}
    assert facts["best"]["number"] == 3
    assert facts["direction"] == "maximize"
    assert json.loads(json.dumps(facts, allow_nan=False)) == facts


def test_a_baseline_that_nothing_dominates_is_on_the_front() -> None:
    study = studied(["sentiment.log_loss", "cost.gflops"], ["minimize", "minimize"])
    add(study, [0.3, 2.0], "baseline")
    add(study, [0.4, 1.0])
    text = render(study)
    assert "Trial 0 (baseline: 0.3000, 2.0000) is on the front." in text
    assert "baseline: lr 1e-3" in text
    assert [member.number for member in summarize(study).front] == [0, 1]


def test_a_front_without_a_baseline_says_so() -> None:
    study = studied(["sentiment.log_loss", "cost.gflops"], ["minimize", "minimize"])
    add(study, [0.4, 1.0])
    assert "Trial 0 (baseline) has no value" in render(study)


def test_folds_are_shown_as_a_spread_and_the_winner_s_one_by_one() -> None:
    study = studied("sentiment.accuracy", ["maximize"])
    add(study, [0.80], "baseline", {"accuracy": [0.7, 0.8, 0.9]})
    add(study, [0.85], None, {"accuracy": [0.85, 0.8, 0.9]})
    text = render(study)
    assert "Best configuration: trial 1, 0.8500 ± 0.0500 over 3 folds" in text
    assert "folds          0.8500, 0.8000, 0.9000" in text
    assert "0.8000 ± 0.1000" in text
    facts = summarize(study).to_json()
    assert facts["best"]["folds"] == {"sentiment.accuracy": [0.85, 0.8, 0.9]}
    assert "values" not in facts["best"]


def test_folds_of_several_objectives_have_a_spread_each() -> None:
    study = studied(["sentiment.accuracy", "sentiment.log_loss"], ["maximize", "minimize"])
    add(study, [0.80, 0.5], "baseline", {"log_loss": [0.4, 0.5, 0.6], "accuracy": [0.7, 0.8, 0.9]})
    assert "0.8000 ± 0.1000" in render(study)
    assert "0.5000 ± 0.1000" in render(study)


def test_null_is_told_in_the_study_file_s_word() -> None:
    configuration = Configuration(learning_rate=1e-3, training={"early_stopping": None})
    assert in_short(configuration) == "lr 1e-3, early_stopping null"


def test_a_choice_of_null_is_important_like_any_other() -> None:
    study = studied("sentiment.accuracy", ["maximize"])
    study.sampler = optuna.samplers.RandomSampler(seed=0)
    for _ in range(60):
        space: dict[str, BaseDistribution] = {
            "training.keep_layers": CategoricalDistribution((None, 2, 4)),
            "learning_rate": FloatDistribution(1e-5, 1e-3, log=True),
        }
        trial = study.ask(space)
        layers = trial.params["training.keep_layers"]
        configuration = Configuration(learning_rate=1e-3, training={"keep_layers": layers})
        trial.set_user_attr("configuration", configuration.model_dump())
        trial.set_user_attr("best_step", 88)
        study.tell(trial, (layers is None) + trial.number / 1e4)
    assert next(iter(summarize(study).importance)) == "training.keep_layers"


def test_a_baseline_that_is_best_in_the_first_objective_has_its_mark() -> None:
    study = studied(["sentiment.accuracy", "cost.gflops"], ["maximize", "minimize"])
    add(study, [0.95, 3.0], "baseline")
    add(study, [0.90, 1.0], keep_layers=2)
    figure = front_figure(summarize(study))
    assert figure is not None
    assert "baseline" in repr(figure.keys)
