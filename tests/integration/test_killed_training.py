"""A production training that is killed again and again ends as one that nobody disturbed, to the bit."""

import random
import re
import signal
import time
from pathlib import Path

import pytest

from .commands import wait_for
from .production import finish, kill, metrics_of, start, write_best

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

ROUNDS = 5


@pytest.fixture
def folder(reviews_csv: Path) -> Path:
    write_best(reviews_csv.parent)
    return reviews_csv.parent


def same_model(one: Path, other: Path) -> bool:
    names = {path.relative_to(one) for path in one.rglob("*.safetensors")}
    assert names == {path.relative_to(other) for path in other.rglob("*.safetensors")}
    assert names
    return all((one / name).read_bytes() == (other / name).read_bytes() for name in names)


@pytest.mark.parametrize("options", [(), ("--micro-batch", "3"), ("--all-data",)], ids="".join)
def test_kills_change_nothing(folder: Path, options: tuple[str, ...]) -> None:
    moments, resumed = random.Random(len(options)), 0
    rounds = ROUNDS if not options else 2
    for _ in range(rounds):
        process = start(folder, "-o", "model", *options)
        begun = wait_for(process, "step ")
        time.sleep(moments.uniform(0, 0.4))
        resumed += "resuming from step" in begun + kill(process)
        if (folder / "model").exists():
            break
    assert resumed, "no kill came late enough to be gone on from"
    assert not (folder / "model").exists()
    assert re.search(r"resuming from step \d+", finish(folder, "-o", "model", *options))
    finish(folder, "-o", "whole", *options)
    assert same_model(folder / "model", folder / "whole")
    assert metrics_of(folder / "model") == metrics_of(folder / "whole")
    assert not list(folder.glob(".*"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_stops_at_a_step_and_says_how_to_go_on(folder: Path, number: signal.Signals) -> None:
    with start(folder, "-o", "model") as process:
        wait_for(process, "step ")
        process.send_signal(number)
        out, err = process.communicate(timeout=200)
    assert process.returncode == 130
    assert "stopping after this step; press Ctrl-C again to stop now" in out
    stopped = re.fullmatch(r"stopped at step (\d+) of 84; the same command resumes from there\n", err)
    assert stopped, err
    assert f"resuming from step {stopped[1]}" in finish(folder, "-o", "model")
    finish(folder, "-o", "whole")
    assert same_model(folder / "model", folder / "whole")


def test_another_training_is_not_mixed_with_an_unfinished_one(folder: Path) -> None:
    process = start(folder, "-o", "model")
    wait_for(process, "step ")
    process.send_signal(signal.SIGSTOP)  # or it might be done before the second one has begun
    with start(folder, "-o", "model") as second:
        assert second.communicate(timeout=200)[1] == "--output: another `autotune train` is already using 'model'\n"
    assert second.returncode == 2
    kill(process)
    with start(folder, "-o", "model", "--micro-batch", "2") as other:
        err = other.communicate(timeout=200)[1]
    assert (other.returncode, len(err.splitlines())) == (2, 1)
    assert "unfinished training with --micro-batch None (now 2)" in err
    assert ".model.training" in err
    write_best(folder, training={"epochs": 2})
    with start(folder, "-o", "model") as other:
        err = other.communicate(timeout=200)[1]
    assert other.returncode == 2
    assert "unfinished training with best.yaml " in err
    write_best(folder)
    assert "resuming from step" in finish(folder, "-o", "model")


def test_what_could_not_begin_leaves_nothing(folder: Path) -> None:
    (folder / "reviews.csv").unlink()
    with start(folder, "-o", "deep/er/model") as process:
        assert "reviews.csv: no such file" in process.communicate(timeout=200)[1]
    assert process.returncode == 2
    assert sorted(path.name for path in folder.iterdir()) == ["best.yaml"]


def test_early_stopping_ends_it(folder: Path) -> None:
    write_best(folder, training={"epochs": 20, "early_stopping": 3})
    out = finish(folder, "-o", "model")
    assert "step 120/120" not in out
    assert "wrote model" in out
    # No row is held out then, so nothing tells when to stop.
    assert "step 160/160" in finish(folder, "-o", "all", "--all-data")
