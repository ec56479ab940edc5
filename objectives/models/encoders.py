"""Encoders: by Hub id, local folder, installed package, or from scratch. Safetensors only, never remote code."""

import copy
import logging
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Protocol, Self

import torch
from safetensors import SafetensorError
from torch import nn
from transformers import (
    MODEL_FOR_CAUSAL_LM_MAPPING,
    MODEL_FOR_MASKED_LM_MAPPING,
    AutoConfig,
    AutoModel,
    AutoModelForMaskedLM,
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)
from transformers.utils import CONFIG_NAME
from transformers.utils import logging as transformers_logging
from transformers.utils.hub import cached_file, extract_commit_hash

from ...spaces.errors import EncoderError
from .location import MAIN, cannot_open, cannot_open_at, check_revision, locate
from .names import is_scratch
from .scratch import scratch_config, scratch_tokenizer

Family = Literal["encoder", "decoder", "encoder-decoder"]
LAYER_COUNTS = ("num_hidden_layers", "decoder_layers", "num_decoder_layers")
"""What configs call the numbers of layers of an encoder or a single stack, and of a decoder (BART's, T5's)."""


def family_of(config: PreTrainedConfig) -> Family:
    """Which parts an architecture has. Decoder-only is what transformers lets write, but not fill in blanks."""
    if config.is_encoder_decoder:
        return "encoder-decoder"
    writes_only = type(config) in MODEL_FOR_CAUSAL_LM_MAPPING and type(config) not in MODEL_FOR_MASKED_LM_MAPPING
    return "decoder" if writes_only else "encoder"


class AutoClass(Protocol):
    """What is used of transformers' Auto classes."""

    def from_config(self, config: PreTrainedConfig, **options: Any) -> PreTrainedModel: ...  # noqa: ANN401

    def from_pretrained(self, pretrained_model_name_or_path: str, **options: Any) -> PreTrainedModel: ...  # noqa: ANN401


@dataclass(frozen=True)
class EncoderSource:
    """An encoder that models can be built on.

    `location` is a folder or a Hub id; None means random weights of `config`'s shape. `commit`: of a Hub id, from which
    all its files are read.
    """

    name: str
    location: str | None
    config: PreTrainedConfig
    tokenizer: PreTrainedTokenizerFast
    commit: str | None = None

    @property
    def pad(self) -> int:
        """The padding token's id; where there is none any id serves, as padding is masked."""
        found = self.tokenizer.pad_token_id
        return found if isinstance(found, int) else 0

    @property
    def family(self) -> Family:
        return family_of(self.config)

    @property
    def layers(self) -> int:
        """Layers of the encoder, or of the decoder where that is deeper."""
        return max(getattr(self.config, name, None) or 0 for name in LAYER_COUNTS)

    def shortened(self, layers: int) -> Self:
        """The same encoder with its lowest layers only; of an encoder–decoder the lowest of both halves."""
        config = copy.deepcopy(self.config)
        for name in LAYER_COUNTS:
            if count := getattr(config, name, None):
                setattr(config, name, min(count, layers))
        if types := getattr(config, "layer_types", None):
            config.layer_types = types[:layers]
        return replace(self, config=config)

    def outline(self) -> PreTrainedModel:
        """The backbone's modules without memory for their weights."""
        with torch.device("meta"):
            return AutoModel.from_config(copy.deepcopy(self.config), trust_remote_code=False)

    def build(self, auto_class: AutoClass, **changes: object) -> PreTrainedModel:
        """A model of one of transformers' Auto classes in fp32, its config changed by `changes`.

        Weights that are not stored (a new head) come from torch's global random state.

        Raises:
            EncoderError: the weights are missing, or stored as pickle only; or there is no such class for them.
        """
        self._check_class(auto_class)
        config = copy.deepcopy(self.config)
        for key, value in changes.items():
            setattr(config, key, value)
        with quiet_transformers():
            if self.location is None:
                return auto_class.from_config(config, dtype=torch.float32)
            return self._load(auto_class, self.location, config)

    def _check_class(self, auto_class: AutoClass) -> None:
        """Filling in blanks is for encoders: BART's class for it writes the whole text anew, as `generation` does."""
        name = getattr(auto_class, "__name__", "")
        if auto_class is AutoModelForMaskedLM and self.family != "encoder":
            reason = f"is {self.family}; blanks are filled in by encoders only, and `generation` is its own task"
        elif type(self.config) not in getattr(auto_class, "_model_mapping", {type(self.config)}):
            reason = f"({self.config.model_type}) has no class for it: transformers' {name} does not know it"
        else:
            return
        raise EncoderError(f"model: encoder: {self.name!r} {reason}")

    def _load(self, auto_class: AutoClass, location: str, config: PreTrainedConfig) -> PreTrainedModel:
        try:
            return auto_class.from_pretrained(
                location,
                config=config,
                revision=self.commit or MAIN,
                dtype=torch.float32,
                use_safetensors=True,
                trust_remote_code=False,
                ignore_mismatched_sizes=True,
            )
        except (OSError, ValueError, SafetensorError) as error:
            reason = (
                cannot_open(self.name, error) if self.commit is None else cannot_open_at(self.name, self.commit, error)
            )
            raise EncoderError(reason) from error


