"""The fresh trainings of a study in its storage: a separate plain Optuna study, one trial per training.

So claims, retries, resuming and several hosts work as in a search. Its name has a slash, which no study's own name may
have.
"""

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from ...objectives.training.fresh import Fresh
from ...spaces.configuration import Configuration
from ..claims import Claims
from ..locking import claiming
from ..roles import CONFIGURATION, IDENTITY, ROLE
from ..storage import patiently
from ..study import StudyRecord, confirmation_name, named
from .arms import Planned, key_of

SEED, TESTED = "seed", "tested"
ARMS, SEEDS, LOOKS, ABLATION, TEST = "arms", "seeds", "looks", "ablation", "test"
"""`looks`: each time that seeds were added, on how many the arms had been compared, and who was shown to be better."""
TOKEN, OF = "token", "of"
"""`of`: the identity of the study, under which nothing changes that is measured."""


@dataclass(frozen=True)
class FreshTraining:
    """One configuration on one seed, on validation or on test data."""

    arm: str
    configuration: Configuration
    fresh: Fresh

    @property
    def key(self) -> tuple[str, Fresh]:
        """The same for trainings that would do the same."""
        return key_of(self.configuration), self.fresh

    @property
    def marks(self) -> dict[str, object]:
        """What its trial carries."""
        data = ", test data" if self.fresh.tested else ""
        return {
            ROLE: f"{self.arm}, seed {self.fresh.seed}{data}",
            CONFIGURATION: self.configuration.model_dump(),
            SEED: self.fresh.seed,
            TESTED: self.fresh.tested,
        }


Decision = tuple[Sequence[FreshTraining], Mapping[str, object]]
"""What is to be trained, and what was decided with it: arms, seeds, what is ablated, who meets the test data."""


def fresh_of(trial: FrozenTrial) -> Fresh:
    """The seed of a fresh training, and whether it looks at the test data."""
    return Fresh(trial.user_attrs[SEED], trial.user_attrs[TESTED])


def key_of_trial(trial: FrozenTrial) -> tuple[str, Fresh]:
    """As FreshTraining.key."""
    return key_of(Configuration.model_validate(trial.user_attrs[CONFIGURATION])), fresh_of(trial)


class Ledger:
    """The fresh trainings of one study."""

    def __init__(self, record: StudyRecord, study: optuna.Study) -> None:
        self.study = study
        self.claims = Claims(study, record.storage, record.url, record.file.search.retries)

    @classmethod
    def of(cls, record: StudyRecord) -> "Ledger | None":
        """What there is; None if the study was never confirmed, or an earlier one of its name was."""
        known = named(record.storage, confirmation_name(record.name))
        if known is None or known.user_attrs.get(OF) != record.study.user_attrs[IDENTITY]:
            return None
        return cls(record, known)

    @classmethod
    def made(cls, record: StudyRecord) -> "Ledger":
        """What there is, or a new one. It has a token of its own: checkpoints of an earlier one are not its."""
        name = confirmation_name(record.name)
        with claiming(name, record.url):
            if (ledger := cls.of(record)) is not None:
                return ledger
            if named(record.storage, name) is not None:
                optuna.delete_study(study_name=name, storage=record.storage)
            direction = record.study.directions[0]
            study = optuna.create_study(study_name=name, storage=record.storage, direction=direction)
            study.set_user_attr(TOKEN, uuid.uuid4().hex)
            study.set_user_attr(OF, record.study.user_attrs[IDENTITY])
        return cls(record, study)

    @property
    def token(self) -> str:
        """Decides what the numbers of its trials mean."""
        return self.facts[TOKEN]

    @property
    def facts(self) -> dict[str, Any]:
        """What was decided: the arms, the seeds, what was ablated, and who met the test data."""
        return self.study.user_attrs

    def trials(self) -> list[FrozenTrial]:
        return self.study.get_trials(deepcopy=False)

    def plan(self, decide: Callable[[Mapping[str, Any]], Decision]) -> list[FreshTraining]:
        """Queue what is not there yet, under the lock that other hosts wait for; `decide` hears what they decided.

        Returns what was queued. What was decided is stored first: a plan that is killed half way is made again from it.
        """

        def queue() -> list[FreshTraining]:
            with self.claims.lock():
                trainings, facts = decide(self.facts)
                for name, value in facts.items():
                    if self.facts.get(name) != value:
                        self.study.set_user_attr(name, value)
                there = {key_of_trial(trial) for trial in self.trials()}
                new = [training for training in trainings if training.key not in there]
                for training in new:
                    self.study.enqueue_trial({}, user_attrs=training.marks)
            return new

        return patiently(queue)


def arms_to_store(arms: Iterable[Planned]) -> list[dict[str, object]]:
    """Arms as a storage keeps them."""
    return [
        {
            "name": arm.name,
            "configuration": arm.configuration.model_dump(),
            "trial": arm.trial,
            "candidate": arm.is_candidate,
        }
        for arm in arms
    ]


def stored_arms(stored: Iterable[dict[str, Any]]) -> list[Planned]:
    """The arms that `arms_to_store` wrote."""
    return [
        Planned(arm["name"], Configuration.model_validate(arm["configuration"]), arm["trial"], arm["candidate"])
        for arm in stored
    ]


def is_to_come(trial: FrozenTrial) -> bool:
    """Whether the training is still waited for."""
    return trial.state in {TrialState.WAITING, TrialState.RUNNING}
