"""Small BERT-shaped encoders from random weights, with a WordPiece tokenizer of the study's own text."""

from collections import Counter
from collections.abc import Sequence

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import BertConfig, BertTokenizer

from .names import SCRATCH

_HEAD_WIDTH = 64
_VOCABULARY = 8000
_INSIDE = "##"
"""Marks a piece that continues a word."""
_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def scratch_config(name: str, tokenizer: BertTokenizer, max_length: int) -> BertConfig:
    """The shape of `scratch:tiny` or `scratch:mini` for this tokenizer and text length."""
    shape = SCRATCH[name]
    return BertConfig(
        vocab_size=len(tokenizer),
        num_hidden_layers=shape["num_hidden_layers"],
        hidden_size=shape["hidden_size"],
        num_attention_heads=shape["hidden_size"] // _HEAD_WIDTH,
        intermediate_size=4 * shape["hidden_size"],
        max_position_embeddings=max_length,
        pad_token_id=0,
    )


def scratch_tokenizer(texts: Sequence[str]) -> BertTokenizer:
    """Learn a lower-casing WordPiece tokenizer (Chinese characters apart) from the training texts."""
    tokenizer = _untrained(models.WordPiece(_word_pieces(texts), unk_token="[UNK]"))
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", _SPECIAL.index("[CLS]")), ("[SEP]", _SPECIAL.index("[SEP]"))],
    )
    return BertTokenizer(
        tokenizer_object=tokenizer,
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    )


def _word_pieces(texts: Sequence[str]) -> dict[str, int]:
    """The pieces and their numbers: the special ones, then by frequency.

    The library's own WordPiece trainer numbers "##a", "##b", … in the order of a hash map and breaks ties by
    those numbers, so that two runs differ. Its BPE trainer, on which that one is built, does not: its
    pieces are learnt first, and then named by where in a word they stand.
    """
    learner = _untrained(models.BPE())
    trainer = trainers.BpeTrainer(vocab_size=_VOCABULARY // 2, min_frequency=2, show_progress=False)
    learner.train_from_iterator(texts, trainer)
    counts: Counter[str] = Counter()
    for encoding in learner.encode_batch(list(texts)):
        last = None
        for word, piece in zip(encoding.word_ids, encoding.tokens, strict=True):
            counts[piece if word != last else f"{_INSIDE}{piece}"] += 1
            last = word
    # A typing error puts a letter where it never stood; without these the whole word would be unknown.
    letters = {letter for piece in counts if len(piece) > 1 for letter in piece.removeprefix(_INSIDE)}
    counts.update({form: 0 for letter in letters for form in (letter, f"{_INSIDE}{letter}")})
    pieces = sorted(counts, key=lambda piece: (-counts[piece], piece))
    return {piece: number for number, piece in enumerate([*_SPECIAL, *pieces])}


def _untrained(model: models.Model) -> Tokenizer:
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer
