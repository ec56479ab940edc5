"""Does retraining reproduce the figures of best.yaml?

The same seeds give the same splits, orders and initial weights, so each score is compared with the stored one of its
seed. The same packages on the same device reproduce it to the last digit. Elsewhere sums are rounded differently, and
the test is whether the mean still lies in the confirmed interval.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from ...spaces.errors import InputError, StudyFileError
from ..executors.placement import Placement
from ..export.best_file import BestConfiguration, read_document_of
from ..versions import differences
from ..wording import counted, number
from .retraining import Heard, Outcome, train_again
from .rows import check_rows
from .unchanged import check_data, warnings

Interval = tuple[float, float]


@dataclass(frozen=True)
class Promise:
    """The scores that best.yaml states, by seed; their mean over all seeds, and its interval, if there is one."""

    scores: Mapping[int, float]
    mean: float
    interval: Interval | None
    confirmed: bool

    def first(self, count: int | None) -> list[int]:
        """The first so many seeds; InputError where there are fewer."""
        seeds = list(self.scores)
        if count is not None and count > len(seeds):
            there = f"{counted(len(seeds), 'seed')}: {', '.join(map(str, seeds))}"
            raise InputError(f"--seeds: {count}: the export was measured on {there}")
        return seeds[:count]


def promise_of(best: BestConfiguration) -> Promise:
    """What the file promises: its confirmed scores, or the one score of the search, which has no interval."""
    confirmed = best.confirmed
    if confirmed is not None:
        in_order = {seed: confirmed.scores[seed] for seed in confirmed.seeds if seed in confirmed.scores}
        return Promise(in_order, confirmed.mean, confirmed.interval, True)
    if best.found.value is None:
        raise InputError("found.value: null: there is neither a confirmed nor a search score to verify")
    return Promise({best.seed: best.found.value}, best.found.value, None, False)


@dataclass(frozen=True)
class Verification:
    """What the re-training says of the promise.

    Args:
        objective: the metric's name.
        promise: what best.yaml states.
        outcomes: what came now, by seed: of all seeds, or of the first few.
        changed: packages, system and device that are others here than where the file was exported.
    """

    objective: str
    promise: Promise
    outcomes: Mapping[int, Outcome]
    changed: Sequence[str]

    @property
    def failed(self) -> list[int]:
        """Seeds whose training failed."""
        return [seed for seed, outcome in self.outcomes.items() if outcome.value is None]

    @property
    def identical(self) -> bool:
        """Whether every score is the stored one, to the last digit."""
        return all(outcome.value == self.promise.scores[seed] for seed, outcome in self.outcomes.items())

    @property
    def mean(self) -> float | None:
        """What the mean over all seeds would be now; None where a training failed.

        The interval is of the mean over all promised seeds. A few of them have another mean, be they the very same
        scores, so their paired differences move the promised mean. Over all seeds that is the mean of the new scores.
        """
        if self.failed:
            return None
        moved = [
            outcome.value - self.promise.scores[seed]
            for seed, outcome in self.outcomes.items()
            if outcome.value is not None
        ]
        return self.promise.mean + fmean(moved)

    @property
    def landed(self) -> bool | None:
        """Whether that mean lies in the promised interval; None where no interval is promised."""
        interval = self.promise.interval
        if interval is None:
            return None
        return self.mean is not None and interval[0] <= self.mean <= interval[1]

    @property
    def is_kept(self) -> bool:
        """Whether the promise is kept: the interval's; without an interval, that of the scores themselves."""
        return self.identical if self.landed is None else self.landed

    def sentences(self) -> list[str]:
        """The outcome in words, the most important first."""
        return [self._verdict(), *self._reproduced()]

    def _verdict(self) -> str:
        if self.failed:
            return f"not reproduced: {len(self.failed)} of {len(self.outcomes)} trainings failed"
        assert self.mean is not None
        told = f"{self.objective} {number(self.mean)}{self._share()}"
        if self.promise.interval is None:
            return f"{told}: no interval to compare with ({self._why_none()}), only the scores themselves were compared"
        low, high = (number(end) for end in self.promise.interval)
        place = "lies in" if self.landed else "does not lie in"
        return f"{told} {place} the confirmed interval, {low} to {high}"

    def _share(self) -> str:
        """How the mean was come by, where not all seeds were trained."""
        count, promised = len(self.outcomes), len(self.promise.scores)
        return (
            ""
            if count == promised
            else f" (confirmed {number(self.promise.mean)}, moved by {count} of {promised} seeds)"
        )

    def _why_none(self) -> str:
        return "one score, or equal ones, have none" if self.promise.confirmed else "the export is not confirmed"

    def _reproduced(self) -> list[str]:
        if self.identical:
            return [f"identical to the stored score{'s' if len(self.outcomes) > 1 else ''}, to the last digit"]
        if self.changed:
            return [f"not identical: {'; '.join(self.changed)}"]
        return [
            "not identical, though packages, system and device are those of the export: another device than "
            "`--devices auto` takes, or another number of threads a process, rounds differently"
        ]

    def to_json(self) -> dict[str, Any]:
        """The contract of `verify --json`."""
        return {
            "objective": self.objective,
            "kept": self.is_kept,
            "landed": self.landed,
            "identical": self.identical,
            "confirmed": self.promise.confirmed,
            "promised": {"mean": self.promise.mean, "interval": self.promise.interval},
            "mean": self.mean,
            "seeds": {
                str(seed): {
                    "promised": self.promise.scores[seed],
                    "measured": outcome.value,
                    "failure": outcome.failure or None,
                }
                for seed, outcome in self.outcomes.items()
            },
            "changed": list(self.changed),
            "words": self.sentences(),
        }


def verify(
    best: BestConfiguration,
    path: Path,
    placement: Placement,
    count: int | None,
    note: Callable[[str], None],
    heard: Heard,
) -> Verification:
    """Train the configuration again on the stated seeds, and compare.

    Args:
        best: what the file says.
        path: the file, which data paths are relative to.
        placement: where to train.
        count: only the first so many seeds; None: all.
        note: hears what the user should know.
        heard: hears of each training that ended.

    Raises:
        StudyFileError: the figures are another configuration's, as the file was changed since, or other rows'.
        DataError: the data changed or is gone.
        InputError: there are not so many seeds, or something cannot be used here.
        KeyboardInterrupt: somebody asked to stop.
    """
    promise = promise_of(best)
    seeds = promise.first(count)
    if not best.is_as_measured:
        line = read_document_of(path).line(("digest",))
        raise StudyFileError(
            f"{path}, line {line}: digest: the figures belong to another configuration: configuration, seed, "
            "augmentation, cleaning, settings, fingerprints or rows were changed after the export. Undo the change "
            "(export again), or confirm the changed configuration in a study of its own"
        )
    check_data(best, path)
    for line in filter(None, [*warnings(best, path), check_rows(best, path)]):
        note(line)
    outcomes = train_again(best, path.parent, seeds, placement, note, heard)
    return Verification(best.settings.objectives[0], promise, outcomes, differences(best.versions))
