"""`autotune study plan`: what a study will take, from a few steps; nothing is stored."""

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from autotune.objectives.training.probing import Around
from autotune.search.cli.planning import _lines
from autotune.search.executors.choosing import START_S, Choice, Workload
from autotune.search.executors.placement import ExecutorName, Placement
from autotune.search.executors.places import Place, cores
from autotune.search.executors.worker import Recipe
from autotune.search.planning import costs, making
from autotune.search.planning.confirming import most_arms, most_variants
from autotune.search.planning.costs import Cost, Length, share_of_a_step
from autotune.search.planning.ends import ends
from autotune.search.planning.making import make_plan
from autotune.search.planning.plan import Checkpoints, Plan
from autotune.search.preparing import prepare_study
from autotune.search.pruners import never_pruned
from autotune.search.settings import SearchSettings
from autotune.search.study import open_study
from autotune.search.study_file.reading import read_study_file
from autotune.spaces.errors import InputError, TrainingError
from autotune.spaces.training import TrainingSettings

from .conftest import STUDY, Command

GB = 10**9
COST = Cost(0.1, 0.2, Around(1.0, 2.0, 3 * 10**6), GB, 100 * GB)
"""A step takes 0.1 s with all threads and 0.2 s with one."""
LONG = """\
name: long
data: {train: reviews.csv, validation: 0.25}
model: {encoder: "scratch:tiny", max_length: 32}
tasks:
  sentiment: {kind: classification, text: text, label: label}
  aspect: {kind: classification, label: aspect}
space: {learning_rate: [1e-4, 1e-2], loss_weights: {optional: false}}
training: {epochs: 20, batch_size: 8, precision: fp32}
search: {trials: 6, sampler: random, pruner: none}
"""


Plans = Callable[..., Plan]


@pytest.fixture
def planned(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Plans:
    """Makes plans of the small study, where each configuration costs what is said; the study's text may be changed."""

    def plan(*changes: tuple[str, str], cost: Cost = COST, placement: str | Placement = "cpu") -> Plan:
        text, place = STUDY, placement if isinstance(placement, Placement) else Placement(placement)
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        path = folder / "changed.yaml"
        path.write_text(text, encoding="utf-8")
        file = read_study_file(path)
        monkeypatch.setattr(making, "measure", lambda *_: cost)
        monkeypatch.setattr("autotune.search.executors.places.core_count", lambda: 4)
        monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
        monkeypatch.setattr("autotune.search.executors.choosing.free_memory", lambda: 100 * GB)
        return make_plan(file, folder, prepare_study(file, folder), place)

    return plan


def test_every_searched_setting_that_costs_time_is_told(folder: Path) -> None:
    file = read_study_file(folder / "study.yaml")
    space = file.space.model_copy(update={"training": dict.fromkeys(TrainingSettings.model_fields)})
    first, *_ = making._notes(file.model_copy(update={"space": space}))
    assert first == (
        "searched, but not measured at other values: batch_size, evaluations_per_epoch, freeze_layers, keep_layers, "
        "precision, sampling, temperature, weighting; trials may take more or less"
    )


def test_nothing_is_stored(folder: Path, autotune: Command) -> None:
    outcome = autotune("study", "plan", "study.yaml", "--devices", "cpu")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith("tiny: 4 of 4 trials are left, not stored yet\nestimated from 6 steps of each")
    for word in ("baseline", "equal weights", "a trial: 6 steps, evaluated 2 times", "memory: about", "checkpoints: "):
        assert word in outcome.out
    assert "searched, but not measured at other values: batch_size" in outcome.out
    assert sorted(file.name for file in folder.iterdir()) == ["reviews.csv", "study.yaml"]


@pytest.mark.slow
def test_a_stored_study_stays_as_it_is(trained: Path, autotune: Command) -> None:
    study = open_study("tiny", "sqlite:///autotune.db").study
    known = (study.user_attrs, [trial.user_attrs for trial in study.get_trials()])
    files = sorted(trained.rglob("*"))
    for target in ("tiny", "study.yaml"):
        outcome = autotune("study", "plan", target, "--trials", "10", "--json")
        assert (outcome.code, outcome.err) == (0, "")
        told = json.loads(outcome.out)
        assert told["is_stored"] is True
        assert told["trials"] == {"total": 10, "left": 6}
    study = open_study("tiny", "sqlite:///autotune.db").study
    assert known == (study.user_attrs, [trial.user_attrs for trial in study.get_trials()])
    assert [file for file in sorted(trained.rglob("*")) if "autotune.db" not in file.name] == [
        file for file in files if "autotune.db" not in file.name
    ]


def test_a_study_that_is_done_has_nothing_to_do(trained: Path, autotune: Command) -> None:
    told = json.loads(autotune("study", "plan", "tiny", "--json").out)
    assert told["trials"] == {"total": 4, "left": 0}
    assert told["search"]["unpruned"] == {"most": 0.0, "least": 0.0}
    assert told["confirmation"]["trainings"] > 0
    assert trained.is_dir()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nobody"], "sqlite:///autotune.db: does not exist"),
        (["nowhere.yaml"], "nowhere.yaml"),
        (["study.yaml", "--devices", "7"], "--devices: no device '7' here"),
        (["study.yaml", "--slots", "many"], "--slots: 'many' is not a number of slots"),
        (["study.yaml", "--trials", "0"], "Invalid value for '--trials'"),
        (["study.yaml", "--storage", "postgresql://ada:s3cret@127.0.0.1:1/x"], "127.0.0.1"),
    ],
)
def test_a_mistake_is_one_message(folder: Path, autotune: Command, arguments: list[str], message: str) -> None:
    outcome = autotune("study", "plan", *arguments)
    assert outcome.code == 2
    assert message in outcome.err
    assert "Traceback" not in outcome.err
    assert "s3cret" not in outcome.err + outcome.out
    assert not (folder / "autotune.db").exists()


