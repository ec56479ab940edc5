"""The layers that hold a model's weights, stacked: each computes for all trials what torch's layer does for one.

Horizontal fusion (Wang et al. 2021, HFTA, arXiv 2102.02344): weights are (slots, …), and what goes in and comes out has
the trials in its first dimension, one after another, (slots · rows, …). A model around these layers sees one large
batch, and needs no other change as long as it treats every row alike.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from .slots import Slots


class StackedLinear(nn.Linear):
    """`weight` (slots, out, in), `bias` (slots, out) or None."""

    def __init__(self, layer: nn.Linear, slots: Slots) -> None:
        super().__init__(layer.in_features, layer.out_features, layer.bias is not None, device="meta")  # pyright: ignore[reportUnnecessaryComparison]
        self._slots = slots

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        shares = self._slots.shares
        vectors = input.reshape(-1, self.in_features)
        if shares is None:
            inputs = vectors.unflatten(0, (self._slots.count, -1))
            outputs = _affine(inputs, self.weight, self.bias)
        else:
            parts = zip(vectors.split(list(shares)), self.weight, self._biases(), strict=True)
            outputs = torch.cat([_affine(part[None], weight[None], bias)[0] for part, weight, bias in parts])
        return outputs.reshape(*input.shape[:-1], self.out_features)

    def _biases(self) -> Iterable[torch.Tensor | None]:
        """Of each slot: (1, out) or None."""
        return [None] * self._slots.count if self.bias is None else self.bias.split(1)  # pyright: ignore[reportUnnecessaryComparison]


def _affine(inputs: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    """(slots, vectors, in) by (slots, out, in) and (slots, out) -> (slots, vectors, out), in the weights' type."""
    inputs = inputs.to(weight.dtype)
    if weight.shape[1] == 1:
        # MKL sums the products of one column in another order where there is only one matrix in the batch.
        products = (inputs * weight).sum(-1, keepdim=True)
        return products if bias is None else products + bias.unsqueeze(1)
    return _Affine.apply(inputs, weight, bias)


class _Affine(torch.autograd.Function):
    """`baddbmm`; but the gradient of the weights is laid out as they are, where torch's own is transposed."""

    @staticmethod
    def forward(ctx: Any, inputs: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:  # noqa: ANN401
        ctx.save_for_backward(inputs, weight)
        return torch.bmm(inputs, weight.mT) if bias is None else torch.baddbmm(bias.unsqueeze(1), inputs, weight.mT)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, ...]:  # noqa: ANN401
        (grad,) = grads
        inputs, weight = ctx.saved_tensors
        return torch.bmm(grad, weight), torch.bmm(grad.mT, inputs), grad.sum(1) if ctx.needs_input_grad[2] else None


class StackedLayerNorm(nn.LayerNorm):
    """`weight` and `bias` (slots, width)."""

    def __init__(self, layer: nn.LayerNorm, slots: Slots) -> None:
        super().__init__(list(layer.normalized_shape), layer.eps, device="meta")
        self._slots = slots

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        shares = self._slots.shares
        normed = functional.layer_norm(input, self.normalized_shape, eps=self.eps)
        vectors = normed.reshape(-1, input.shape[-1])
        if shares is None:
            apart = vectors.unflatten(0, (self._slots.count, -1))
            outputs = torch.addcmul(self.bias.unsqueeze(1), apart, self.weight.unsqueeze(1))
        else:
            parts = zip(vectors.split(list(shares)), self.weight, self.bias, strict=True)
            outputs = torch.cat([torch.addcmul(bias, part, weight) for part, weight, bias in parts])
        return outputs.reshape(input.shape)


class StackedEmbedding(nn.Embedding):
    """`weight` (slots, entries, width). The padding's row gets no gradient, as in torch's layer."""

    def __init__(self, layer: nn.Embedding, slots: Slots) -> None:
        super().__init__(layer.num_embeddings, layer.embedding_dim, layer.padding_idx, device="meta")
        self._slots = slots

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        first = torch.arange(self._slots.count, device=input.device) * self.num_embeddings
        places = input.unflatten(0, (self._slots.count, -1)) + first[:, None, None]
        found = functional.embedding(places.flatten(0, 1), self.weight.flatten(0, 1))
        if self.padding_idx is None:
            return found
        return torch.where((input == self.padding_idx).unsqueeze(-1), found.detach(), found)


class StackedDropout(nn.Dropout):
    """Each trial's own draws, at its own rate."""

    def __init__(self, layer: nn.Dropout, slots: Slots, name: str) -> None:
        super().__init__(layer.p)
        self._slots, self._name = slots, name

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        return self._slots.drop(input, self._name, self.p) if self.training else input


def attention(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor,
    scaling: float,
    **_: object,
) -> tuple[torch.Tensor, None]:
    """Attention of (slots · rows, heads, length, width), in the form in which transformers calls it.

    In training the weights are there to be dropped, at rates and by draws that no kernel of torch's takes.
    """
    if module.training:
        weights = (query * scaling @ key.mT).masked_fill(~attention_mask, -torch.inf).softmax(-1)
        found = module.get_submodule("dropout")(weights) @ value
    else:
        found = functional.scaled_dot_product_attention(query, key, value, attention_mask, scale=scaling)
    return found.transpose(1, 2).contiguous(), None


STACKED: dict[type[nn.Module], Callable[..., nn.Module]] = {
    nn.Linear: StackedLinear,
    nn.LayerNorm: StackedLayerNorm,
    nn.Embedding: StackedEmbedding,
}
"""What every layer with weights becomes."""
