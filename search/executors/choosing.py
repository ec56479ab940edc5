"""Which executor a run gets, over which places, with how many slots; and why, in words."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import torch

from ...objectives.machine import free_memory
from ...objectives.prepared import PreparedObjective
from ...objectives.training.fused.fusible import fusion
from ...objectives.training.fused.gpu_slots import probe_gpu, probe_step, slots_worth
from ...objectives.training.probing import Probe, probe_cpu
from ...spaces.configuration import Configuration
from ...spaces.errors import Diverged, InputError, first_line
from .executor import Executor
from .inline import InlineExecutor
from .placement import ExecutorName, Placement
from .places import Place, find_places
from .process import ProcessExecutor
from .ray_cluster import RayExecutor, cluster_places, connect
from .worker import Note, Recipe

START_S = 15.0
"""Until a process has imported torch and has its data; a study must save at least that to be worth it."""
_EVALUATING = 1.2
"""What evaluations add to a trial's steps, roughly."""


@dataclass(frozen=True)
class Workload:
    """What a run has to train.

    Args:
        left: trials that are left to this run; no more workers are hired.
        planned: all trials that are compared with each other, ended ones too; the choice depends on it, so that a
            study that is run in several parts trains all of them alike.
        threads: those that earlier ones of them trained with on a CPU; None: there are none. Another number rounds
            otherwise, which is worth as much as another seed.
    """

    left: int
    planned: int
    threads: int | None = None


@dataclass(frozen=True)
class Choice:
    """Where a run trains, decided: what trains, over which places, with how many slots and on a CPU threads each.

    `inline` on several cores of a CPU has all slots together, and a thread a core.
    """

    executor: ExecutorName
    places: list[Place]
    slots: int
    threads: int | None = None

    def at_once(self, left: int) -> int:
        """How many of so many trials hold a slot at once."""
        workers = 1 if self.executor is ExecutorName.INLINE else min(len(self.places), left)
        return min(workers * self.slots, left)


def make_executor(
    placement: Placement, recipe: Recipe, prepared: PreparedObjective, work: Workload, note: Note
) -> Executor:
    """The executor of a run.

    Args:
        placement: what the user asked for.
        recipe: what trainers are made from; it gets the slots that are worth it where the user left them open.
        prepared: the study's data, for a trainer in this process and for a look at what a step costs.
        work: what there is to train.
        note: hears what was chosen, and later what happens.

    Raises:
        InputError: there is no such device, or one process shall train on several.
    """
    if placement.executor is ExecutorName.RAY:
        return _on_cluster(placement, recipe, work.left, note)
    choice = choose(placement, recipe, prepared, work, note)
    places, recipe = choice.places, replace(recipe, slots=choice.slots)
    if choice.executor is ExecutorName.INLINE:
        if len(places) > 1 and not places[0].is_core:
            raise InputError("--executor inline trains on one device; --executor process takes several")
        trainer = replace(recipe, cores=len(places)).trainer(prepared, places[0].device)
        return InlineExecutor(recipe.durable(trainer, note), recipe.store, choice.threads)
    search = recipe.file.search
    return ProcessExecutor(places[: max(work.left, 1)], recipe, note, search.retries, search.trial_timeout)


def choose(
    placement: Placement,
    recipe: Recipe,
    prepared: PreparedObjective,
    work: Workload,
    note: Note,
    look: Callable[[], Probe] | None = None,
) -> Choice:
    """Decide where a run trains that is not Ray's, and start nothing.

    Args:
        placement, recipe, prepared, work, note: as make_executor has them.
        look: what a step takes on the CPU, where that is known already; by default a few steps are trained.

    Raises:
        InputError: there is no such device.
    """
    name, places, threads = placement.executor, find_places(placement.devices), work.threads
    if name is ExecutorName.AUTO:
        look = look or partial(_probe_baseline, recipe, prepared)
        steps = prepared.rungs(recipe.file.training)[-1]
        name, places, threads = _chosen(places, placement.devices, steps, work, note, look)
    slots = _slots(places, recipe, prepared, work.left, note) if placement.slots is None else placement.slots
    if not places[0].is_core:
        return Choice(name, places, slots)
    if name is ExecutorName.PROCESS:
        if threads not in (None, 1):
            note(
                f"earlier trials trained with {threads} threads, these with one: rounding can change a result as much "
                "as another seed"
            )
        return Choice(name, places, slots, 1)
    if slots > 1 and len(places) > 1 and _fused_example(recipe, prepared, note):
        if threads in (None, 1):
            return Choice(name, places[:slots], slots, 1)
        note(f"trials take turns: earlier ones trained with {threads} threads, and one each rounds differently")
    return Choice(name, places[:1], slots, threads or torch.get_num_threads())


