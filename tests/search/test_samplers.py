import logging
from typing import Any

import numpy as np
import optuna
import pytest
from autotune.search.samplers import DivergenceAwareTPESampler, grid_points, make_sampler
from autotune.spaces.errors import StudyFileError
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

SPACE: dict[str, BaseDistribution] = {
    "learning_rate": FloatDistribution(1e-5, 5e-4, log=True),
    "share": FloatDistribution(0.0, 0.8),
    "magnitude": FloatDistribution(0.0, 0.3, step=0.1),
    "layers": IntDistribution(0, 4),
    "batch_size": IntDistribution(8, 64, log=True),
    "aspect.on": CategoricalDistribution([True, False]),
    "precision": CategoricalDistribution(["fp32", "bf16"]),
    "fixed": FloatDistribution(0.1, 0.1),
}
SAMPLERS = ("auto", "tpe", "gp", "cmaes", "qmc", "random", "grid")


def points(name: str, count: int, *, seed: int = 0, started: int = 0, space: dict[str, BaseDistribution] = SPACE):
    """Ask and tell `count` trials of a search for a small learning rate, two at a time."""
    study = optuna.create_study(
        direction="maximize", sampler=make_sampler(name, space, seed, [started], trials=count, points=())
    )
    running: list[optuna.Trial] = []
    for _ in range(count):
        running.append(study.ask(space))
        if len(running) == 2:
            trial = running.pop(0)
            study.tell(trial, sum(float(value) for value in trial.params.values() if isinstance(value, float)))
    return [trial.params for trial in study.trials]


@pytest.mark.slow
@pytest.mark.parametrize("name", SAMPLERS)
def test_every_sampler_stays_in_the_space_without_a_word(
    name: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
):
    optuna.logging.enable_propagation()
    with caplog.at_level(logging.WARNING):
        found = points(name, 10)
    optuna.logging.disable_propagation()
    assert all(SPACE[key]._contains(SPACE[key].to_internal_repr(point[key])) for point in found for key in SPACE)
    assert len({str(point) for point in found}) == 10
    assert "warn" not in (caplog.text + "".join(capfd.readouterr())).lower()


@pytest.mark.parametrize("name", [name for name in SAMPLERS if name != "qmc"])
def test_the_seed_and_the_start_decide(name: str):
    first = points(name, 3)
    assert points(name, 3) == first
    resumed = points(name, 3, started=3)
    assert all(point not in first for point in resumed)
    assert points(name, 3, seed=1)[0] != first[0]


def test_qmc_goes_on_in_its_sequence_after_a_resume():
    def spread(starts: list[int]) -> list[float]:
        study = optuna.create_study()
        for started in starts:
            study.sampler = make_sampler("qmc", SPACE, 0, [started], trials=9, points=())
            study.tell(study.ask(SPACE), 0.0)
        return [trial.params["share"] for trial in study.trials][1:]

    assert spread(list(range(9))) == spread([0] * 9)
    assert len(set(spread(list(range(9))))) == 8


@pytest.mark.slow
@pytest.mark.parametrize(
    "space",
    [
        {"share": FloatDistribution(0, 1)},
        {"on": CategoricalDistribution([True, False])},
        {"share": FloatDistribution(0, 1), "fixed": FloatDistribution(2, 2)},
    ],
)
@pytest.mark.parametrize("name", SAMPLERS)
def test_tiny_spaces(name: str, space: dict[str, BaseDistribution]):
    assert len(points(name, 14, space=space)) == 14


def test_grid_is_every_combination_once():
    found = grid_points(SPACE, levels=3)
    assert len(found) == 3 * 3 * 3 * 3 * 3 * 2 * 2 * 1
    assert len({str(point) for point in found}) == len(found)
    values = {name: sorted({float(point[name] or 0) for point in found}) for name in SPACE if name != "precision"}
    assert values["learning_rate"] == pytest.approx([1e-5, 7.0711e-5, 5e-4], rel=1e-4)
    assert values["share"] == [0.0, 0.4, 0.8]
    assert values["magnitude"] == pytest.approx([0.0, 0.1, 0.3])
    assert values["layers"] == [0, 2, 4]
    assert values["batch_size"] == [8, 23, 64]
    assert values["aspect.on"] == [False, True]
    assert values["fixed"] == [0.1]


def test_grid_levels_and_short_ranges():
    assert {point["n"] for point in grid_points({"n": IntDistribution(1, 4)}, levels=5)} == {1, 2, 3, 4}
    assert {point["n"] for point in grid_points({"n": IntDistribution(2, 10, step=4)}, levels=2)} == {2, 10}
    assert len(grid_points({"x": FloatDistribution(0, 1)}, levels=7)) == 7
    assert grid_points({}, levels=3) == [{}]


