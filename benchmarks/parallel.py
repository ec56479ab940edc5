"""How much faster a study is with several workers, and whether what they hold grows.

    python benchmarks/parallel.py --workers 1 2 --trials 24 --repeats 3

Every side runs the same study of the same trials, without pruning, through `run_study`: ask, report, tell and the
storage are in the time. A side is a number of one-thread CPU workers, 0 for this process with all threads; or, with
`--devices 0 0,1`, a list of GPUs. The sides take turns, so that what else the machine does meets all of them, and the
configurations of their trials are compared: unequal work ends the benchmark. Rows are made up.

Two figures. `seconds` and `trials/h` hold everything from the start of a run, so the start of its workers too (each
imports torch and reads the prepared data from the cache). `going` leaves it out: it counts the evaluations after every
worker had told its first one (`all there`) against the time after that, which is what a long study comes to. The last
trials are in both: a worker that has no further trial waits for the others. Shown are medians over the repeats, and
ratios to the first side.

`--memory` adds the resident memory of the tuner and of its largest worker after so many trials.
"""

import argparse
import csv
import multiprocessing
import os
import random
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import yaml
from autotune.search.creation import create_study
from autotune.search.executors.placement import ExecutorName, Placement
from autotune.search.executors.places import find_places
from autotune.search.observer import Observer
from autotune.search.preparing import prepare_study
from autotune.search.running import run_study
from autotune.search.study import StudyRecord
from autotune.search.study_file.reading import read_study_file
from optuna.trial import TrialState
from rich.console import Console
from rich.table import Table
from throughput import machine

WORDS = ("the", "case", "is", "good", "bad", "great", "poor", "phone", "battery", "cable", "really", "and", "it", "was")
MARKS = (1, 20, 50, 100, 150, 200)


@dataclass
class Watch(Observer):
    """Times the evaluations of a run, and looks at memory when a trial ends."""

    memory: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    """Bytes of the tuner and of its largest worker after each trial."""
    evaluations: list[tuple[float, int]] = field(default_factory=list[tuple[float, int]])
    """When, and of which trial."""
    start: float = field(default_factory=time.perf_counter)

    def evaluated(self, number: int, step: int, value: float) -> None:
        self.evaluations.append((time.perf_counter(), number))

    def completed(self, number: int, value: float, step: int, others: Mapping[str, float]) -> None:
        workers = [psutil.Process(child.pid).memory_info().rss for child in multiprocessing.active_children()]
        self.memory.append((psutil.Process().memory_info().rss, max(workers, default=0)))

    def failed(self, number: int, reason: str) -> None:
        raise SystemExit(f"trial {number}: {reason}")

    def all_there(self, workers: int) -> float:
        """When so many trials, one a worker, had their first evaluation."""
        first: dict[int, float] = {}
        for moment, number in self.evaluations:
            first.setdefault(number, moment)
        return sorted(first.values())[:workers][-1]

    def going(self, workers: int) -> float:
        """Evaluations a second from then on."""
        begin, last = self.all_there(workers), self.evaluations[-1][0]
        return sum(moment > begin for moment, _ in self.evaluations) / max(last - begin, 1e-9)


@dataclass(frozen=True)
class Result:
    seconds: float
    watch: Watch
    configurations: Sequence[object]
    """Of all trials, by number."""
    workers: int

    @property
    def going(self) -> float:
        """Trials an hour once all workers are there."""
        a_trial = len(self.watch.evaluations) / len(self.configurations)
        return 3600 * self.watch.going(self.workers) / a_trial

    @property
    def all_there(self) -> float:
        """Seconds until then."""
        return self.watch.all_there(self.workers) - self.watch.start


