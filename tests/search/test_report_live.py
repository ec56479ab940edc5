"""Watching a run: plain lines through a real pipe, the live view in a real pseudo-terminal."""

import fcntl
import io
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager

import pytest
from autotune.search.observer import Observer, Standing
from autotune.search.report.frame import draw
from autotune.search.report.live import LiveView, PlainLines, make_observer
from autotune.search.report.progress import RunProgress
from autotune.search.report.sparkline import sparkline
from autotune.spaces.configuration import Configuration, Mix
from rich.console import Console

CONFIGURATION = Configuration(
    learning_rate=1e-4, ratios={"aspect": 1.0}, mix=Mix(operations={"noise": 0.2}, magnitude=0.1)
)
HIDE_CURSOR = "\x1b[?25l"
SHOW_CURSOR = "\x1b[?25h"


def play(observer: Observer) -> None:
    """A run of five trials with every event."""
    observer.began(5, Standing(0, None, None), "maximize", 60, slots=1)
    observer.started(0, "baseline", CONFIGURATION)
    observer.evaluated(0, 30, 0.85)
    observer.evaluated(0, 60, 0.90)
    observer.completed(0, 0.90, 60, {})
    observer.started(1, "equal weights", CONFIGURATION)
    observer.started(2, None, CONFIGURATION)
    observer.evaluated(1, 30, 0.70)
    observer.pruned(1, 30, 0.70)
    observer.failed(2, "diverged: a loss\nis \x1b[2JNaN")
    observer.started(3, None, CONFIGURATION)
    observer.evaluated(3, 60, 0.92)
    observer.completed(3, 0.92, 60, {})
    observer.started(4, None, CONFIGURATION)
    observer.requeued(4)
    observer.message("the [red]cache[/red] is cold")
    observer.ended("interrupted")


PLAYED = [
    "5 trials, 0 done",
    "trial 0 (baseline) started: lr 1e-4, β_aspect 0.50, noise 20%, magnitude 0.10",
    "trial 0 step 30/60: 0.8500",
    "trial 0 step 60/60: 0.9000",
    "trial 0 complete: 0.9000 at step 60, the baseline, best so far",
    "trial 1 (equal weights) started: lr 1e-4, β_aspect 0.50, noise 20%, magnitude 0.10",
    "trial 2 started: lr 1e-4, β_aspect 0.50, noise 20%, magnitude 0.10",
    "trial 1 step 30/60: 0.7000",
    "trial 1 pruned at step 30: 0.7000",
    "trial 2 failed: diverged: a loss is ␛[2JNaN",
    "trial 3 started: lr 1e-4, β_aspect 0.50, noise 20%, magnitude 0.10",
    "trial 3 step 60/60: 0.9200",
    "trial 3 complete: 0.9200 at step 60, 2.00 points better than the baseline, best so far",
    "trial 4 started: lr 1e-4, β_aspect 0.50, noise 20%, magnitude 0.10",
    "trial 4 interrupted: requeued",
    "the [red]cache[/red] is cold",
    "interrupted: 4 of 5 trials done, 2 complete, 1 pruned, 1 failed in 0 s",
]


def test_further_objectives_are_told_with_the_first() -> None:
    file = io.StringIO()
    lines = PlainLines(Console(file=file, width=120), is_race=True)
    lines.began(2, Standing(0, None, None), "maximize", 60, slots=1)
    lines.started(0, "baseline", CONFIGURATION)
    lines.completed(0, 0.9, 40, {"aspect.f1": 0.5, "cost.gflops": 1.25})
    assert file.getvalue().splitlines()[-1] == (
        "trial 0 complete: 0.9000, aspect.f1 0.5000, cost.gflops 1.2500 at step 40, the baseline, best so far"
    )


def said(lines: PlainLines) -> list[str]:
    assert isinstance(lines._console.file, io.StringIO)
    return lines._console.file.getvalue().splitlines()


