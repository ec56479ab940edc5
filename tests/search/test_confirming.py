"""`autotune study confirm`: fresh paired seeds, the ablation, one look at the test data, and nothing twice."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import optuna
import pytest
import torch
from autotune.objectives.training.plain import PlainTrainer
from autotune.objectives.training.trainer import Checkpoint
from autotune.search.cli import confirming
from autotune.search.confirmation import reading, running
from autotune.search.confirmation.arms import Planned, compared, key_of, without_parts
from autotune.search.confirmation.fresh import prepare_fresh
from autotune.search.confirmation.ledger import ARMS, TEST, Decision, FreshTraining, Ledger
from autotune.search.confirmation.reading import read_confirmation, with_costs
from autotune.search.confirmation.result import Arm, Confirmed
from autotune.search.executors.choosing import make_executor
from autotune.search.ranking import RankedTrial
from autotune.search.study import StudyRecord, confirmation_name, open_study
from autotune.search.study_file.reading import parse_study_file
from autotune.spaces.configuration import Configuration, Mix
from autotune.spaces.errors import NothingToConfirm
from autotune.spaces.space import SearchSpace
from optuna.trial import TrialState

from .conftest import STUDY, Command

URL = "sqlite:///autotune.db"
ARGUMENTS = ("study", "confirm", "tiny", "--executor", "inline", "--devices", "cpu")


def confirmed() -> Confirmed:
    found = read_confirmation(open_study("tiny", URL))
    assert found is not None
    return found


def fresh_trials() -> list[optuna.trial.FrozenTrial]:
    return optuna.load_study(study_name=confirmation_name("tiny"), storage=URL).trials


@pytest.fixture
def confirm(trained: Path, autotune: Command) -> Callable[..., str]:
    """Confirm the trained study with a few options; what it printed."""

    def run(*options: str) -> str:
        outcome = autotune(*ARGUMENTS, *options)
        assert (outcome.code, outcome.err) == (0, ""), outcome.out
        return outcome.out

    return run


@pytest.mark.slow
def test_all_arms_train_on_the_same_fresh_seeds(confirm: Callable[..., str]) -> None:
    out = confirm("--seeds", "2", "--candidates", "2", "--no-ablate")
    found = confirmed()
    assert found.seeds == (1, 2)
    assert found.missing == 0
    assert found.arms[0].name == "baseline"
    assert sum(arm.is_candidate for arm in found.arms) == 2
    assert all(set(arm.scores) == {1, 2} for arm in found.arms)
    assert Ledger.made(open_study("tiny", URL)).study.user_attrs["threads"] == torch.get_num_threads()
    assert found.fresh_runs is not None
    assert 0 < found.fresh_runs.rungs[0].trials <= len(found.arms)
    assert "Verdict" in out
    assert "From 2 seeds no gain could be claimed" in out or found.arms[0] is found.winner


@pytest.mark.slow
def test_a_fresh_score_is_what_the_configuration_reaches_on_that_seed(confirm: Callable[..., str]) -> None:
    """Its own split, order and first weights; and no other than a trial of a study with that seed would have."""
    confirm("--seeds", "2", "--candidates", "1", "--no-ablate")
    record, found, device = open_study("tiny", URL), confirmed(), torch.device("cpu")
    for arm in found.arms[:2]:
        for seed in found.seeds:
            trainer = PlainTrainer(prepare_fresh(record.file, Path.cwd(), seed, print, device), device)
            trainer.admit(0, arm.configuration)
            values: list[float] = []
            while evaluations := trainer.advance():
                values += [evaluation.metrics["accuracy"] for evaluation in evaluations]
            assert arm.scores[seed] == max(values)


@pytest.mark.slow
def test_nothing_is_trained_twice_and_more_seeds_train_only_the_new(confirm: Callable[..., str]) -> None:
    confirm("--seeds", "1", "--candidates", "1", "--no-ablate")
    first = {trial.number: trial.datetime_complete for trial in fresh_trials()}
    confirm("--seeds", "1", "--candidates", "1", "--no-ablate")
    assert {trial.number: trial.datetime_complete for trial in fresh_trials()} == first
    confirm("--seeds", "2", "--candidates", "1", "--no-ablate")
    after = {trial.number: trial.datetime_complete for trial in fresh_trials()}
    assert len(after) == 2 * len(first)
    assert first.items() <= after.items()
    out = confirm("--seeds", "1", "--no-ablate", "--candidates", "1")
    assert "keeping the 2 seeds of an earlier run (1 were requested)" in out
    assert confirmed().seeds == (1, 2)  # what was trained counts


@pytest.mark.slow
def test_seeds_added_after_a_look_make_another_and_a_resumed_run_does_not(
    confirm: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One seed could claim something here; in earnest it takes six."""
    monkeypatch.setattr("autotune.search.verdict.comparison.fewest_pairs", lambda *_: 1)
    options = ("--candidates", "1", "--no-ablate")
    confirm("--seeds", "1", *options, "--timeout", "0.01s")
    confirm("--seeds", "2", *options, "--timeout", "0.01s")  # nobody has seen a score
    assert confirmed().looks == {}
    confirm("--seeds", "2", *options)
    confirm("--seeds", "2", *options)
    confirm("--seeds", "1", *options)
    assert confirmed().looks == {}
    before = confirmed().verdict
    confirm("--seeds", "3", *options, "--timeout", "0.01s")
    assert confirmed().looks == {}  # what is known has not changed
    assert confirmed().verdict == before
    out = confirm("--seeds", "4", *options)  # nothing new has been seen since
    found = confirmed()
    assert found.looks == {2: None}
    assert found.verdict is not None
    assert {comparison.look for comparison in found.verdict.comparisons.values()} == {2}
    assert "Seeds were added after a look at 2, so this is look 2: " in " ".join(out.split())


