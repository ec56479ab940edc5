"""Which configuration is exported, with which figures; the figures are those of given scores."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean

import pytest
from autotune.search.confirmation import result
from autotune.search.confirmation.result import Arm, Confirmed
from autotune.search.export.chosen import choose
from autotune.search.export.confirmed_figures import ConfirmedFigures, contradictions
from autotune.search.export.figures import figures
from autotune.search.study import StudyRecord, open_study
from autotune.search.verdict.comparison import gain_over
from autotune.search.verdict.estimate import estimate
from autotune.search.verdict.scores import Scores
from autotune.search.verdict.units import Unit, unit_of
from autotune.search.verdict.verdict import Verdict, judge
from hypothesis import example, given
from hypothesis import strategies as st

LOW, MIDDLE, HIGH = (0.70, 0.71, 0.69, 0.70, 0.72, 0.68), (0.71, 0.72, 0.70, 0.71, 0.73, 0.69), (0.80,) * 5 + (0.81,)
SECRET = "crashed: no such file: /data/of/ada/reviews.csv"


def confirmed_of(
    record: StudyRecord,
    scores: Mapping[str, Sequence[float]],
    failures: Mapping[str, Mapping[int, str]] = {},
    seeds: int = 6,
) -> Confirmed:
    """A confirmation of the record's own trials, by name, and of a variant of trial 2; scores by seed from 1."""
    trials = {f"trial {t.number}": t.user_attrs["configuration"] for t in record.study.trials}
    trials["baseline"] = trials["trial 0"]
    trials["trial 2 at the default rate"] = {**trials["trial 2"], "learning_rate": 0.123}
    arms = tuple(
        Arm(
            name,
            record.file.search_space().baseline().model_validate(trials[name]),
            0 if name == "baseline" else int(name.split()[1]) if " at " not in name else None,
            name.startswith("trial") and " at " not in name,
            dict(enumerate(its, 1)),
            failures.get(name, {}),
            60.0,
            0.9,
        )
        for name, its in scores.items()
    )
    table = Scores({arm.name: arm.scores for arm in arms}, maximize=True)
    candidates = [arm.name for arm in arms if arm.is_candidate]
    verdict = judge(table, "baseline", {a.name: a.simplicity for a in arms}, dict.fromkeys(candidates, 0.9), candidates)
    tested = None
    if verdict is not None and verdict.winner.name != "baseline":
        pair = {name: table.by_name[name] for name in ("baseline", verdict.winner.name)}
        estimates = {name: estimate(table.fresh(name)) for name in pair}
        tested = result.Tested(verdict.winner.name, pair, estimates, gain_over(table, verdict.winner.name, "baseline"))
    unit = unit_of(table)
    return made_of(arms, verdict, unit, tuple(range(1, seeds + 1)), tested)


def made_of(
    arms: tuple[Arm, ...], verdict: Verdict | None, unit: Unit, seeds: tuple[int, ...], tested: result.Tested | None
) -> Confirmed:
    """A confirmation in which nothing was ablated and no rung looked at."""
    return Confirmed(
        seeds=seeds,
        missing=0,
        arms=arms,
        verdict=verdict,
        unit=unit,
        effects=(),
        tested=tested,
        short_runs=None,
        fresh_runs=None,
        same_rows=False,
        seconds=1.0,
    )


@pytest.fixture
def record(trained: Path) -> StudyRecord:
    assert trained.is_dir()
    return open_study("tiny", "sqlite:///autotune.db")


def test_without_a_confirmation_it_is_the_best_trial_and_that_is_said(record: StudyRecord) -> None:
    chosen = choose(record, None)
    assert chosen.trial is not None
    assert (chosen.trial.number, chosen.arm) == (record.study.best_trial.number, None)
    assert chosen.reasons == (
        "not confirmed: its value is partly luck; `autotune study confirm tiny` trains it again on fresh seeds",
    )


def test_the_confirmed_winner_is_exported_whatever_the_search_said(record: StudyRecord) -> None:
    confirmed = confirmed_of(record, {"baseline": LOW, "trial 2": LOW[::-1], "trial 3": HIGH})
    chosen = choose(record, confirmed)
    assert (chosen.name, chosen.trial and chosen.trial.number) == ("trial 3", 3)
    assert chosen.reasons[0].startswith("the confirmed winner is trial 3: 0.8017 (")
    assert chosen.reasons[0].endswith(" on 6 fresh seeds")
    found = figures(confirmed, confirmed.arm("trial 3"))
    assert (found.name, found.winner, found.seeds) == ("trial 3", "trial 3", [1, 2, 3, 4, 5, 6])
    assert (found.scores, found.mean) == (dict(enumerate(HIGH, 1)), pytest.approx(fmean(HIGH)))
    assert found.gain is not None
    assert (found.gain.better, found.gain.pairs, found.gain.look) == (True, 6, 1)
    assert found.gain.mean == pytest.approx(fmean(HIGH) - fmean(LOW))
    assert found.test is not None
    assert found.test.baseline is not None
    assert found.optimism is not None
    assert found.optimism.mean == pytest.approx(0.9 - fmean(HIGH))


