"""Small BERT-shaped encoders from random weights, with a WordPiece tokenizer of the study's own text.

Sizes as in "Well-Read Students Learn Better" (Turc et al. 2019, arXiv 1908.08962).
"""

from collections.abc import Sequence

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import BertConfig, BertTokenizerFast

SCRATCH = {
    "scratch:tiny": {"num_hidden_layers": 2, "hidden_size": 128},
    "scratch:mini": {"num_hidden_layers": 4, "hidden_size": 256},
}
_HEAD_WIDTH = 64
_VOCABULARY = 8000
_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def scratch_config(name: str, tokenizer: BertTokenizerFast, max_length: int) -> BertConfig:
    """The shape of `scratch:tiny` or `scratch:mini` for this tokenizer and text length."""
    shape = SCRATCH[name]
    return BertConfig(
        vocab_size=len(tokenizer),
        num_attention_heads=shape["hidden_size"] // _HEAD_WIDTH,
        intermediate_size=4 * shape["hidden_size"],
        max_position_embeddings=max_length,
        pad_token_id=0,
        **shape,
    )


def scratch_tokenizer(texts: Sequence[str]) -> BertTokenizerFast:
    """Learn a lower-casing WordPiece tokenizer (Chinese characters apart) from the training texts."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(
        vocab_size=_VOCABULARY, min_frequency=2, special_tokens=_SPECIAL, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    return BertTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    )
