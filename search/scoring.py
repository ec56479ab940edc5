"""A trial's value: its objectives at the best step, or their means over the folds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean


@dataclass(frozen=True)
class Scoring:
    """How a trial's evaluations become its values.

    Values are those of all objectives, the deciding one first. They are kept by step: main-task optimizer steps
    done, with folds those of all folds so far.

    Args:
        measures: the objectives' names in an evaluation's metrics; the first decides.
        folds: whether each evaluation is one fold of a cross-validation, and not a rung.
        paired: whether the pruner compares trials fold by fold, as the Wilcoxon pruner does; any other one gets
            the mean so far.
    """

    measures: Sequence[str]
    folds: bool = False
    paired: bool = False

    def values(self, metrics: Mapping[str, float]) -> list[float]:
        """The objectives' values in one evaluation."""
        return [metrics[name] for name in self.measures]

    def shown(self, values: Mapping[int, Sequence[float]], step: int) -> float:
        """Where a trial stands by its first objective: the value at a step, the mean of the folds up to it."""
        if not self.folds:
            return values[step][0]
        return fmean(each[0] for at, each in values.items() if at <= step)

    def report(self, values: Mapping[int, Sequence[float]], step: int) -> tuple[int, float]:
        """What the pruner is told: (rung, value). Folds are numbered, as steps of a fold may differ by trial."""
        if not self.folds:
            return step, values[step][0]
        return len(values), values[step][0] if self.paired else self.shown(values, step)

    def outcome(self, values: Mapping[int, Sequence[float]], *, maximize: bool) -> tuple[int, list[float]]:
        """The step and values that a trial ends with.

        Without folds its best evaluation by the first objective, which is the one that production keeps, not its
        last. Of equals the later one counts: it was trained longer, at a lower rate.
        """
        if self.folds:
            return max(values), [fmean(column) for column in zip(*values.values(), strict=True)]
        sign = 1 if maximize else -1
        step = max(values, key=lambda at: (sign * values[at][0], at))
        return step, list(values[step])

    def metrics(self, metrics: Mapping[int, Mapping[str, float]], step: int) -> dict[str, float]:
        """Every metric of the evaluation that counts, or its mean over the folds."""
        if not self.folds:
            return dict(metrics.get(step, {}))
        return {name: fmean(fold[name] for fold in metrics.values()) for name in metrics[step]}

    def by_fold(self, values: Mapping[int, Sequence[float]]) -> dict[str, list[float]]:
        """Each objective's value on every fold, in order."""
        columns = zip(*(values[step] for step in sorted(values)), strict=True)
        return {name: list(column) for name, column in zip(self.measures, columns, strict=True)}