def test_a_resumed_run_tells_its_own_counts_from_the_studys() -> None:
    lines = PlainLines(Console(file=io.StringIO(), width=120), is_race=True)
    lines.began(3, Standing(2, (0, 0.5), 0.5), "maximize", 60, slots=1)
    lines.started(2, None, CONFIGURATION)
    lines.updated(Standing(2, (0, 0.5), 0.5))
    lines.completed(2, 0.4, 60, {})
    lines.updated(Standing(3, (0, 0.5), 0.5))
    lines.ended("all trials are done")
    assert said(lines)[-1] == (
        "all trials are done: 3 of 3 trials done, in this run 1 complete, 0 pruned, 0 failed in 0 s"
    )


def test_what_another_run_found_is_known_and_counted() -> None:
    lines = PlainLines(Console(file=io.StringIO(), width=120), is_race=True)
    lines.began(3, Standing(0, None, None), "maximize", 60, slots=1)
    lines.started(1, None, CONFIGURATION)
    lines.updated(Standing(1, (0, 0.6), 0.6))
    lines.completed(1, 0.6, 48, {})
    assert said(lines)[-1] == "trial 1 complete: 0.6000 at step 48, as good as the baseline"
    lines.updated(Standing(4, (3, 0.7), 0.6))
    lines.ended("all trials are done")
    assert said(lines)[-1] == (
        "all trials are done: 4 of 4 trials done, in this run 1 complete, 0 pruned, 0 failed in 0 s"
    )
    lines.began(2, Standing(4, (3, 0.7), 0.6), "maximize", 60, slots=1)
    assert said(lines)[-1] == "4 trials, 4 done, best so far 0.7000 (trial 3), baseline 0.6000"


def test_fresh_trainings_know_no_best_that_another_run_found() -> None:
    lines = PlainLines(Console(file=io.StringIO(), width=120), is_race=False)
    lines.began(2, Standing(0, None, None), "maximize", 60, slots=1)
    lines.started(0, "trial 3, seed 1", CONFIGURATION)
    lines.updated(Standing(1, (1, 0.6), None))
    lines.completed(0, 0.7, 48, {})
    lines.ended("all trials are done")
    assert said(lines)[-2:] == [
        "trial 3, seed 1 complete: 0.7000 at step 48",
        "all trials are done: 2 of 2 trainings done, in this run 1 complete, 0 failed in 0 s",
    ]


def test_plain_lines_say_one_whole_line_an_event() -> None:
    file = io.StringIO()
    play(PlainLines(Console(file=file, width=20), is_race=True))
    assert file.getvalue().splitlines() == PLAYED


def test_the_view_is_chosen_by_what_the_console_can_do() -> None:
    assert isinstance(make_observer(Console(file=io.StringIO(), force_terminal=True)), LiveView)
    with make_observer(Console(file=io.StringIO(), force_terminal=False)) as observer:
        assert isinstance(observer, PlainLines)
    dumb = Console(file=io.StringIO(), force_terminal=True, _environ={"TERM": "dumb"})
    with make_observer(dumb) as observer:
        assert isinstance(observer, PlainLines)


WATCHER = """
import signal, sys, time
from rich.console import Console
from autotune.search.observer import Standing
from autotune.search.report.live import make_observer
from autotune.spaces.configuration import Configuration

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
console = Console()
with make_observer(console) as observer:
    observer.began(3, Standing(1, (0, 0.5), 0.5), "maximize", 60, slots=1)
    observer.started(1, None, Configuration(learning_rate=1e-4))
    observer.evaluated(1, 20, 0.6)
    observer.message("watching")
    time.sleep(0.8)
    {ending}
    observer.completed(1, 0.75, 40, {{}})
    observer.ended("done")
"""


def watch(ending: str) -> list[str]:
    return [sys.executable, "-c", WATCHER.format(ending=ending)]


def test_plain_lines_are_flushed_while_the_run_goes_on() -> None:
    with subprocess.Popen(watch("time.sleep(60)"), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(4)]
        assert lines[-1] == "watching\n"
        assert "\x1b" not in "".join(lines)
        assert process.poll() is None
        process.kill()


