"""Several processes train one model as one does, up to rounding: started as a person does, or forked."""

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file

from .commands import wait_for
from .production import ONE, finish, metrics_of, start, write_best

pytestmark = pytest.mark.slow

TORCHRUN = [sys.executable, "-m", "torch.distributed.run"]
TWO = [*TORCHRUN, "--nproc-per-node", "2", "--no-python", *ONE]
AT_WORST = (
    "import os, signal, torch.distributed as group\n"
    "leave = group.destroy_process_group\n"
    "group.destroy_process_group = lambda: (os.kill(os.getpid(), signal.SIGTERM), leave())\n"
)
"""The launcher's signal comes once more when a training has ended, and before the command has said how."""
PLAIN = ["--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no"]
"""Said, so that it says nothing of its defaults."""
LAUNCH = [sys.executable, "-m", "accelerate.commands.launch"]
ACCELERATE = [*LAUNCH, "--multi_gpu", "--num_processes", "2", *PLAIN, "--no_python", *ONE]
NO_DROPOUT = {"epochs": 2, "batch_size": 7, "evaluations_per_epoch": 2, "precision": "fp32", "dropout": 0.0}
"""Seven rows: the shares are of four and three."""


@pytest.fixture
def folder(reviews_csv: Path) -> Path:
    write_best(reviews_csv.parent, training=NO_DROPOUT)
    return reviews_csv.parent


def unused_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def both(folder: Path, *arguments: str) -> list[tuple[int, str, str]]:
    """Two forks that are told what torchrun tells: of each the exit code, what it said, and its errors."""
    address = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(unused_port())}
    ranks = [start(folder, *arguments, launcher=ONE, RANK=rank, LOCAL_RANK=rank, **address) for rank in ("0", "1")]
    said = [process.communicate(timeout=240) for process in ranks]
    return [(process.wait(), out, err) for process, (out, err) in zip(ranks, said, strict=True)]


def check_quiet(ended: list[tuple[int, str, str]]) -> str:
    """Both ended well, and without a word on standard error. What they said."""
    assert [(code, err) for code, _, err in ended] == [(0, "")] * len(ended)
    return "".join(out for _, out, _ in ended)


@pytest.mark.parametrize("launcher", [None, "accelerate"], ids=str)
def test_two_processes_train_what_one_does(folder: Path, launcher: str | None) -> None:
    """With three tasks, a masked one whose shares are uneven, and mixup across the shares."""
    finish(folder, "-o", "one")
    if launcher is None:
        check_quiet(both(folder, "-o", "two", "--micro-batch", "2"))
    else:
        pytest.importorskip("accelerate")
        assert finish(folder, "-o", "two", launcher=ACCELERATE).count("wrote two") == 1
    one, two = (load_file(folder / name / "model.safetensors") for name in ("one", "two"))
    assert one.keys() == two.keys()
    # The loss does not depend on the keys' biases at all: their gradient is rounding, which Adam makes large.
    compared = [name for name in one if not name.endswith("key.bias")]
    assert max(float((one[name] - two[name]).abs().max()) for name in compared) < 1e-5
    first, second = (metrics_of(folder / name)["validation"] for name in ("one", "two"))
    assert second == pytest.approx(first, abs=1e-5)
    assert "torchrun --nproc-per-node 2" in (folder / "two" / "README.md").read_text(encoding="utf-8")


def test_a_process_that_dies_ends_the_others_and_the_same_command_goes_on(folder: Path) -> None:
    write_best(folder, training={**NO_DROPOUT, "epochs": 6, "dropout": 0.1})
    with start(folder, "-o", "model", launcher=[*TWO[:-1], AT_WORST + TWO[-1]]) as launcher:
        wait_for(launcher, "step ")
        os.kill(rank_one(launcher.pid), signal.SIGKILL)
        _, err = launcher.communicate(timeout=120)
    assert launcher.returncode != 0
    assert "another process of this training ended" in err
    assert "Traceback" not in re.sub(r"(?s)torch/distributed.*", "", err)
    assert "resuming from step" in check_quiet(both(folder, "-o", "model"))
    check_quiet(both(folder, "-o", "whole"))
    model, whole = (load_file(folder / name / "model.safetensors") for name in ("model", "whole"))
    assert all(model[name].equal(whole[name]) for name in whole)


def rank_one(launcher: int) -> int:
    """The process of rank 1 among the launcher's children."""
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(launcher)], check=True, capture_output=True, text=True)
    for pid in found.stdout.split():
        variables = Path("/proc", pid, "environ").read_bytes().split(b"\0")
        if b"RANK=1" in variables:
            return int(pid)
    raise AssertionError("torchrun has no child of rank 1")


@pytest.mark.parametrize(
    ("changes", "options", "words"),
    [
        (
            {"training": {**NO_DROPOUT, "weighting": "dwa"}},
            (),
            "'dwa' needs whole batches",
        ),
        ({"training": NO_DROPOUT}, ("--devices", "0"), "'0' is one device, and 2 processes train"),
    ],
    ids=["weighting", "device"],
)
def test_what_processes_cannot_do_is_said(
    folder: Path, changes: dict[str, object], options: tuple[str, ...], words: str
) -> None:
    write_best(folder, **changes)
    found = both(folder, "-o", "model", *options)
    assert all(code != 0 for code, *_ in found)
    assert any(words in err for *_, err in found)
    assert sorted(path.name for path in folder.iterdir()) == ["best.yaml", "reviews.csv"]