def test_the_beginning_of_a_grid_is_a_fair_sample():
    first = grid_points(SPACE, levels=3)[:24]
    assert first == grid_points(SPACE, levels=3)[:24]
    assert all(len({point[name] for point in first}) > 1 for name in SPACE if name != "fixed")


def test_a_grid_is_taken_in_turn_by_any_number_of_tuners_and_then_drawn():
    grid, storage = grid_points(SPACE, levels=3)[:5], optuna.storages.InMemoryStorage()
    optuna.create_study(study_name="grid", storage=storage)
    samplers = [make_sampler("grid", SPACE, 0, [started], 5, grid) for started in (0, 1)]
    studies = [optuna.load_study(study_name="grid", storage=storage, sampler=sampler) for sampler in samplers]
    found = [studies[turn].ask(SPACE).params for turn in (0, 1, 1, 0, 1, 0, 1)]
    assert found[:5] == grid
    assert found[5] not in grid
    assert found[5] != found[6]


def test_a_given_trial_keeps_its_place_in_a_grid():
    grid = grid_points(SPACE, levels=3)[:3]
    study = optuna.create_study(sampler=make_sampler("grid", SPACE, 0, [0], 3, [grid[2], *grid[:2]]))
    study.enqueue_trial(grid[2])
    assert [study.ask(SPACE).params for _ in range(3)] == [grid[2], *grid[:2]]


def test_a_grid_that_nobody_trains_is_refused_with_its_size():
    space: dict[str, BaseDistribution] = {f"x{number}": FloatDistribution(0, 1) for number in range(10)}
    with pytest.raises(StudyFileError, match=r"59,049 points .*x0: 3.*allowed are 10,000"):
        grid_points(space, levels=3)


def rates(kind: str, seed: int, sampler: optuna.samplers.BaseSampler | None = None) -> list[float]:
    """The learning rates of 40 trials, of which those above 1e-4 fail; the higher, the better are the others."""
    space: dict[str, BaseDistribution] = {name: SPACE[name] for name in ("learning_rate", "share")}
    study = optuna.create_study(
        direction="maximize", sampler=sampler or make_sampler("auto", space, seed, [0], 40, points=())
    )
    for _ in range(40):
        trial = study.ask(space)
        if trial.params["learning_rate"] > 1e-4:
            trial.set_user_attr("failure", {"kind": kind, "message": ""})
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
        else:
            study.tell(trial, trial.params["learning_rate"])
    assert {trial.state.name for trial in study.trials} == {"COMPLETE", "FAIL"}
    return [trial.params["learning_rate"] for trial in study.trials]


def test_where_trials_diverged_fewer_are_proposed() -> None:
    failed = {
        kind: sum(rate > 1e-4 for seed in range(3) for rate in rates(kind, seed)) for kind in ("diverged", "lost")
    }
    assert failed["diverged"] < 0.6 * failed["lost"]


def test_optuna_asks_our_sampler_for_the_density_of_good_and_of_bad_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    """The method is Optuna's own affair: under another name it would no longer be called, and no error would say so."""
    build, asked = DivergenceAwareTPESampler._build_parzen_estimator, list[bool]()

    def watched(*arguments: Any, handle_below: bool, **others: Any) -> object:  # noqa: ANN401
        asked.append(handle_below)
        return build(*arguments, handle_below=handle_below, **others)

    monkeypatch.setattr(DivergenceAwareTPESampler, "_build_parzen_estimator", watched)
    points("tpe", 12)  # of so many, four are random at first
    assert set(asked) == {True, False}


@pytest.mark.parametrize("kind", ["out of memory", "crashed", "pre-empted", "timed out", "lost"])
def test_what_else_failed_says_nothing_of_its_configuration(kind: str) -> None:
    draws = int(np.random.SeedSequence([0, 0]).generate_state(1)[0])
    optunas = optuna.samplers.TPESampler(seed=draws, n_startup_trials=10)
    assert rates(kind, 0) == rates(kind, 0, optunas)
    assert rates(kind, 0)[:10] == rates("diverged", 0)[:10]


def test_a_search_of_several_objectives_learns_from_diverged_trials_too() -> None:
    def proposed(kind: str) -> list[dict[str, object]]:
        sampler = make_sampler("tpe", SPACE, 0, [0], 12, ())
        study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
        for number in range(12):
            trial = study.ask(SPACE)
            if number % 3 == 0:
                trial.set_user_attr("failure", {"kind": kind, "message": ""})
                study.tell(trial, state=optuna.trial.TrialState.FAIL)
            else:
                study.tell(trial, [trial.params["share"], trial.params["learning_rate"]])
        return [trial.params for trial in study.trials]

    learnt, plain = proposed("diverged"), proposed("crashed")
    assert learnt[:4] == plain[:4]
    assert learnt != plain
