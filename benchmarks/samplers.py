"""Which sampler and which pruner find the best configuration at a budget? Replayed on tables, nothing is trained.

    python benchmarks/samplers.py [--curves FOLDER] [--seeds 2] [--samplers tpe,gp --pruners none,asha]

Data: `lcbench_surrogate`, learning curves over 52 epochs of 800 random configurations (7 hyperparameters) on each of
five OpenML tasks. A sampled point is not snapped to the nearest of the 800 configurations: in seven dimensions that
explains only 39-73 % of the variance of held-out final values, and turns the landscape into steps. A thin-plate
spline through the 800 curves explains 88-97 %, so the curve of a point is that spline's.

What is compared: six rungs, two slots, noise of one accuracy point in standard deviation on every evaluation (half
of its variance belongs to the trial, half to the rung). A trial's value is its best evaluation. The search chooses
by noisy values; it is scored by the noiseless value of what it chose, as normalised regret: 0 is the best of the
task, 1 the median configuration of the table, so what a coin would choose.

A pruner saves epochs and may cost regret. So beside a pruned search stands the unpruned one of the same sampler,
seed and budget, stopped at the same epochs: `gain` is by how much it is worse (paired over tasks and seeds).
"""

import argparse
import csv
import gzip
import os
import warnings
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from itertools import product
from pathlib import Path
from time import perf_counter

import numpy as np
import optuna
from autotune.search.pruners import make_pruner
from autotune.search.samplers import make_sampler
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState
from scipy.interpolate import RBFInterpolator

SPACE: dict[str, BaseDistribution] = {
    "batch_size": IntDistribution(16, 512, log=True),
    "learning_rate": FloatDistribution(1e-4, 1e-1, log=True),
    "momentum": FloatDistribution(0.1, 0.99),
    "weight_decay": FloatDistribution(1e-5, 0.1),
    "num_layers": IntDistribution(1, 5),
    "max_units": IntDistribution(64, 1024, log=True),
    "max_dropout": FloatDistribution(0.0, 1.0),
}
LOGARITHMIC = np.array([True, True, False, False, False, True, False])
EPOCHS = 52
RUNGS = [round(EPOCHS * rung / 6) for rung in range(1, 7)]
ONE_EPOCH = RUNGS[1]
"""A study of three epochs has two rungs an epoch, so its first epoch ends at the second of six."""
NOISE = 1.0
SLOTS = 2
BUDGETS = (12, 30, 60, 120)
PRUNERS = ("none", "percentile", "median", "asha", "hyperband", "one-epoch")
Row = tuple[str, str]
"""A sampler and a pruner."""
ROWS: list[Row] = [*product(("random", "qmc", "cmaes"), PRUNERS[:2]), *product(("tpe",), PRUNERS)]
"""Quick samplers with the mildest pruner, all pruners with TPE. Gaussian processes take minutes: `--samplers gp`."""


@dataclass(frozen=True)
class Table:
    """The curves of one task as a function of the configuration."""

    spline: RBFInterpolator
    low: NDArray[np.float64]
    span: NDArray[np.float64]
    ceiling: float
    best: float
    median: float

    @classmethod
    def read(cls, file: Path) -> "Table":
        with gzip.open(file, "rt", encoding="utf-8") as stream:
            header, *rows = csv.reader(stream)
        cells = np.array(rows, dtype=float)
        points = scaled(cells[:, [header.index(name) for name in SPACE]])
        curves = cells[:, [header.index(f"val_accuracy_{step:02d}") for step in RUNGS]]
        low, span = points.min(axis=0), np.ptp(points, axis=0)
        spline = RBFInterpolator((points - low) / span, curves, kernel="thin_plate_spline")
        tops = curves.max(axis=1)
        # A spline overshoots beyond its data: nothing may be better than the best configuration of the table.
        return cls(spline, low, span, float(tops.max()), float(tops.max()), float(np.median(tops)))

    def curve(self, configuration: dict[str, float]) -> NDArray[np.float64]:
        """Return the noiseless accuracies in percent at the rungs."""
        point = scaled(np.array([[configuration[name] for name in SPACE]], dtype=float))
        return np.clip(self.spline((point - self.low) / self.span)[0], 0.0, self.ceiling)

    def regret(self, accuracy: float) -> float:
        """0 is the best of the table, 1 its median configuration."""
        return (self.best - accuracy) / (self.best - self.median)


