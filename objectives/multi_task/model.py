"""Hard parameter sharing: one backbone, one head a task, one forward pass for the rows of several tasks."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

from ..models.borrowed import BorrowedHead, MeanPooledHead
from ..models.layers import layer_depths
from ..models.vocabulary import Vocabulary, input_table
from ..tasks.batch import Batch
from ..tasks.task import Task
from .backbones import backbone_of, encode, graft

PASS_TOKENS = 2048
"""Tokens, padding included, that batches may share a pass up to; its activations all live at once.

MiniLM-L6, bf16, two cores, three batches together against apart: 0.69 of the time at 128 tokens a batch, 0.79 at 256,
0.96 at 512, 0.94 to 1 at 1024, 1.03 to 1.06 at 2048. Beyond this, sharing costs memory and wins nothing.
"""


class MultiTaskModel(nn.Module):
    """The shared backbone and the heads of the tasks that are on. The main task comes first."""

    def __init__(self, encoder: PreTrainedModel, heads: Mapping[str, BorrowedHead]) -> None:
        super().__init__()
        self.encoder = encoder
        self.heads = nn.ModuleDict(dict(heads))

    def forward(self, batches: Mapping[Task[Any], Batch]) -> dict[str, torch.Tensor]:
        """Each task's mean loss, not yet normalised."""
        losses = {name: loss for found in self.passes(batches) for name, loss in found.items()}
        return {task.name: losses[task.name] for task in batches}

    def passes(
        self, batches: Mapping[Task[Any], Batch], most_tokens: int = PASS_TOKENS
    ) -> Iterator[dict[str, torch.Tensor]]:
        """Each task's mean loss, not yet normalised, pass by pass; no shared pass is of more than `most_tokens`.

        Small batches of one padded length share a pass through the backbone: fewer, larger products. Those of another
        length get a pass of their own, because padding would cost more than it saves. Who runs backward() on a
        pass before asking for the next one holds the activations of one pass only.
        """
        for group in shared_passes(batches, most_tokens):
            parts = encode(self.encoder, list(group.values()))
            yield {
                task.name: task.loss(self.head(task.name), part, batch)
                for (task, batch), part in zip(group.items(), parts, strict=True)
            }

    def predict(self, task: Task[Any], batch: Batch) -> torch.Tensor:
        """What the task predicts for a batch."""
        (encoded,) = encode(self.encoder, [batch])
        return task.predict(self.head(task.name), encoded, batch)

    def read(
        self,
        name: str,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        token_type_ids: torch.Tensor | None = None,
        **inputs: torch.Tensor,
    ) -> Any:  # noqa: ANN401
        """What transformers' class for a task returns (`.logits`, …) for a tokenizer's tensors, all (rows, length).

        `inputs` are what only some classes read, such as `decoder_input_ids` (rows, target length).
        """
        batch = Batch(input_ids, attention_mask.bool(), input_ids.new_zeros(len(input_ids), 0), types=token_type_ids)
        (encoded,) = encode(self.encoder, [batch])
        return self.head(name).outputs(encoded, input_ids=input_ids, attention_mask=batch.mask, **inputs)

    def head(self, name: str) -> BorrowedHead:
        head = self.heads[name]
        assert isinstance(head, BorrowedHead)
        return head

    def depths(self) -> dict[str, int]:
        """The depth of every parameter, by name: 0 embeddings, 1 to L layers, L + 1 heads (see `layer_depths`)."""
        return layer_depths(self, self.encoder)


def shared_passes(batches: Mapping[Task[Any], Batch], most_tokens: int) -> list[dict[Task[Any], Batch]]:
    """Batches of one length together, up to `most_tokens`, and never beyond PASS_TOKENS."""
    most_tokens = min(most_tokens, PASS_TOKENS)
    filled: list[dict[Task[Any], Batch]] = []
    open_groups: dict[int, tuple[dict[Task[Any], Batch], int]] = {}
    for task, batch in batches.items():
        length = batch.ids.shape[1]
        group, tokens = open_groups.get(length, ({}, 0))
        if not group or tokens + batch.ids.numel() > most_tokens:
            group, tokens = {}, 0
            filled.append(group)
        group[task] = batch
        open_groups[length] = group, tokens + batch.ids.numel()
    return filled


def assemble(
    models: Mapping[str, PreTrainedModel], vocabulary: Vocabulary, mean_pooled: Collection[str] = ()
) -> MultiTaskModel:
    """Take transformers' models of one encoder apart, and give their heads one backbone.

    Args:
        models: by task; the first one's backbone is shared, and gets what only others have (a pooler, a decoder).
        vocabulary: the tokens that tables and output layers keep.
        mean_pooled: tasks whose heads read the mean of a text's tokens.
    """
    outputs = {name: _output(model) for name, model in models.items()}
    backbone, *others = [backbone_of(model) for model in models.values()]
    heads: dict[str, BorrowedHead] = {}
    for name, model in models.items():
        model.config = vocabulary.renumbered(model.config)
        heads[name] = (MeanPooledHead if name in mean_pooled else BorrowedHead)(model)
    for other in others:
        graft(backbone, other)
    vocabulary.trim_backbone(backbone)
    for name, (output, tied) in outputs.items():
        if output is not None:
            vocabulary.trim_output(models[name], output, input_table(backbone) if tied else None)
    return MultiTaskModel(backbone, heads)


def _output(model: PreTrainedModel) -> tuple[nn.Linear | None, bool]:
    """A language model's output layer, and whether it writes through the table that the model reads by."""
    output = model.get_output_embeddings()
    if not isinstance(output, nn.Linear):
        return None, False
    return output, output.weight is input_table(model).weight
