"""What an evaluation's metrics cost, beside scikit-learn's functions for the same five numbers.

    python benchmarks/metrics.py

Milliseconds of the processor for one evaluation of a classification into three classes: the median of rounds in which
the sides take turns. One thread.
"""

import argparse
import time
from collections.abc import Callable
from statistics import median

import numpy as np
import torch
from autotune.objectives.tasks.batch import TextCodes
from autotune.objectives.tasks.classification import Classification
from autotune.objectives.tasks.kinds import ClassificationSettings
from rich.console import Console
from rich.table import Table
from sklearn import metrics

CODES = TextCodes(0, None, torch.empty(0), 0, torch.empty(0), None)  # pyright: ignore[reportArgumentType]  # unread
TASK = Classification("task", ClassificationSettings(kind="classification")).with_labels(["a", "b", "c"])


def scikit_learn(logits: torch.Tensor, targets: torch.Tensor) -> dict[str, float]:
    """The five numbers, a function each."""
    truth, guess = targets.numpy(), logits.argmax(1).numpy()
    return {
        "accuracy": metrics.accuracy_score(truth, guess),
        "balanced_accuracy": metrics.balanced_accuracy_score(truth, guess),
        "f1": metrics.f1_score(truth, guess, average="macro"),
        "mcc": metrics.matthews_corrcoef(truth, guess),
        "log_loss": metrics.log_loss(truth, logits.double().softmax(1).numpy(), labels=np.arange(3)),
    }


def ours(logits: torch.Tensor, targets: torch.Tensor) -> dict[str, float]:
    """The five numbers from one count."""
    return TASK.measure(logits, targets, CODES)


def main() -> None:
    parser = argparse.ArgumentParser(description="An evaluation's metrics, beside scikit-learn's functions.")
    parser.add_argument("--rows", type=int, nargs="+", default=[16, 300, 3000], help="of the validation data")
    parser.add_argument("--repeats", type=int, default=20)
    options = parser.parse_args()
    torch.set_num_threads(1)
    table = Table(title="Milliseconds an evaluation")
    for column in ("rows", "scikit-learn", "ours", "ratio"):
        table.add_column(column, justify="right")
    for rows in options.rows:
        theirs, own = compared(rows, options.repeats)
        table.add_row(f"{rows:,}", f"{theirs:.2f}", f"{own:.2f}", f"{theirs / own:.0f}")
    Console().print(table)


def compared(rows: int, repeats: int) -> tuple[float, float]:
    """Milliseconds of both sides, which must find the same."""
    drawn = torch.Generator().manual_seed(rows)
    logits, targets = torch.randn(rows, 3, generator=drawn), torch.arange(rows) % 3
    one, other = scikit_learn(logits, targets), ours(logits, targets)
    if not all(abs(one[name] - other[name]) < 1e-12 for name in one):
        raise SystemExit(f"not the same: {one}, {other}")
    pairs = [(taken(scikit_learn, logits, targets), taken(ours, logits, targets)) for _ in range(repeats)]
    theirs, own = zip(*pairs, strict=True)
    return median(theirs), median(own)


def taken(side: Callable[[torch.Tensor, torch.Tensor], object], logits: torch.Tensor, targets: torch.Tensor) -> float:
    begun = time.process_time()
    side(logits, targets)
    return 1000 * (time.process_time() - begun)


if __name__ == "__main__":
    main()
