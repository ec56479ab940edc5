"""The auxiliary heads beside an exported model: `heads/<task>.safetensors` and `heads.json` in its folder."""

import copy
import json
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, EncoderDecoderConfig, EncoderDecoderModel, PreTrainedConfig, PreTrainedModel

from ...spaces.errors import EncoderError
from ..models.encoders import quiet_transformers
from ..models.light_decoder import share_encoder
from ..models.multi_task import MultiTaskModel, assemble
from ..models.vocabulary import full_vocabulary
from ..prepared import PreparedObjective
from ..tasks.task import Task

INDEX = "heads.json"
FOLDER = "heads"


def describe_head(prepared: PreparedObjective, task: Task[Any], model: PreTrainedModel) -> dict[str, Any]:
    """What heads.json says of a task: its kind, labels, normaliser, and the class of transformers that it is."""
    return {
        "kind": task.kind,
        "labels": list(task.labels),
        "normaliser": prepared.normalisers[task.name],
        "structure": type(model).__name__,
        "pooling": "mean" if task.name in prepared.models.mean_pooled else "auto",
        "id2label": model.config.id2label,
        "problem_type": getattr(model.config, "problem_type", None),
        "config": model.config.to_dict() if isinstance(model, EncoderDecoderModel) else None,
    }


def save_head(model: PreTrainedModel, main: PreTrainedModel, file: Path) -> None:
    """Write what a task's model has and the main task's exported model lacks: its head, and perhaps a pooler."""
    known = {name for name, _ in main.base_model.named_parameters()}
    shared = {p.data_ptr() for name, p in model.base_model.named_parameters() if name in known}
    own = {name: tensor for name, tensor in model.state_dict().items() if tensor.data_ptr() not in shared}
    file.parent.mkdir(exist_ok=True)
    save_file({name: tensor.contiguous().clone() for name, tensor in own.items()}, file)


def write_index(folder: Path, main: str, heads: dict[str, dict[str, Any]]) -> None:
    """Write heads.json: the main task's name, and what is said of every head by its task."""
    text = json.dumps({"main": main, "heads": heads}, indent=2, ensure_ascii=False)
    (folder / INDEX).write_text(f"{text}\n", encoding="utf-8")


def load_heads(folder: Path | str) -> MultiTaskModel:
    """Open an exported folder with all its heads on one backbone, in evaluation mode, on the CPU.

        model = load_heads(folder)
        inputs = AutoTokenizer.from_pretrained(folder)(texts, padding=True, return_tensors="pt")
        logits = model.read("aspect", **inputs).logits

    A file's tensors are only copied into classes of transformers: nothing that a folder brings is executed.

    Raises:
        EncoderError: no heads.json, or a structure that transformers does not have.
    """
    folder = Path(folder)
    if not (folder / INDEX).is_file():
        raise EncoderError(f"{folder}: no {INDEX} here: the folder holds no other heads than its model's own")
    index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    with quiet_transformers():
        opened = _structure((config.architectures or [""])[0], folder).from_pretrained(
            folder, use_safetensors=True, trust_remote_code=False, dtype=torch.float32
        )
    share_encoder(opened)
    models = {index["main"]: opened}
    for name, head in index["heads"].items():
        models[name] = _model(folder, name, head, opened.base_model.config)
    pooled = [name for name, head in index["heads"].items() if head["pooling"] == "mean"]
    return assemble(models, full_vocabulary(config.get_text_config().vocab_size), pooled).eval()


def _model(folder: Path, name: str, head: dict[str, Any], config: PreTrainedConfig) -> PreTrainedModel:
    own = EncoderDecoderConfig.from_dict(head["config"]) if head["config"] else copy.deepcopy(config)
    own.id2label = {int(place): label for place, label in head["id2label"].items()}
    own.label2id = {label: place for place, label in own.id2label.items()}
    own.problem_type = head["problem_type"]
    with torch.random.fork_rng(devices=[]):
        model = _structure(head["structure"], folder)(own)
    model.load_state_dict(load_file(folder / FOLDER / f"{name}.safetensors"), strict=False)
    share_encoder(model)
    return model


def _structure(name: str, folder: Path) -> Any:  # noqa: ANN401
    """A class of transformers by its name."""
    found = getattr(transformers, name, None)
    if not (isinstance(found, type) and issubclass(found, PreTrainedModel)):
        raise EncoderError(f"{folder}: {name!r} is not a model of transformers {transformers.__version__}")
    return found
