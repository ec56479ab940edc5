"""Tags of words: the BIO scheme (Ramshaw & Marcus 1995, arXiv cmp-lg/9505040), its repair, and words as tokens.

BIOES and BILOU, which also mark an entity's end, and entities of one word, are read as BIO.

A column of tags holds either entity tags (`O`, `B-city`, `I-city`) or plain ones (`NOUN`), each of which stands for
a span of its own.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import torch

from ..data.targets import IGNORED, RaggedTargets, places_of
from ..data.tokens import Alignment, TokenTable

OUTSIDE = "O"
BEGIN, INSIDE = "B-", "I-"
IN_BIO = {"E-": INSIDE, "L-": INSIDE, "S-": BEGIN, "U-": BEGIN}
_MARK_FIRST = re.compile(r"[bi][-_:./].+", re.IGNORECASE | re.DOTALL)
_MARK_LAST = re.compile(r"(.+)[-_:./]([bi])", re.IGNORECASE | re.DOTALL)


def is_entity_tag(tag: str) -> bool:
    """Whether a tag begins or continues an entity."""
    return tag.startswith((BEGIN, INSIDE)) and len(tag) > len(BEGIN)


def misspelt_entity(labels: Collection[str]) -> str | None:
    """One of these tags where they are entities' in another spelling (`b-city`, `B_city`, `city-B`); else None."""
    if any(map(is_entity_tag, labels)):
        return None
    strange = [tag for tag in labels if tag.upper() != OUTSIDE]
    last = [found.groups() for found in map(_MARK_LAST.fullmatch, strange) if found]
    # `Type-I` alone may be a name; beside `Type-B` it is none.
    is_last = len(last) == len(strange) and len({name for name, _ in last}) < len(last)
    return strange[0] if strange and (is_last or all(map(_MARK_FIRST.fullmatch, strange))) else None


def commonplace(rows: Sequence[Sequence[str]]) -> list[str]:
    """All that have the tag of more than half of the words, where tags are plain and none is `O`; else none."""
    counts = Counter(tag for tags in rows for tag in tags)
    if not counts or OUTSIDE in counts or any(map(is_entity_tag, counts)):
        return []
    tag, count = counts.most_common(1)[0]
    return [tag] * count if 2 * count > counts.total() else []


def in_bio(tags: Sequence[str]) -> list[str]:
    """A sentence's tags of BIOES or BILOU in BIO: what ends an entity continues it, what is one alone begins it."""
    return [IN_BIO.get(tag[:2], tag[:2]) + tag[2:] for tag in tags]


def repaired(tags: Sequence[str]) -> list[str]:
    """A sentence's entity tags with every I- that continues nothing made a B-."""
    found: list[str] = []
    for tag in tags:
        entity = tag[len(INSIDE) :]
        continues = bool(found) and found[-1] in (BEGIN + entity, INSIDE + entity)
        found.append(BEGIN + entity if tag.startswith(INSIDE) and not continues else tag)
    return found


def tag_labels(tags: Iterable[str]) -> tuple[str, ...]:
    """The labels that a head tells apart: of entities both tags of each, though training may lack one; O first."""
    distinct = set(tags)
    if not any(map(is_entity_tag, distinct)):
        return tuple(sorted(distinct, key=lambda tag: (tag != OUTSIDE, tag)))
    entities = sorted({tag[len(BEGIN) :] for tag in distinct if is_entity_tag(tag)})
    return (OUTSIDE, *(prefix + entity for entity in entities for prefix in (BEGIN, INSIDE)))


@dataclass(frozen=True)
class TagTargets(RaggedTargets):
    """One target a token: the tag's number at the first token of each word, IGNORED elsewhere.

    `words` (tokens,) int32: the number of the word whose first token it is, else -1. `tags`: the true tags, by row.
    """

    words: torch.Tensor
    tags: Sequence[Sequence[str]]

    def unread(self, max_length: int) -> Iterator[tuple[int, int, bool]]:
        """Every word that has no token: the model never sees it, and calls it outside.

        Each is given by row, number, and whether it was cut off, as the row has `max_length` tokens, none of a word
        beyond it.
        """
        for row, tags in enumerate(self.tags):
            first, end = self.offsets[row : row + 2].tolist()
            seen = {word for word in self.words[first:end].tolist() if word >= 0}
            for word in range(len(tags)):
                if word not in seen:
                    yield row, word, end - first >= max_length and word > max(seen, default=-1)

    def take(self, rows: torch.Tensor) -> Self:
        words = self.words[places_of(self.offsets, rows)]
        taken = super().take(rows)
        return type(self)(taken.values, taken.offsets, words, [self.tags[int(row)] for row in rows])


def tag_targets(
    tokens: TokenTable,
    alignment: Alignment,
    sentences: Sequence[Sequence[str]],
    tags: Sequence[Sequence[str]],
    labels: Sequence[str],
) -> TagTargets:
    """Align the tags of words with tokens; of a word in several tokens the first one carries the tag.

    Args:
        tokens: the sentences, their words joined by blanks.
        alignment: of these tokens.
        sentences: the words of each row.
        tags: the tag of each word; one that `labels` lacks becomes IGNORED.
        labels: what the head tells apart.
    """
    place = {label: i for i, label in enumerate(labels)}
    words = torch.full((len(tokens.ids),), -1, dtype=torch.int32)
    values = torch.full((len(tokens.ids),), IGNORED, dtype=torch.int64)
    # A token may begin with the blank before its word, so the word of its last character is taken.
    last = alignment.characters[:, 1].long() - 1
    inside = (alignment.segments == 0) & (alignment.characters[:, 1] > alignment.characters[:, 0])
    for row, (sentence, names) in enumerate(zip(sentences, tags, strict=True)):
        if not sentence:
            continue
        first, end = tokens.offsets[row : row + 2].tolist()
        lengths = torch.tensor([len(word) for word in sentence])
        ends = (lengths + 1).cumsum(0) - 1  # where the blank behind each word stands
        word = torch.bucketize(last[first:end], ends, right=True)
        on_blank = torch.isin(last[first:end], ends)
        word = word.masked_fill(~inside[first:end] | on_blank, -1)
        # A token without width between two of one word, as of a blank within it, does not begin the word again.
        begins = word > torch.cat([torch.tensor([-1]), word.cummax(0).values[:-1]])
        words[first:end] = torch.where(begins, word, -1).int()
        numbers = torch.tensor([place.get(name, IGNORED) for name in names])
        values[first:end] = torch.where(begins, numbers[word.clamp(0, len(names) - 1)], IGNORED)
    return TagTargets(values, tokens.offsets, words, tags)


def predicted_tags(predictions: torch.Tensor, targets: TagTargets, labels: Sequence[str]) -> list[list[str]]:
    """The tags of all words: predictions (rows, length) hold each token's label; a word without a token is outside."""
    found = [[OUTSIDE] * len(true) for true in targets.tags]
    tokens = (targets.words >= 0).nonzero().squeeze(1)
    rows = torch.bucketize(tokens, targets.offsets, right=True) - 1
    guesses = predictions[rows, tokens - targets.offsets[rows]].long().tolist()
    for row, word, guess in zip(rows.tolist(), targets.words[tokens].tolist(), guesses, strict=True):
        found[row][word] = labels[guess]
    return found


def as_entities(tags: Sequence[str]) -> list[str]:
    """Plain tags as entities of one word each, which is how seqeval can count them."""
    return [tag if tag == OUTSIDE or is_entity_tag(tag) else BEGIN + tag for tag in tags]
