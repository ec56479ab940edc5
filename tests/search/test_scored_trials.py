"""Trials that are worth more than one number: several objectives, or one on several folds. Nothing trains."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import optuna
import pytest
from autotune.objectives.training.trainer import Checkpoint, Evaluation, Trainer
from autotune.search.claims import Claims
from autotune.search.creation import consequences
from autotune.search.executors.inline import InlineExecutor
from autotune.search.interruption import Interruption
from autotune.search.pruners import is_paired, make_pruner
from autotune.search.ranking import ranked_trials
from autotune.search.samplers import ONE_OBJECTIVE_ONLY, make_sampler
from autotune.search.scoring import Scoring
from autotune.search.storage import open_storage
from autotune.search.study_file.schema import StudyFile
from autotune.search.tuner import Tuner
from autotune.spaces.configuration import Configuration
from autotune.spaces.space import SearchSpace, SpaceSettings
from autotune.spaces.training import TrainingSettings
from optuna.samplers import RandomSampler
from optuna.storages import BaseStorage, InMemoryStorage
from optuna.trial import TrialState

Direction = Literal["maximize", "minimize"]
Metrics = Mapping[str, float]
Script = Callable[[Configuration], Sequence[tuple[int, Metrics]]]
"""A trial's evaluations: (step, metrics)."""

SPACE = SearchSpace(
    settings=SpaceSettings.model_validate({"training": {"keep_layers": [None, 2, 4], "weight_decay": [0.0, 0.1]}}),
    auxiliaries=("aspect",),
    learning_rate=(1e-5, 1e-3),
    training=TrainingSettings(),
    measured=("aspect",),
)


class ScriptedTrainer(Trainer):
    """Says what its script says, one trial at a time."""

    def __init__(self, script: Script, stop_after: int | None = None) -> None:
        self._script = script
        self._running: dict[int, list[Evaluation]] = {}
        self._left = stop_after
        self.interruption = Interruption()
        self.trained: list[Configuration] = []

    @property
    def capacity(self) -> int:
        return 1

    def admit(
        self, trial_id: int, configuration: Configuration, checkpoint: Checkpoint | None = None, parts: int = 1
    ) -> None:
        script = self._script(configuration)
        last = len(script) - 1
        self._running[trial_id] = [
            Evaluation(trial_id, step, metrics, finished=place == last) for place, (step, metrics) in enumerate(script)
        ]
        self.trained.append(configuration)

    def advance(self) -> list[Evaluation]:
        if self._left is not None:
            self._left -= 1
            self.interruption.requested = self._left <= 0
        return [next(iter(self._running.values())).pop(0)]

    def upcoming(self) -> list[int]:
        return list(self._running)[:1]

    def checkpoint(self, trial_id: int) -> Checkpoint | None:
        return None

    def evict(self, trial_id: int) -> Checkpoint | None:
        del self._running[trial_id]
        return None


class Heard:
    """An observer that keeps what is told of values."""

    def __init__(self) -> None:
        self.evaluated_: list[float] = []
        self.completed_: list[tuple[float, int, dict[str, float]]] = []
        self.pruned_: list[int] = []
        self.failed_: list[str] = []
        self.began_: tuple[tuple[int, float] | None, float | None, str] | None = None

    def began(
        self,
        total: int,
        done: int,
        best: tuple[int, float] | None,
        baseline: float | None,
        direction: str,
        max_steps: int,
        slots: int = 1,
    ) -> None:
        self.began_ = best, baseline, direction

    def updated(self, done: int, best: tuple[int, float] | None, baseline: float | None) -> None: ...

    def started(self, number: int, role: str | None, configuration: Configuration) -> None: ...

    def evaluated(self, number: int, step: int, value: float) -> None:
        self.evaluated_.append(value)

    def completed(self, number: int, value: float, step: int, others: Metrics = MappingProxyType({})) -> None:
        self.completed_.append((value, step, dict(others)))

    def pruned(self, number: int, step: int, value: float) -> None:
        self.pruned_.append(step)

    def failed(self, number: int, reason: str) -> None:
        self.failed_.append(reason)

    def requeued(self, number: int) -> None: ...

    def message(self, text: str) -> None: ...

    def ended(self, reason: str) -> None: ...


