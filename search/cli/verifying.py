"""What `autotune verify` does; imported only when it runs."""

from pathlib import Path

from ..executors.placement import Placement
from ..export.best_file import read_best
from ..production.retraining import Outcome
from ..production.verification import Verification, verify
from ..wording import number
from .consoles import INTERRUPTED, echo, tell, tell_beside, tell_error, tell_table

_NOT_KEPT = 1


def verify_command(path: Path, *, seeds: int | None, placement: Placement, as_json: bool) -> int:
    """Train an export again on its seeds, and say whether its figures hold. Returns the exit code."""
    best = read_best(path)
    note = tell_beside if as_json else tell

    def heard(seed: int, outcome: Outcome) -> None:
        note(f"seed {seed}: {outcome.failure if outcome.value is None else number(outcome.value)}")

    try:
        found = verify(best, path, placement, seeds, note, heard)
    except KeyboardInterrupt:
        tell_error("interrupted: nothing is kept; --seeds N trains on the first N seeds only")
        return INTERRUPTED
    if as_json:
        echo(found.to_json())
    else:
        _print(found)
    return 0 if found.is_kept else _NOT_KEPT


def _print(found: Verification) -> None:
    tell_table(["seed", "promised", "measured", "difference"], [_row(found, seed) for seed in found.outcomes])
    verdict, *others = found.sentences()
    tell(verdict, "green" if found.is_kept else "red")
    for line in others:
        tell(line)


def _row(found: Verification, seed: int) -> list[str]:
    promised, outcome = found.promise.scores[seed], found.outcomes[seed]
    if outcome.value is None:
        return [str(seed), number(promised), "-", outcome.failure]
    apart = "identical" if outcome.value == promised else f"{outcome.value - promised:+.2g}"
    return [str(seed), number(promised), number(outcome.value), apart]
