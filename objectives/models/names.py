"""What the name of an encoder says before it is opened. Nothing here imports torch."""

SCRATCH = {
    "scratch:tiny": {"num_hidden_layers": 2, "hidden_size": 128},
    "scratch:mini": {"num_hidden_layers": 4, "hidden_size": 256},
}
"""Shapes as in "Well-Read Students Learn Better" (Turc et al. 2019, arXiv 1908.08962)."""
PRETRAINED_RATES = (1e-5, 5e-4)
"""The usual range for fine-tuning: BERT-base 2e-5 to 5e-5, small encoders 3e-5 to 3e-4 (Devlin 2019, Turc 2019)."""
SCRATCH_RATES = (2e-4, 5e-3)
"""A small encoder from random weights; tried on the quickstart study."""

LOCAL = ("scratch:", "package:", ".", "/", "~")
"""How the names of encoders begin that cannot be Hub ids."""


def is_scratch(encoder: str) -> bool:
    """Whether an encoder starts from random weights."""
    return encoder in SCRATCH


def default_rates(encoder: str) -> tuple[float, float]:
    """The range of learning rates that suits an encoder."""
    return SCRATCH_RATES if is_scratch(encoder) else PRETRAINED_RATES