def searched(
    storage: BaseStorage,
    trainer: ScriptedTrainer,
    scoring: Scoring,
    total: int,
    *,
    directions: Sequence[Direction] = ("maximize",),
    pruner: optuna.pruners.BasePruner | None = None,
    sampler: optuna.samplers.BaseSampler | None = None,
) -> tuple[optuna.Study, Heard]:
    study = optuna.create_study(
        study_name="scored",
        storage=storage,
        directions=list(directions),
        load_if_exists=True,
        sampler=sampler or RandomSampler(seed=0),
        pruner=pruner or optuna.pruners.NopPruner(),
    )
    heard = Heard()
    with InlineExecutor(trainer) as executor:
        Tuner(Claims(study, storage), SPACE, executor, heard, scoring, 30).run(total, trainer.interruption)
    return study, heard


THREE = ("accuracy", "aspect.f1", "cost.gflops")
WAYS: Sequence[Direction] = ("maximize", "maximize", "minimize")


def three(configuration: Configuration) -> list[tuple[int, Metrics]]:
    """Best in the first objective at step 20; a model of fewer layers is cheaper and worse."""
    layers = configuration.training["keep_layers"]
    size = float(layers) if isinstance(layers, int) else 6.0
    curve = [(10, 0.5, 0.9), (20, 0.8, 0.3), (30, 0.7, 0.5)]
    return [
        (step, {"accuracy": main + size / 100, "aspect.f1": own, "cost.gflops": size, "log_loss": 1.0})
        for step, main, own in curve
    ]


def test_several_objectives_are_those_at_the_best_step_of_the_first() -> None:
    storage = InMemoryStorage()
    study, heard = searched(storage, ScriptedTrainer(three), Scoring(THREE), 12, directions=WAYS)
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * 12
    for trial in study.trials:
        size = trial.params["training.keep_layers"] or 6
        assert trial.values == [0.8 + size / 100, 0.3, size]
        assert trial.user_attrs["best_step"] == 20
        assert trial.user_attrs["metrics"]["log_loss"] == 1.0
    assert {trial.values[2] for trial in study.best_trials} == {2, 4, 6}
    value, step, others = heard.completed_[0]
    assert [value, *others.values()] == study.trials[0].values
    assert (step, list(others)) == (20, ["aspect.f1", "cost.gflops"])
    _, again = searched(storage, ScriptedTrainer(three), Scoring(THREE), 12, directions=WAYS)
    assert again.began_ is not None
    assert again.began_[0] is not None
    assert again.began_[0][1] == pytest.approx(0.86)
    assert again.began_[2] == "maximize"


def test_of_trials_that_are_equal_in_the_first_objective_one_of_the_front_is_the_best() -> None:
    """On a few rows ties are many; the earliest of all may be worse in every other objective."""

    def tied(configuration: Configuration) -> list[tuple[int, Metrics]]:
        return [(step, {**found, "accuracy": 0.8}) for step, found in three(configuration)]

    study, _ = searched(InMemoryStorage(), ScriptedTrainer(tied), Scoring(THREE), 12, directions=WAYS)
    study.set_user_attr("main_task", "sentiment")
    study.set_user_attr("objective", ["sentiment.accuracy", "aspect.f1", "cost.gflops"])
    front = {trial.number for trial in study.best_trials}
    assert 0 not in front
    ranked = [trial.number for trial in ranked_trials(study)]
    assert set(ranked[: len(front)]) == front
    assert ranked[: len(front)] == sorted(front)
    assert ranked[len(front) :] == sorted(set(range(12)) - front)


def test_an_interrupted_study_of_several_objectives_goes_on(tmp_path: Path) -> None:
    storage = open_storage(f"sqlite:///{tmp_path / 'studies.db'}", create=True)
    stopped = ScriptedTrainer(three, stop_after=5)
    study, _ = searched(storage, stopped, Scoring(THREE), 3, directions=WAYS)
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE, TrialState.WAITING]
    goes_on = ScriptedTrainer(three)
    study, _ = searched(storage, goes_on, Scoring(THREE), 3, directions=WAYS)
    assert goes_on.trained[0] == stopped.trained[1]
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * 3
    assert all(trial.user_attrs["best_step"] == 20 for trial in study.trials)


def test_of_equal_steps_the_later_counts() -> None:
    values = {10: [0.5, 1.0], 20: [0.5, 2.0]}
    assert Scoring(["a", "b"]).outcome(values, maximize=True) == (20, [0.5, 2.0])
    assert Scoring(["a", "b"]).outcome({10: [0.4, 1.0], 20: [0.5, 2.0]}, maximize=False) == (10, [0.4, 1.0])


