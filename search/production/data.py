"""Is the data of a best.yaml still what its figures were measured on?"""

from collections.abc import Iterator
from pathlib import Path

from ...objectives.data.loading import fingerprint
from ...objectives.data.sources import resolve_source
from ...spaces.errors import DataError
from ..export.best_file import BestConfiguration, read_document_of
from ..export.mistakes import sources
from ..study_file.document import Mistake
from ..study_file.document import Path as Place


def check_data(best: BestConfiguration, path: Path) -> None:
    """Compare every source with its fingerprint.

    Args:
        best: what the file says.
        path: the file, which data paths are relative to.

    Raises:
        DataError: a source changed, is gone or cannot be read; the message has a line for each.
    """
    found = dict(changes(best, path.parent))
    if found:
        document = read_document_of(path)
        mistakes = [Mistake(place, document.line(place), text) for place, text in found.items()]
        raise DataError("\n".join(mistake.told(str(path)) for mistake in mistakes))


def changes(best: BestConfiguration, base: Path) -> Iterator[tuple[Place, str]]:
    """Sources, relative to `base`, that are not as they were, by where the file names them; and what is with each."""
    for place, text in sources(best.settings).items():
        known = best.fingerprints[text]
        try:
            now = fingerprint(resolve_source(text, base))
        except DataError as error:
            yield place, str(error)
            continue
        if now != known:
            yield (
                place,
                f"{text}: not the data that the configuration was found on: its SHA-256 is {now[:12]}…, and "
                f"fingerprints says {known[:12]}…",
            )
