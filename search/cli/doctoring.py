"""What `autotune doctor` does; imported only when it runs."""

from collections.abc import Callable, Iterable

from ...spaces.errors import first_line
from ..doctor.check import Check, State
from ..doctor.surroundings import find_cache, find_offline, find_packages
from .consoles import echo, tell, tell_table


def doctor_command(storage: str | None, *, as_json: bool) -> int:
    """Show what is here, line by line. Returns the exit code: 2 where something that is needed is wrong."""
    checks = [
        *find_packages(),
        *_imported("devices", _devices),
        find_cache(),
        *_imported("storage", lambda: _storage(storage)),
        find_offline(),
    ]
    wrong = [check for check in checks if check.state is State.WRONG]
    if as_json:
        echo({"ok": not wrong, "findings": [check.to_json() for check in checks]})
        return 2 if wrong else 0
    tell_table(["", "state", "found", "what to do"], [_row(check) for check in checks])
    if wrong:
        tell(f"wrong: {', '.join(check.part for check in wrong)}", "red")
    else:
        tell("everything required is available")
    return 2 if wrong else 0


def _row(check: Check) -> list[str]:
    return [check.part, str(check.state), check.found, check.advice]


def _imported(part: str, look: Callable[[], Iterable[Check]]) -> list[Check]:
    """A package that is not there, or whose own libraries are not, is told as a check, too."""
    try:
        return list(look())
    except (ImportError, OSError) as error:
        found = f"cannot be checked: {first_line(error)}"
        return [Check(part, State.WRONG, found, "reinstall autotune-mtl, in a virtual environment of its own")]


def _devices() -> Iterable[Check]:
    from ..doctor.devices import find_devices

    return find_devices()


def _storage(storage: str | None) -> Iterable[Check]:
    from ..doctor.storage import find_storage
    from ..storage import storage_url

    return [find_storage(storage_url(storage, None))]