@contextmanager
def terminal(command: list[str], columns: int = 70, rows: int = 20) -> Generator[tuple[subprocess.Popen[bytes], int]]:
    """The command with a pseudo-terminal of its own as its controlling one; yields its other end."""
    ours, theirs = pty.openpty()
    resize(ours, columns, rows)
    environment = {key: value for key, value in os.environ.items() if key not in {"COLUMNS", "LINES"}}
    process = subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment | {"TERM": "xterm"}, start_new_session=True
    )
    os.close(theirs)
    try:
        yield process, ours
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def resize(terminal_end: int, columns: int, rows: int) -> None:
    fcntl.ioctl(terminal_end, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def read(terminal_end: int, until: str | None = None) -> str:
    """What the program wrote, up to a text or to its end."""
    written = b""
    while until is None or until.encode() not in written:
        try:
            chunk = os.read(terminal_end, 4096)
        except OSError:  # Linux says so when the last writer has gone
            break
        if not chunk:
            break
        written += chunk
    return written.decode(errors="replace")


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX")
def test_the_live_view_draws_while_the_main_thread_is_busy_and_leaves_lines_only() -> None:
    with terminal(watch("pass")) as (process, end):
        text = read(end)
        assert process.wait() == 0
    assert "1 of 3 trials" in text
    assert "20/60" in text
    assert text.index("watching") < text.index("1 of 3 trials")
    assert text.count("1 of 3 trials") >= 2
    last = text.rpartition("done: 2 of 3 trials done")[2]
    assert SHOW_CURSOR in last
    assert "of 3 trials" not in last.rpartition(SHOW_CURSOR)[2]
    assert "trial 1 complete: 0.7500 at step 40, 25.00 points better than the baseline, best so far" in " ".join(
        text.split()
    )


@pytest.mark.parametrize("ending", ["raise RuntimeError('boom')", "time.sleep(60)"])
def test_an_exception_and_ctrl_c_restore_the_terminal(ending: str) -> None:
    with terminal(watch(ending)) as (process, end):
        text = read(end, until="1 of 3 trials")
        if "sleep" in ending:
            process.send_signal(signal.SIGINT)
        text += read(end)
        assert process.wait() != 0
    assert HIDE_CURSOR in text
    shown = text.rindex(SHOW_CURSOR)
    assert shown > text.rindex(HIDE_CURSOR)
    assert shown < text.index("Traceback")


def test_a_narrower_terminal_starts_on_a_clean_screen_and_loses_no_sentence() -> None:
    with terminal(watch("time.sleep(60)"), columns=100) as (_, end):
        read(end, until="configuration")
        resize(end, 50, 20)
        text = read(end, until="\x1b[2J")
        text = text.rpartition("\x1b[2J")[2] + read(end, until="curve")
    assert "watching" in text
    assert "1 of 3 trials" in text
    assert "configuration" not in text


def test_no_line_is_lost_however_often_the_view_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prints and redraws never interleave: else one erases a line that the other wrote."""
    monkeypatch.setattr("autotune.search.report.live._REFRESHES_PER_S", 1000)
    interval_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)  # threads take turns often enough to meet in the middle of a frame
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=60, height=20, _environ={"TERM": "xterm"})
    try:
        with LiveView(console, is_race=True) as view:
            view.began(200, Standing(0, None, None), "maximize", 60, slots=1)
            for number in range(100):
                view.started(number, None, CONFIGURATION)
                time.sleep(0.003)
                view.completed(number, 0.5, 60, {})
    finally:
        sys.setswitchinterval(interval_s)
    screen = replay(file.getvalue())
    numbers = [line.split()[1] for line in screen if "complete:" in line]
    assert numbers == [str(number) for number in range(100)]
    assert not any("of 200 trials" in line for line in screen)


def replay(text: str) -> list[str]:
    """The lines that a terminal without end would show: knows the few codes that the view uses."""
    lines, row = [""], 0
    position = 0
    while position < len(text):
        for code, action in (("\x1b[2K", "erase"), ("\x1b[1A", "up"), ("\r", "return"), ("\n", "down")):
            if text.startswith(code, position):
                position += len(code)
                lines, row = step(lines, row, action)
                break
        else:
            if text[position] == "\x1b":
                position += next(i for i, c in enumerate(text[position:]) if c.isalpha()) + 1
            else:
                lines[row] += text[position]
                position += 1
    return lines


def step(lines: list[str], row: int, action: str) -> tuple[list[str], int]:
    if action == "erase":
        lines[row] = ""
    if action == "down" and row + 1 == len(lines):
        lines.append("")
    return lines, row + {"up": -1, "down": 1}.get(action, 0)


def test_the_view_never_outgrows_the_terminal() -> None:
    progress = RunProgress(total=100, max_steps=60, slots=40)
    for number in range(40):
        progress.start(number, "equal weights", CONFIGURATION)
        progress.evaluate(number, 30, number / 40)
    for width, height in ((20, 8), (60, 24), (200, 60)):
        console = Console(file=io.StringIO(), width=width, height=height, color_system=None)
        lines = console.render_lines(draw(progress, width, height), pad=False)
        assert len(lines) <= height
        assert all(sum(segment.cell_length for segment in line) <= width for line in lines)


def test_the_view_says_whose_counts_it_shows() -> None:
    progress = RunProgress(total=3, max_steps=60)
    for number in range(2):
        progress.start(number, None, CONFIGURATION)
    progress.prune(0)
    assert "\n0 complete, 1 pruned, 0 failed\n" in shown(progress)
    progress.update(Standing(4, None, None))
    assert "4 of 4 trials\nin this run 0 complete, 1 pruned, 0 failed\n" in shown(progress)


def shown(progress: RunProgress) -> str:
    console = Console(file=io.StringIO(), width=60, height=24, color_system=None)
    console.print(draw(progress, 60, 24))
    assert isinstance(console.file, io.StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines())


def test_the_view_shows_how_busy_the_slots_are() -> None:
    now_s = [0.0]
    progress = RunProgress(total=9, max_steps=60, slots=4, clock=lambda: now_s[0])
    assert progress.occupancy is None
    for number in range(4):
        progress.start(number, None, CONFIGURATION)
    now_s[0] = 10.0
    assert progress.occupancy == 1
    for number in range(2):
        progress.prune(number)
    now_s[0] = 20.0
    assert progress.occupancy == 0.75  # four slots for 10 s, two for another 10
    progress.requeue(2)
    now_s[0] = 40.0
    assert progress.occupancy == (40 + 20 + 20) / 160
    assert "1 of 4 slots busy, 50% so far" in shown(progress)


def test_time_left_counts_steps_and_learns_from_pruning() -> None:
    now_s = [0.0]
    progress = RunProgress(total=4, max_steps=100, clock=lambda: now_s[0])
    progress.start(0, None, CONFIGURATION)
    assert progress.left_s is None
    now_s[0] = 50.0
    progress.evaluate(0, 50, 0.5)
    assert progress.left_s == 350.0  # one second a step, 50 + 3 × 100 steps at full length
    now_s[0] = 60.0
    assert progress.left_s == 340.0  # counts down between events
    progress.prune(0)
    assert progress.left_s == pytest.approx(60 / 50 * 3 * 50)  # three more that are pruned at half length


@pytest.mark.parametrize(("direction", "best"), [("maximize", (0, 0.9)), ("minimize", (2, 0.4))])
def test_best_follows_the_direction_and_the_earlier_of_equals_wins(direction: str, best: tuple[int, float]) -> None:
    progress = RunProgress(total=4, max_steps=10, direction=direction)
    for number, value in ((3, 0.4), (2, 0.4), (1, 0.9), (0, 0.9)):
        progress.start(number, None, CONFIGURATION)
        progress.finish(number, value)
    assert progress.best == best


def test_a_sparkline_keeps_the_last_finite_values_in_range() -> None:
    assert sparkline([0.0, 0.5, 1.0], 0, 1, 12) == "▁▅█"
    assert sparkline([0.0, 0.5, float("nan"), 1.0], 0, 1, 2) == "▅█"
    assert sparkline([0.7, 0.7], 0.7, 0.7, 12) == "▅▅"
    assert sparkline([], 0, 1, 12) == ""
    assert sparkline([-5.0, 5.0], 0, 1, 12) == "▁█"


def test_events_from_a_signal_handler_do_not_deadlock() -> None:
    """A handler runs on the thread that may hold the lock already."""
    view = LiveView(Console(file=io.StringIO(), force_terminal=True), is_race=True)
    done = threading.Event()

    def report() -> None:
        with view.lock:
            view.message("interrupted")
        done.set()

    threading.Thread(target=report, daemon=True).start()
    assert done.wait(5)