def test_a_winning_baseline_is_exported_and_that_is_said(record: StudyRecord) -> None:
    confirmed = confirmed_of(record, {"baseline": HIGH, "trial 2": LOW})
    chosen = choose(record, confirmed)
    assert (chosen.name, chosen.trial and chosen.trial.number) == ("baseline", 0)
    assert chosen.reasons[0].startswith("the confirmed winner is the baseline, so that is exported: 0.8017 (")
    assert figures(confirmed, confirmed.arm("baseline")).gain is None


def test_a_simpler_one_that_is_tied_is_named_with_how_to_export_it(record: StudyRecord) -> None:
    tied = tuple(score + 0.001 * (-1) ** place for place, score in enumerate(LOW))
    chosen = choose(record, confirmed_of(record, {"baseline": LOW, "trial 2": [*tied[:5], tied[5] + 0.01]}))
    assert chosen.name == "trial 2"
    assert chosen.reasons[1:] == (
        "it is not shown to be better than the baseline",
        "baseline is tied with it, and simpler; --trial 0 exports it",
    )


def test_a_variant_that_no_trial_trained_can_win(record: StudyRecord) -> None:
    scores = {"baseline": LOW, "trial 2": MIDDLE, "trial 2 at the default rate": HIGH}
    chosen = choose(record, confirmed_of(record, scores))
    assert (chosen.name, chosen.trial) == ("trial 2 at the default rate", None)
    assert chosen.configuration.learning_rate == 0.123


def test_a_confirmation_that_is_under_way_promises_nothing(record: StudyRecord) -> None:
    chosen = choose(record, confirmed_of(record, {"baseline": LOW, "trial 3": HIGH[:4]}))
    assert (chosen.trial and chosen.trial.number, chosen.arm) == (record.study.best_trial.number, None)
    assert chosen.reasons[0].startswith("not confirmed yet: fresh trainings remain")


def test_seeds_that_failed_count_as_ended(record: StudyRecord) -> None:
    failures = {"trial 3": {5: SECRET, 6: SECRET}}
    confirmed = confirmed_of(record, {"baseline": LOW, "trial 3": HIGH[:4]}, failures)
    assert choose(record, confirmed).name == "trial 3"
    found = figures(confirmed, confirmed.arm("trial 3"))
    assert list(found.scores) == [1, 2, 3, 4]
    assert "trial 3 failed on seeds 5, 6: crashed." in found.words
    assert "/data/of/ada" not in found.model_dump_json()


def test_where_every_fresh_training_failed_it_is_the_best_trial(record: StudyRecord) -> None:
    failures = {name: dict.fromkeys(range(1, 7), SECRET) for name in ("baseline", "trial 3")}
    chosen = choose(record, confirmed_of(record, {"baseline": (), "trial 3": ()}, failures))
    assert (chosen.trial and chosen.trial.number, chosen.arm) == (record.study.best_trial.number, None)
    assert chosen.reasons[0].startswith("not confirmed: every fresh training failed")


def test_another_trial_has_its_own_figures_or_none(record: StudyRecord) -> None:
    confirmed = confirmed_of(record, {"baseline": LOW, "trial 2": MIDDLE, "trial 3": HIGH})
    chosen = choose(record, confirmed, 2)
    assert chosen.arm is confirmed.arm("trial 2")
    assert chosen.reasons == ("confirmed on 6 fresh seeds; the winner is trial 3",)
    found = figures(confirmed, confirmed.arm("trial 2"))
    assert (found.name, found.winner, found.corrected, found.test) == ("trial 2", "trial 3", None, None)
    assert found.gain is not None
    assert found.measured_gain is not None
    assert (found.measured_gain.mean, found.measured_gain.interval) == (found.gain.mean, found.gain.interval)
    assert choose(record, confirmed, 0).arm is confirmed.arm("baseline")
    other = choose(record, confirmed, 1)
    assert other.arm is None
    assert other.reasons == ("not confirmed: it is not one of baseline, trial 2, trial 3",)


