"""What `study confirm` does, and the end of a `study run` whose file has `confirm`."""

from ...spaces.errors import StudyError
from ..changing import as_it_is_now
from ..confirmation.reading import read_confirmation
from ..confirmation.running import confirm_study
from ..executors.placement import Placement
from ..report.confirmed import verdict_blocks
from ..report.live import make_observer
from ..settings import ConfirmSettings
from ..study import StudyRecord, while_stored
from ..tuner import Ending
from ..wording import counted
from .consoles import INTERRUPTED, output, tell
from .targets import opened, seconds, tell_of_a_copy


def confirm_command(
    target: str,
    storage: str | None,
    *,
    candidates: int | None,
    seeds: int | None,
    ablate: bool | None,
    timeout: str | None,
    placement: Placement,
) -> int:
    """Train on fresh seeds what is not trained yet, and say what that shows. Returns the exit code."""
    timeout_s = seconds(timeout)
    record = opened(target, storage)
    tell_of_a_copy(target, record)
    given = as_it_is_now(record).file.confirm or ConfirmSettings()
    asked = {"candidates": candidates, "seeds": seeds, "ablate": ablate}
    settings = given.model_copy(update={name: value for name, value in asked.items() if value is not None})
    return confirm(record, settings, placement, timeout_s)


def confirm(
    record: StudyRecord,
    settings: ConfirmSettings,
    placement: Placement,
    timeout_s: float | None,
) -> int:
    """Confirm, and print the verdict. Returns the exit code."""
    try:
        with make_observer(output(), is_race=False) as observer:
            ending = confirm_study(record, observer, settings, placement=placement, timeout_s=timeout_s)
    except KeyboardInterrupt:
        ending = Ending.INTERRUPTED
    with while_stored(record):
        confirmed, called = read_confirmation(record), record.called
    if confirmed is None and ending is Ending.INTERRUPTED:
        tell(f"interrupted; resume with: autotune study confirm {called}")
        return INTERRUPTED
    if confirmed is None:
        raise StudyError(f"the confirmation of {record.name!r} was deleted meanwhile")
    if ending is Ending.DONE:
        console = output()
        for block in verdict_blocks(confirmed):
            console.print()
            console.print(block)
        return 0
    tell(f"{_left(confirmed.missing)}; resume with: autotune study confirm {called}")
    return INTERRUPTED if ending is Ending.INTERRUPTED else 0


def _left(missing: int) -> str:
    """Those of the ablation and on test data are planned only once all others have ended."""
    return f"at least {counted(missing, 'fresh training')} remain{'s' * (missing == 1)}" if missing else "not finished"
