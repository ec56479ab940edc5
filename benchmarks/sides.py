"""What every side of a benchmark is given, and what it gives back.

A side is a script of its own, started in a fresh process, so that its memory and its start-up are its own:
it reads a `Spec` as JSON from its one argument and prints a `SideResult` as the last line of its output.
"""

import importlib.util
import json
import random
import resource
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from pydantic import TypeAdapter


@dataclass(frozen=True)
class TrialSpec:
    """One configuration that every side trains."""

    learning_rate: float
    ratio: float
    """β/α of masked_lm beside the main task, both losses divided by that of a know-nothing prediction."""


@dataclass(frozen=True)
class Spec:
    """The work of one side: the same trials on the same rows with the same encoder."""

    train: str
    validation: str
    encoder: str
    """A local folder with a BERT encoder and its tokenizer."""
    precision: str
    """fp32 or bf16."""
    trials: tuple[TrialSpec, ...]
    epochs: int = 3
    batch_size: int = 16
    max_length: int = 128
    weight_decay: float = 0.01
    warmup: float = 0.1
    """Share of the steps in which the learning rate rises from zero."""
    seed: int = 0
    how: str = "autotune"
    """Our side's way, its name in throughput.py: with `fused` and `workers` a trial's seconds are its share of all."""


@dataclass(frozen=True)
class SideResult:
    seconds: list[float] = field(default_factory=list[float])
    """Wall time of each trial: a fresh model, training, an evaluation an epoch."""
    scores: list[float] = field(default_factory=list[float])
    """Best validation accuracy of each trial over its epochs."""
    start_seconds: float = 0.0
    """Paid once a study: reading and tokenising the rows (imports not counted)."""
    peak_bytes: int = 0


def fixed_trials(count: int) -> tuple[TrialSpec, ...]:
    """Return the first `count` of one endless list of configurations.

    Drawn log-uniformly where a MiniLM-L6 learns this data set, so that scores can be compared.
    """
    generator = random.Random(0)
    return tuple(
        TrialSpec(learning_rate=_log_uniform(generator, 5e-5, 3e-4), ratio=_log_uniform(generator, 0.03, 1.0))
        for _ in range(count)
    )


def encoder_folder(encoder: str) -> Path:
    """Return the folder behind `package:NAME/FOLDER` (inside an installed Python package) or a plain path.

    Raises FileNotFoundError if there is none.
    """
    scheme, _, place = encoder.partition(":")
    folder = _package_folder(place) if scheme == "package" else Path(encoder)
    if not (folder / "config.json").is_file():
        raise FileNotFoundError(f"no encoder in {encoder!r}: a folder with config.json is needed")
    return folder


def peak_memory_bytes() -> int:
    """Return the highest resident memory of this process or of one that it waited for."""
    unit_bytes = 1 if sys.platform == "darwin" else 1024
    return unit_bytes * max(
        resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )


def main(run: Callable[[Spec], SideResult]) -> None:
    """Be a side: run the spec given as the only argument, and print the result as one line."""
    print(json.dumps(asdict(run(TypeAdapter(Spec).validate_json(sys.argv[1])))), flush=True)


def _log_uniform(generator: random.Random, low: float, high: float) -> float:
    return low * (high / low) ** generator.random()


def _package_folder(place: str) -> Path:
    package, _, folder = place.partition("/")
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise FileNotFoundError(f"the Python package {package!r} is not installed (pip install 'autotune-mtl[minilm]')")
    return Path(found.submodule_search_locations[0]) / folder
