"""The bank: what every text operation makes of the training rows, tokenised ahead of training.

One table holds the original rows and, after them, every row that an operation changed. For each (operation,
magnitude, replica) `places` says where a row's variant stands; a row that the operation refused or left as it was, or
whose variant repeats a held-out row, has its original's place. A trial's mix is then nothing but a choice of places.
The table is one file in the cache, mapped into memory, so that all processes of a host share it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch

from ...spaces.augmentation import AugmentationSpace
from ..caching import content_hash
from ..data.cleaning import Action, Finding
from ..data.row import Row
from ..data.targets import RaggedTargets, Targets, TextTargets, offsets_from
from ..data.tokens import TokenTable, concatenate
from ..tensor_cache import cached_tensors, tensors_hash

VariantKey = tuple[str, float]
"""An operation and its magnitude."""

SAME, CHANGED, REFUSED, GUARDED = range(4)
"""What became of a row: left as it was, rewritten, refused by the operation, or too near to a held-out row."""
_TOLD: Sequence[tuple[int, str, Action]] = (
    (REFUSED, "refused, the original is kept", "noted"),
    (GUARDED, "equal or nearly equal to a held-out row", "dropped"),
)


@dataclass(frozen=True)
class TokenBank:
    """`tokens` and `targets` of the stored rows, in the tokenizer's own numbers.

    `places`: (1 + variants, rows) int64, where each row's original and variants are stored. `variants`: for each key
    which rows of `places` its replicas are, (replicas,) int64. `status`: (variants, rows) int8. `numbers`: (full
    vocabulary,) int64, each token's number in the trimmed vocabulary, by which `gather` translates.
    """

    tokens: TokenTable
    targets: Targets
    places: torch.Tensor
    variants: Mapping[VariantKey, torch.Tensor]
    status: torch.Tensor
    numbers: torch.Tensor | None = None

    def take(self, rows: torch.Tensor) -> "TokenBank":
        """Some rows (kept,) and all their variants, as a bank of their own; no token is copied."""
        return replace(self, places=self.places[:, rows], status=self.status[:, rows])

    def numbered(self, numbers: torch.Tensor) -> "TokenBank":
        """The same bank with batches in another numbering: `numbers` (old vocabulary,) holds each token's new id."""
        targets = self.targets.mapped(numbers) if isinstance(self.targets, TextTargets) else self.targets
        return replace(self, numbers=numbers, targets=targets)

    def gather(self, stored: torch.Tensor, length: int, pad: int) -> dict[str, torch.Tensor]:
        """Stored rows (batch,) as padded parts of a batch; `pad` is the padding's number in the trimmed vocabulary."""
        parts = self.tokens.gather(stored, length, 0)
        if self.numbers is not None:
            parts["ids"] = self.numbers[parts["ids"]]
        parts["ids"].masked_fill_(~parts["mask"], pad)
        return parts

    def counts(self) -> dict[str, dict[str, int]]:
        """For each operation the rows that it was asked for, over all levels and replicas, and what became of them."""
        found: dict[str, dict[str, int]] = {}
        for (name, _), which in self.variants.items():
            status = self.status[which - 1]
            counted = {
                "rows": status.numel(),
                "refused": int((status == REFUSED).sum()),
                "guarded": int((status == GUARDED).sum()),
            }
            known = found.setdefault(name, dict.fromkeys(counted, 0))
            found[name] = {key: known[key] + value for key, value in counted.items()}
        return found

    def findings(self, texts: Sequence[str]) -> list[Finding]:
        """What was refused and what was dropped; `texts` (rows,) are the originals, for examples."""
        found: list[Finding] = []
        for name, counts in self.counts().items():
            status = torch.cat([self.status[which - 1] for (known, _), which in self.variants.items() if known == name])
            asked = f"of {counts['rows']} generated rows"
            for state, what, action in _TOLD:
                rows: list[int] = (status == state).nonzero()[:, 1].tolist()
                if rows:
                    examples = [texts[row] for row in rows]
                    found.append(Finding.of(f"augmentation: {name}: {asked} {what}", examples, action))
        return found


