"""Long text of a user's file on a terminal, truncated."""

from collections.abc import Sequence

from ...objectives.augmentation.words import clusters
from ..differences import Span

_MOST = 400
"""Characters of one text; some more lines than a screen has room for would hide the next row."""
_LEAD = 60
"""Characters before the first change, where what comes before is cut."""


def shortened(spans: Sequence[Span]) -> list[Span]:
    """At most about 400 characters, from shortly before the first change; … stands for what is cut."""
    whole = [(cluster, span.changed) for span in spans for cluster in clusters(span.text)]
    if len(whole) <= _MOST:
        return list(spans)
    first = next((at for at, (_, changed) in enumerate(whole) if changed), 0)
    start = max(first - _LEAD, 0) if first > _MOST - _LEAD else 0
    end = start + _MOST
    found = [Span("…")] if start else []
    for cluster, changed in whole[start:end]:
        if found and found[-1].changed == changed:
            found[-1] = Span(found[-1].text + cluster, changed)
        else:
            found.append(Span(cluster, changed))
    return [*found, Span("…")] if end < len(whole) else found
