"""A small study on disk, for commands that run as processes of their own."""

from pathlib import Path

import pytest

from .commands import prepared


@pytest.fixture
def folder(reviews_csv: Path) -> Path:
    """See `prepared`."""
    return prepared(reviews_csv)
