"""The inference cost of a trained model: operations per row, and parameters."""

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from ..models.vocabulary import output_names, table_names
from ..multi_task.model import MultiTaskModel
from ..prepared import PreparedObjective
from ..seeds import generator
from .mixing import gathered


def inference_cost(model: MultiTaskModel, prepared: PreparedObjective, device: torch.device) -> dict[str, float]:
    """The cost of the exported main task: the backbone, with what other tasks' heads read of it, and its own head.

    The vocabulary is the full one, but for the operations of a head that writes tokens: those are over the study's own.

    Returns:
        `cost.gflops`: 10^9 floating point operations of the matrix products for the validation row of median length
        (a multiplication and an addition are two). `cost.parameters`: 10^6 parameters. Neither depends on the weights.
    """
    rows = prepared.validation
    middle = rows.tokens.lengths.argsort(stable=True)[len(rows.tokens) // 2]
    batch = gathered(rows, middle.reshape(1), prepared.pad, fixed_shapes=False)
    batch = rows.task.prepare(batch, prepared.codes, generator(prepared.seed, "cost")).to(device)
    model.eval()
    # Attention kernels of their own are not counted on every device; as plain products they are.
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), counter:
        model({rows.task: batch})  # not `predict`: how much a model writes by itself depends on its weights
    return {"cost.gflops": counter.get_total_flops() / 1e9, "cost.parameters": _parameters(model, prepared) / 1e6}


def _parameters(model: MultiTaskModel, prepared: PreparedObjective) -> float:
    """Parameters of backbone and main head, each once; trimmed ones at their full size."""
    vocabulary, head = prepared.models.vocabulary, model.head(prepared.settings.main_task).model
    growth = vocabulary.full_size / vocabulary.size
    parts = ((model.encoder, table_names(model.encoder)), (head, output_names(head)))
    sizes = {
        id(parameter): parameter.numel() * (growth if name in trimmed else 1)
        for part, trimmed in parts
        for name, parameter in part.named_parameters()
    }
    return sum(sizes.values())
