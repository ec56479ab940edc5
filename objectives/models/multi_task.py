"""Hard parameter sharing: one encoder, one head a task, one forward pass for the rows of all tasks."""

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from transformers import PreTrainedModel

from ..seeds import derive_seed
from ..tasks.task import Batch, Task
from .borrowed import BorrowedHead, Encoded
from .encoders import EncoderSource
from .vocabulary import Vocabulary, input_table


class MultiTaskModel(nn.Module):
    """The shared encoder and the heads of the tasks that are on. The main task comes first."""

    def __init__(self, encoder: PreTrainedModel, heads: Mapping[str, BorrowedHead]) -> None:
        super().__init__()
        self.encoder = encoder
        self.heads = nn.ModuleDict(dict(heads))

    def forward(self, batches: Mapping[Task[Any], Batch]) -> dict[str, torch.Tensor]:
        """Each task's mean loss, not yet normalised. All rows go through the encoder at once."""
        encoded = self.encode(list(batches.values()))
        losses: dict[str, torch.Tensor] = {}
        for (task, batch), part in zip(batches.items(), encoded, strict=True):
            losses[task.name] = task.loss(self.head(task.name), part, batch)
        return losses

    def predict(self, task: Task[Any], batch: Batch) -> torch.Tensor:
        """What the task predicts for a batch."""
        (encoded,) = self.encode([batch])
        return task.predict(self.head(task.name), encoded, batch)

    def head(self, name: str) -> BorrowedHead:
        head = self.heads[name]
        assert isinstance(head, BorrowedHead)
        return head

    def encode(self, batches: Sequence[Batch]) -> list[Encoded]:
        """The encoder's outputs for each batch, from one pass over all their rows."""
        length = max(batch.ids.shape[1] for batch in batches)
        masks = [functional.pad(blended_mask(batch), (0, length - batch.mask.shape[1])) for batch in batches]
        inputs: dict[str, torch.Tensor]
        if any(batch.keep is not None for batch in batches):
            table = input_table(self.encoder)
            inputs = {"inputs_embeds": torch.cat([_embedded(batch, length, table) for batch in batches])}
        else:
            inputs = {"input_ids": torch.cat([_padded(batch.ids, length) for batch in batches])}
        outputs = self.encoder(attention_mask=torch.cat(masks).long(), **inputs)
        return list(_split(outputs, batches))


def _padded(ids: torch.Tensor, length: int) -> torch.Tensor:
    """Columns added on the right; their ids are masked out, so any valid one serves."""
    return functional.pad(ids, (0, length - ids.shape[1]))


def _embedded(batch: Batch, length: int, table: nn.Embedding) -> torch.Tensor:
    """Word embeddings (rows, length, width), blended with those of each row's partner under mixup."""
    embedded = table(_padded(batch.ids, length))
    if batch.keep is None or batch.partner is None:
        return embedded
    keep = batch.keep[:, None, None]
    return keep * embedded + (1 - keep) * embedded[batch.partner]


def blended_mask(batch: Batch) -> torch.Tensor:
    """A blended row's mask covers both its texts."""
    if batch.keep is None or batch.partner is None:
        return batch.mask
    return batch.mask | (batch.mask[batch.partner] & (batch.keep < 1).unsqueeze(1))


def _split(outputs: Any, batches: Sequence[Batch]) -> Iterable[Encoded]:
    sizes = [len(batch.ids) for batch in batches]
    pooled = getattr(outputs, "pooler_output", None)
    states = outputs.last_hidden_state.split(sizes)
    pools = pooled.split(sizes) if pooled is not None else [None] * len(sizes)
    for batch, state, pool in zip(batches, states, pools, strict=True):
        yield Encoded(last_hidden_state=state[:, : batch.ids.shape[1]], pooler_output=pool)


class ModelFactory:
    """Builds a study's models: the encoder and every head once, then copies for the trials.

    A head's first weights depend on the seed and its task's name alone, not on which other tasks are on.
    """

    def __init__(self, source: EncoderSource, tasks: Sequence[Task[Any]], vocabulary: Vocabulary, seed: int) -> None:
        self.vocabulary = vocabulary
        models = [self._build(task, source, seed) for task in tasks]
        self.main_model_type = type(models[0])
        encoder = models[0].base_model
        assert isinstance(encoder, PreTrainedModel)
        table = input_table(encoder)
        self.full_table = table.weight.detach().clone()
        vocabulary.trim(table)
        heads = {task.name: self._head(model, table) for task, model in zip(tasks, models, strict=True)}
        self._template = MultiTaskModel(encoder, heads)

    @staticmethod
    def _build(task: Task[Any], source: EncoderSource, seed: int) -> PreTrainedModel:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive_seed(seed, "weights", task.name))
            return task.build(source)

    def _head(self, model: PreTrainedModel, table: nn.Embedding) -> BorrowedHead:
        output = model.get_output_embeddings()
        if isinstance(output, nn.Linear):
            self.vocabulary.tie(model, output, table)
        return BorrowedHead(model)

    def build(self, tasks: Iterable[str], dropout: float | None = None) -> MultiTaskModel:
        """A fresh model with the heads of these tasks, on the CPU."""
        heads = {name: self._template.head(name) for name in tasks}
        model = copy.deepcopy(MultiTaskModel(self._template.encoder, heads))
        if dropout is not None:
            for module in model.modules():
                if isinstance(module, nn.Dropout):
                    module.p = dropout
        return model
