"""Text generation by a head, in each family: teacher-forced, or greedy.

A model with a decoder reads the source in its encoder. A decoder-only one has source, end token and target in one row.
"""

from collections.abc import Callable

import torch
from torch.nn import functional
from transformers import DynamicCache, EncoderDecoderCache

from ..data.targets import IGNORED
from .borrowed import BorrowedHead, Encoded

Step = Callable[[torch.Tensor | None], torch.Tensor]
"""Takes the tokens (rows,) that were written last, None at first; gives the next ones (rows,)."""


def in_one_row(
    ids: torch.Tensor, mask: torch.Tensor, targets: torch.Tensor, end: int, pad: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Source, end token and all of the target but its last token in one row, for a decoder-only model.

    Args:
        ids: (rows, length) int64, the source, padded behind.
        mask: (rows, length) bool.
        targets: (rows, target length) int64, padded with IGNORED behind.
        end: the token between source and target.
        pad: the padding token.

    Returns:
        ids and mask, both (rows, length + target length).
    """
    known, lengths = targets != IGNORED, mask.sum(1, keepdim=True)
    written = targets.roll(1, dims=1)
    written[:, 0] = end
    places = lengths + torch.arange(targets.shape[1])
    longer = functional.pad(ids, (0, targets.shape[1]), value=pad)
    columns = torch.arange(longer.shape[1])
    return longer.scatter(1, places, written.masked_fill(~known, pad)), columns < lengths + known.sum(1, keepdim=True)


def target_logits(head: BorrowedHead, encoded: Encoded, mask: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """What a head says of each target token, given the true ones before it.

    Args:
        head: of a class that writes.
        encoded: the rows.
        mask: (rows, length) bool, of the rows.
        targets: (rows, target length) int64, padded with IGNORED behind.

    Returns:
        (target tokens, vocabulary) in fp32, row by row.
    """
    known = targets != IGNORED
    if not head.model.config.is_encoder_decoder:
        rows, columns = known.nonzero(as_tuple=True)
        first = mask.sum(1) - known.sum(1)
        states = encoded.last_hidden_state[rows, first[rows] + columns]
        return head(Encoded(states.unsqueeze(0))).squeeze(0).float()
    given = targets.roll(1, dims=1)
    given[:, 0] = head.model.config.decoder_start_token_id
    given = given.masked_fill(given == IGNORED, 0)
    return head(encoded, attention_mask=mask.long(), decoder_input_ids=given, use_cache=False)[known].float()


def greedy(
    head: BorrowedHead, encoded: Encoded, ids: torch.Tensor, mask: torch.Tensor, prompts: torch.Tensor, limit: int
) -> torch.Tensor:
    """The most probable token, again and again, until every row has written its end token.

    Args:
        head: of a class that writes.
        encoded: the rows.
        ids: (rows, length) int64, of the rows.
        mask: (rows, length) bool, likewise.
        prompts: (rows,) int64, the tokens of each row that a decoder-only model is given.
        limit: the most tokens to write.

    Returns:
        (rows, at most `limit`) int64, IGNORED behind the end token.
    """
    config = head.model.config
    step = _with_decoder(head, encoded, mask) if config.is_encoder_decoder else _behind(head, encoded, ids, prompts)
    token, written = None, list[torch.Tensor]()
    going = torch.ones(len(mask), dtype=torch.bool, device=mask.device)
    while len(written) < limit and going.any():
        token = step(token)
        written.append(token.masked_fill(~going, IGNORED))
        going = going & (token != config.eos_token_id)
    return torch.stack(written, 1)


def _with_decoder(head: BorrowedHead, encoded: Encoded, mask: torch.Tensor) -> Step:
    cache = EncoderDecoderCache(DynamicCache(), DynamicCache())
    start = torch.full((len(mask),), head.model.config.decoder_start_token_id, device=mask.device)

    def step(token: torch.Tensor | None) -> torch.Tensor:
        given = (start if token is None else token).unsqueeze(1)
        logits = head(
            encoded, attention_mask=mask.long(), decoder_input_ids=given, past_key_values=cache, use_cache=True
        )
        return logits[:, -1].argmax(-1)

    return step


def _behind(head: BorrowedHead, encoded: Encoded, ids: torch.Tensor, prompts: torch.Tensor) -> Step:
    """Writes behind prompts of several lengths: padding stands between, and is hidden."""
    decode, cache = encoded.decode, DynamicCache(config=head.model.config)
    assert decode is not None
    rows, given = torch.arange(len(ids), device=ids.device), ids[:, : int(prompts.max())]
    seen = torch.arange(given.shape[1], device=ids.device) < prompts.unsqueeze(1)

    def step(token: torch.Tensor | None) -> torch.Tensor:
        nonlocal seen
        if token is None:
            states = decode(given, cache, seen)[rows, prompts - 1]
        else:
            seen = functional.pad(seen, (0, 1), value=True)
            states = decode(token.unsqueeze(1), cache, seen)[:, -1]
        return head(Encoded(states.unsqueeze(1)))[:, -1].argmax(-1)

    return step
