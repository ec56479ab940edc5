"""Sentences of the report, the same on the terminal and on the page."""

from collections.abc import Iterator

from rich.text import Text

from ...spaces.configuration import Configuration
from .. import wording
from ..ranking import RankedTrial
from ..safe_text import plain
from ..summary.auxiliaries import Auxiliary, Side
from ..summary.summary import Counts, FailureGroup, Summary
from .trials import NOTE, luck

_ALIKE = 3
"""So many trials of one value are no chance."""


def ways(summary: Summary) -> str:
    """Each objective, and which way it is better."""
    return "; ".join(
        f"{plain(objective)}, {'higher' if direction == wording.MAXIMIZE else 'lower'} is better"
        for objective, direction in summary.objectives.items()
    )


def where(summary: Summary, trial: RankedTrial) -> str:
    """At which step, or over how many folds, a trial has its value."""
    if trial.folds:
        return f"over {len(trial.folds[0])} folds (mean ± standard deviation)"
    return f"at step {trial.step} of {summary.max_steps}"


def configuration_rows(summary: Summary, configuration: Configuration) -> Iterator[tuple[str, str]]:
    """Each part of a configuration and its value; "off" for what is switched off."""
    yield f"α {plain(summary.main_task)}", f"{configuration.alpha:.3f}"
    for task, beta in summary.betas(configuration).items():
        yield f"β {plain(task)}", f"{beta:.3f}" if task in configuration.betas else "off"
    yield "learning rate", wording.rate(configuration.learning_rate)
    yield "mix", wording.mix(summary.mix(configuration))
    yield "magnitude", f"{configuration.mix.magnitude:.3f}" if configuration.mix.share else "off"
    for name, value in [*configuration.cleaning.items(), *configuration.training.items()]:
        yield plain(name), wording.setting(value)


def trial_rows(summary: Summary, trial: RankedTrial) -> Iterator[tuple[str, str]]:
    """The trial's configuration, and its folds where it has any."""
    yield from configuration_rows(summary, trial.configuration)
    if trial.folds:
        yield "folds", ", ".join(map(wording.number, trial.folds[0]))


def standing(summary: Summary, best: RankedTrial) -> Iterator[Text]:
    """Where the best trial of the search, or its front, stands beside the given ones; and how far to trust that."""
    if summary.has_several:
        yield from _front(summary)
        yield luck(summary.counts.complete)
        return
    if len({trial.value for trial in summary.complete}) == 1 and len(summary.complete) >= _ALIKE:
        yield _all_alike(len(summary.complete), best)
    yield _against_baseline(summary, best)
    if summary.auxiliary_tasks:
        yield _against_equal_weights(summary, best)
    yield luck(summary.counts.complete + summary.counts.pruned)


def _all_alike(count: int, best: RankedTrial) -> Text:
    return Text(
        f"All {count} complete trials have the value {wording.number(best.value)}, so nothing can be said of their "
        f"configurations. {wording.REMEDY}",
        style="bold yellow",
    )


def _against_baseline(summary: Summary, best: RankedTrial) -> Text:
    baseline = summary.baseline
    if baseline is None:
        return Text("Trial 0 (baseline) has no value, so it is unknown whether the search helped.", style="yellow")
    name = f"trial {baseline.number} (baseline, {wording.number(baseline.value)})"
    if wording.advantage(best.value, baseline.value, summary.direction) <= 0:
        return Text(
            f"No trial beats {name}: the main task alone, with the default learning rate and no augmentation, "
            "is the best so far.",
            style="bold yellow",
        )
    gap = wording.distance(best.value, baseline.value, summary.direction)
    return Text.assemble(f"Trial {best.number} beats {name} by ", (gap, "bold green"), ".")


def _against_equal_weights(summary: Summary, best: RankedTrial) -> Text:
    equal = summary.equal_weights
    if equal is None:
        return Text("Equal weights have no value to compare with.")
    if equal.number == best.number:
        return Text("It is the trial with equal weights: the search for better ones found none.")
    clause = wording.compared(best.value, equal.value, f"trial {equal.number}", summary.direction)
    return Text(f"It is {clause} (equal weights, {wording.number(equal.value)}).")


def _front(summary: Summary) -> Iterator[Text]:
    if summary.baseline is None:
        yield Text("Trial 0 (baseline) has no value, so it is unknown whether the search helped.")
    given = {"baseline": summary.baseline, "equal weights": summary.equal_weights}
    yield from (_place(summary, role, trial) for role, trial in given.items() if trial is not None)


def _place(summary: Summary, role: str, trial: RankedTrial) -> Text:
    values = ", ".join(map(wording.number, trial.values))
    name = f"Trial {trial.number} ({role}: {values})"
    better = summary.dominating(trial)
    if not better:
        return Text(f"{name} is on the front.")
    numbers = ", ".join(str(member.number) for member in better)
    return Text(f"{name} is dominated by trial{'s' if len(better) > 1 else ''} {numbers}.")


def front_size(summary: Summary) -> str:
    """How many trials are on the front, and what that means."""
    return (
        f"{len(summary.front)} of {summary.counts.complete} complete trials; no other trial is at least as good in "
        "every objective and better in one"
    )


def auxiliary(task: Auxiliary) -> Text:
    """Whether the best trial has the task, and how trials with and without it did."""
    state = ("on", "cyan") if task.in_best else ("switched off", NOTE)
    sides = f"with it {_side(task.on)}; without {_side(task.off)}"
    return Text.assemble(f"{plain(task.name)} ", state, f" in the best trial; {sides}")


def _side(side: Side) -> str:
    found = [f"{side.complete} complete, {side.pruned} pruned"]
    if side.best is not None and side.mean is not None:
        found.append(f"best {wording.number(side.best)}, mean {wording.number(side.mean)}")
    return ", ".join(found)


def states(counts: Counts) -> str:
    """How many trials there are, by state."""
    return (
        f"{counts.complete} complete, {counts.pruned} pruned, {counts.failed} failed, {counts.running} running, "
        f"of {counts.total}"
    )


def reason(group: FailureGroup) -> str:
    """The failures of one kind, with the first one's words."""
    return plain(f"{group.count} × {group.kind}, first in trial {group.trials[0]}: {group.message}")
