"""How long the report of a large study takes, and how large its page is.

    python benchmarks/report.py --trials 1000

makes the quickstart study with four auxiliary tasks, five operations and two searched settings, fills it with ended
trials (two of three pruned, ten rungs each; nothing is trained), and times each step of `autotune study report --html`
in a process of its own: starting and importing, opening the study, its facts, its page. SQLite.
"""

import argparse
import json
import math
import os
import platform
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
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
TARGETS = "at most 3 s after the imports, at most 5 MB"
TIMED = """\
import json, sys, time
started = time.perf_counter(), time.process_time()
def lap(name):
    global started
    now = time.perf_counter(), time.process_time()
    laps[name] = [now[0] - started[0], now[1] - started[1]]
    started = now
laps = {}
from pathlib import Path
from autotune.search.cli import reporting
lap("start and imports")
record = reporting.opened(*sys.argv[1:3])
lap("the study is opened")
summary, confirmed = reporting.read_facts(record)
records = reporting.records_of(record.study)
lap("its facts")
html = reporting.render_page(summary, records, reporting.Origin(reporting.versions(), record.fingerprints), confirmed)
lap("its page")
reporting.write_text(Path(sys.argv[3]), html)
lap("it is written")
print(json.dumps(laps))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description="The time and size of a large study's report.")
    parser.add_argument("--trials", type=int, default=1000, help="ended trials")
    parser.add_argument("--keep", type=Path, help="where to leave the page")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["AUTOTUNE_CACHE"] = str(folder / "cache")
        url, page = f"sqlite:///{folder / 'study.db'}", options.keep or folder / "report.html"
        make(folder, url, options.trials)
        command = [sys.executable, "-c", TIMED, "large", url, str(page)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        show(json.loads(done.stdout.splitlines()[-1]), page.stat().st_size, options.trials)


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


def show(laps: Mapping[str, list[float]], size: int, trials: int) -> None:
    table = Table(title=f"The page of {trials:,} trials")
    for column in ("", "seconds", "of the processor"):
        table.add_column(column, justify="right" if column else "left")
    for name, times in laps.items():
        table.add_row(name, *(f"{time:.2f}" for time in times))
    after = [sum(times[place] for times in list(laps.values())[1:]) for place in (0, 1)]
    table.add_row("after the imports", *(f"{time:.2f}" for time in after))
    table.add_row("size in MB", f"{size / 1e6:.2f}", "")
    console = Console()
    console.print(table)
    console.print(f"{platform.machine()}, {os.cpu_count()} cores, optuna {optuna.__version__}; target: {TARGETS}")


if __name__ == "__main__":
    main()
