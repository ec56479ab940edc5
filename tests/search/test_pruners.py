import math
from typing import Literal

import optuna
import pytest
from autotune.search.pruners import OneEpochPruner, kept_after_one_epoch, make_pruner
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState

Direction = Literal["maximize", "minimize"]
RUNGS = [22, 44, 66, 88, 110, 132]
PRUNERS = ("auto", "asha", "hyperband", "median", "percentile", "wilcoxon", "one-epoch", "none")


def searched(
    pruner: optuna.pruners.BasePruner, qualities: list[float], direction: Direction = "maximize"
) -> list[TrialState]:
    """Run one trial after another whose curve rises to its quality; return how each ended."""
    study = optuna.create_study(study_name="s", direction=direction, pruner=pruner)
    for quality in qualities:
        trial = study.ask({"x": FloatDistribution(0, 1)})
        for step in RUNGS:
            trial.report(quality * (1 - 1 / (1 + step)), step)
            if step != RUNGS[-1] and trial.should_prune():
                study.tell(trial, state=TrialState.PRUNED)
                break
        else:
            study.tell(trial, quality)
    return [trial.state for trial in study.trials]


def spread(trials: int) -> list[float]:
    """Distinct qualities, good and bad in turn."""
    return [0.5 + (0.37 * number % 1) / 2 for number in range(trials)]


@pytest.mark.slow
@pytest.mark.parametrize("trials", [6, 12, 60])
@pytest.mark.parametrize("name", PRUNERS)
@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_pruners_fire_and_keep_the_best(name: str, trials: int, direction: Direction):
    qualities = spread(trials)
    states = searched(make_pruner(name, RUNGS, 44, trials, folds=None), qualities, direction)
    pruned = states.count(TrialState.PRUNED)
    assert states[0] == TrialState.COMPLETE
    if name == "none":
        assert pruned == 0
    elif trials >= 12:
        assert 0 < pruned < trials
    best = max(qualities) if direction == "maximize" else min(qualities)
    if name != "wilcoxon" and direction == "maximize":
        assert states[qualities.index(best)] == TrialState.COMPLETE


def test_auto_is_gentle_when_trials_are_few():
    states = searched(make_pruner("auto", RUNGS, 44, 12, folds=None), spread(12))
    assert 1 <= states.count(TrialState.PRUNED) <= 6


@pytest.mark.parametrize("name", PRUNERS)
def test_one_rung_is_enough(name: str):
    study = optuna.create_study(pruner=make_pruner(name, [7], 7, 4, folds=None))
    for _ in range(4):
        trial = study.ask({"x": FloatDistribution(0, 1)})
        trial.report(0.5, 7)
        trial.should_prune()
        study.tell(trial, 0.5)
    assert len(study.trials) == 4


def reached(values: dict[int, float], keep: int, *earlier: float, direction: Direction = "maximize") -> bool:
    """Is a trial with these reports pruned, where earlier ones had their values at step 44?"""
    study = optuna.create_study(direction=direction, pruner=OneEpochPruner(44, keep=keep))
    for value in earlier:
        study.ask().report(value, 44)
    trial = study.ask()
    for step, value in values.items():
        trial.report(value, step)
    return trial.should_prune()


def test_one_epoch_decides_at_the_first_report_at_or_after_the_epoch():
    assert not reached({22: 0.0}, 1, 0.5)
    assert reached({22: 0.9, 44: 0.4}, 1, 0.5)
    assert reached({22: 0.9, 50: 0.4}, 1, 0.5)
    assert not reached({22: 0.9, 44: 0.6, 66: 0.1}, 1, 0.5)
    assert not reached({44: 0.4, 66: 0.1}, 1, 0.5)


def test_one_epoch_keeps_the_top_k():
    assert not reached({44: 0.4}, 3, 0.5, 0.6)
    assert reached({44: 0.4}, 2, 0.5, 0.6)
    assert not reached({44: 0.55}, 2, 0.5, 0.6)
    assert not reached({44: 0.5}, 1, 0.5), "a tie with the k-th is kept"
    assert not reached({44: 0.4}, 1, 0.5, direction="minimize")
    assert reached({44: 0.6}, 1, 0.5, direction="minimize")


def test_one_epoch_and_not_a_number():
    assert reached({44: math.nan}, 3)
    assert not reached({44: 0.1}, 1, math.nan)


def test_one_epoch_keeps_about_as_many_as_its_text_says():
    keep = kept_after_one_epoch(60)
    states = searched(OneEpochPruner(44, keep), spread(60))
    expected = keep * (1 + math.log(60 / keep))
    assert abs(states.count(TrialState.COMPLETE) - expected) <= 6


@pytest.mark.parametrize("steps_per_epoch", [10, 16, 17, 44, 199])
def test_successive_halving_decides_at_the_first_third_and_ninth_rung(steps_per_epoch: int):
    """Rungs are rounded to whole steps: multiples of the first one are not all among them."""
    rungs = [round(steps_per_epoch * rung / 3) for rung in range(1, 10)]
    for name, expected in (("asha", {(1, 3, 9)}), ("hyperband", {(1, 3, 9), (3, 9), (9,)})):
        pruner = make_pruner(name, rungs, steps_per_epoch, 60, folds=None)
        study = optuna.create_study(study_name="s", direction="maximize", pruner=pruner)
        decided: set[tuple[int, ...]] = set()
        for _ in range(12):
            trial, reports = study.ask(), list[int]()
            for report, step in enumerate(rungs, start=1):
                before = len(study.trials[trial.number].system_attrs)
                trial.report(0.5, step)
                assert not trial.should_prune()
                reports += [report] * (len(study.trials[trial.number].system_attrs) - before)
            study.tell(trial, 0.5)
            decided.add(tuple(reports))
        assert decided == expected, name


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
@pytest.mark.parametrize("name", ["median", "percentile"])
def test_a_lucky_first_fold_does_not_carry_a_trial_through(name: str, direction: Direction):
    sign = 1 if direction == "maximize" else -1
    study = optuna.create_study(direction=direction, pruner=make_pruner(name, RUNGS, 22, 20, folds=5))
    for quality in (0.80, 0.82, 0.84, 0.86, 0.88):
        good = study.ask()
        for fold in range(1, 6):
            good.report(sign * quality, fold)
            assert not good.should_prune() or quality < 0.84
        study.tell(good, sign * quality)
    lucky = study.ask()
    lucky.report(sign * 0.93, 1)
    assert not lucky.should_prune()
    lucky.report(sign * 0.76, 2)
    assert lucky.should_prune()
