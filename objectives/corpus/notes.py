"""What is found in the rows on their way, in the order in which it is found."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ..data.cleaning import Finding
from ..data.table import Table


@dataclass
class Notes:
    """Findings; each begins with the source that it is of."""

    findings: list[Finding] = field(default_factory=list[Finding])

    def add(self, table: Table, found: Sequence[Finding]) -> None:
        """Keep what was found in a table's rows."""
        self.findings += [replace(finding, what=f"{table.source}: {finding.what}") for finding in found]