def test_a_trial_whose_fresh_trainings_all_failed_is_told_so(record: StudyRecord) -> None:
    failures = {"trial 2": dict.fromkeys(range(1, 7), SECRET)}
    chosen = choose(record, confirmed_of(record, {"baseline": LOW, "trial 2": (), "trial 3": HIGH}, failures), 2)
    assert (chosen.name, chosen.arm) == ("trial 2", None)
    assert chosen.reasons == ("not confirmed: all its fresh trainings failed; `autotune study confirm tiny` says why",)


def test_one_seed_promises_no_corrected_score() -> None:
    _, found, _ = figures_of([[0.70], [0.73], [0.71]])
    assert (found.winner, found.corrected, found.corrected_interval) == ("trial 2", None, None)
    assert (found.gain and found.gain.better, found.gain and found.gain.mean) == (False, pytest.approx(0.03))


def test_the_measured_gain_is_what_the_means_differ_by_and_the_corrected_one_is_less() -> None:
    _, found, _ = figures_of([[0.70, 0.72, 0.71], [0.73, 0.71, 0.75], [0.71, 0.74, 0.72]])
    assert found.gain is not None
    assert found.baseline is not None
    assert found.measured_gain is not None
    assert found.measured_gain.mean == pytest.approx(found.mean - found.baseline.mean) == pytest.approx(0.02)
    assert found.gain.mean < found.measured_gain.mean


@pytest.mark.slow
@given(st.lists(st.tuples(*[st.none() | st.floats(0, 1)] * 3), min_size=1, max_size=9))
@example([(0.4, 0.5, 0.9)] * 3 + [(0.0, 1.0, None)] * 3)
def test_what_is_exported_never_contradicts_itself(
    scores: list[tuple[float | None, float | None, float | None]],
) -> None:
    """Whichever trainings failed."""
    found = figures_of([list(column) for column in zip(*scores, strict=True)])
    for each in found:
        assert list(contradictions(each)) == []
        assert ConfirmedFigures.model_validate_json(each.model_dump_json()) == each


def figures_of(columns: Sequence[Sequence[float | None]]) -> list[ConfirmedFigures]:
    """The figures of every arm that has scores; each has a column of them, None where a training failed."""
    from autotune.spaces.configuration import Configuration

    names = ("baseline", "trial 2", "trial 3")
    arms = tuple(
        Arm(
            name,
            Configuration(learning_rate=0.1),
            None,
            name != "baseline",
            {seed: score for seed, score in enumerate(column) if score is not None},
            {},
            1.0,
            0.5,
        )
        for name, column in zip(names, columns, strict=True)
    )
    table = Scores({arm.name: arm.scores for arm in arms}, maximize=True)
    verdict = judge(table, "baseline", {arm.name: arm.simplicity for arm in arms}, {"trial 2": 0.5})
    confirmed = made_of(arms, verdict, unit_of(table), tuple(range(len(columns[0]))), None)
    return [figures(confirmed, arm) for arm in arms if arm.scores]


DAMAGES = [
    ({"seeds": [1, 2, 3, 4, 5, 6, 6]}, ("seeds",), "a seed is named twice"),
    ({"seeds": [1, 2, 3, 4, 5]}, ("scores", "6"), "6 is none of confirmed.seeds: 1, 2, 3, 4, 5"),
    ({"mean": 0.9}, ("mean",), "0.9: not the mean of confirmed.scores, which is 0.801667"),
    ({"interval": [0.9, 0.95]}, ("interval",), "[0.9, 0.95]: must be [low, high] around mean, which is 0.801667"),
    ({"interval": [0.9, 0.7]}, ("interval",), "[0.9, 0.7]: must be [low, high] around mean"),
    ({"corrected": 0.99}, ("corrected_interval",), "must be [low, high] around corrected, which is 0.99"),
    ({"simplest": "trial 9"}, ("simplest",), "'trial 9': none of confirmed.tied: trial 3"),
    ({"winner": "trial 77"}, ("winner",), "'trial 77': none of confirmed.tied: trial 3"),
    ({"baseline": {"mean": 0.1, "interval": [0.2, 0.3]}}, ("baseline", "interval"), "around mean, which is 0.1"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "place", "words"), DAMAGES)
def test_figures_that_contradict_each_other_are_told(
    record: StudyRecord, change: dict[str, object], place: tuple[str, ...], words: str
) -> None:
    confirmed = confirmed_of(record, {"baseline": LOW, "trial 3": HIGH})
    content = {**figures(confirmed, confirmed.arm("trial 3")).model_dump(), **change}
    found = dict(contradictions(ConfirmedFigures.model_validate(content)))
    assert words in found[place]
