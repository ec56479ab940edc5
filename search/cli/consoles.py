"""Where output goes: results to standard output, errors to standard error."""

from rich.console import Console

INTERRUPTED = 130
"""Exit code of a run that somebody stopped; the next one goes on."""


def output() -> Console:
    """The console of results."""
    return Console(highlight=False)


def errors() -> Console:
    """The console of errors."""
    return Console(stderr=True, highlight=False)
