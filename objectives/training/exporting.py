"""A trained model as a folder that transformers opens: model, tokenizer, the other tasks' heads."""

import errno
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

from ..models.encoders import quiet_transformers
from ..models.vocabulary import Vocabulary, output_names, table_names
from ..prepared import PreparedObjective
from ..tasks.task import Task
from .heads import FOLDER, describe_head, save_head, write_index
from .production import Trained


def export_model(trained: Trained, prepared: PreparedObjective) -> PreTrainedModel:
    """The main task as transformers' own model, with the full vocabulary, on the CPU."""
    return export_task(trained, prepared, prepared.main.task)


def export_task(trained: Trained, prepared: PreparedObjective, task: Task[Any]) -> PreTrainedModel:
    """One task of a training as transformers' own model, with the full vocabulary, on the CPU."""
    source = prepared.models.source(prepared.training_of(trained.run.configuration))
    model, shared, head = task.build(source), trained.run.model.encoder, trained.run.model.head(task.name).model
    base = model.base_model
    assert isinstance(base, PreTrainedModel)
    vocabulary = prepared.models.vocabulary
    _copy(shared, base, table_names(shared), vocabulary)
    _copy(head, model, output_names(model), vocabulary)
    task.finish(model, prepared.codes)
    return model.eval()


@torch.no_grad()
def _copy(trained: nn.Module, model: nn.Module, trimmed: set[str], vocabulary: Vocabulary) -> None:
    """Copy what a model has of the trained parameters; trimmed ones go to the rows of the tokens that were kept."""
    parameters = dict(model.named_parameters(remove_duplicate=False))
    for name, parameter in trained.named_parameters():
        if name in parameters:
            target, value = parameters[name], parameter.detach().cpu()
            target.copy_(vocabulary.restore(value, target.detach()) if name in trimmed else value)


def save_model(
    trained: Trained, prepared: PreparedObjective, folder: Path, texts: Mapping[str, str], work: Path
) -> None:
    """Write the model, its tokenizer, the other tasks' heads and some texts. Nothing opens a folder that is not whole.

    Args:
        trained: what was trained.
        prepared: from what.
        folder: new or empty.
        texts: further files, by their names.
        work: where the parts are made, which a kill leaves behind.

    Raises:
        OSError: it cannot be written, or is not empty.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(dir=work, prefix=f".{folder.name}-"))
    try:
        with quiet_transformers():
            main = export_model(trained, prepared)
            main.save_pretrained(part)
            _save_tokenizer(prepared, part)
            _save_heads(trained, prepared, main, part)
        for name, text in texts.items():
            (part / name).write_text(text, encoding="utf-8")
        part.chmod(0o755)
        _put(part, folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _save_tokenizer(prepared: PreparedObjective, folder: Path) -> None:
    """The tokenizer, which cuts at the study's `max_length` where it is told to cut, and pads only where told to."""
    tokenizer = prepared.encoder.tokenizer
    tokenizer.model_max_length = prepared.settings.model.max_length
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.backend_tokenizer.no_padding()
    tokenizer.save_pretrained(folder)


def _put(part: Path, folder: Path) -> None:
    """Make a folder of the parts, or fill the empty one that is there: a mount, a link, or where somebody stands.

    Raises:
        OSError: it is not empty, or cannot be written; then it is left as it was.
    """
    if not folder.exists():
        part.replace(folder)
        return
    if any(folder.iterdir()):
        raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY), str(folder))
    # Without its configuration, which comes last, nothing takes a folder for a model.
    files = [folder / file.name for file in sorted(part.iterdir(), key=lambda file: file.name == "config.json")]
    try:
        for file in files:
            shutil.move(part / file.name, file)
    except BaseException:
        for file in files:  # ours alone: somebody may have put more there meanwhile
            if file.is_dir():
                shutil.rmtree(file, ignore_errors=True)
            else:
                file.unlink(missing_ok=True)
        raise


def _save_heads(trained: Trained, prepared: PreparedObjective, main: PreTrainedModel, folder: Path) -> None:
    """The heads of the tasks that were trained beside the main one, which `load_heads` opens."""
    described: dict[str, dict[str, Any]] = {}
    for name in trained.run.model.heads:
        task = prepared.train[name].task
        if task is not prepared.main.task:
            model = export_task(trained, prepared, task)
            save_head(model, main, folder / FOLDER / f"{name}.safetensors")
            described[name] = describe_head(prepared, task, model)
    if described:
        write_index(folder, prepared.main.task.name, described)
