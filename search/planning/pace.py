"""The throughput of trials on the devices of a run."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ...objectives.prepared import PreparedObjective
from ..executors.choosing import START_S, Choice
from ..executors.placement import ExecutorName
from ..preparing import possible_epochs
from ..study_file.schema import StudyFile
from .costs import Cost, Length


@dataclass(frozen=True)
class Lengths:
    """Of a trial: by the study file, the longest and the shortest where epochs are searched, up to the first rung."""

    own: Length
    longest: Length
    shortest: Length
    first: Length


def lengths_of(file: StudyFile, prepared: PreparedObjective) -> Lengths:
    """The lengths of a study's trials."""

    def length(epochs: int) -> Length:
        rungs = prepared.rungs(file.training.model_copy(update={"epochs": epochs}))
        return Length(rungs[-1], len(rungs), len(prepared.folds) or 1)

    epochs = possible_epochs(file)
    first = Length(prepared.rungs(file.training)[0], 1)
    return Lengths(length(file.training.epochs), length(max(epochs)), length(min(epochs)), first)


@dataclass(frozen=True)
class Spent:
    """Seconds that something takes, between a least and a most; no least where nobody can say."""

    most: float
    least: float | None


@dataclass(frozen=True)
class Pace:
    """What a run's trials take.

    Args:
        costs: of the configurations that were probed, by role.
        choice: where the run would train.
        share: of the time of a step alone, that of one of the trials that train as one program.
        lengths: of its trials.
    """

    costs: Mapping[str, Cost]
    choice: Choice
    share: float
    lengths: Lengths

    def trial(self, role: str, length: Length | None = None) -> float:
        """Seconds of a trial, of the longest by default; of one of several that are one program, its share."""
        cost = self.costs[role]
        shared = replace(cost, together=cost.together * self.share)
        return shared.seconds(length or self.lengths.longest, one_thread=self.choice.threads == 1)

    @property
    def dearest(self) -> float:
        """Seconds of the longest trial of the configuration that takes longest."""
        return max(self.trial(role) for role in self.costs)

    @property
    def cheapest(self) -> float:
        """Seconds of the shortest trial of the configuration that takes least."""
        return min(self.trial(role, self.lengths.shortest) for role in self.costs)

    @property
    def pruned(self) -> float:
        """Seconds of a trial that is pruned at its first rung."""
        return min(self.cheapest, *(self.trial(role, self.lengths.first) for role in self.costs))

    def lanes(self, count: int) -> int:
        """Places that have something to do, with so many trainings."""
        return max(min(len(self.choice.places), count), 1)

    def spent(self, count: int, most_s: float, least_s: float | None) -> Spent:
        """Of so many trainings on all places; `most_s` and `least_s` are seconds of all of them one by one."""
        if not count:
            return Spent(0.0, 0.0)
        start = START_S if self.choice.executor is ExecutorName.PROCESS else 0.0
        lanes = self.lanes(count)
        return Spent(most_s / lanes + start, None if least_s is None else least_s / lanes + start)