def test_changed_data_is_refused_as_run_does(trained: Path, autotune: Command) -> None:
    with (trained / "reviews.csv").open("a", encoding="utf-8") as stream:
        stream.write("Another one is great.,positive,screen\n")
    outcome = autotune("study", "plan", "study.yaml")
    assert outcome.code == 2
    assert "reviews.csv: the data changed" in outcome.err


def test_what_cannot_be_trained_is_told(folder: Path, autotune: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_memory(*_: object) -> Around:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory\nmore")

    monkeypatch.setattr(costs, "probe_around", no_memory)
    outcome = autotune("study", "plan", "study.yaml", "--devices", "cpu")
    assert outcome.code == TrainingError.exit_code
    assert outcome.err.strip() == "the probe could not train a step on cpu: DefaultCPUAllocator: can't allocate memory"
    assert folder.is_dir()


def test_a_trial_is_its_steps_its_evaluations_and_its_model() -> None:
    length = Length(100, 5, 2)
    assert COST.seconds(length, one_thread=False) == pytest.approx(100 * 0.1 + 5 * 2 + 2 * 1)
    assert COST.seconds(length, one_thread=True) == pytest.approx(100 * 0.2 + 2 * (5 * 2 + 2 * 1))
    on_gpu = replace(COST, alone=None)
    assert on_gpu.seconds(length, one_thread=True) == COST.seconds(length, one_thread=False)
    nothing = replace(COST, alone=0.0, together=0.0)
    assert nothing.seconds(length, one_thread=True) == 12


def test_the_search_is_between_its_bounds(planned: Plans) -> None:
    """Four trials of six steps and two evaluations, in four processes that take 15 s to start."""
    plan = planned(("trials: 4", "trials: 400"))
    trial = 6 * 0.2 + 2 * (2 * 2.0 + 1.0)
    assert plan.pace.choice.executor == "process"
    assert plan.said == [
        "training in 4 processes of one thread each: a step takes 200 ms with one thread, 100 ms with all"
    ]
    assert {role: plan.pace.trial(role) for role in plan.pace.costs} == pytest.approx(
        {"baseline": trial, "equal weights": trial}
    )
    assert plan.unpruned.most == pytest.approx(400 * trial / 4 + 15)
    assert plan.unpruned.least == plan.unpruned.most
    first = 3 * 0.2 + 2 * (2.0 + 1.0)
    assert plan.pruner == "percentile"
    assert plan.search.least == pytest.approx((5 * trial + 395 * first) / 4 + 15)
    assert plan.search.most == plan.unpruned.most


@pytest.mark.parametrize(
    ("pruner", "known"), [("none", True), ("asha", True), ("hyperband", False), ("wilcoxon", False)]
)
def test_what_nobody_can_know_is_not_claimed(planned: Plans, pruner: str, known: bool) -> None:
    plan = planned(("search: {", f"search: {{pruner: {pruner}, "), ("trials: 4", "trials: 40"))
    assert (plan.search.least is not None) is known
    assert (plan.search == plan.unpruned) is (pruner == "none")


@pytest.mark.parametrize(
    ("name", "trials", "count"),
    [("percentile", 60, 5), ("median", 4, 2), ("one-epoch", 60, 5), ("asha", 60, 1), ("none", 60, 60), ("asha", 0, 0)],
)
def test_trials_that_no_pruner_ends(name: str, trials: int, count: int) -> None:
    assert never_pruned(name, trials) == count
    assert never_pruned("hyperband", trials) is None


def test_searched_epochs_make_a_range(planned: Plans) -> None:
    plan = planned(("training: {batch_size: [8, 16]}", "training: {epochs: [1, 4]}"))
    assert (plan.pace.lengths.own.steps, plan.pace.lengths.longest.steps) == (6, 12)
    assert plan.unpruned.least is not None
    assert plan.unpruned.least < plan.unpruned.most


def test_folds_are_models_and_keep_no_checkpoint(planned: Plans) -> None:
    plan = planned(("validation: 0.25", "validation: {folds: 3}"))
    own = plan.pace.lengths.own
    assert own.evaluations == 3
    assert plan.pace.trial("baseline") == pytest.approx(own.steps * 0.1 + 3 * 2.0 + 3 * 1.0)
    assert plan.checkpoints.total == 0


def test_processes_that_are_asked_for_need_no_choice(planned: Plans) -> None:
    plan = planned(placement="cpu:2")
    choice = plan.pace.choice
    assert (choice.executor, len(choice.places), plan.said) == ("process", 2, [])


def test_trials_side_by_side_on_the_cores_of_this_process(planned: Plans) -> None:
    """Each core trains one trial at a time with one thread, and no process has to start."""
    one = planned(placement=Placement("cpu", 1, ExecutorName.INLINE))
    assert list(_lines(one))[1] == "run: training in this process"
    plan = planned(placement=Placement("cpu", 2, ExecutorName.INLINE))
    choice = plan.pace.choice
    assert (choice.executor, len(choice.places), choice.slots) == ("inline", 2, 2)
    assert list(_lines(plan))[1] == "run: training 2 trials at once in this process, on 2 cores"
    trial = plan.pace.trial("baseline")
    assert trial == pytest.approx(2 * one.pace.trial("baseline"))
    assert plan.unpruned.most == pytest.approx(plan.left * trial / 2)
    processes = planned(placement="cpu:2")
    assert processes.unpruned.most == pytest.approx(plan.unpruned.most + START_S)


def test_memory_is_that_of_all_trials_which_are_held_at_once(planned: Plans) -> None:
    """A plan that reckons one of them would promise room that is not there."""
    two = planned(("trials: 4", "trials: 40"), placement=Placement("cpu:2", 2))
    assert (two.pace.choice.slots, two.memory) == (2, GB + 3 * 10**6)
    assert any(line.endswith(" for each training process with 2 trials at once") for line in _lines(two))
    on_gpu = replace(COST, alone=None)
    assert on_gpu.memory_of(8) == 8 * GB
    left = planned(("trials: 4", "trials: 2"), placement=Placement("cpu", 9, ExecutorName.INLINE))
    assert (left.held, left.to_json()["memory"]) == (2, {"each": left.memory, "trials": 2, "free": 100 * GB})
    one = planned()
    assert (one.held, one.memory) == (1, GB)


def test_checkpoints_stay_within_their_budget() -> None:
    assert Checkpoints(each=3, count=4, budget=100, free=50).total == 12
    assert Checkpoints(each=30, count=4, budget=100, free=50).total == 100


def test_the_confirmation_is_counted(planned: Plans, folder: Path) -> None:
    """Baseline, three candidates, equal weights, the best at the default rate; the winner without each of its parts."""
    plan = planned(("trials: 4", "trials: 10"), ("search:", "confirm: {candidates: 3, seeds: 2}\nsearch:"))
    found = plan.confirming
    file = read_study_file(folder / "changed.yaml")
    assert (found.is_asked, found.arms, found.seeds, found.tested) == (True, 6, 2, 0)
    # multi-task training, other weights, augmentation, each of two operations, another rate, other training settings
    assert found.variants == most_variants(file) == 7
    assert found.trainings == 26
    assert found.spent.most > 0
    assert most_arms(1, file.search_space()) == 4


def test_one_trial_has_nothing_to_confirm(planned: Plans) -> None:
    assert planned(("trials: 4", "trials: 1")).confirming.trainings == 0


def told(search: dict[str, object], left: int = 100, trial_s: float = 60, most_s: float = 3000) -> Sequence[str]:
    return list(ends(SearchSettings.model_validate(search), left, trial_s, most_s, ()))


def test_budgets_are_told_where_they_end_it() -> None:
    assert told({"timeout": "30m"}) == ["the timeout of 30 min 0 s ends it after about 60 trials, if none is pruned"]
    assert told({"device_hours": 0.5}) == ["device_hours of 0.5 end it after about 30 more trials, if none is pruned"]
    assert told({"trial_timeout": "30s"}) == ["the trial_timeout of 30 s is shorter than a trial: some would time out"]


def test_budgets_that_do_no_harm_are_not_told() -> None:
    assert told({"timeout": "2h", "device_hours": 10, "trial_timeout": "5m"}) == []
    assert told({"timeout": "1s", "device_hours": 10}, left=0, trial_s=0.0, most_s=0.0) == []


def test_trials_as_one_program_share_a_step(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared = prepare_study(recipe.file, recipe.base)
    configuration = recipe.file.search_space().baseline()
    monkeypatch.setattr(costs, "probe_step", lambda *given: 0.1 * given[-1] / 4)
    on_gpu, on_cpu = torch.device("cuda", 0), torch.device("cpu")
    assert share_of_a_step(prepared, configuration, on_gpu, 8, COST) == pytest.approx(0.25)
    assert share_of_a_step(prepared, configuration, on_gpu, 1, COST) == 1
    assert share_of_a_step(prepared, configuration, on_cpu, 8, COST) == 1
    monkeypatch.setattr(costs, "probe_step", lambda *given: 0.1 if given[-1] <= 2 else math.inf)
    assert share_of_a_step(prepared, configuration, on_gpu, 8, COST) == pytest.approx(0.5)
    alone = configuration.model_copy(update={"training": {"layer_decay": 0.9}})
    assert share_of_a_step(prepared, alone, on_gpu, 2, COST) == 1


def test_a_confirmation_trains_at_once_what_has_one_seed(planned: Plans, monkeypatch: pytest.MonkeyPatch) -> None:
    at_once = dict[int, int]()

    def chosen(_: Placement, recipe: Recipe, __: object, work: Workload, *___: object) -> Choice:
        at_once[work.left] = recipe.at_once(work.left)
        return Choice(ExecutorName.INLINE, cores(1), 1)

    monkeypatch.setattr(making, "choose", chosen)
    plan = planned(("trials: 4", "trials: 40")).confirming
    assert at_once == {40: 10, plan.trainings: max(plan.arms, plan.variants)}


def test_a_slice_that_this_process_cannot_see_is_refused(planned: Plans, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "find_places", lambda _: [Place("GPU 1 (MIG-two)", {}, 1)])
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(InputError, match="CUDA_VISIBLE_DEVICES"):
        planned()


@pytest.mark.slow
def test_the_estimate_is_near_what_a_run_takes(
    folder: Path, autotune: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On a machine that is busy while its steps are measured, two processes would be worth their start.
    monkeypatch.setattr("autotune.search.executors.choosing.START_S", 1e6)
    (folder / "long.yaml").write_text(LONG, encoding="utf-8")
    told = json.loads(autotune("study", "plan", "long.yaml", "--devices", "cpu", "--json").out)
    assert told["placement"]["executor"] == "inline"
    began = time.perf_counter()
    assert autotune("study", "run", "long.yaml", "--devices", "cpu").code == 0
    taken = time.perf_counter() - began
    most = told["search"]["unpruned"]["most"]
    assert most / 2.5 < taken < most * 2.5
    trials = open_study("long", "sqlite:///autotune.db").study.get_trials()
    seconds = [trial.user_attrs["seconds"] for trial in trials]
    for role, trial_s in zip(("baseline", "equal weights"), seconds[:2], strict=True):
        assert trial_s / 2.5 < told["probes"][role]["trial"] < trial_s * 2.5
