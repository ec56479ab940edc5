"""The layers of a backbone: finding them, keeping the lowest, freezing, starting the top ones anew."""

from collections.abc import Iterator, Sequence

from torch import nn
from transformers import PreTrainedModel

from ...spaces.errors import EncoderError
from ...spaces.training import TrainingSettings
from .borrowed import has_halves
from .encoders import LAYER_COUNTS, EncoderSource


def layer_stacks(backbone: PreTrainedModel) -> list[Sequence[nn.Module]]:
    """The layers from bottom to top: one stack, or the encoder's and the decoder's.

    Empty where depths share their weights (ALBERT).
    """
    counts = {count for name in LAYER_COUNTS if (count := getattr(backbone.config, name, None))}
    parts = [backbone.get_submodule(half) for half in (("encoder", "decoder") if has_halves(backbone) else ("",))]
    found = [
        next((m for m in part.modules() if isinstance(m, nn.ModuleList) and len(m) in counts), None) for part in parts
    ]
    return [list(stack) for stack in found if stack is not None]


def check_layers(source: EncoderSource, training: TrainingSettings) -> None:
    """Refuse what an encoder's layers do not allow.

    Raises:
        EncoderError: there are `layer_mistakes`; it tells them all.
    """
    if wrong := [f"training: {mistake}" for mistake in layer_mistakes(source, training)]:
        raise EncoderError("\n".join(wrong))


def layer_mistakes(source: EncoderSource, training: TrainingSettings) -> Iterator[str]:
    """Settings that name more layers than there are, or that need layers which do not share their weights.

    Each counts by itself. Where `keep_layers` leaves fewer layers than another setting names, that setting means all
    that are left, so that a search may combine what is allowed one by one.
    """
    for key in ("keep_layers", "freeze_layers", "reinitialize_layers"):
        value = getattr(training, key)
        if value is not None and value > source.layers:
            yield f"{key}: {value} is more than the {source.layers} layers of {source.name!r}"
    apart = {"freeze_layers": 0, "reinitialize_layers": 0, "layer_decay": 1.0}
    changed = {key: off for key, off in apart.items() if getattr(training, key) != off}
    if changed and not layer_stacks(source.outline()):
        for key, off in changed.items():
            yield (
                f"{key}: {getattr(training, key):g} needs layers with weights of their own, and those of "
                f"{source.name!r} share theirs; only {off:g} is allowed"
            )


def layer_depths(model: nn.Module, backbone: PreTrainedModel) -> dict[str, int]:
    """The depth of every parameter of a model that holds a backbone, by name.

    0 for embeddings (and relative positions), 1 for the lowest layer to L for the highest, L + 1 for what stands on
    them: final norms, poolers and heads. An encoder–decoder's two stacks count side by side from the bottom.
    """
    stacks = layer_stacks(backbone)
    top = max(map(len, stacks), default=0) + 1
    layered = {id(p): place for stack in stacks for place, layer in enumerate(stack, 1) for p in layer.parameters()}
    tables = {id(p) for m in backbone.modules() if isinstance(m, nn.Embedding) for p in m.parameters()}
    tables |= {id(p) for name, p in backbone.named_parameters() if "embed" in name}
    return {
        name: layered.get(id(parameter), 0 if id(parameter) in tables else top)
        for name, parameter in model.named_parameters()
    }


def freeze(model: nn.Module, backbone: PreTrainedModel, count: int) -> None:
    """Keep the embeddings and the lowest layers as they are (Lee et al. 2019, arXiv 1911.03090); what is above trains.

    More layers than there are means all of them.
    """
    depths = layer_depths(model, backbone)
    frozen = min(count, max(map(len, layer_stacks(backbone)), default=0))
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(depths[name] > frozen)


def reinitialize(backbone: PreTrainedModel, fresh: PreTrainedModel, count: int) -> None:
    """Start the top layers, and a pooler on them, with another model's weights (Zhang et al. 2021, arXiv 2006.05987).

    These layers train, whatever is frozen below them.
    """
    pairs = [
        (layer, new)
        for stack, new_stack in zip(layer_stacks(backbone), layer_stacks(fresh), strict=False)
        for layer, new in zip(stack[-count:], new_stack[-count:], strict=True)
    ]
    if getattr(backbone, "pooler", None) is not None and getattr(fresh, "pooler", None) is not None:
        pairs.append((backbone.get_submodule("pooler"), fresh.get_submodule("pooler")))
    for old, new in pairs:
        old.load_state_dict(new.state_dict())
        old.requires_grad_(True)


def set_dropout(model: nn.Module, rate: float) -> None:
    """Set every dropout. Many families pass attention's rate as a number, and ModernBERT drops the module at rate 0."""
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = rate
        for name, value in list(vars(module).items()):
            if "dropout" in name and isinstance(value, float | int) and not isinstance(value, bool):
                setattr(module, name, rate)
        for name, child in list(module.named_children()):
            if "drop" in name and isinstance(child, nn.Identity):
                setattr(module, name, nn.Dropout(rate))
