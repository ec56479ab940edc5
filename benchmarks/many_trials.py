"""What the processor does for one step of many trials while a GPU computes it: one trial after another, and together.

    python benchmarks/many_trials.py --trials 64

Milliseconds of the processor a step, with everything that the device would do left out: putting augmented batches
together, and calling AdamW for rows of a few numbers. The median of rounds in which the sides take turns. One thread.
"""

import argparse
import csv
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch
from autotune.objectives.multi_task.fused.weights import FlatWeights
from autotune.objectives.prepare import prepare
from autotune.objectives.prepared import PreparedObjective
from autotune.objectives.settings import ObjectiveSettings
from autotune.objectives.training.fused.row_adamw import RowAdamW
from autotune.objectives.training.mixing import batches_of, together
from autotune.spaces.augmentation import AugmentationSpace
from autotune.spaces.configuration import Configuration, Mix
from autotune.spaces.training import TrainingSettings
from rich.console import Console
from rich.table import Table

WORDS = ("battery", "phone", "lasts", "all", "day", "screen", "bright", "small", "eyes", "price", "delivery", "camera")
MIXES = {
    "no augmentation": {},
    "noise": {"noise": 0.5},
    "mixup": {"mixup": 0.5},
    "cutoff": {"cutoff": 0.5},
    "all three": {"noise": 0.2, "mixup": 0.2, "cutoff": 0.2},
}
Sides = tuple[Callable[[], object], Callable[[], object]]


def main() -> None:
    parser = argparse.ArgumentParser(
        description="A step's work for the processor, one trial after another and together."
    )
    parser.add_argument("--trials", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    torch.set_num_threads(1)
    table = Table(title=f"Milliseconds of the processor for a step of {options.trials} trials")
    for column in ("", "one after another", "together", "ratio"):
        table.add_column(column, justify="right" if column else "left")
    with tempfile.TemporaryDirectory() as folder:
        prepared = prepared_in(Path(folder))
    work = {f"batches: {name}": batches(prepared, mix, options.trials) for name, mix in MIXES.items()}
    for name, sides in {**work, "AdamW: torch's optimizer, ours": optimizers(options.trials)}.items():
        pairs = [(taken(sides[0]), taken(sides[1])) for _ in range(options.repeats + 1)][1:]
        apart, whole = (median(side) for side in zip(*pairs, strict=True))
        table.add_row(name, f"{apart:.2f}", f"{whole:.2f}", f"{apart / whole:.1f}")
    Console().print(table)


def prepared_in(folder: Path) -> PreparedObjective:
    """Two tasks on 400 texts of 5 to 60 words, with their variants."""
    drawn = torch.Generator().manual_seed(0)
    with (folder / "rows.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(("text", "label"))
        for row in range(400):
            places = torch.randint(len(WORDS), (5 + row % 56,), generator=drawn).tolist()
            writer.writerow((" ".join(WORDS[place] for place in places), row % 2))
    settings = ObjectiveSettings.model_validate(
        {
            "objective": "main.accuracy",
            "data": {"train": "rows.csv", "validation": 0.2},
            "tasks": {"main": {"kind": "classification"}, "words": {"kind": "masked_lm"}},
            "model": {"encoder": "scratch:tiny", "max_length": 64},
        }
    )
    space = AugmentationSpace.model_validate({"operations": ["noise", "mixup", "cutoff"], "magnitude": [0.1, 0.3]})
    return prepare(settings, space, folder, 0)


def batches(prepared: PreparedObjective, mix: dict[str, float], trials: int) -> Sides:
    magnitude = next(magnitude for _, magnitude in prepared.bank.variants)
    configuration = Configuration(
        learning_rate=1e-4, ratios={"words": 0.5}, mix=Mix(operations=mix, magnitude=magnitude)
    )
    sources = [batches_of(prepared, configuration, fixed_shapes=True) for _ in range(trials)]
    return lambda: [source.at(3) for source in sources], lambda: together([(source, 3) for source in sources])


def optimizers(trials: int) -> Sides:
    """Torch's fused AdamW over two parameters, and ours over a row of as many numbers; of each trial its own."""
    shapes = {"weight": torch.Size((2, 2)), "bias": torch.Size((2,))}
    layout, training, skip = FlatWeights(shapes), TrainingSettings(weight_decay=0.01), torch.zeros(())
    rows = [RowAdamW(torch.zeros(6), layout, 1e-4, training) for _ in range(trials)]
    theirs: list[torch.optim.AdamW] = []
    for row in rows:
        row.attach(torch.zeros(6), torch.zeros(6))
        parameters = [torch.nn.Parameter(torch.zeros(shape)) for shape in shapes.values()]
        for parameter in parameters:
            parameter.grad = torch.zeros_like(parameter)
        groups = [{"params": [part], "weight_decay": decay} for part, decay in zip(parameters, (0.01, 0), strict=True)]
        theirs.append(torch.optim.AdamW(groups, lr=1e-4, fused=True))
    return lambda: [one.step() for one in theirs], lambda: [row.step(1.0, skip) for row in rows]


def taken(side: Callable[[], object]) -> float:
    begun = time.process_time()
    side()
    return 1000 * (time.process_time() - begun)


if __name__ == "__main__":
    main()
