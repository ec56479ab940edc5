"""What a result was made with."""

from importlib.metadata import version

_VERSIONED = ("autotune-mtl", "optuna", "torch", "transformers", "datasets", "scikit-learn")


def versions() -> dict[str, str]:
    """The versions of ourselves and of the packages that decide what a training gives."""
    return {name: version(name) for name in _VERSIONED}
