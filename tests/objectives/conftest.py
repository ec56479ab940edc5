"""Small pretrained models of every family, written as their folders would come from the Hub."""

from collections.abc import Callable
from pathlib import Path

import pytest
from autotune.objectives.tasks.batch import TextCodes

WORDS = """
the a of is was really superb excellent wonderful flawless great awful terrible dreadful faulty poor
battery screen price delivery speaker camera . ##s ##y
"""
SPECIAL = {
    "bert": ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"],
    "roberta": ["<s>", "<pad>", "</s>", "<unk>", "<mask>"],
    "t5": ["<pad>", "</s>", "<unk>"],
    "gpt2": ["<|endoftext|>"],
}
BRACKETS = {"pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}
ANGLES = {"pad_token": "<pad>", "cls_token": "<s>", "sep_token": "</s>", "eos_token": "</s>", "mask_token": "<mask>"}
TEMPLATES: dict[str, tuple[tuple[str, str] | None, dict[str, str]]] = {
    "bert": (("[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1"), BRACKETS),
    "roberta": (("<s> $A </s>", "<s> $A </s> $B </s>"), ANGLES),
    "t5": (("$A </s>", "$A </s> $B </s>"), {"pad_token": "<pad>", "eos_token": "</s>"}),
    "gpt2": (None, {"eos_token": "<|endoftext|>"}),
}
"""A tokenizer's texts and pairs, and its special tokens by their use."""
STYLES = {"gpt2": "gpt2", "llama": "gpt2", "opt": "gpt2", "t5": "t5", "bart": "roberta"}
"""Whose tokenizer a model type has; others have BERT's, or RoBERTa's by name."""
SEQ2SEQ = ("t5", "bart")

DISTILBERT = {
    "hidden_size": "dim",
    "intermediate_size": "hidden_dim",
    "num_hidden_layers": "n_layers",
    "num_attention_heads": "n_heads",
}
NAMES = {
    "distilbert": DISTILBERT,
    "t5": {"hidden_size": "d_model", "intermediate_size": "d_ff"},
    "bart": {"hidden_size": "d_model", "initializer_range": "init_std"},
    "gpt2": {"intermediate_size": "n_inner"},
    "opt": {"intermediate_size": "ffn_dim", "initializer_range": "init_std"},
}
"""What a config calls a size, where it is not BERT's word for it."""
EXTRAS = {
    "t5": {"d_kv": 16, "num_decoder_layers": 2, "decoder_start_token_id": 0, "eos_token_id": 1},
    "bart": {
        "decoder_layers": 2,
        "decoder_attention_heads": 2,
        "encoder_ffn_dim": 64,
        "decoder_ffn_dim": 64,
        "bos_token_id": 0,
        "eos_token_id": 2,
        "decoder_start_token_id": 2,
        "forced_eos_token_id": None,
    },
    "gpt2": {"bos_token_id": 383, "eos_token_id": 383},
    "llama": {"bos_token_id": 383, "eos_token_id": 383},
    "opt": {"bos_token_id": 383, "eos_token_id": 383, "word_embed_proj_dim": 32},
}


OTHERS = frozenset(
    (
        "roberta",
        "xlm-roberta",
        "distilbert",
        "electra",
        "albert",
        "mpnet",
        "deberta-v2",
        "modernbert",
        "llama",
        "opt",
        "bart",
    )
)
"""Encoders beside BERT, GPT-2 and T5, which stand for their families in a developer's run; CI has them all."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as slow what runs on one encoder more of a family."""
    for item in items:
        given = item.callspec.params.values() if isinstance(item, pytest.Function) and hasattr(item, "callspec") else ()
        if any(value in OTHERS for value in given if isinstance(value, str)):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def codes() -> TextCodes:
    """Of a vocabulary of 1,000 tokens, the first five special, the mask the fifth."""
    import torch
    from autotune.objectives.models.scratch import scratch_tokenizer

    tokenizer = scratch_tokenizer(["a text"])
    special = torch.arange(5)
    return TextCodes(size=1000, mask=4, special=special, pad=0, original=torch.arange(1000), tokenizer=tokenizer)


@pytest.fixture(scope="session")
def architectures(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Makes folders with a tiny, random encoder and its tokenizer, by model type; each is made once.

    `alike` gives it a hidden size and a number of positions that equal the size of its vocabulary.
    """
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import (
        AutoConfig,
        AutoModelForCausalLM,
        AutoModelForMaskedLM,
        AutoModelForSeq2SeqLM,
        PreTrainedTokenizerFast,
    )

    known: dict[tuple[str, bool], Path] = {}

    def tokenizer_of(family: str) -> PreTrainedTokenizerFast:
        special = SPECIAL[family]
        unk = special[0] if family == "gpt2" else next(token for token in special if "unk" in token.lower())
        letters = [form for letter in "abcdefghijklmnopqrstuvwxyz0123456789" for form in (letter, f"##{letter}")]
        pieces = list(dict.fromkeys([*special, *WORDS.split(), *letters]))
        pieces += [f"[unused{number}]" for number in range((384 if family == "gpt2" else 128) - len(pieces))]
        if family == "gpt2":
            pieces = [*pieces[1:], pieces[0]]  # its end-of-text token has the highest number
        tokenizer = Tokenizer(models.WordPiece({piece: i for i, piece in enumerate(pieces)}, unk_token=unk))
        tokenizer.normalizer = normalizers.BertNormalizer()
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        form, names = TEMPLATES[family]
        if form:
            tokenizer.post_processor = processors.TemplateProcessing(
                single=form[0], pair=form[1], special_tokens=[(token, pieces.index(token)) for token in special]
            )
        inputs = ["input_ids", *(["token_type_ids"] if family == "bert" else []), "attention_mask"]
        return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token=unk, model_input_names=inputs, **names)

    def auto_class(model_type: str) -> type:
        if model_type in SEQ2SEQ:
            return AutoModelForSeq2SeqLM
        return AutoModelForCausalLM if STYLES.get(model_type) == "gpt2" else AutoModelForMaskedLM

    def make(model_type: str, *, alike: bool = False, **changes: object) -> Path:
        if (model_type, alike) in known and not changes:
            return known[model_type, alike]
        folder = tmp_path_factory.mktemp(f"{model_type}-encoder")
        tokenizer = tokenizer_of(STYLES.get(model_type, "roberta" if "roberta" in model_type else "bert"))
        size = 128 if alike else 32
        shape = {
            "initializer_range": 0.2,  # with the usual 0.02 so small an encoder says the same of every text
            "vocab_size": len(tokenizer),
            "pad_token_id": tokenizer.pad_token_id,
            "hidden_size": size,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "intermediate_size": 64,
            "max_position_embeddings": 128 if alike else 40,
        }
        shape = {NAMES.get(model_type, {}).get(name, name): value for name, value in shape.items()}
        shape |= EXTRAS.get(model_type, {})
        if model_type == "electra":
            shape |= {"embedding_size": size if alike else 24}
        config = AutoConfig.for_model(model_type, **{**shape, **changes})
        with torch.random.fork_rng():
            torch.manual_seed(0)
            model = auto_class(model_type).from_config(config)
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        return folder if changes else known.setdefault((model_type, alike), folder)

    return make