def commit_of(name: str, base: Path, revision: str | None) -> str | None:
    """The commit that an encoder of the Hub is opened from; None for any other encoder.

    What is a commit already needs no network where the Hub's cache on this machine has it.

    Args:
        name: as the study file has it; folders are relative to `base`.
        revision: a branch, tag or commit; None: the main branch.

    Raises:
        EncoderError: nothing is there, a folder is to have a revision, or the Hub cannot be reached.
    """
    if is_scratch(name):
        return None
    location = locate(name, base)
    check_revision(name, location, revision)
    if Path(location).is_dir():
        return None
    try:
        with quiet_transformers():
            config = cached_file(location, CONFIG_NAME, revision=revision or MAIN)
    except (OSError, ValueError) as error:
        reason = cannot_open(name, error) if revision is None else cannot_open_at(name, revision, error)
        raise EncoderError(reason) from error
    # A mirror of the Hub may not tell commits.
    return extract_commit_hash(config, None) or revision


def open_encoder(
    name: str, base: Path, texts: Sequence[str], max_length: int, revision: str | None = None
) -> EncoderSource:
    """Find an encoder's config and tokenizer; weights are read when a model is built.

    Args:
        name: as the study file has it; folders are relative to `base`.
        texts: the training texts, from which a scratch encoder's tokenizer is learnt.
        max_length: the most tokens of a text.
        revision: of an encoder of the Hub (see `commit_of`).

    Raises:
        EncoderError: nothing is there, the Hub cannot be reached, or it needs code of its own.
    """
    if is_scratch(name):
        tokenizer = scratch_tokenizer(texts)
        return EncoderSource(name, None, scratch_config(name, tokenizer, max_length), tokenizer)
    location, commit = locate(name, base), commit_of(name, base, revision)
    try:
        with quiet_transformers():
            config = _outputs(AutoConfig.from_pretrained(location, revision=commit or MAIN, trust_remote_code=False))
            tokenizer = AutoTokenizer.from_pretrained(location, revision=commit or MAIN, trust_remote_code=False)
            limit = positions(config)
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise EncoderError(cannot_open(name, error)) from error
    # Where a folder holds no tokenizer, transformers makes one up that knows the special tokens alone.
    if not isinstance(tokenizer, PreTrainedTokenizerFast) or len(tokenizer) <= len(tokenizer.all_special_ids):
        raise EncoderError(f"model: encoder: {name!r} has no fast tokenizer (tokenizer.json)")
    if limit is not None and max_length > limit:
        raise EncoderError(f"model: max_length: {max_length} is more than the {limit} positions that {name!r} has")
    if family_of(config) == "encoder-decoder" and config.decoder_start_token_id is None:
        raise EncoderError(f"model: encoder: {name!r} has no decoder_start_token_id, with which its decoder begins")
    if family_of(config) == "decoder":
        _make_padding(config, tokenizer)
    return EncoderSource(name, location, config, tokenizer, commit)


def _outputs(config: PreTrainedConfig) -> PreTrainedConfig:
    """A config whose model gives what ours read, named, and nothing else, whatever it was saved to give."""
    config.return_dict, config.output_attentions, config.output_hidden_states = True, False, False
    return config


def _make_padding(config: PreTrainedConfig, tokenizer: PreTrainedTokenizerFast) -> None:
    """Give a decoder-only model what batches of texts need: a padding token, behind the text.

    GPT-2 has none: its end-of-text token serves, as everywhere; masks hide it. A classification head finds a text's
    last token by it, and positions count from the left, so both must be so wherever the export is opened.
    """
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token
    tokenizer.padding_side = "right"
    config.pad_token_id = tokenizer.pad_token_id


def positions(config: PreTrainedConfig) -> int | None:
    """The longest text that there are positions for. RoBERTa and kin count them from behind the padding id."""
    count = getattr(config, "max_position_embeddings", None)
    if not isinstance(count, int):
        return None
    with torch.device("meta"):
        modules = AutoModel.from_config(config, trust_remote_code=False).named_modules()
    tables = [table for name, table in modules if name.endswith("position_embeddings")]
    paddings = [table.padding_idx for table in tables if isinstance(table, nn.Embedding)]
    return count - max((padding + 1 for padding in paddings if padding is not None), default=0)


@contextmanager
def quiet_transformers() -> Generator[None]:
    """No progress bars and no load reports: that a head is new is not news here."""
    verbosity, bars = transformers_logging.get_verbosity(), transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity(logging.CRITICAL)
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(verbosity)
        if bars:
            transformers_logging.enable_progress_bar()