def scaled(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return points (configurations, 7) with the logarithm of what is searched on a log scale."""
    return np.where(LOGARITHMIC, np.log(np.maximum(points, 1e-12)), points)


@dataclass
class Replay:
    """One running trial: its noisy and its noiseless accuracies at the rungs."""

    trial: optuna.Trial
    seen: NDArray[np.float64]
    true: NDArray[np.float64]
    done: int = 0

    def advance(self, study: optuna.Study) -> TrialState:
        """Report the next rung; end the trial where the pruner or the last rung says so."""
        self.trial.report(self.seen[self.done], RUNGS[self.done])
        self.done += 1
        if self.done == len(RUNGS):
            study.tell(self.trial, self.seen.max())
            return TrialState.COMPLETE
        if self.trial.should_prune():
            study.tell(self.trial, state=TrialState.PRUNED)
            return TrialState.PRUNED
        return TrialState.RUNNING


@dataclass(frozen=True)
class Search:
    """What one search did, trial by trial in the order of their end."""

    rungs: NDArray[np.int64]
    seen: NDArray[np.float64]
    regrets: NDArray[np.float64]
    """Of each trial; infinite where it was pruned, so that it is never chosen."""
    ask_s: float

    def share(self) -> float:
        """Of the epochs that the same number of trials takes without pruning."""
        return float(self.rungs.sum() / (len(self.rungs) * len(RUNGS)))

    def pruned(self) -> int:
        return int((self.rungs < len(RUNGS)).sum())

    def regret(self, share: float = 1.0) -> float:
        """Return the regret of what had been chosen when that share of the full epochs was spent."""
        within = np.cumsum(self.rungs) <= max(share * len(self.rungs), 1) * len(RUNGS)
        complete = within & (self.rungs == len(RUNGS))
        chosen = np.argmax(np.where(complete, self.seen, -np.inf))
        return float(self.regrets[chosen])


@cache
def table(file: Path) -> Table:
    """Read a task once a process."""
    return Table.read(file)


def search(file: Path, seed: int, sampler: str, pruner: str, trials: int) -> Search:
    """Run one search over a task's table, `SLOTS` trials at a time."""
    task, ask_s = table(file), 0.0
    study = optuna.create_study(
        study_name=f"{file.name}-{seed}",
        direction="maximize",
        sampler=make_sampler(sampler, SPACE, seed, [0], trials, points=()),
        pruner=make_pruner(pruner, RUNGS, ONE_EPOCH, trials, folds=None),
    )
    running: list[Replay] = []
    ended: list[Replay] = []
    started = 0
    while started < trials or running:
        while started < trials and len(running) < SLOTS:
            begin = perf_counter()
            trial = study.ask(SPACE)
            ask_s += perf_counter() - begin
            running.append(replay(task, trial, seed))
            started += 1
        over = [one for one in running if one.advance(study) != TrialState.RUNNING]
        ended += over
        running = [one for one in running if one not in over]
    return summary(task, ended, ask_s)


def replay(task: Table, trial: optuna.Trial, seed: int) -> Replay:
    """Begin a trial; its noise depends on the seed and the trial's number only."""
    true = task.curve(trial.params)
    generator = np.random.default_rng([seed, trial.number])
    noise = generator.normal(size=1) + generator.normal(size=len(RUNGS))
    return Replay(trial, true + NOISE * np.sqrt(0.5) * noise, true)


def summary(task: Table, ended: Iterable[Replay], ask_s: float) -> Search:
    """Score each trial by the noiseless accuracy of its checkpoint that looked best."""
    ended = list(ended)
    rungs = np.array([one.done for one in ended])
    seen = np.array([one.seen[: one.done].max() for one in ended])
    regrets = np.array([task.regret(float(one.true[int(np.argmax(one.seen[: one.done]))])) for one in ended])
    return Search(rungs, seen, regrets, ask_s)


@dataclass(frozen=True)
class Cell:
    """One task and seed of one row of the printed table."""

    regret: float
    share: float
    pruned: int
    gain: float
    ask_s: float


def cells(job: tuple[Path, int], rows: list[Row], budgets: tuple[int, ...]) -> dict[tuple[str, str, int], Cell]:
    """Run all rows and budgets on one task with one seed."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("error")
    results: dict[tuple[str, str, int], Cell] = {}
    for budget in budgets:
        plain = {sampler: search(*job, sampler, "none", budget) for sampler in dict.fromkeys(row[0] for row in rows)}
        for sampler, pruner in rows:
            found = plain[sampler] if pruner == "none" else search(*job, sampler, pruner, budget)
            gain = plain[sampler].regret(found.share()) - found.regret()
            results[sampler, pruner, budget] = Cell(
                found.regret(), found.share(), found.pruned(), gain, found.ask_s / budget
            )
    return results


def line(row: Row, budget: int, found: list[Cell]) -> str:
    """Format one row: means over tasks and seeds, with standard errors."""
    root = np.sqrt(len(found))
    regrets, gains = np.array([cell.regret for cell in found]), np.array([cell.gain for cell in found])
    share = np.mean([cell.share for cell in found])
    fired = np.mean([cell.pruned > 0 for cell in found])
    ask_ms = 1000 * np.mean([cell.ask_s for cell in found])
    gain = "       -      " if row[1] == "none" else f"{gains.mean():+.3f} ± {gains.std() / root:.3f}"
    return (
        f"| {budget:6d} | {row[0]:7s} | {row[1]:10s} | {regrets.mean():.3f} ± {regrets.std() / root:.3f} "
        f"| {100 * share:5.0f} % | {gain:14s} | {100 * fired:5.0f} % | {ask_ms:5.1f} |"
    )


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Samplers and pruners, replayed on tabulated learning curves.")
    default = Path(__file__).resolve().parent.parent.parent / "shared" / "data" / "curves"
    parser.add_argument("--curves", type=Path, default=default, help="the folder that holds lcbench_surrogate/")
    parser.add_argument("--seeds", type=int, default=2, help="seeds a task")
    parser.add_argument("--samplers", help="these with all of --pruners, in place of the usual rows")
    parser.add_argument("--pruners", default=",".join(PRUNERS))
    parser.add_argument("--budgets", default=",".join(map(str, BUDGETS)), help="trials")
    return parser.parse_args()


def main() -> None:
    os.environ["OMP_NUM_THREADS"] = "1"  # a process a core: Gaussian processes would otherwise fight for them
    options = arguments()
    files = sorted((options.curves / "lcbench_surrogate").glob("*.csv.gz"))
    if not files:
        raise SystemExit(f"no tables in {options.curves}/lcbench_surrogate: see --curves")
    rows = list(product(options.samplers.split(","), options.pruners.split(","))) if options.samplers else ROWS
    budgets = tuple(int(budget) for budget in options.budgets.split(","))
    jobs = list(product(files, range(options.seeds)))
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        found = list(pool.map(partial(cells, rows=rows, budgets=budgets), jobs))
    print(f"{len(files)} tasks x {options.seeds} seeds; regret: 0 best, 1 median configuration; ± standard error")
    print("| trials | sampler | pruner     | regret        | epochs  | gain at the same epochs | fired | ask ms |")
    print("|---|---|---|---|---|---|---|---|")
    for budget, row in product(budgets, rows):
        print(line(row, budget, [result[*row, budget] for result in found]))


if __name__ == "__main__":
    main()
