"""What whoever trains from a best.yaml should know before, though it is no mistake."""

from collections.abc import Iterator
from pathlib import Path

from ..export.best_file import BestConfiguration
from ..versions import differences


def warnings(best: BestConfiguration, path: Path) -> Iterator[str]:
    """That its figures are another configuration's, and that other versions may compute another thing."""
    if not best.is_as_measured:
        yield f"warning: {path.name} was changed since its export: its figures belong to another configuration"
    if changed := differences(best.versions):
        yield f"warning: results may differ from those of the export: {'; '.join(changed)}"
