"""Sampling from a pretrained model for augmentation, each row with its own random state."""

import copy
import math
import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from transformers import LogitsProcessor, LogitsProcessorList, StoppingCriteria, StoppingCriteriaList

from ..models.encoders import quiet_transformers
from ..models.language_models import LanguageModel

TOP = 50
"""Tokens that are drawn from at each step (Fan et al. 2018, arXiv 1805.04833, have 10; GPT-2's report 40)."""
_ROWS = 32
"""Rows that are written together."""


@dataclass(frozen=True)
class Prompt:
    """What one text is written from: tokens, the most tokens to write, and the random state."""

    ids: Sequence[int]
    limit: int
    generator: random.Random


class _Drawn(LogitsProcessor):
    """Leaves one token of each row: the most probable one after Gumbel noise, which is an exact draw.

    Transformers' own sampling draws a batch from one global state, so that a row would depend on its neighbours.
    """

    def __init__(self, generators: Sequence[random.Random], temperature: float) -> None:
        self._generators, self._temperature = generators, temperature

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        del input_ids
        best = scores.float().cpu().topk(min(TOP, scores.shape[1]))
        shape = range(best.values.shape[1])
        noise = [[-math.log(max(row.expovariate(1), 1e-300)) for _ in shape] for row in self._generators]
        drawn = (best.values / self._temperature + torch.tensor(noise)).argmax(1, keepdim=True)
        only = torch.full_like(scores, -torch.inf)
        return only.scatter_(1, best.indices.gather(1, drawn).to(scores.device), 0.0)


class _Ended(StoppingCriteria):
    """Each row ends at its own limit, or with one of the end tokens."""

    def __init__(self, first: int, limits: Sequence[int], ends: Collection[int]) -> None:
        self._first, self._limits, self._ends = first, torch.tensor(limits), torch.tensor(sorted(ends))

    def __call__(self, input_ids: torch.Tensor, scores: object, **options: object) -> torch.BoolTensor:
        del scores, options
        over = self._limits.to(input_ids.device) <= input_ids.shape[1] - self._first
        return cast(torch.BoolTensor, over | torch.isin(input_ids[:, -1], self._ends.to(input_ids.device)))


def write(
    language: LanguageModel, prompts: Sequence[Prompt], temperature: float, more_ends: Collection[int] = ()
) -> list[str | None]:
    """What the model writes for, or behind, each prompt; None where it comes to no end within the limit.

    Rows are written in batches of about one length. Padding moves logits by about 1e-6: a draw would differ beside
    other rows only where it falls that near to the border between two tokens.

    Args:
        language: encoder–decoder or decoder-only.
        prompts: any number; none is longer than the model's window.
        temperature: above 0; divides the logits.
        more_ends: tokens that end a text beside the model's own.
    """
    found: list[str | None] = [None] * len(prompts)
    order = sorted(range(len(prompts)), key=lambda place: len(prompts[place].ids))
    ends = {*more_ends, *_own_ends(language)}
    for first in range(0, len(order), _ROWS):
        places = order[first : first + _ROWS]
        written = _batch(language, [prompts[place] for place in places], temperature, ends)
        for place, ids in zip(places, written, strict=True):
            found[place] = _text(language, ids, prompts[place].limit, ends)
    return found


def _own_ends(language: LanguageModel) -> list[int]:
    assert language.model.generation_config is not None
    known = language.model.generation_config.eos_token_id
    if known is None:
        known = language.tokenizer.eos_token_id
    return known if isinstance(known, list) else [] if known is None else [known]


def _text(language: LanguageModel, ids: Sequence[int], limit: int, ends: Collection[int]) -> str | None:
    end = next((place for place, token in enumerate(ids[:limit]) if token in ends), None)
    if end is None:
        return None
    text = str(language.tokenizer.decode(ids[:end], skip_special_tokens=True)).strip()
    return None if "\N{REPLACEMENT CHARACTER}" in text else text  # bytes that are no character


def _batch(
    language: LanguageModel, prompts: Sequence[Prompt], temperature: float, ends: Collection[int]
) -> list[list[int]]:
    """The tokens written, with whatever comes behind the end."""
    model: Any = language.model  # torch calls every attribute a tensor or a module
    seq2seq = model.config.is_encoder_decoder
    longest = max(len(prompt.ids) for prompt in prompts)
    pad = _padding(language)
    ids = torch.tensor([[pad] * (longest - len(prompt.ids)) + list(prompt.ids) for prompt in prompts])
    mask = torch.tensor([[0] * (longest - len(prompt.ids)) + [1] * len(prompt.ids) for prompt in prompts])
    if seq2seq:  # positions count from the left
        ids, mask = ids.clone(), mask.clone()
        for row, prompt in enumerate(prompts):
            ids[row], mask[row] = ids[row].roll(len(prompt.ids)), mask[row].roll(len(prompt.ids))
    first = 1 if seq2seq else longest
    limits = [prompt.limit for prompt in prompts]
    with torch.inference_mode(), quiet_transformers():
        written = model.generate(
            ids.to(model.device),
            attention_mask=mask.to(model.device),
            generation_config=_generation(language, max(limits), pad),
            logits_processor=LogitsProcessorList([_Drawn([prompt.generator for prompt in prompts], temperature)]),
            stopping_criteria=StoppingCriteriaList([_Ended(first, limits, ends)]),
        )
    return written[:, first:].tolist()


def _padding(language: LanguageModel) -> int:
    known = language.tokenizer.pad_token_id
    return known if isinstance(known, int) else next(iter(_own_ends(language)), 0)


def _generation(language: LanguageModel, limit: int, pad: int) -> Any:  # noqa: ANN401
    """The model's own settings (a forced language, bad words), but for how tokens are chosen and texts end."""
    changed = copy.deepcopy(language.model.generation_config)
    changes = {"do_sample": False, "num_beams": 1, "max_new_tokens": limit, "pad_token_id": pad}
    off = ("max_length", "temperature", "top_k", "top_p", "forced_eos_token_id", "early_stopping", "length_penalty")
    for name, value in {**dict.fromkeys(off), **changes}.items():
        setattr(changed, name, value)
    return changed
