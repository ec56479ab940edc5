"""A study's models: built once from the encoder and the tasks, then copied and shaped for each trial."""

import copy
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import torch
from transformers import AutoModel, PreTrainedModel

from ...spaces.errors import EncoderError
from ...spaces.training import TrainingSettings
from ..models.encoders import EncoderSource
from ..models.layers import check_layers, freeze, reinitialize, set_dropout
from ..models.vocabulary import Vocabulary
from ..seeds import derive_seed
from ..settings import Pooling
from ..tasks.task import Task
from .model import MultiTaskModel, assemble


class ModelFactory:
    """Builds a study's models: the backbone and every head once, then copies for the trials.

    A head's first weights depend on the seed and its task's name alone, not on which other tasks are on.
    """

    def __init__(
        self,
        source: EncoderSource,
        tasks: Sequence[Task[Any]],
        vocabulary: Vocabulary,
        seed: int,
        pooling: Pooling,
    ) -> None:
        """Build the model with all layers, so that what cannot work is known before the first trial.

        Raises:
            EncoderError: weights that cannot be had, a kind of task that transformers lacks for the encoder, or a
                pooling that changes nothing.
        """
        self.vocabulary = vocabulary
        self._source, self._tasks, self._seed = source, tasks, seed
        self._pooling: Pooling = pooling
        self._templates: dict[int, MultiTaskModel] = {}
        self._fresh: dict[int, PreTrainedModel] = {}
        self.mean_pooled: frozenset[str] = frozenset()
        self._template(source.layers)

    def source(self, training: TrainingSettings) -> EncoderSource:
        """The encoder with as many layers as a training keeps."""
        return self._source.shortened(training.keep_layers or self._source.layers)

    def build(self, tasks: Iterable[str], training: TrainingSettings) -> MultiTaskModel:
        """A fresh model with the heads of these tasks, on the CPU, shaped by the settings of a training.

        Raises:
            EncoderError: the encoder's layers do not allow a setting (see `check_layers`).
        """
        check_layers(self._source, training)
        layers = training.keep_layers or self._source.layers
        model = copy.deepcopy(self.outline(tasks, training))
        if training.dropout is not None:
            set_dropout(model, training.dropout)
        if training.freeze_layers:
            freeze(model, model.encoder, training.freeze_layers)
        if training.reinitialize_layers:
            reinitialize(model.encoder, self._random(layers), training.reinitialize_layers)
        return model

    def outline(self, tasks: Iterable[str], training: TrainingSettings) -> MultiTaskModel:
        """What `build` copies: to look at, as its weights are every model's."""
        template = self._template(training.keep_layers or self._source.layers)
        return MultiTaskModel(template.encoder, {name: template.head(name) for name in tasks})

    def _template(self, layers: int) -> MultiTaskModel:
        if layers not in self._templates:
            source = self._source.shortened(layers)
            models = {task.name: self._seeded(source, task) for task in self._tasks}
            self.mean_pooled = _mean_pooled(models, source, self._pooling)
            self._templates[layers] = assemble(models, self.vocabulary, self.mean_pooled)
        return self._templates[layers]

    def _seeded(self, source: EncoderSource, task: Task[Any]) -> PreTrainedModel:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive_seed(self._seed, "weights", task.name))
            return task.build(source)

    def _random(self, layers: int) -> PreTrainedModel:
        """A backbone that has learnt nothing."""
        if layers not in self._fresh:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(derive_seed(self._seed, "reinitialize"))
                self._fresh[layers] = replace(self._source.shortened(layers), location=None).build(AutoModel)
        return self._fresh[layers]


def _mean_pooled(models: dict[str, PreTrainedModel], source: EncoderSource, pooling: Pooling) -> frozenset[str]:
    """The auxiliary tasks whose heads read the mean of a text's tokens."""
    if pooling == "auto":
        return frozenset()
    if source.family != "decoder":
        raise EncoderError(
            f"model: pooling: {pooling!r} is for decoder-only encoders; {source.name!r} is {source.family} and "
            "supports only auto"
        )
    if pooling == "last":
        return frozenset()
    pooled = [name for name, model in models.items() if type(model).__name__.endswith("ForSequenceClassification")]
    main = next(iter(models))
    found = frozenset(pooled) - {main}
    if not found:
        raise EncoderError(
            "model: pooling: 'mean' changes nothing here: it is for auxiliary tasks with one answer a text, and there "
            f"is none. The main task {main!r} reads the last token, because transformers has no class for a "
            "decoder-only model that pools the mean"
        )
    return found
