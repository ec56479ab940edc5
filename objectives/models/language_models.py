"""Pretrained language models that write: for augmentation, never trained here. Safetensors only, never remote code."""

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import nn
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForMaskedLM,
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedModel,
)

from ...spaces.errors import EncoderError, OperationUnavailable
from ..caching import content_hash
from ..places import place_of
from ..tensor_cache import tensors_hash
from .encoders import Family, commit_of, family_of, positions, quiet_transformers
from .location import MAIN, cannot_open, locate, parted

_CLASSES: dict[Family, Any] = {
    "encoder": AutoModelForMaskedLM,
    "decoder": AutoModelForCausalLM,
    "encoder-decoder": AutoModelForSeq2SeqLM,
}
PURPOSES: dict[Family, str] = {
    "encoder": "a masked language model (BERT, RoBERTa, ...)",
    "decoder": "a causal language model (GPT-2, Llama, ...)",
    "encoder-decoder": "a translation model (Marian, T5, ...)",
}
"""What each family is wanted for here, in words."""


@dataclass(frozen=True)
class LanguageModel:
    """A model in evaluation mode, fp32, on its device, with its tokenizer.

    `limit`: the most tokens of a text with its special ones, None where positions have no end.
    """

    model: PreTrainedModel
    tokenizer: Any
    limit: int | None

    @property
    def fingerprint(self) -> str:
        """Changes with the weights, the config that says how to write, and the tokens: not with the place."""
        vocabulary = sorted(self.tokenizer.get_vocab().items(), key=lambda item: item[1])
        writing = getattr(self.model, "generation_config", None)  # what fills in blanks has none
        return content_hash(
            [tensors_hash(self.model.state_dict()), repr(vocabulary), writing.to_json_string() if writing else ""]
        )


def open_language_model(
    name: str, base: Path, key: str, family: Family, device: torch.device, revision: str | None = None
) -> LanguageModel:
    """Open a pretrained model of a family with the head that writes.

    Args:
        name: Hub id (perhaps @ a branch, tag or commit), folder or package:NAME/FOLDER, as the study file has it.
        base: the folder that paths are relative to.
        key: the study file's key that the name stands at.
        family: what is wanted; another one is refused.
        device: where it writes.
        revision: of a Hub id that is the study's encoder; others without one are opened at their main branch.

    Raises:
        OperationUnavailable: nothing is there, it is of another family, its files lack the head, it needs code of its
            own, or a package.
    """
    try:
        location, own = parted(locate(name, base, key))
        with quiet_transformers():
            language = _opened(name, location, key, family, own or revision or MAIN)
    except EncoderError as error:
        raise OperationUnavailable(str(error)) from error
    except ImportError as error:
        raise OperationUnavailable(_missing_package(name, key, error)) from error
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise OperationUnavailable(cannot_open(name, error, key)) from error
    nn.Module.to(language.model, device)
    return language


def at_commit(name: str, base: Path) -> str | None:
    """A model of the Hub with the commit that it has now, as `owner/name@COMMIT`.

    None: it is no such model, or its commit cannot be told; opening it explains the latter.
    """
    hub, revision = (name, None) if place_of(name, base).is_dir() else parted(name)
    try:
        commit = commit_of(hub, base, revision)
    except EncoderError:
        return None
    return None if commit is None else f"{hub}@{commit}"


def _opened(name: str, location: str, key: str, family: Family, revision: str) -> LanguageModel:
    config = AutoConfig.from_pretrained(location, revision=revision, trust_remote_code=False)
    _check_family(name, config, key, family)
    tokenizer = AutoTokenizer.from_pretrained(location, revision=revision, trust_remote_code=False)
    if len(tokenizer) <= len(tokenizer.all_special_ids):  # transformers made it up: there was none
        raise EncoderError(f"{key}: {name!r} has no tokenizer")
    with torch.random.fork_rng(devices=[]):
        model, report = _CLASSES[family].from_pretrained(
            location,
            config=config,
            revision=revision,
            dtype=torch.float32,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
    if missing := sorted(report["missing_keys"]):
        raise EncoderError(
            f"{key}: {name!r} is not {PURPOSES[family]}: its files lack {missing[0]}"
            + (f" and {len(missing) - 1} weights more" if len(missing) > 1 else "")
        )
    return LanguageModel(model.eval(), tokenizer, _limit(config, tokenizer, family))


def _check_family(name: str, config: PreTrainedConfig, key: str, family: Family) -> None:
    if family_of(config) != family or type(config) not in _CLASSES[family]._model_mapping:
        raise EncoderError(f"{key}: {name!r} ({config.model_type}) is not {PURPOSES[family]}")


def _limit(config: PreTrainedConfig, tokenizer: Any, family: Family) -> int | None:  # noqa: ANN401
    """Positions where there is a table of them; else what the tokenizer says, unless that is its "no end"."""
    counts = [positions(config) if family == "encoder" else getattr(config, "max_position_embeddings", None)]
    counts.append(tokenizer.model_max_length)
    known = [count for count in counts if isinstance(count, int) and 0 < count < 1_000_000]
    return min(known, default=None)


def _missing_package(name: str, key: str, error: ImportError) -> str:
    needed = [package for package in ("sentencepiece", "sacremoses") if package in str(error).lower()]
    missing = [package for package in needed if importlib.util.find_spec(package) is None]
    if missing:
        return f"{key}: the tokenizer of {name!r} needs the Python package {missing[0]}: pip install {missing[0]}"
    return cannot_open(name, error, key)
