"""The versions of packages that results depend on, without importing them."""

import platform
from importlib.metadata import version

_PACKAGES = ("autotune-mtl", "optuna", "torch", "transformers", "tokenizers", "datasets", "scikit-learn", "numpy")


def packages() -> dict[str, str]:
    """The packages, Python and the system, by name; nothing in it names the machine or its user."""
    return {
        **{name: version(name) for name in _PACKAGES},
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
    }