@pytest.mark.slow
def test_fewer_seeds_than_could_claim_anything_were_no_look(confirm: Callable[..., str]) -> None:
    confirm("--seeds", "1", "--candidates", "1", "--no-ablate")
    confirm("--seeds", "2", "--candidates", "1", "--no-ablate")
    assert confirmed().looks == {}


@pytest.mark.slow
def test_the_winner_is_ablated_on_its_own_seeds(confirm: Callable[..., str]) -> None:
    out = confirm("--seeds", "2", "--candidates", "2")
    found = confirmed()
    assert found.winner is not None
    space = open_study("tiny", URL).file.search_space()
    parts = without_parts(found.winner.configuration, space)
    if found.winner.name == "baseline":
        assert not found.effects
    else:
        assert [effect.part for effect in found.effects] == list(parts)
        assert all(effect.comparison.gain.count == 2 for effect in found.effects)
        assert "Ablation" in out


@pytest.fixture
def with_test(trained_once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, autotune: Command) -> Path:
    """A folder with a study that has test data, run to its end."""
    for name in ("reviews.csv", "test.csv"):
        lines = (trained_once / "reviews.csv").read_text(encoding="utf-8").splitlines()
        kept = lines if name == "reviews.csv" else [lines[0], *(f"Oh {line}" for line in lines[1::3])]
        (tmp_path / name).write_text("\n".join(kept) + "\n", encoding="utf-8")
    text = STUDY.replace("validation: 0.25", "validation: 0.25, test: test.csv")
    (tmp_path / "study.yaml").write_text(text + "confirm: {seeds: 1, candidates: 1}\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    outcome = autotune("study", "run", "study.yaml", "--executor", "inline", "--devices", "cpu")
    assert (outcome.code, outcome.err) == (0, "")
    return tmp_path


@pytest.mark.slow
def test_a_run_confirms_where_its_file_says_so_and_looks_at_the_test_data_once(
    with_test: Path, autotune: Command
) -> None:
    found = confirmed()
    assert found.tested is not None
    assert set(found.tested.scores) == {"baseline", found.tested.winner}
    looked = [trial for trial in fresh_trials() if trial.user_attrs["tested"]]
    assert len(looked) == len(found.tested.scores)
    more = autotune(*ARGUMENTS, "--seeds", "3")
    assert (more.code, "evaluating on the test data" in more.out) == (0, False)
    assert [trial for trial in fresh_trials() if trial.user_attrs["tested"]] == looked
    report = autotune("study", "report", "tiny").out
    assert "On the test data, used once" in " ".join(report.split())


@pytest.mark.slow
def test_a_first_try_of_few_trials_confirms_nothing(
    trained_once: Path, autotune: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "reviews.csv").write_bytes((trained_once / "reviews.csv").read_bytes())
    (tmp_path / "study.yaml").write_text(STUDY + "confirm: {seeds: 1, candidates: 1}\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    run = ("study", "run", "study.yaml", "--executor", "inline", "--devices", "cpu")
    first = autotune(*run, "--trials", "2")
    assert first.code == 0
    assert "not confirmed yet, at 2 of the study's 4 trials; to do so now: autotune study confirm tiny" in first.out
    assert Ledger.of(open_study("tiny", URL)) is None
    assert "confirming on 1 fresh seed" in autotune(*run).out


@pytest.mark.slow
def test_who_met_the_test_data_stays_though_a_kill_left_nothing_queued(
    with_test: Path, autotune: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More seeds come after it, and another winner with them, perhaps: the one who was chosen is looked at."""
    optuna.delete_study(study_name=confirmation_name("tiny"), storage=URL)
    enqueue = optuna.Study.enqueue_trial

    def killed(study: optuna.Study, params: dict[str, Any], user_attrs: dict[str, Any]) -> None:
        if user_attrs["tested"]:
            raise KeyboardInterrupt
        enqueue(study, params, user_attrs)

    with monkeypatch.context() as patched:
        patched.setattr(optuna.Study, "enqueue_trial", killed)
        assert autotune(*ARGUMENTS, "--no-ablate").code == 130
    assert autotune(*ARGUMENTS, "--no-ablate", "--seeds", "2").code == 0
    assert {trial.user_attrs["seed"] for trial in fresh_trials() if trial.user_attrs["tested"]} == {1}
    assert {trial.user_attrs["seed"] for trial in fresh_trials()} == {1, 2}


@pytest.mark.slow
def test_test_scores_are_those_of_production_training(with_test: Path, autotune: Command) -> None:
    """`autotune train` of the same configuration on the same seed says the same of the test data."""
    found = confirmed()
    assert found.tested is not None
    record = open_study("tiny", URL)
    device = torch.device("cpu")
    prepared = prepare_fresh(record.file, with_test, 1, print, device)
    trainer = PlainTrainer(prepared, device, tested=True)
    trainer.admit(0, found.baseline.configuration)
    (evaluation,) = trainer.advance()
    assert evaluation.finished
    assert evaluation.metrics["accuracy"] == found.tested.scores["baseline"][1]
    assert trainer.advance() == []


@pytest.mark.slow
def test_report_and_json_say_the_same(confirm: Callable[..., str], autotune: Command) -> None:
    assert json.loads(autotune("study", "report", "tiny", "--json").out)["confirmation"] is None
    confirm("--seeds", "2", "--candidates", "2")
    told: dict[str, Any] = json.loads(autotune("study", "report", "tiny", "--json").out)["confirmation"]
    found = confirmed()
    assert found.verdict is not None
    assert told["winner"] == found.verdict.winner.name
    assert told["arms"]["baseline"]["scores"] == {"1": found.baseline.scores[1], "2": found.baseline.scores[2]}
    report = " ".join(autotune("study", "report", "tiny").out.split())
    assert " ".join(told["words"][0].split()) in report
    assert report.index("Verdict") < report.index("Best configuration")


def test_a_timeout_leaves_trainings_and_says_how_to_go_on(confirm: Callable[..., str]) -> None:
    out = confirm("--seeds", "1", "--candidates", "1", "--timeout", "0.01s")
    missing = confirmed().missing
    assert missing > 0
    assert f"at least {missing} fresh trainings remain; resume with: autotune study confirm tiny" in out


@pytest.mark.parametrize(
    ("missing", "said"),
    [(0, "not finished"), (1, "at least 1 fresh training remains"), (2, "at least 2 fresh trainings remain")],
)
def test_what_remains_is_counted_as_far_as_it_is_planned(missing: int, said: str) -> None:
    """The ablation and the test data come once a winner is known."""
    assert confirming._left(missing) == said


def test_a_signal_before_anything_is_planned_is_an_interruption(
    trained: Path, autotune: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(running, "check_unchanged", stopped)
    outcome = autotune(*ARGUMENTS)
    assert (outcome.code, outcome.err) == (130, "")
    assert "interrupted; resume with: autotune study confirm tiny" in outcome.out


@pytest.mark.slow
def test_the_time_of_a_run_is_that_of_its_confirmation_too(trained: Path, autotune: Command) -> None:
    text = (trained / "study.yaml").read_text(encoding="utf-8")
    (trained / "study.yaml").write_text(text + "confirm: {seeds: 1, candidates: 1}\n", encoding="utf-8")
    outcome = autotune("study", "run", "study.yaml", "--devices", "cpu", "--timeout", "0.01s")
    assert outcome.code == 0
    assert "nothing to do: all 4 trials are done" in outcome.out
    assert f"{confirmed().missing} fresh trainings remain; resume with: autotune study confirm" in outcome.out


def make_fail(monkeypatch: pytest.MonkeyPatch, which: Callable[[int], bool]) -> None:
    """Have some trainings diverge, by a rate beyond all bounds."""
    original = PlainTrainer.admit

    def admit(
        self: PlainTrainer,
        trial_id: int,
        configuration: Configuration,
        checkpoint: Checkpoint | None = None,
        parts: int = 1,
    ) -> None:
        if which(trial_id):
            configuration = configuration.model_copy(update={"learning_rate": 1e30})
        original(self, trial_id, configuration, checkpoint, parts)

    monkeypatch.setattr(PlainTrainer, "admit", admit)


@pytest.mark.slow
def test_a_training_that_fails_leaves_its_pair_out_and_is_said(
    confirm: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_fail(monkeypatch, lambda trial_id: trial_id == 1)  # the first candidate on the first seed
    out = confirm("--seeds", "2", "--candidates", "1", "--no-ablate")
    arm = confirmed().arms[1]
    assert set(arm.scores) == {2}
    assert "diverged" in arm.failures[1]
    assert f"{arm.name} failed on seed 1: diverged" in " ".join(out.split())


@pytest.mark.slow
def test_where_all_fail_it_says_why(trained: Path, autotune: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    make_fail(monkeypatch, lambda _: True)
    outcome = autotune(*ARGUMENTS, "--seeds", "1", "--candidates", "1")
    assert outcome.code == 1
    assert outcome.err.startswith("no fresh training succeeded: diverged:")


@pytest.mark.slow
@pytest.mark.parametrize(("kept", "words"), [(0, "no complete trial"), (1, "only one complete trial")])
def test_too_few_trials_are_an_error(folder: Path, autotune: Command, kept: int, words: str) -> None:
    assert autotune("study", "create", "study.yaml").code == 0
    if kept:
        run = autotune("study", "run", "tiny", "--trials", "1", "--executor", "inline", "--devices", "cpu")
        assert run.code == 0
    outcome = autotune(*ARGUMENTS)
    assert outcome.code == 2
    assert words in outcome.err
    assert len(outcome.err.splitlines()) == 1


def test_data_that_changed_is_refused(trained: Path, autotune: Command) -> None:
    with (trained / "reviews.csv").open("a", encoding="utf-8") as file:
        file.write("Another one.,positive,price\n")
    outcome = autotune("study", "confirm", "study.yaml")
    assert outcome.code == 2
    assert "reviews.csv: the data changed" in outcome.err


@pytest.mark.slow
@pytest.mark.parametrize("changed", [False, True])
def test_a_study_made_anew_knows_nothing_of_the_old_confirmation(
    confirm: Callable[..., str], autotune: Command, changed: bool
) -> None:
    confirm("--seeds", "1", "--candidates", "1", "--no-ablate")
    optuna.delete_study(study_name="tiny", storage=URL)  # not by us, who would delete both
    if changed:
        Path("study.yaml").write_text(STUDY.replace("epochs: 2", "epochs: 1"), encoding="utf-8")
    assert autotune("study", "create", "study.yaml").code == 0
    assert read_confirmation(open_study("tiny", URL)) is None


@pytest.mark.slow
def test_deleting_and_copying_take_the_fresh_trainings_along(confirm: Callable[..., str], autotune: Command) -> None:
    confirm("--seeds", "1", "--candidates", "1", "--no-ablate")
    before = confirmed()
    assert autotune("study", "copy", "tiny", "--to", "sqlite:///copy.db").code == 0
    assert read_confirmation(open_study("tiny", "sqlite:///copy.db")) == before
    assert [line.split()[0] for line in autotune("study", "list").out.splitlines()[1:]] == ["tiny"]
    assert autotune("study", "show", confirmation_name("tiny")).code == 2
    assert autotune("study", "delete", "tiny", "--yes").code == 0
    assert optuna.get_all_study_names(URL) == []


@pytest.mark.slow
def test_what_confirm_says_may_change_while_the_study_lives(trained: Path, autotune: Command) -> None:
    Path("study.yaml").write_text(STUDY + "confirm: {seeds: 1, candidates: 1, ablate: false}\n", encoding="utf-8")
    outcome = autotune("study", "run", "study.yaml", "--executor", "inline", "--devices", "cpu")
    assert (outcome.code, outcome.err) == (0, "")
    assert confirmed().seeds == (1,)


SPACE = parse_study_file(STUDY, "study.yaml").search_space()


@pytest.mark.slow
def test_what_another_host_asks_for_at_the_same_time_is_not_forgotten(
    confirm: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It asks for two seeds between this one's first look and its plan."""
    plan = Ledger.plan

    def after_the_other(ledger: Ledger, decide: Callable[[Mapping[str, Any]], Decision]) -> list[FreshTraining]:
        monkeypatch.setattr(Ledger, "plan", plan)
        confirm("--seeds", "2", "--candidates", "1", "--no-ablate")
        return plan(ledger, decide)

    monkeypatch.setattr(Ledger, "plan", after_the_other)
    assert "keeping the 2 seeds of an earlier run (1 were requested)" in confirm(
        "--seeds", "1", "--candidates", "1", "--no-ablate"
    )
    assert len(confirmed().seeds) == 2


@pytest.mark.slow
def test_what_another_host_has_met_the_test_data_with_meanwhile_is_not_followed_by_a_second_look(
    with_test: Path, autotune: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It chose the baseline between this one's first look and its plan."""
    optuna.delete_study(study_name=confirmation_name("tiny"), storage=URL)
    plan = Ledger.plan

    def after_the_other(ledger: Ledger, decide: Callable[[Mapping[str, Any]], Decision]) -> list[FreshTraining]:
        if ARMS in ledger.facts:
            ledger.study.set_user_attr(TEST, {"winner": "baseline", "seeds": []})
        return plan(ledger, decide)

    monkeypatch.setattr(Ledger, "plan", after_the_other)
    assert autotune(*ARGUMENTS, "--no-ablate").code == 0
    assert fresh_trials()
    assert not [trial for trial in fresh_trials() if trial.user_attrs["tested"]]


def test_candidates_stand_as_the_search_ranks_them_now() -> None:
    """Trial 9 was found after the first confirmation."""
    known = [Planned(name, configured()) for name in ("baseline", "equal weights")]
    known[1:1] = [Planned(f"trial {number}", configured(), number, True) for number in (5, 3, 9)]
    in_order = [arm.name for arm in reading._as_ranked(known, [9, 5, 4, 3])]
    assert in_order == ["baseline", "trial 9", "trial 5", "trial 3", "equal weights"]


def ranked(*configurations: Configuration) -> list[RankedTrial]:
    return [RankedTrial(number, (1.0 - number / 10,), 1, each) for number, each in enumerate(configurations)]


def configured(rate: float = 2e-3, ratios: dict[str, float] | None = None, mix: Mix | None = None) -> Configuration:
    return Configuration(learning_rate=rate, ratios=ratios or {}, mix=mix or Mix())


def names(space: SearchSpace, count: int, *configurations: Configuration) -> list[str]:
    return [arm.name for arm in compared(ranked(*configurations), space, count, "tiny")]


def test_arms_are_the_baseline_the_best_and_what_they_are_compared_with() -> None:
    rich = configured(ratios={"aspect": 0.5})
    found = compared(ranked(rich, SPACE.baseline(), configured(3e-3), SPACE.equal_weights()), SPACE, 2, "tiny")
    assert [arm.name for arm in found] == [
        "baseline",
        "trial 0",
        "trial 2",
        "equal weights",
        "trial 0 at the default rate",
    ]
    assert [arm.trial for arm in found] == [1, 0, 2, 3, None]
    assert found[-1].configuration == rich.model_copy(update={"learning_rate": SPACE.default_rate})


def test_equal_configurations_are_one_arm() -> None:
    one, same = configured(ratios={"a": 1.0, "b": 2.0}), configured(ratios={"b": 2.0, "a": 1.0})
    assert key_of(one) == key_of(same)
    assert names(SPACE, 3, SPACE.baseline(), one, same)[:2] == ["baseline", "trial 1"]
    assert names(SPACE, 3, SPACE.equal_weights(), SPACE.baseline()) == ["baseline", "trial 0"]


def test_only_the_baseline_is_nothing_to_confirm() -> None:
    with pytest.raises(NothingToConfirm, match="are the baseline"):
        compared(ranked(SPACE.baseline(), SPACE.baseline()), SPACE, 3, "tiny")


def test_a_winner_loses_each_part_that_it_has() -> None:
    mix = Mix(operations={"noise": 0.2, "mixup": 0.1}, magnitude=0.2)
    parts = without_parts(configured(ratios={"aspect": 0.5, "words": 2.0}, mix=mix), SPACE)
    assert list(parts) == [
        "multi-task training",
        "the task aspect",
        "the task words",
        "weights other than equal ones",
        "augmentation",
        "the operation noise",
        "the operation mixup",
        "a rate other than the default",
    ]
    tuned = configured(ratios={}).model_copy(
        update={"training": {"batch_size": 8}, "cleaning": {"near_duplicates": 0.9}}
    )
    assert list(without_parts(tuned, SPACE))[-2:] == [
        "training settings other than the study's",
        "cleaning other than the study's",
    ]
    own = {"batch_size": SPACE.training.batch_size}
    assert without_parts(SPACE.baseline().model_copy(update={"training": own}), SPACE) == {}
    assert parts["the task aspect"].ratios == {"words": 2.0}
    assert parts["the operation noise"].mix.operations == {"mixup": 0.1}
    assert parts["augmentation"].mix == Mix()
    assert without_parts(SPACE.baseline(), SPACE) == {}
    alone = without_parts(configured(SPACE.default_rate, ratios={"aspect": 1.0}), SPACE)
    assert list(alone) == ["multi-task training"]


def test_arms_of_one_form_cost_the_same_whatever_the_clock_said() -> None:
    slow = Arm("baseline", SPACE.baseline(), scores={1: 0.9}, seconds=9.0)
    quick = Arm("trial 3", configured(), scores={1: 0.9, 2: 0.8}, seconds=10.0)
    wide = Arm("trial 4", configured(ratios={"aspect": 1.0}), scores={1: 0.9}, seconds=3.0)
    found = with_costs([slow, quick, wide])
    assert [arm.cost for arm in found] == [7.0, 7.0, 3.0]
    assert found[0].simplicity == found[1].simplicity
    decayed = configured().model_copy(update={"training": {"weight_decay": 0.1, "schedule": "cosine"}})
    shallow = configured().model_copy(update={"training": {"keep_layers": 1}})
    assert Arm("trial 5", decayed).form == slow.form != Arm("trial 6", shallow).form


@pytest.mark.slow
def test_states_of_fresh_trainings_are_told_apart(confirm: Callable[..., str]) -> None:
    confirm("--seeds", "1", "--candidates", "1", "--no-ablate")
    assert {trial.state for trial in fresh_trials()} == {TrialState.COMPLETE}
    optuna.load_study(study_name=confirmation_name("tiny"), storage=URL).enqueue_trial(
        {}, user_attrs={**fresh_trials()[0].user_attrs, "seed": 99}
    )
    assert confirmed().missing == 1


@pytest.mark.slow
def test_trainings_that_another_host_queued_meanwhile_are_waited_for(
    confirm: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or the verdict, and the one look at the test data, would come before them."""
    rounds: list[int] = []
    missing: list[int] = []

    def made_while_another_host_plans(*given: Any) -> Any:  # noqa: ANN401
        waiting = [trial for trial in fresh_trials() if trial.state is TrialState.WAITING]
        rounds.append(len(waiting))
        if len(rounds) == 1:
            study = optuna.load_study(study_name=confirmation_name("tiny"), storage=URL)
            study.enqueue_trial({}, user_attrs={**waiting[0].user_attrs, "seed": 99})
        return make_executor(*given)

    def read(record: StudyRecord) -> Confirmed | None:
        missing.append(sum(not trial.state.is_finished() for trial in fresh_trials()))
        return read_confirmation(record)

    monkeypatch.setattr(running, "make_executor", made_while_another_host_plans)
    monkeypatch.setattr(running, "read_confirmation", read)
    confirm("--seeds", "1", "--candidates", "1", "--no-ablate")
    assert rounds == [len(fresh_trials()) - 1, 1]
    assert missing == [0, 0]  # before the plan, and for the verdict


def test_who_was_no_candidate_earlier_is_one_now() -> None:
    same = Configuration(learning_rate=1e-3)
    before, now = Planned("equal weights", same, 1), Planned("trial 1", same, 1, True)
    assert running._newest([before], [now]) == [Planned("equal weights", same, 1, True)]