def test_a_further_objective_that_is_not_finite_fails_its_trial_by_name() -> None:
    script = [(10, {"accuracy": 0.5, "aspect.f1": float("nan"), "cost.gflops": 1.0})]
    study, heard = searched(InMemoryStorage(), ScriptedTrainer(lambda _: script), Scoring(THREE), 1, directions=WAYS)
    assert study.trials[0].state is TrialState.FAIL
    assert heard.failed_ == ["diverged: aspect.f1 is nan at step 10"]


@pytest.mark.parametrize("name", ["auto", "tpe", pytest.param("gp", marks=pytest.mark.slow), "qmc", "random", "grid"])
def test_every_sampler_that_is_allowed_searches_several_objectives(name: str) -> None:
    assert name not in ONE_OBJECTIVE_ONLY
    sampler = make_sampler(name, SPACE.distributions, 0, [0], 14)
    study, _ = searched(InMemoryStorage(), ScriptedTrainer(three), Scoring(THREE), 14, directions=WAYS, sampler=sampler)
    assert len({str(trial.params) for trial in study.trials}) > 10
    assert {trial.state for trial in study.trials} == {TrialState.COMPLETE}


def test_the_samplers_that_are_refused_cannot_search_several() -> None:
    for name in ONE_OBJECTIVE_ONLY:
        sampler = make_sampler(name, SPACE.distributions, 0, [0], 14)
        with pytest.raises(ValueError, match="multi-objective"):
            searched(InMemoryStorage(), ScriptedTrainer(three), Scoring(THREE), 2, directions=WAYS, sampler=sampler)


def folded(values: Sequence[float], steps: int = 10) -> list[tuple[int, Metrics]]:
    return [(steps * (fold + 1), {"accuracy": value, "other": 2 * value}) for fold, value in enumerate(values)]


def test_a_trial_of_folds_is_worth_their_mean_and_keeps_each() -> None:
    values = (0.9, 0.5, 0.7)
    study, heard = searched(
        InMemoryStorage(), ScriptedTrainer(lambda _: folded(values)), Scoring(["accuracy"], folds=True), 1
    )
    (trial,) = study.trials
    assert trial.value == pytest.approx(0.7)
    assert trial.user_attrs["best_step"] == 30
    assert trial.user_attrs["folds"] == {"accuracy": list(values)}
    assert trial.user_attrs["metrics"] == pytest.approx({"accuracy": 0.7, "other": 1.4})
    assert heard.evaluated_ == pytest.approx([0.9, 0.7, 0.7])


def test_several_objectives_over_folds_are_means_too() -> None:
    scoring = Scoring(["accuracy", "other"], folds=True)
    study, _ = searched(
        InMemoryStorage(),
        ScriptedTrainer(lambda _: folded((0.9, 0.5))),
        scoring,
        1,
        directions=("maximize", "minimize"),
    )
    assert study.trials[0].values == pytest.approx([0.7, 1.4])
    assert study.trials[0].user_attrs["folds"] == {"accuracy": [0.9, 0.5], "other": [1.8, 1.0]}


@pytest.mark.parametrize(("name", "reported"), [("wilcoxon", [0.9, 0.5, 0.7]), ("percentile", [0.9, 0.7, 0.7])])
def test_a_pruner_hears_of_folds_in_the_way_it_needs(name: str, reported: list[float]) -> None:
    """By number: folds are the same instances in every trial, though their steps may differ."""
    pruner = make_pruner(name, [10, 20, 30], 10, 12, folds=3)
    scoring = Scoring(["accuracy"], folds=True, paired=is_paired(pruner))
    steps = iter((10, 17))
    trainer = ScriptedTrainer(lambda _: folded((0.9, 0.5, 0.7), next(steps)))
    study, _ = searched(InMemoryStorage(), trainer, scoring, 2, pruner=pruner)
    for trial in study.trials:
        assert list(trial.intermediate_values) == [1, 2, 3]
        assert list(trial.intermediate_values.values()) == pytest.approx(reported)
        assert trial.value == pytest.approx(0.7)


