"""Small pretrained encoders of every family, written as their folders would come from the Hub."""

from collections.abc import Callable
from pathlib import Path

import pytest
from autotune.objectives.tasks.task import TextCodes

WORDS = """
the a of is was really superb excellent wonderful flawless great awful terrible dreadful faulty poor
battery screen price delivery speaker camera . ##s ##y
"""
SPECIAL = {
    "bert": ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"],
    "roberta": ["<s>", "<pad>", "</s>", "<unk>", "<mask>"],
}

DISTILBERT = {
    "hidden_size": "dim",
    "intermediate_size": "hidden_dim",
    "num_hidden_layers": "n_layers",
    "num_attention_heads": "n_heads",
}


@pytest.fixture
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
    from transformers import AutoConfig, AutoModelForMaskedLM, PreTrainedTokenizerFast

    known: dict[tuple[str, bool], Path] = {}

    def tokenizer_of(family: str) -> PreTrainedTokenizerFast:
        special = SPECIAL[family]
        pad, unk, first, last, mask = special if family == "bert" else [special[i] for i in (1, 3, 0, 2, 4)]
        letters = [form for letter in "abcdefghijklmnopqrstuvwxyz0123456789" for form in (letter, f"##{letter}")]
        pieces = list(dict.fromkeys([*special, *WORDS.split(), *letters]))
        pieces += [f"[unused{number}]" for number in range(128 - len(pieces))]
        tokenizer = Tokenizer(models.WordPiece({piece: i for i, piece in enumerate(pieces)}, unk_token=unk))
        tokenizer.normalizer = normalizers.BertNormalizer()
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{first} $A {last}",
            pair=f"{first} $A {last} $B {last}",
            special_tokens=[(token, pieces.index(token)) for token in (first, last)],
        )
        names = {"pad_token": pad, "unk_token": unk, "cls_token": first, "sep_token": last, "mask_token": mask}
        return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names)

    def make(model_type: str, *, alike: bool = False, **changes: object) -> Path:
        if (model_type, alike) in known and not changes:
            return known[model_type, alike]
        folder = tmp_path_factory.mktemp(f"{model_type}-encoder")
        tokenizer = tokenizer_of("roberta" if "roberta" in model_type else "bert")
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
        if model_type == "distilbert":
            shape = {DISTILBERT.get(name, name): value for name, value in shape.items()}
        if model_type == "electra":
            shape |= {"embedding_size": size if alike else 24}
        config = AutoConfig.for_model(model_type, **{**shape, **changes})
        with torch.random.fork_rng():
            torch.manual_seed(0)
            model = AutoModelForMaskedLM.from_config(config)
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        return folder if changes else known.setdefault((model_type, alike), folder)

    return make
