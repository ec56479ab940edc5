"""Hard parameter sharing: one encoder, one head a task, one forward pass for the rows of all tasks."""

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

from ...spaces.training import TrainingSettings
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
        """Each task's mean loss, not yet normalised."""
        losses = {name: loss for found in self.passes(batches) for name, loss in found.items()}
        return {task.name: losses[task.name] for task in batches}

    def passes(self, batches: Mapping[Task[Any], Batch]) -> Iterator[dict[str, torch.Tensor]]:
        """Each task's mean loss, not yet normalised, pass by pass.

        Batches of one padded length share a pass through the encoder: fewer, larger products. Those of another
        length get a pass of their own, because padding would cost more than it saves. Who runs backward() on a
        pass before asking for the next one holds the activations of one pass only.
        """
        groups: dict[int, dict[Task[Any], Batch]] = {}
        for task, batch in batches.items():
            groups.setdefault(batch.ids.shape[1], {})[task] = batch
        for group in groups.values():
            yield self._losses(group)

    def _losses(self, group: Mapping[Task[Any], Batch]) -> dict[str, torch.Tensor]:
        parts = self._encode(list(group.values()))
        return {
            task.name: task.loss(self.head(task.name), part, batch)
            for (task, batch), part in zip(group.items(), parts, strict=True)
        }

    def predict(self, task: Task[Any], batch: Batch) -> torch.Tensor:
        """What the task predicts for a batch."""
        (encoded,) = self._encode([batch])
        return task.predict(self.head(task.name), encoded, batch)

    def head(self, name: str) -> BorrowedHead:
        head = self.heads[name]
        assert isinstance(head, BorrowedHead)
        return head

    def _encode(self, batches: Sequence[Batch]) -> Iterator[Encoded]:
        """The encoder's outputs for each of some batches of one length, in one pass."""
        mask = torch.cat([_blended_mask(batch) for batch in batches]).long()
        if all(batch.keep is None for batch in batches):
            outputs = self.encoder(input_ids=torch.cat([batch.ids for batch in batches]), attention_mask=mask)
        else:
            table = input_table(self.encoder)
            embedded = torch.cat([_embedded(batch, table) for batch in batches])
            outputs = self.encoder(inputs_embeds=embedded, attention_mask=mask)
        sizes = [len(batch.ids) for batch in batches]
        pooled = getattr(outputs, "pooler_output", None)
        pools = pooled.split(sizes) if pooled is not None else [None] * len(sizes)
        for state, pool in zip(outputs.last_hidden_state.split(sizes), pools, strict=True):
            yield Encoded(last_hidden_state=state, pooler_output=pool)


def _embedded(batch: Batch, table: nn.Embedding) -> torch.Tensor:
    """Word embeddings (rows, length, width), blended with those of each row's partner under mixup."""
    embedded = table(batch.ids)
    if batch.keep is None or batch.partner is None:
        return embedded
    keep = batch.keep[:, None, None]
    return keep * embedded + (1 - keep) * embedded[batch.partner]


def _blended_mask(batch: Batch) -> torch.Tensor:
    """A blended row's mask covers both its texts."""
    if batch.keep is None or batch.partner is None:
        return batch.mask
    return batch.mask | (batch.mask[batch.partner] & (batch.keep < 1).unsqueeze(1))


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

    def build(self, tasks: Iterable[str], training: TrainingSettings) -> MultiTaskModel:
        """A fresh model with the heads of these tasks, on the CPU, shaped by the settings of a training."""
        heads = {name: self._template.head(name) for name in tasks}
        model = copy.deepcopy(MultiTaskModel(self._template.encoder, heads))
        if training.dropout is not None:
            for module in model.modules():
                if isinstance(module, nn.Dropout):
                    module.p = training.dropout
        return model