EASY_AND_HARD = [0.9, 0.5, 0.7, 0.6, 0.8, 0.55, 0.75, 0.65, 0.85, 0.7]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["auto", "wilcoxon", "percentile", "median", "asha", "hyperband", "one-epoch"])
def test_every_pruner_prunes_between_folds(name: str) -> None:
    """Each trial is worse than all before it, on every fold."""
    order: dict[float, float] = {}

    def script(configuration: Configuration) -> list[tuple[int, Metrics]]:
        loss = order.setdefault(configuration.learning_rate, 0.01 * len(order))
        return folded([value - loss for value in EASY_AND_HARD])

    pruner = make_pruner(name, [10, 20], 10, 16, folds=10)
    scoring = Scoring(["accuracy"], folds=True, paired=is_paired(pruner))
    study, heard = searched(InMemoryStorage(), ScriptedTrainer(script), scoring, 16, pruner=pruner)
    assert heard.pruned_
    assert study.best_trial.number == 0
    if name in {"auto", "wilcoxon"}:
        assert heard.pruned_ == [40] * 15  # after four folds, the fewest that its test can tell anything from


def test_auto_prunes_few_folds_with_the_common_pruner() -> None:
    """Of five folds the Wilcoxon test could spare the last alone."""
    assert is_paired(make_pruner("auto", [10], 10, 20, folds=10))
    assert not is_paired(make_pruner("auto", [10], 10, 20, folds=5))
    assert not is_paired(make_pruner("auto", [10], 10, 20))


@pytest.mark.slow
@pytest.mark.parametrize("paired", [True, False])
def test_an_interrupted_trial_of_folds_starts_again_and_reports_nothing_twice(tmp_path: Path, paired: bool) -> None:
    storage = open_storage(f"sqlite:///{tmp_path / 'studies.db'}", create=True)
    scoring = Scoring(["accuracy"], folds=True, paired=paired)
    searched(storage, ScriptedTrainer(lambda _: folded((0.9, 0.5, 0.7)), stop_after=2), scoring, 1)
    study, _ = searched(storage, ScriptedTrainer(lambda _: folded((0.9, 0.5, 0.7))), scoring, 1)
    (trial,) = study.trials
    assert trial.value == pytest.approx(0.7)
    assert list(trial.intermediate_values) == [1, 2, 3]
    assert trial.user_attrs["folds"] == {"accuracy": [0.9, 0.5, 0.7]}


@pytest.mark.parametrize(
    ("pruner", "folds", "told"),
    [
        ("auto", 5, "their mean; percentile prunes between folds"),
        ("auto", 10, "their mean; wilcoxon prunes between folds"),
        ("wilcoxon", 4, "their mean; wilcoxon prunes nothing, as it needs 5 folds to spare one"),
        ("wilcoxon", 5, "their mean; wilcoxon prunes between folds"),
        ("none", 5, "their mean"),
    ],
)
def test_create_says_who_prunes_between_folds(pruner: str, folds: int, told: str) -> None:
    file = StudyFile.model_validate(
        {
            "name": "folds",
            "data": {"train": "reviews.csv", "validation": {"folds": folds}},
            "model": {"encoder": "scratch:tiny"},
            "tasks": {"sentiment": {"kind": "classification"}},
            "search": {"pruner": pruner},
        }
    )
    assert list(consequences(file)) == [f"{folds} folds: a trial trains once for each, and its value is {told}"]


@pytest.mark.slow
def test_wilcoxon_spares_the_last_of_five_folds_and_nothing_of_four() -> None:
    losses: dict[float, float] = {}

    def pruned(folds: int) -> list[int]:
        pruner = make_pruner("wilcoxon", [10], 10, 4, folds=folds)
        scoring = Scoring(["accuracy"], folds=True, paired=True)
        trainer = ScriptedTrainer(
            lambda c: folded([0.9 - 0.01 * losses.setdefault(c.learning_rate, len(losses))] * folds)
        )
        return searched(InMemoryStorage(), trainer, scoring, 3, pruner=pruner)[1].pruned_

    assert pruned(5) == [40, 40]
    assert pruned(4) == []


def test_rows_that_are_made_of_held_out_ones_are_told() -> None:
    augmentation = {"augmentation": {"operations": ["synthesize"]}}
    made = {"data": {"train": "a.csv", "validation": {"folds": 4}}, "tasks": {"main": {"kind": "classification"}}}
    file = StudyFile.model_validate({"name": "folds", **made, "space": augmentation})
    assert any("synthesize learns from the rows of all folds" in line for line in consequences(file))
