"""Where output goes: results to standard output, errors to standard error."""

from rich.console import Console


def output() -> Console:
    """The console of results."""
    return Console(highlight=False)


def errors() -> Console:
    """The console of errors."""
    return Console(stderr=True, highlight=False)
