"""Which configuration of a study is exported, and why, in words."""

from collections.abc import Iterator
from dataclasses import dataclass

from ...spaces.configuration import Configuration
from ...spaces.errors import StudyError, TrainingError
from ..confirmation.arms import key_of
from ..confirmation.result import Arm, Confirmed
from ..confirmation.words import fresh_seeds, measured
from ..ranking import RankedTrial, ranked_trials
from ..roles import BASELINE
from ..study import StudyRecord


@dataclass(frozen=True)
class Exported:
    """One configuration of a study.

    Args:
        configuration: what it trains.
        trial: of the search; None for a variant that only the confirmation trained.
        arm: of the confirmation; None where fresh seeds say nothing of it, or not yet all that they will.
        reasons: why it is this one, and what else there is.
    """

    configuration: Configuration
    trial: RankedTrial | None
    arm: Arm | None
    reasons: tuple[str, ...]

    @property
    def name(self) -> str:
        """For people."""
        if self.arm is not None:
            return self.arm.name
        assert self.trial is not None
        return f"trial {self.trial.number}"


def choose(record: StudyRecord, confirmed: Confirmed | None, number: int | None = None) -> Exported:
    """The trial of that number; else the confirmed winner; else the best trial of the search.

    Args:
        record: the study.
        confirmed: its fresh trainings, if there are any.
        number: of a complete trial.

    Raises:
        TrainingError: no trial is complete.
        StudyError: the trial of that number is not.
    """
    complete = ranked_trials(record.study)
    if not complete:
        raise TrainingError(f"the study {record.name!r} has no complete trial to export; run it first")
    whole = confirmed if confirmed is not None and is_complete(confirmed) else None
    if number is None and whole is not None and (winner := whole.winner) is not None:
        trial = next((trial for trial in complete if trial.number == winner.trial), None)
        return Exported(winner.configuration, trial, winner, tuple(_of_winner(whole, winner)))
    trial = complete[0] if number is None else _numbered(complete, number, record.name)
    arm = _arm_of(trial, whole)
    reasons = _of_trial(record.called, confirmed, arm, is_chosen=number is not None)
    return Exported(trial.configuration, trial, arm if arm and arm.scores else None, tuple(reasons))


def is_complete(confirmed: Confirmed) -> bool:
    """Whether every arm has ended on every seed, so that the verdict stands; the ablation may be under way."""
    return all(len(arm.scores) + len(arm.failures) == len(confirmed.seeds) for arm in confirmed.arms)


def _numbered(complete: list[RankedTrial], number: int, study: str) -> RankedTrial:
    for trial in complete:
        if trial.number == number:
            return trial
    known = ", ".join(map(str, sorted(trial.number for trial in complete)))
    raise StudyError(f"--trial: {number} is not a complete trial of {study!r}; complete are: {known}")


def _arm_of(trial: RankedTrial, confirmed: Confirmed | None) -> Arm | None:
    """What fresh seeds say of a trial's configuration, whichever trial they had it from."""
    key = key_of(trial.configuration)
    arms = confirmed.arms if confirmed is not None else ()
    return next((arm for arm in arms if key_of(arm.configuration) == key), None)


def _of_winner(confirmed: Confirmed, winner: Arm) -> Iterator[str]:
    verdict = confirmed.verdict
    assert verdict is not None
    score = f"{measured(verdict.winner.score)} on {fresh_seeds(verdict.winner.score.count)}"
    if winner.name == BASELINE:
        yield f"the confirmed winner is the baseline, so that is exported: {score}"
    else:
        yield f"the confirmed winner is {winner.name}: {score}"
    if winner.name != BASELINE and not verdict.is_better:
        yield "it is not shown to be better than the baseline"
    if verdict.simplest != winner.name:
        simplest = confirmed.arm(verdict.simplest)
        how = "" if simplest.trial is None else f"; --trial {simplest.trial} exports it"
        yield f"{simplest.name} is tied with it, and simpler{how}"


def _of_trial(study: str, confirmed: Confirmed | None, arm: Arm | None, *, is_chosen: bool) -> Iterator[str]:
    command = f"`autotune study confirm {study}`"
    winner = confirmed.winner if confirmed is not None else None
    if arm is not None and arm.scores and winner is not None:
        yield f"confirmed on {fresh_seeds(len(arm.scores))}; the winner is {winner.name}"
    elif confirmed is None:
        yield f"not confirmed: its value is partly luck; {command} trains it again on fresh seeds"
    elif not is_complete(confirmed):
        yield f"not confirmed yet: fresh trainings remain; {command} resumes"
    elif arm is not None and winner is not None:
        yield f"not confirmed: all its fresh trainings failed; {command} says why"
    elif is_chosen and winner is not None:
        yield f"not confirmed: it is not one of {', '.join(each.name for each in confirmed.arms)}"
    else:
        yield f"not confirmed: every fresh training failed; {command} says why"
