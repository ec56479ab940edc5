"""A multi-task model of many trials at once: transformers' own modules around stacked layers."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import nn
from transformers import AttentionInterface, PreTrainedModel

from ...models.borrowed import BorrowedHead, Encoded
from ...tasks.batch import Batch
from ...tasks.stacking import join, stack
from ...tasks.task import Task
from ..backbones import encode
from ..model import MultiTaskModel, shared_passes
from .layers import STACKED, StackedDropout, StackedLinear, attention
from .slots import Slots, StackedTrial
from .weights import FlatWeights, empty_rows

ATTENTION = "autotune-stacked"
"""The name by which transformers finds our attention."""
COUNTED_FROM_ZERO = {"bert": True, "distilbert": True, "electra": True, "roberta": False, "xlm-roberta": False}
"""The architectures that are stacked, and whether their positions count from 0, alike in every row."""


def unstackable(model: MultiTaskModel) -> str | None:
    """Why a model cannot be stacked; None if it can."""
    architecture = model.encoder.config.model_type
    if architecture not in COUNTED_FROM_ZERO:
        return f"of its architecture, {architecture}; fused are {', '.join(COUNTED_FROM_ZERO)}"
    if getattr(model.encoder.config, "is_decoder", False):
        return "its tokens see only those before them (is_decoder)"
    held = {p for module in model.modules() if type(module) in STACKED for p in module.parameters(recurse=False)}
    other = [name for name, parameter in model.named_parameters() if parameter not in held]
    return f"its weight {other[0]} is in no layer that is stacked" if other else None


class FusedModel(nn.Module):
    """The backbone and heads of several trials that have the same tasks on.

    It has no weights of its own: `bind` lends it those of some trials. Slots stand one after another in the batch,
    (slots · rows, length, width), in all that transformers' modules see; only the layers with weights, attention and
    dropout know of trials.
    """

    def __init__(self, model: MultiTaskModel, seed: int) -> None:
        """Stack a model's layers; the model must not be used any more.

        Args:
            model: of the tasks that are on.
            seed: of dropout.
        """
        super().__init__()
        self.layout = FlatWeights.of(model)
        self.slots = Slots(seed)
        known = {parameter: name for name, parameter in model.named_parameters()}
        named = model.named_parameters(remove_duplicate=False)
        self._names = {name: known[parameter] for name, parameter in named}
        self.model = model
        self._stack()
        exact = {module for head in model.heads.values() if head.is_narrow for module in head.modules()}
        self._rounding = {module for module in model.modules() if isinstance(module, StackedLinear)} - exact
        """Layers that compute in the type of products: all with matrices but narrow heads."""
        self._weights = self._rounded = torch.empty(0)
        self._bound: list[tuple[nn.Parameter, str]] = []
        """What gradients are asked for, each with its name in the layout; a tied weight may be there twice."""
        self._gradients: dict[str, torch.Tensor] = {}

    def _stack(self) -> None:
        for path, module in list(self.model.named_modules()):
            parent, _, child = path.rpartition(".")
            if type(module) in STACKED:
                setattr(self.model.get_submodule(parent), child, STACKED[type(module)](module, self.slots))
            elif isinstance(module, nn.Dropout):
                setattr(self.model.get_submodule(parent), child, StackedDropout(module, self.slots, path))
        encoder = self.model.encoder
        AttentionInterface.register(ATTENTION, attention)
        encoder.config._attn_implementation = ATTENTION  # pyright: ignore[reportPrivateUsage]
        encoder.register_forward_pre_hook(_with_places, with_kwargs=True)
        for head in self.model.heads.values():
            head.register_forward_pre_hook(self._divide)
            head.register_forward_hook(self._unite, always_call=True)

    @property
    def device(self) -> torch.device:
        """That of the weights that are bound."""
        return self._weights.device

    def bind(
        self, weights: torch.Tensor, gradients: torch.Tensor | None = None, dtype: torch.dtype = torch.float32
    ) -> None:
        """Compute with the weights of some trials (slots, total), arranged as `layout` says.

        Args:
            weights: fp32. They may change between two steps (see `begin`).
            gradients: where `backward` writes, of the same shape; None: nothing is trained.
            dtype: of matrix products. Another than fp32 needs autocast around `passes` and `predict`. The weights are
                rounded once a step, where autocast would do it layer by layer, and their gradients once more.
        """
        self._weights = weights
        self._rounded = weights if dtype == weights.dtype else empty_rows(weights, dtype)
        exact = self.layout.named(weights)
        rounded = exact if self._rounded is weights else self.layout.named(self._rounded)
        bound: dict[torch.Tensor, tuple[nn.Parameter, str]] = {}
        for name, known in self._names.items():
            path, _, attribute = name.rpartition(".")
            module = self.model.get_submodule(path)
            view = (rounded if module in self._rounding else exact)[known]
            if view not in bound:
                bound[view] = nn.Parameter(view, requires_grad=gradients is not None), known
            setattr(module, attribute, bound[view][0])
        self._bound = list(bound.values())
        self._gradients = {} if gradients is None else self.layout.named(gradients)
        self.begin([StackedTrial()] * len(weights))

    def begin(self, trials: Sequence[StackedTrial]) -> None:
        """A new step of the trials whose weights are bound, with the weights as they are now."""
        self.slots.begin(trials)
        if self._rounded is not self._weights:
            self._rounded.copy_(self._weights)

    def release(self) -> None:
        """Let go of what was bound: a model that nobody trains with must not keep a cohort's weights."""
        for name in self._names:
            path, _, attribute = name.rpartition(".")
            setattr(self.model.get_submodule(path), attribute, None)
        self._weights = self._rounded = torch.empty(0)
        self._bound, self._gradients = [], {}

    def backward(self, total: torch.Tensor, *, first: bool) -> None:
        """Put the gradients of a total, a sum over slots, into those that were bound; of a later pass, add them."""
        found = torch.autograd.grad(total, [parameter for parameter, _ in self._bound], allow_unused=True)
        missing = dict(self._gradients) if first else {}
        for (_, name), gradient in zip(self._bound, found, strict=True):
            if gradient is None:  # pyright: ignore[reportUnnecessaryComparison], of a task that is in another pass
                continue
            if missing.pop(name, None) is None:
                self._gradients[name].add_(gradient)
            else:
                self._gradients[name].copy_(gradient)
        for known in missing.values():
            known.zero_()

    def passes(
        self, batches: Sequence[Mapping[Task[Any], Batch]], most_tokens: int
    ) -> Iterator[dict[str, torch.Tensor]]:
        """Each task's mean loss in each trial (slots,), not yet normalised, pass by pass as a plain model's.

        Args:
            batches: of each trial, on any device; the tasks and the shapes of their batches are alike in all.
            most_tokens: of one trial that batches may share a pass up to.
        """
        for group in shared_passes(batches[0], most_tokens):
            tasks = list(group)
            encoded = self._encode([[trial[task] for task in tasks] for trial in batches])
            stacked = [stack([trial[task] for trial in batches]).to(self.device) for task in tasks]
            yield {
                task.name: task.loss(self._head(task), part, batch)
                for task, part, batch in zip(tasks, encoded, stacked, strict=True)
            }

    def predict(self, task: Task[Any], batch: Batch) -> torch.Tensor:
        """What each trial predicts for the same rows: (slots, rows, …)."""
        trials = [batch] * self.slots.count
        (encoded,) = self._encode([[batch] for batch in trials])
        return task.predict(self._head(task), encoded, stack(trials)).unflatten(0, (self.slots.count, -1))

    def _encode(self, trials: Sequence[Sequence[Batch]]) -> Iterator[Encoded]:
        """One pass over the batches of all trials, each of one length; its results by task, (slots · rows, …)."""
        joined = join([batch for batches in trials for batch in batches])
        # Put together first, moved then: one copy, not one a trial.
        (whole,) = encode(self.model.encoder, [joined.to(self.device)])
        sizes = [len(batch.ids) for batch in trials[0]]
        states = self._apart(whole.last_hidden_state, sizes)
        pooled = [None] * len(sizes) if whole.pooler_output is None else self._apart(whole.pooler_output, sizes)
        yield from map(Encoded, states, pooled)

    def _apart(self, whole: torch.Tensor, sizes: Sequence[int]) -> Sequence[torch.Tensor]:
        parts = whole.unflatten(0, (self.slots.count, -1)).split(list(sizes), dim=1)
        return [part.flatten(0, 1) for part in parts]

    def _divide(self, _: nn.Module, args: tuple[Encoded]) -> None:
        shares = args[0].shares
        self.slots.shares = None if shares is None or len(set(shares)) == 1 else shares

    def _unite(self, *_: object) -> None:
        self.slots.shares = None

    def _head(self, task: Task[Any]) -> BorrowedHead:
        return self.model.head(task.name)


def _with_places(
    encoder: nn.Module, args: tuple[object, ...], given: dict[str, Any]
) -> tuple[tuple[object, ...], dict[str, Any]]:
    """Each row's own positions, as stacked tables need them; and the mask as attention reads it.

    Transformers would look at the mask's values to find whether there is any padding.
    """
    rows, length = given["attention_mask"].shape
    mask = given["attention_mask"].bool()[:, None, None, :]
    assert isinstance(encoder, PreTrainedModel)
    if not COUNTED_FROM_ZERO[encoder.config.model_type]:  # these count from the padding's number, row by row already
        return args, {**given, "attention_mask": mask}
    positions = torch.arange(length, device=mask.device).expand(rows, length)
    return args, {**given, "attention_mask": mask, "position_ids": positions}
