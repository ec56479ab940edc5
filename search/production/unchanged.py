"""Checks that a best.yaml and the data and files it names are unchanged since its figures were measured."""

from collections.abc import Iterator
from pathlib import Path

from ...objectives.corpus.named_sources import named_source
from ...objectives.data.loading import fingerprint
from ...spaces.errors import DataError
from ..beside import digest, named
from ..export.best_file import BestConfiguration, read_document_of
from ..export.mistakes import sources
from ..study_file.document import Mistake, Place
from ..versions import differences


def check_data(best: BestConfiguration, path: Path) -> None:
    """Compare data, lexicons and models in folders with their fingerprints.

    Args:
        best: what the file says.
        path: the file, which paths are relative to.

    Raises:
        DataError: one of these changed, is gone or cannot be read; the message has a line for each.
    """
    found = dict(changes(best, path.parent))
    if found:
        document = read_document_of(path)
        mistakes = [Mistake(place, document.line(place), text) for place, text in found.items()]
        raise DataError("\n".join(mistake.told(str(path)) for mistake in mistakes))


def warnings(best: BestConfiguration, path: Path) -> Iterator[str]:
    """What whoever trains should know before, though it is no mistake.

    The file's figures may be another configuration's, and other versions may compute another thing.
    """
    if not best.is_as_measured:
        yield f"warning: {path.name} was changed since its export: its figures belong to another configuration"
    if changed := differences(best.versions):
        yield f"warning: results may differ from those of the export: {'; '.join(changed)}"


def changes(best: BestConfiguration, base: Path) -> Iterator[tuple[Place, str]]:
    """What is not as it was, relative to `base`, by where the file names it; and what is with each."""
    for place, text in sources(best.settings).items():
        known = best.fingerprints[text]
        try:
            now = fingerprint(named_source(text, best.settings, base), known)
        except DataError as error:
            yield place, str(error)
            continue
        if now != known:
            yield (
                place,
                f"{text}: not the data that the configuration was found on: its SHA-256 is {now[:12]}…, and "
                f"fingerprints says {known[:12]}…",
            )
    yield from _changes_beside(best, base)


def _changes_beside(best: BestConfiguration, base: Path) -> Iterator[tuple[Place, str]]:
    for key, text in named(best.settings.model.encoder, best.augmentation):
        place = ("settings", *key) if key[0] == "model" else key[1:]
        known = best.fingerprints.get(text)
        if known is None:  # no file or folder, or written by hand without it
            continue
        now = digest(place, text, base)
        if now is None:
            yield place, f"{text}: the file or folder no longer exists"
        elif now != known:
            yield (
                place,
                f"{text}: not what the configuration was found with: its SHA-256 is {now[:12]}…, and fingerprints says "
                f"{known[:12]}…",
            )
