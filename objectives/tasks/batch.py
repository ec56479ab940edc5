"""A task's rows as tensors: all of them, those of one step, and the numbers of their tokens."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Self

import torch
from transformers import PreTrainedTokenizerFast

from ..data.cleaning import Finding
from ..data.targets import IGNORED, Targets
from ..data.tokens import TokenTable


@dataclass
class Batch:
    """One task's rows of one step.

    `ids` (rows, length) int64; `mask` (rows, length) bool; `targets` as the task's kind has them, rows
    first. `types` (rows, length) int64 tells the first from the second text of a pair; None where the encoder does
    not read it. `partner` (rows,) int64 and `keep` (rows,) float say how mixup blends each row with another of the
    same batch; `cut_tokens` (rows, length) bool and `cut_features` (rows, width) bool what cutoff takes out of the
    rows' embeddings. None: nothing. `counted` (rows,) bool: which rows of a part are in its loss, where others are only
    there to be blended with; None: all. `hidden` (tokens,) int64: where in (rows · length) the tokens stand that
    masked_lm guesses; they are looked up on the CPU, as a GPU would have to be waited for; None: not yet. `shares`: how
    many of them are each trial's; None: all are one trial's.
    """

    ids: torch.Tensor
    mask: torch.Tensor
    targets: torch.Tensor
    partner: torch.Tensor | None = None
    keep: torch.Tensor | None = None
    types: torch.Tensor | None = None
    cut_tokens: torch.Tensor | None = None
    cut_features: torch.Tensor | None = None
    counted: torch.Tensor | None = None
    hidden: torch.Tensor | None = None
    shares: Sequence[int] | None = None

    @classmethod
    def of(cls, parts: Mapping[str, torch.Tensor], targets: torch.Tensor) -> Self:
        """A batch of gathered tokens: `ids`, `mask`, and `types` where there are any."""
        return cls(parts["ids"], parts["mask"], targets, types=parts.get("types"))

    @property
    def tensors(self) -> dict[str, torch.Tensor]:
        """All tensors that it has, by the names of their fields."""
        values = {part.name: getattr(self, part.name) for part in fields(self)}
        return {name: value for name, value in values.items() if isinstance(value, torch.Tensor)}

    def to(self, device: torch.device) -> Self:
        """The batch on a device. The copy to a GPU is not waited for."""

        def moved(part: torch.Tensor) -> torch.Tensor:
            # From memory that may be paged out, a copy would wait for all that the GPU has yet to do.
            pinned = part.pin_memory() if device.type == "cuda" and part.device.type == "cpu" else part
            return pinned.to(device, non_blocking=True)

        return replace(self, **{name: moved(part) for name, part in self.tensors.items()})

    @property
    def is_reworked(self) -> bool:
        """Whether the model changes the embeddings of any row."""
        return self.keep is not None or self.cut_tokens is not None

    def mean(self, terms: torch.Tensor, counted: torch.Tensor | None = None) -> torch.Tensor:
        """The mean of a loss's terms (rows, …), of those that are `counted` (rows, …) bool; the others are 0."""
        return terms.mean() if counted is None else terms.sum() / counted.sum().clamp(min=1)

    def blended(self, losses: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
        """The mean of each row's loss (rows,), as `losses` finds it for given targets.

        Under mixup it is that of the blended targets, λ·l(y) + (1 - λ)·l(y of the partner): the loss of the blend
        where l is linear in y, as cross-entropies are (Zhang et al. 2018, arXiv 1710.09412).
        """
        own = losses(self.targets)
        if self.keep is None or self.partner is None:
            return self.mean(own)
        blended = self.keep * own + (1 - self.keep) * losses(self.targets[self.partner])
        return self.mean(blended if self.counted is None else blended * self.counted, self.counted)


def hidden_places(targets: torch.Tensor) -> torch.Tensor:
    """Where the targets (rows, length) stand that are to be guessed: (tokens,) int64, in (rows · length)."""
    return (targets != IGNORED).flatten().nonzero().squeeze(1)


@dataclass(frozen=True)
class TextCodes:
    """What a task may need to know about tokens, in the trimmed vocabulary."""

    size: int
    mask: int | None
    special: torch.Tensor
    """(special tokens,) int64: never masked, never predicted."""
    pad: int
    original: torch.Tensor
    """(size,) int64: each token's number in the tokenizer."""
    tokenizer: PreTrainedTokenizerFast
    separator: int | None = None
    """Between a text and what a decoder-only model writes behind it; None for other families."""
    width: int = 0
    """Features of a token's embedding."""

    def text(self, ids: torch.Tensor) -> str:
        """The text of some tokens (tokens,), without special ones."""
        return str(self.tokenizer.decode(self.original[ids], skip_special_tokens=True))


@dataclass(frozen=True)
class Examples:
    """A task's rows as tensors: `targets` has one row for each of `tokens`; `findings` says what could not be used."""

    tokens: TokenTable
    targets: Targets
    findings: Sequence[Finding] = ()
