"""How long the report of a large study takes, and how large its page is.

    python benchmarks/report.py --trials 1000

makes the quickstart study with four auxiliary tasks, five operations and two searched settings, fills it with ended
trials (two of three pruned, ten rungs each; nothing is trained), and times whole commands, one after another, each from
its start to its end: a script with Optuna alone that reads the trials and tells the best and the importances, then
`autotune study report`, without and with `--html`. SQLite.
"""

import argparse
import json
import math
import os
import platform
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import optuna
import yaml
from autotune.search.creation import create_study
from autotune.search.preparing import prepare_study
from autotune.search.roles import BASELINE, BEST_STEP, CONFIGURATION, EQUAL_WEIGHTS, ROLE, SECONDS
from autotune.search.study_file.reading import read_study_file
from autotune.spaces.space import SearchSpace
from optuna.distributions import distribution_to_json
from optuna.samplers import RandomSampler
from rich.console import Console
from rich.table import Table

QUICKSTART = Path(__file__).parent.parent / "studies" / "quickstart"
RUNGS = range(10, 101, 10)
TARGETS = "at most 3 s, at most 5 MB"
PLAIN = """\
import sys
import optuna
study = optuna.load_study(study_name="large", storage=sys.argv[1])
print(len(study.trials), study.best_trial.number, optuna.importance.get_param_importances(study))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description="The time and size of a large study's report.")
    parser.add_argument("--trials", type=int, default=1000, help="ended trials")
    parser.add_argument("--repeats", type=int, default=5, help="rounds of all commands")
    parser.add_argument("--keep", type=Path, help="where to leave the page")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["AUTOTUNE_CACHE"] = str(folder / "cache")
        url, page = f"sqlite:///{folder / 'study.db'}", options.keep or folder / "report.html"
        make(folder, url, options.trials)
        report = [str(Path(sys.executable).with_name("autotune")), "study", "report", "large", "--storage", url]
        commands = {
            "plain Optuna": [sys.executable, "-c", PLAIN, url],
            "autotune study report": report,
            "autotune study report --html": [*report, "--html", str(page)],
        }
        rounds = [{name: timed(command) for name, command in commands.items()} for _ in range(options.repeats)]
        show(rounds, page.stat().st_size, options.trials)


def timed(command: list[str]) -> tuple[float, float]:
    """Seconds of a command, and those of the processor."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    seconds, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def study_file(folder: Path, trials: int) -> Path:
    given = yaml.safe_load((QUICKSTART / "study.yaml").read_text(encoding="utf-8"))
    given["name"] = "large"
    given["tasks"] |= {"words": {"kind": "masked_lm"}, "writing": {"kind": "generation"}}
    given["space"]["augmentation"]["operations"] = ["noise", "replace", "reverse", "mixup", "cutoff"]
    given["space"]["training"] = {"weight_decay": [0.0, 0.1], "batch_size": [8, 16, 32]}
    given["search"]["trials"] = trials
    (folder / "reviews.csv").write_bytes((QUICKSTART / "reviews.csv").read_bytes())
    (folder / "study.yaml").write_text(yaml.safe_dump(given, sort_keys=False), encoding="utf-8")
    return folder / "study.yaml"


def make(folder: Path, url: str, trials: int) -> None:
    """The study and its trials; by SQL, as Optuna takes minutes."""
    path = study_file(folder, trials)
    file = read_study_file(path)
    create_study(file, path, url, prepare_study(file, folder))
    with closing(sqlite3.connect(folder / "study.db")) as connection, connection:
        for table in ("trials", "trial_params", "trial_user_attributes", "trial_system_attributes"):
            connection.execute(f"DELETE FROM {table}")
        asked = optuna.create_study(sampler=RandomSampler(seed=0))
        for number in range(trials):
            insert(connection, file.search_space(), asked, number)


def insert(connection: sqlite3.Connection, space: SearchSpace, asked: optuna.Study, number: int) -> None:
    given = {0: (BASELINE, space.baseline()), 1: (EQUAL_WEIGHTS, space.equal_weights())}
    role, configuration = given.get(number, (None, None))
    if configuration is None:
        params = asked.ask(space.distributions).params
        configuration = space.configuration(params)
    else:
        params = space.nearest(configuration)
    is_pruned = role is None and number % 3 > 0
    values = curve(configuration.learning_rate, number)[: 3 if is_pruned else None]
    attributes: dict[str, object] = {CONFIGURATION: configuration.model_dump(), SECONDS: 10.0 * len(values)}
    attributes |= ({ROLE: role} if role else {}) | ({} if is_pruned else {BEST_STEP: RUNGS[-1]})
    write(connection, space, number, params, values, attributes, "PRUNED" if is_pruned else "COMPLETE")


def write(
    connection: sqlite3.Connection,
    space: SearchSpace,
    number: int,
    params: Mapping[str, Any],
    values: list[float],
    attributes: Mapping[str, object],
    state: str,
) -> None:
    begun = datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None) + timedelta(minutes=number)
    times = (begun.isoformat(" "), (begun + timedelta(minutes=1)).isoformat(" "))
    row = connection.execute("INSERT INTO trials VALUES (NULL, ?, 1, ?, ?, ?)", (number, state, *times))
    rows: dict[str, list[tuple[object, ...]]] = {
        "trial_params": [
            (name, distribution.to_internal_repr(params[name]), distribution_to_json(distribution))
            for name, distribution in space.distributions.items()
        ],
        "trial_values": [(0, max(values), "FINITE")] if state == "COMPLETE" else [],
        "trial_intermediate_values": [(step, value, "FINITE") for step, value in zip(RUNGS, values, strict=False)],
        "trial_user_attributes": [(key, json.dumps(value)) for key, value in attributes.items()],
    }
    for table, found in rows.items():
        marks = ", ".join("?" * len(next(iter(found), ("", "", ""))))
        connection.executemany(f"INSERT INTO {table} VALUES (NULL, {row.lastrowid}, {marks})", found)


def curve(rate: float, number: int) -> list[float]:
    """Accuracies that rise to a height told by the learning rate, and by a luck of each trial's own."""
    height = 0.88 - 0.1 * abs(math.log10(rate) + 3) + 0.03 * math.sin(number)
    return [height - 0.3 * math.exp(-place / 3) for place in range(len(RUNGS))]


def show(rounds: list[dict[str, tuple[float, float]]], size: int, trials: int) -> None:
    table = Table(title=f"The report of {trials:,} trials")
    for column in ("", "median s", "min", "max", "processor s"):
        table.add_column(column, justify="right" if column else "left", no_wrap=True)
    for name in rounds[0]:
        wall, processor = zip(*(one[name] for one in rounds), strict=True)
        table.add_row(name, *(f"{value:.2f}" for value in (median(wall), min(wall), max(wall), median(processor))))
    console = Console()
    console.print(table)
    console.print(f"the page: {size / 1e6:.2f} MB")
    console.print(f"{platform.machine()}, {os.cpu_count()} cores, optuna {optuna.__version__}; target: {TARGETS}")


if __name__ == "__main__":
    main()