def _fused_example(recipe: Recipe, prepared: PreparedObjective, note: Note) -> Configuration | None:
    """One of the study's trials that can train together, None if none can; `note` hears which cannot, and why."""
    found = fusion(prepared, recipe.file.search_space())
    for line in found.sentences:
        note(line)
    return None if found.why_none else found.example


def _probe_baseline(recipe: Recipe, prepared: PreparedObjective) -> Probe:
    return probe_cpu(prepared, recipe.file.search_space().baseline())


def _slots(places: list[Place], recipe: Recipe, prepared: PreparedObjective, left: int, note: Note) -> int:
    """One, as the plain trainer takes its trials in turn; on a GPU as many as train well as one program."""
    if places[0].is_core or not places[0].is_here:
        return 1
    configuration, device = _fused_example(recipe, prepared, note), places[0].device
    if configuration is None:
        return 1
    try:
        probe = probe_gpu(prepared, configuration, device)
        slots, why = slots_worth(
            probe, recipe.at_once(left // len(places)), partial(probe_step, prepared, configuration, device)
        )
    except (Diverged, RuntimeError) as error:
        note(f"training one trial at a time: could not measure the time of a step ({first_line(error)})")
        return 1  # the first trial is much the same
    note(why)
    return slots


def _on_cluster(placement: Placement, recipe: Recipe, left: int, note: Note) -> Executor:
    connect(placement.address)
    kind, _, count = placement.devices.partition(":")
    most = max(left, 1)  # none is left where another run has the last one, and dies
    places = cluster_places(0.0 if kind == "cpu" else placement.gpus, min(int(count or most), most))
    each = "one core" if places[0].is_core else f"{places[0].share:g} GPU"
    note(f"training in {len(places)} Ray actors with {each} each")
    search = recipe.file.search
    return RayExecutor(places, recipe, note, search.retries, search.trial_timeout)


def _chosen(
    places: list[Place], devices: str, steps: int, work: Workload, note: Note, look: Callable[[], Probe]
) -> tuple[ExecutorName, list[Place], int | None]:
    """What trains, where, and on the CPU with how many threads; None: with all."""
    if not places[0].is_core:
        alone = len(places) == 1 and places[0].is_here
        name = ExecutorName.INLINE if alone else ExecutorName.PROCESS
        note(f"training on {', '.join(place.name for place in places)}")
        return name, places, None
    if ":" in devices:
        return ExecutorName.PROCESS, places, work.threads
    if work.threads not in (None, 1):
        note(f"training in this process with {work.threads} threads, as the trials before")
        return ExecutorName.INLINE, places[:1], work.threads
    if min(len(places), work.left if work.threads else work.planned) < 2:
        return ExecutorName.INLINE, places[:1], work.threads
    try:
        probe = look()
    except (Diverged, RuntimeError, MemoryError) as error:
        note(f"training in this process: timing a step failed ({first_line(error)})")
        return ExecutorName.INLINE, places[:1], work.threads  # the first trial is the same, and says more
    count, threads, why = workers_worth(probe, len(places), work, steps)
    note(why)
    return (ExecutorName.PROCESS if count > 1 else ExecutorName.INLINE), places[:count], threads


def workers_worth(probe: Probe, most: int, work: Workload, steps: int) -> tuple[int, int | None, str]:
    """How many workers are worth it (1: none, train in this process), with how many threads each, and why.

    Whether a trial gets one thread or all (None) follows from all trials that are planned; how many workers start,
    from those that are left.

    Args:
        probe: what a step takes.
        most: cores.
        work: what there is to train.
        steps: of a trial.
    """
    here, free = "training in this process", free_memory()
    fit = most if free is None or not probe.memory else min(most, free // probe.memory)
    if fit < 2:
        return 1, work.threads, f"{here}: not enough memory for a second process of {probe.memory / 1e9:.1f} GB"
    step_s, alone_s = steps * probe.together * _EVALUATING, steps * probe.alone * _EVALUATING
    if work.threads is None and not _saves(work.planned, step_s, alone_s / min(fit, work.planned)):
        return 1, None, f"{here}: the trials are too few and too short for more"
    count = min(fit, work.left)
    if count < 2 or not _saves(work.left, alone_s, alone_s / count):
        return 1, 1, f"{here} with one thread, as all trials of this study: what is left is too short for more"
    shape = f"a step takes {_ms(probe.alone)} with one thread, {_ms(probe.together)} with all"
    return count, 1, f"training in {count} processes of one thread each: {shape}"


def _saves(trials: int, here_s: float, there_s: float) -> bool:
    """Whether so many trials, of so many seconds each here and there, save the start of processes and as much again."""
    return trials * (here_s - there_s) >= 2 * START_S


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"
