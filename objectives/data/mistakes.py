"""The mistakes of a file, reported together, each with its line."""

from ...spaces.errors import DataError

SHOWN = 5  # mistakes listed one by one; more lines would push the first ones off the screen


class Mistakes:
    """What is wrong with one file; one error tells it all."""

    def __init__(self, source: str, unit: str = "line") -> None:
        self._source = source
        self._unit = unit
        self._found: list[tuple[int, str]] = []

    def add(self, line: int, problem: str) -> None:
        self._found.append((line, problem))

    def __len__(self) -> int:
        return len(self._found)

    def raise_if_any(self) -> None:
        """Raise a DataError that lists the first mistakes by line and counts the rest."""
        if len(self._found) == 1:
            line, problem = self._found[0]
            raise DataError(f"{self._source}, {self._unit} {line}: {problem}")
        if self._found:
            shown = [f"  {self._unit} {line}: {problem}" for line, problem in sorted(self._found)[:SHOWN]]
            rest = [f"  and {len(self._found) - SHOWN} more"] if len(self._found) > SHOWN else []
            raise DataError("\n".join([f"{self._source} has {len(self._found)} mistakes:", *shown, *rest]))