def bank_of_originals(tokens: TokenTable, targets: Targets) -> TokenBank:
    """The bank without any variant."""
    rows = len(tokens)
    return TokenBank(tokens, targets, torch.arange(rows).unsqueeze(0), {}, torch.zeros(0, rows, dtype=torch.int8))


def bank_of(
    original: TokenTable,
    targets: Targets,
    pieces: Callable[[], Sequence[Mapping[str, torch.Tensor]]],
    space: AugmentationSpace,
    names: Sequence[str],
    key: str,
) -> TokenBank:
    """The bank of all pieces (operation by operation, level by level, replica by replica), mapped from one file.

    `pieces` is called only where the cache has no such bank.
    """
    stored = cached_tensors("banks", key, lambda: _assembled(original, targets, pieces()), mapped=True)
    tokens = TokenTable(stored["ids"], stored["offsets"], stored.get("types"))
    places, variants = stored["places"], _variants(space, names)
    return TokenBank(tokens, _read_targets(stored, targets), places, variants, stored["status"])


def _variants(space: AugmentationSpace, names: Sequence[str]) -> dict[VariantKey, torch.Tensor]:
    keys = [(name, magnitude) for name in names for magnitude in space.magnitudes]
    return {key: 1 + place * space.replicas + torch.arange(space.replicas) for place, key in enumerate(keys)}


def _assembled(
    original: TokenTable, targets: Targets, pieces: Sequence[Mapping[str, torch.Tensor]]
) -> dict[str, torch.Tensor]:
    tables = [original, *(TokenTable(piece["ids"], piece["offsets"], piece.get("types")) for piece in pieces)]
    table = concatenate(tables)
    own = torch.arange(len(original))
    places, first = [own], len(original)
    for piece in pieces:
        changed = piece["status"] == CHANGED
        places.append(torch.where(changed, first + changed.cumsum(0) - 1, own))
        first += int(changed.sum())
    types = {} if table.types is None else {"types": table.types}
    return {
        "ids": table.ids,
        "offsets": table.offsets,
        **types,
        **_joined_targets([write_targets(targets), *pieces]),
        "places": torch.stack(places),
        "status": torch.stack([piece["status"] for piece in pieces]),
    }


def write_targets(targets: Targets) -> dict[str, torch.Tensor]:
    """Targets as tensors of a file."""
    if isinstance(targets, RaggedTargets):
        return {"targets": targets.values, "target_offsets": targets.offsets.clone()}  # a file takes no memory twice
    assert isinstance(targets, torch.Tensor)
    return {"targets": targets}


def _joined_targets(parts: Sequence[Mapping[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    joined = {"targets": torch.cat([part["targets"] for part in parts])}
    if "target_offsets" in parts[0]:
        joined["target_offsets"] = offsets_from(torch.cat([part["target_offsets"].diff() for part in parts]))
    return joined


def _read_targets(stored: Mapping[str, torch.Tensor], like: Targets) -> Targets:
    """As training reads them; what measuring needs beside the numbers stays with the originals."""
    if not isinstance(like, RaggedTargets):
        return stored["targets"]
    kind = TextTargets if isinstance(like, TextTargets) else RaggedTargets
    return kind(stored["targets"], stored["target_offsets"])


def rows_hash(
    rows: Sequence[Row],
    original: TokenTable,
    targets: Targets,
    answers: Sequence[str] | None,
    tokenizer: str,
    limit: int,
) -> str:
    """Changes with whatever all variants of some rows are made from, operations aside.

    `answers` (rows,) hold what `targets` lost at the length limit and a shorter variant has again: late words' tags.
    """
    digests = [tokenizer, str(limit), str(len(rows))]
    digests += [text for row in rows for text in (*row.texts, repr((row.label, row.is_words)))]
    tensors = {"ids": original.ids, "offsets": original.offsets, **write_targets(targets)}
    return content_hash([*digests, *(answers or ()), tensors_hash(tensors)])
