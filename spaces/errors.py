"""Every error that autotune raises on purpose.

    AutotuneError
    ├── InputError            what the user gave is wrong; nothing was written      exit 2
    │   ├── StudyFileError    a key, a value or a range of a study file
    │   ├── DataError         a data file, a column, a row, a label
    │   ├── EncoderError      an encoder or tokenizer that cannot be had
    │   ├── OperationUnavailable  an augmentation operation whose needs are missing
    │   ├── StorageError      a database that cannot be reached, read or written
    │   └── StudyError        a study that is missing, already exists, or whose files changed
    │       ├── StudyHeld     another process holds its trials, and did not release them in time
    │       └── NothingToConfirm  too few complete trials
    ├── Interrupted           stopped by the user; the same command resumes           exit 130
    └── TrainingError         it ran and failed                                      exit 1
        ├── Diverged          a loss or a gradient that is not finite
        ├── DeviceFailed      a device that this process can no longer use; the same command resumes
        └── StorageLost       a database that failed while trials ran, or whose disk did; the same command resumes
            └── StorageReplaced  a SQLite file that was moved, deleted or replaced while it was in use

An AutotuneError reaches the user as one red message and its exit code, never as a traceback.
"""

from collections.abc import Collection


class AutotuneError(Exception):
    """Base of all expected errors; `str(error)` is the whole message for the user."""

    exit_code = 1


class InputError(AutotuneError):
    """What the user gave is wrong."""

    exit_code = 2


class StudyFileError(InputError):
    """A study file (or best.yaml) that does not validate; the message lists every mistake."""


class DataError(InputError):
    """A data file, column, row or label that cannot be used."""


class EncoderError(InputError):
    """An encoder or tokenizer that cannot be found or opened."""


class OperationUnavailable(InputError):
    """An augmentation operation that lacks a model, a lexicon or a package; the message says how to get it."""


class StorageError(InputError):
    """A database that cannot be reached, read or written."""


class StudyError(InputError):
    """A study that does not exist, exists already, or whose files changed."""


class StudyHeld(StudyError):
    """A study whose trials another process holds; it may let go of them later."""


class NothingToConfirm(StudyError):
    """A study without two complete trials that differ."""


class Interrupted(AutotuneError):
    """Somebody stopped the command; the same one goes on from there."""

    exit_code = 130


class TrainingError(AutotuneError):
    """Training ran and failed."""


class Diverged(TrainingError):
    """A loss or a gradient became NaN or infinite."""


class DeviceFailed(TrainingError):
    """A device failed under `trials`, by number, and this process cannot use it any more."""

    def __init__(self, message: str, trials: Collection[int]) -> None:
        super().__init__(message)
        self.trials = trials


class StorageLost(TrainingError):
    """A database that failed or was held while trials ran, or whose disk is full or fails; the same command goes on."""


class StorageReplaced(StorageLost):
    """A SQLite file that was moved, deleted or replaced while it was in use."""


def first_line(error: BaseException) -> str:
    """What an error says, in one line: its message's first, or the type of an error without a message."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
