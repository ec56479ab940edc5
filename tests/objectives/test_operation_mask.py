"""What mask does to words."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from autotune.objectives.augmentation import mask as mask_module
from autotune.objectives.augmentation.mask import WORD, Mask
from autotune.objectives.augmentation.operation import Resources
from autotune.objectives.data.row import Row
from autotune.spaces.augmentation import AugmentationSpace
from autotune.spaces.errors import OperationUnavailable

Architectures = Callable[..., Path]

REVIEW = "The Battery of the CAMERA, superb; the screen isn't great (delivery: awful)!"


def mask_of(folder: Path, max_length: int = 40) -> Mask:
    space = AugmentationSpace.model_validate({"mask": {"model": str(folder)}})
    return Mask.make(space, Resources(Path(), "scratch:tiny", [], max_length=max_length))


def rewritten(mask: Mask, text: str, magnitude: float, seed: int = 0) -> str:
    (row,) = mask.rewrite([Row((text,))], magnitude, 0, seed)
    assert row is not None
    return row.texts[0]


def changed(before: str, after: str) -> list[int]:
    """The places of the words that differ; what stands between words must not."""
    assert WORD.split(before) == WORD.split(after)
    pairs = zip(WORD.findall(before), WORD.findall(after), strict=True)
    return [place for place, (old, new) in enumerate(pairs) if old != new]


def test_words_are_without_punctuation_and_chinese_ones_are_characters():
    assert WORD.findall("isn't (well-made)! mp3 3g 很好ok नि.") == ["isn't", "well-made", "mp3", "很", "好", "ok", "नि"]


@pytest.mark.parametrize(
    "architecture",
    ["bert", "roberta", "xlm-roberta", "distilbert", "electra", "albert", "mpnet", "deberta-v2", "modernbert"],
)
def test_a_share_of_the_words_is_replaced_rounded_up(architectures: Architectures, architecture: str):
    mask = mask_of(architectures(architecture), max_length=38)
    for seed in range(5):
        touched = [changed(REVIEW, rewritten(mask, REVIEW, magnitude, seed)) for magnitude in (0.01, 0.3, 0.6, 1.0)]
        assert [len(places) for places in touched] == [1, 4, 8, 12]
        assert all(set(less) < set(more) for less, more in pairwise(touched))


def test_a_batch_is_as_small_as_its_longest_text_asks(architectures: Architectures, monkeypatch: pytest.MonkeyPatch):
    mask, sizes, bound = mask_of(architectures("bert")), list[int](), 4 * 40
    logits = Mask._logits

    def counted(self: Mask, ids: Sequence[Sequence[int]]) -> list[torch.Tensor]:
        sizes.append(len(ids) * max(map(len, ids)))
        return logits(self, ids)

    monkeypatch.setattr(Mask, "_logits", counted)
    monkeypatch.setattr(mask_module, "_LOGITS", bound * mask._language.model.config.vocab_size)
    mask.rewrite([Row(("good " * words,)) for words in range(1, 30)], 0.3, 0, 0)
    assert len(sizes) > 1
    assert max(sizes) <= bound


def test_capitals_are_kept_and_no_piece_is_left(architectures: Architectures):
    words = WORD.findall(rewritten(mask_of(architectures("bert")), REVIEW, 1.0))
    assert words[4].isupper()
    assert words[0][0].isupper()
    assert words[2].islower()


def test_rows_of_words_keep_their_number(architectures: Architectures):
    mask, words = mask_of(architectures("bert")), ("The", "battery", ",", "", "superb", "!")
    (row,) = mask.rewrite([Row(words)], 1.0, 0, 0)
    assert row is not None
    assert len(row.texts) == len(words)
    assert [row.texts[place] for place in (2, 3, 5)] == [",", "", "!"]
    assert all(row.texts[place] != words[place] and not row.texts[place].count(" ") for place in (0, 1, 4))


def test_words_behind_the_window_stay(architectures: Architectures):
    mask, text = mask_of(architectures("bert"), max_length=12), "battery " * 500 + "👍"
    after = rewritten(mask, text, 1.0)
    assert changed(text, after) == list(range(10))  # and two special tokens


def test_chinese_without_chinese_predictions_stays(architectures: Architectures):
    assert rewritten(mask_of(architectures("bert")), "很好 的 电池", 1.0) == "很好 的 电池"


def test_one_model_reads_labels_and_pairs_unchanged(architectures: Architectures):
    (row,) = mask_of(architectures("bert")).rewrite([Row(("the price is great", "a faulty screen"), "yes")], 0.5, 0, 0)
    assert row is not None
    assert row.label == "yes"
    assert [len(text.split()) for text in row.texts] == [4, 3]


def test_minilm_has_no_head_that_fills_in_words(minilm: Path):
    with pytest.raises(OperationUnavailable) as caught:
        Mask.make(AugmentationSpace(), Resources(Path(), str(minilm), []))
    assert "its files lack cls.predictions" in str(caught.value)
    assert "Name a masked language model there" in str(caught.value)


def test_the_encoder_itself_serves_where_it_has_the_head(architectures: Architectures):
    mask = Mask.make(AugmentationSpace(), Resources(Path(), str(architectures("bert")), [], max_length=40))
    assert mask.fingerprint == mask_of(architectures("bert")).fingerprint
    assert mask.fingerprint != mask_of(architectures("bert"), max_length=20).fingerprint
