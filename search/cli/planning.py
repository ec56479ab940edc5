"""What `study plan` does; imported only when it runs."""

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

from ...objectives.prepared import PreparedObjective
from ..executors.choosing import Choice
from ..executors.placement import ExecutorName, Placement
from ..executors.places import first_device
from ..planning.costs import STEPS
from ..planning.making import make_plan
from ..planning.pace import Spent
from ..planning.plan import Plan
from ..preparing import prepare_study
from ..storage import patiently
from ..study import is_ready, while_stored, without_operations
from ..study_file.schema import StudyFile
from ..threads import threads_of
from ..unchanged import check_unchanged
from ..wording import duration, estimate, to_the_minute
from .consoles import echo, generation, tell, tell_table
from .targets import file_of, opened, url_of


def plan_command(target: str, storage: str | None, *, trials: int | None, placement: Placement, as_json: bool) -> None:
    """Estimate what a study will take, stored or not yet; nothing is stored."""
    file, path = file_of(target)
    if file is not None and path is not None and not is_ready(file.name, url_of(storage, file, path)):
        prepared = _prepared(file, path.parent, placement, quiet=as_json)
        searched = without_operations(file, prepared.operations.dropped)
        plan = make_plan(searched, path.parent.absolute(), prepared, placement, total=trials)
    else:
        plan = _of_stored(target, storage, trials, placement, quiet=as_json)
    if as_json:
        echo(plan.to_json())
        return
    _show(plan)


def _of_stored(target: str, storage: str | None, trials: int | None, placement: Placement, *, quiet: bool) -> Plan:
    record = opened(target, storage, reading=True)
    with while_stored(record):
        record = check_unchanged(record)
        known = patiently(lambda: record.study.get_trials(deepcopy=False))
        threads = threads_of(record.study)
    base = record.folder.absolute()
    prepared = _prepared(record.file, base, placement, quiet=quiet)
    return make_plan(record.file, base, prepared, placement, total=trials, trials=known, threads=threads)


def _prepared(file: StudyFile, base: Path, placement: Placement, *, quiet: bool) -> PreparedObjective:
    with nullcontext(lambda *_: None) if quiet else generation() as progress:
        return prepare_study(file, base, progress, first_device(placement.devices))


def _show(plan: Plan) -> None:
    stored = "stored" if plan.is_stored else "not stored yet"
    tell(f"{plan.study}: {plan.left} of {plan.total} trials are left, {stored}", "bold")
    tell(f"estimated from {STEPS} steps of each configuration below and one evaluation; nothing was stored")
    tell_table(["configuration", *_columns(plan), "a trial"], list(_probed(plan)))
    for line in _lines(plan):
        tell(line)


def _columns(plan: Plan) -> list[str]:
    return ["a step"] if plan.on_gpu else ["a step, one thread", "a step, all threads"]


def _probed(plan: Plan) -> Iterator[list[str]]:
    for role, cost in plan.pace.costs.items():
        steps = [cost.together] if cost.alone is None else [cost.alone, cost.together]
        yield [role, *map(_milliseconds, steps), duration(plan.pace.trial(role))]


def _milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:.1f} ms" if seconds < 0.1 else f"{1000 * seconds:,.0f} ms"


def _lines(plan: Plan) -> Iterator[str]:
    own, most = plan.pace.lengths.own, plan.pace.lengths.longest.steps
    longest = f", up to {most} where epochs are searched" if most > own.steps else ""
    yield f"a trial: {own.steps} steps{longest}, evaluated {own.evaluations} times"
    yield from (f"run: {line}" for line in plan.said or [_where(plan.pace.choice)])
    yield f"search: {_between(plan.unpruned)} if no trial is pruned{_pruned(plan)}"
    yield from plan.ends
    yield _confirming(plan)
    free = "" if plan.free is None else f" of the {plan.free / 1e9:.1f} GB that are free"
    yield f"memory: about {plan.memory / 1e9:.2f} GB{free} for {_holder(plan)}"
    yield _checkpoints(plan)
    yield from plan.notes


def _holder(plan: Plan) -> str:
    """What takes the memory."""
    if plan.on_gpu:
        return "each trial" if plan.held == 1 else f"{plan.held} trials at once on each GPU"
    return "each training process" + (f" with {plan.held} trials at once" if plan.held > 1 else "")


def _where(choice: Choice) -> str:
    """Where nothing was left to choose, `run` says nothing."""
    count = len(choice.places)
    if count < 2:
        return "training in this process"
    if choice.executor is ExecutorName.INLINE:
        return f"training {choice.slots} trials at once in this process, on {count} cores"
    return f"training in {count} processes of one thread each"


def _between(spent: Spent) -> str:
    most = estimate(spent.most)
    if spent.least is None or estimate(spent.least) == most:
        return most
    return f"{estimate(spent.least)} to {to_the_minute(spent.most)}"


def _pruned(plan: Plan) -> str:
    if plan.pruner == "none":
        return "; nothing is pruned"
    if plan.search.least is None:
        return f"; savings by the pruner {plan.pruner} cannot be predicted"
    if not plan.left:
        return ""
    return f"; with the pruner {plan.pruner} at least {_exact(plan.search.least)}"


def _exact(seconds: float) -> str:
    return duration(seconds) if seconds < 60 else to_the_minute(seconds)


def _confirming(plan: Plan) -> str:
    found = plan.confirming
    if not found.trainings:
        return "confirmation: nothing to confirm with fewer than two trials"
    who = "at the end of the run" if found.is_asked else "only with `autotune study confirm`"
    parts = [f"{found.arms} configurations"]
    parts += [f"{found.variants} variants of the winner"] if found.variants else []
    tested = f", {found.tested} for the test data" if found.tested else ""
    what = f"{' and '.join(parts)} on {found.seeds} seeds{tested}"
    return f"confirmation, {who}: at most {found.trainings} trainings ({what}), {_between(found.spent)}"


def _checkpoints(plan: Plan) -> str:
    found = plan.checkpoints
    if not found.each:
        return "checkpoints: negligible, as only the position in the cross-validation is kept"
    size = f"checkpoints: {found.each / 1e6:.1f} MB each, at most {found.count} at once"
    most = f"{found.total / 1e6:.1f} MB of the {found.budget / 1e9:g} GB of search.checkpoints.disk"
    short = "; there is not enough disk space for them" if found.free < found.total else ""
    return f"{size}: {most}; {found.free / 1e9:.1f} GB of the disk are free{short}"