def main() -> None:
    options = parse_options()
    sides = options.devices or [f"cpu:{count}" if count else "inline" for count in options.workers]
    results: dict[str, list[Result]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["AUTOTUNE_CACHE"] = str(Path(folder) / "cache")
        path = write_study(Path(folder), options)
        for repeat in range(options.repeats):
            for side in sides:
                results[side].append(run(path, side, f"sqlite:///{folder}/{repeat}-{side.replace(',', '-')}.db"))
    found = [result.configurations for turns in results.values() for result in turns]
    if any(one != found[0] for one in found):
        raise SystemExit("the sides did not train the same trials")
    console = Console()
    console.print(table_of(results, options.trials))
    if options.memory:
        console.print(memory_table(results))
    console.print(machine())


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="One study with one worker and with several, side by side.")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], help="CPU workers of each side; 0: none")
    parser.add_argument("--devices", nargs="+", help="instead: the GPUs of each side, such as: 0 0,1")
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--repeats", type=int, default=1, help="turns of every side")
    parser.add_argument("--rows", type=int, default=400)
    parser.add_argument("--epochs", type=int, default=3, help="each is evaluated once")
    parser.add_argument("--encoder", default="scratch:mini", help="as in a study file")
    parser.add_argument("--memory", action="store_true", help="print what tuner and workers hold, too")
    return parser.parse_args()


def write_study(folder: Path, options: argparse.Namespace) -> Path:
    """Write rows and a study file of two tasks. Only the rates and weights are searched, so all trials are as long."""
    draw = random.Random(0)
    with (folder / "rows.csv").open("w", newline="", encoding="utf-8") as stream:
        rows = [(" ".join(draw.choices(WORDS, k=draw.randint(5, 40))), f"class {n % 3}") for n in range(options.rows)]
        csv.writer(stream).writerows([("text", "label"), *rows])
    study = {
        "name": "parallel",
        "data": {"train": "rows.csv", "validation": 0.2, "clean": {"deduplicate": False}},
        "model": {"encoder": options.encoder, "max_length": 64},
        "tasks": {"label": {"kind": "classification"}, "words": {"kind": "masked_lm"}},
        "space": {"loss_weights": {"optional": False}, "augmentation": {"operations": []}},
        "training": {"epochs": options.epochs, "evaluations_per_epoch": 1},
        "search": {"trials": options.trials, "sampler": "random", "pruner": "none"},
    }
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump(study), encoding="utf-8")
    return path


def run(path: Path, side: str, url: str) -> Result:
    """One side's turn: a new study, run to its end."""
    file = read_study_file(path)
    record = create_study(file, path, url, prepare_study(file, path.parent))
    inline = side == "inline"
    placement = Placement("cpu" if inline else side, 1, ExecutorName.INLINE if inline else ExecutorName.PROCESS)
    watch = Watch()
    run_study(record, watch, placement=placement)
    seconds = time.perf_counter() - watch.start
    return Result(seconds, watch, configurations(record), workers_of(side))


def workers_of(side: str) -> int:
    """How many trials it trains at once."""
    return 1 if side == "inline" else len(find_places(side))


def configurations(record: StudyRecord) -> list[object]:
    trials = record.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    return [trial.user_attrs["configuration"] for trial in sorted(trials, key=lambda trial: trial.number)]


def table_of(results: Mapping[str, Sequence[Result]], trials: int) -> Table:
    table = Table(title=f"A study of {trials} trials (medians; ratios to the first side)")
    for column in ("side", "seconds", "trials/h", "ratio", "going: trials/h", "ratio", "all there s"):
        table.add_column(column, justify="left" if column == "side" else "right")
    rates = {side: 3600 * trials / statistics.median(turn.seconds for turn in turns) for side, turns in results.items()}
    going = {side: statistics.median(turn.going for turn in turns) for side, turns in results.items()}
    first = next(iter(results))
    for side, turns in results.items():
        table.add_row(
            side,
            f"{statistics.median(turn.seconds for turn in turns):.1f}",
            f"{rates[side]:.0f}",
            f"{rates[side] / rates[first]:.2f}",
            f"{going[side]:.0f}",
            f"{going[side] / going[first]:.2f}",
            f"{statistics.median(turn.all_there for turn in turns):.1f}",
        )
    return table


def memory_table(results: Mapping[str, Sequence[Result]]) -> Table:
    table = Table(title="Resident MB after so many trials, last turn (tuner / largest worker)")
    table.add_column("trials", justify="right")
    held = {side: turns[-1].watch.memory for side, turns in results.items()}
    for side in held:
        table.add_column(side, justify="right")
    length = len(next(iter(held.values())))
    for mark in sorted({mark for mark in MARKS if mark < length} | {length}):
        cells = [" / ".join(f"{size / 1e6:.0f}" for size in memory[mark - 1]) for memory in held.values()]
        table.add_row(str(mark), *cells)
    return table


if __name__ == "__main__":
    main()
