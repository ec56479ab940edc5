"""`autotune doctor`: what is here, what is missing, what is wrong; never a traceback, never a password."""

import json
import os
import sqlite3
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
import torch
from autotune.search.doctor import devices, surroundings
from autotune.search.doctor.check import Check, State
from autotune.search.doctor.devices import find_devices
from autotune.search.doctor.storage import find_storage
from autotune.search.doctor.surroundings import find_cache, find_offline, find_packages
from autotune.search.executors.places import Place

from .conftest import Command

NOBODY = "postgresql://ada:s3cret-of-ada@127.0.0.1:1/studies"
"""A port that nobody listens at."""


def by_part(checks: list[Check]) -> dict[str, Check]:
    return {check.part: check for check in checks}


def test_all_is_told_and_nothing_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, autotune: Command) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = autotune("doctor")
    assert (outcome.code, outcome.err) == (0, "")
    for part in ("python", "torch", "scikit-learn", "CPU", "cache", "storage", "Hub"):
        assert part in outcome.out
    assert "sqlite:///autotune.db: no studies yet" in outcome.out
    assert "offline (HF_HUB_OFFLINE=1)" in outcome.out
    assert outcome.out.endswith("everything required is available\n")
    assert list(tmp_path.iterdir()) == []


def test_json_has_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, autotune: Command) -> None:
    monkeypatch.chdir(tmp_path)
    told = json.loads(autotune("doctor", "--json").out)
    found = {each["part"]: each for each in told["findings"]}
    assert told["ok"] is True
    assert found["python"] == {"part": "python", "state": "ok", "found": sys.version.split()[0], "advice": ""}
    assert found["torch"]["found"] == metadata.version("torch")
    assert {each["state"] for each in told["findings"]} <= {"ok", "missing"}


def test_studies_are_counted(trained: Path, autotune: Command) -> None:
    outcome = autotune("doctor")
    assert (outcome.code, outcome.err) == (0, "")
    assert "sqlite:///autotune.db: 1 study" in outcome.out
    assert trained.joinpath("autotune.db").is_file()


@pytest.mark.parametrize("arguments", [[], ["--json"]])
def test_a_server_that_nobody_answers_for_is_wrong(autotune: Command, arguments: list[str]) -> None:
    outcome = autotune("doctor", "--storage", NOBODY, *arguments)
    assert outcome.code == 2
    assert "wrong" in outcome.out
    assert "s3cret" not in outcome.out + outcome.err
    assert "ada:***@127.0.0.1" in "".join(outcome.out.split())


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("sqlite:///nowhere/autotune.db", "there is no folder 'nowhere'"),
        ("sqlite:///notes.txt", "is not a SQLite database"),
        ("sqlite:///other.db", "is the database of another program"),
        ("mysql://ada:s3cret@host/x", "which is not supported"),
        ("s3cret", "is not the URL of a database"),
    ],
)
def test_a_storage_of_no_use_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, autotune: Command, url: str, reason: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("notes.txt").write_text("no database, but long enough for SQLite to look into it" * 20, encoding="utf-8")
    with sqlite3.connect("other.db") as connection:
        connection.execute("CREATE TABLE birds (name TEXT)")
    connection.close()
    found = find_storage(url)
    assert found.state is State.WRONG
    assert reason in found.found
    assert found.advice
    outcome = autotune("doctor", "--storage", url)
    assert (outcome.code, outcome.err) == (2, "")
    assert outcome.out.endswith("wrong: storage\n")


def test_a_folder_that_cannot_be_written_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked of the system by `access`, which lets root do all: a real folder's mode would not do for a test."""
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert find_storage(f"sqlite:///{tmp_path}/autotune.db").state is State.WRONG
    monkeypatch.setenv("AUTOTUNE_CACHE", str(tmp_path / "cache"))
    found = find_cache()
    assert found.state is State.WRONG
    assert "AUTOTUNE_CACHE" in found.advice


def test_a_cache_that_is_a_file_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "cache"
    file.touch()
    monkeypatch.setenv("AUTOTUNE_CACHE", str(file / "autotune"))
    assert find_cache().state is State.WRONG


def test_the_cache_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_bytes(bytes(3_000_000))
    monkeypatch.setenv("AUTOTUNE_CACHE", str(tmp_path))
    assert f"{tmp_path}: 3 MB, " in find_cache().found


def test_a_missing_package_is_wrong_where_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    known = metadata.version

    def version(name: str) -> str:
        if name in {"torch", "ray", "mlflow-skinny", "mlflow"}:
            raise metadata.PackageNotFoundError(name)
        return known(name)

    monkeypatch.setattr(surroundings, "version", version)
    found = by_part(list(find_packages()))
    assert found["torch"].state is State.WRONG
    assert found["ray"].state is State.MISSING
    assert found["ray"].advice == "pip install 'autotune-mtl[ray]'"
    assert found["mlflow-skinny"].state is State.MISSING


def test_every_optional_package_comes_with_an_extra() -> None:
    extras = metadata.metadata("autotune-mtl").get_all("Provides-Extra") or []
    assert {extra for _, extra in surroundings._OPTIONAL.values()} <= set(extras)


def test_torch_that_cannot_be_imported_is_told(tmp_path: Path) -> None:
    """In a process of its own: a folder without torch's own libraries stands before the real one."""
    (tmp_path / "torch.py").write_text("raise OSError('libcudart.so.13: cannot open shared object file')")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\nfrom autotune.search.cli.main import main\nmain()"
    done = subprocess.run(
        [sys.executable, "-c", code, "doctor"], check=False, capture_output=True, text=True, cwd=tmp_path
    )
    assert (done.returncode, done.stderr) == (2, "")
    assert "libcudart.so.13" in done.stdout
    assert done.stdout.endswith("wrong: devices\n")


def test_without_optuna_the_rest_is_told(tmp_path: Path) -> None:
    (tmp_path / "optuna.py").write_text("raise ImportError('no optuna here')")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\nfrom autotune.search.cli.main import main\nmain()"
    done = subprocess.run(
        [sys.executable, "-c", code, "doctor"], check=False, capture_output=True, text=True, cwd=tmp_path
    )
    assert (done.returncode, done.stderr) == (2, "")
    assert "no optuna here" in done.stdout


def test_a_gpu_that_fails_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(_: object) -> tuple[int, int]:
        raise RuntimeError("CUDA error: no kernel image\nmore lines")

    monkeypatch.setattr(devices, "gpus", lambda: [Place("GPU 0", {}, 0), Place("GPU 1 (MIG-two)", {}, 1)])
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "mem_get_info", failing)
    gpu, part, cpu = find_devices()
    assert (gpu.state, gpu.found) == (State.WRONG, "fails: CUDA error: no kernel image")
    assert part.found.startswith("a MIG slice")
    assert (cpu.part, cpu.state) == ("CPU", State.OK)


def test_a_gpu_that_fails_without_a_word_is_told_by_the_type_of_its_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(_: object) -> tuple[int, int]:
        raise RuntimeError

    monkeypatch.setattr(devices, "gpus", lambda: [Place("GPU 0", {}, 0)])
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "mem_get_info", failing)
    assert next(iter(find_devices())).found == "fails: RuntimeError"


def test_a_gpu_is_named_with_its_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "gpus", lambda: [Place("GPU 0", {}, 0)])
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (70 * 10**9, 80 * 10**9))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "NVIDIA H100")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (9, 0))
    assert next(iter(find_devices())).found == "NVIDIA H100, 70.0 of 80.0 GB free, bf16 in hardware"


def test_without_offline_variables_the_hub_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE")
    assert find_offline().found.startswith("models and data sets are loaded from it")


@pytest.mark.slow
def test_a_real_server(postgres_url: str, autotune: Command) -> None:
    outcome = autotune("doctor", "--storage", postgres_url)
    assert (outcome.code, outcome.err) == (0, "")
    assert "no studies yet" in " ".join(outcome.out.split())


@pytest.mark.slow
def test_a_server_that_lets_nobody_write(postgres_url: str) -> None:
    from sqlalchemy import create_engine, make_url, text

    address = make_url(postgres_url).set(drivername="postgresql+psycopg")
    engine = create_engine(address, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"ALTER DATABASE {address.database} SET default_transaction_read_only = on"))
    engine.dispose()
    found = find_storage(postgres_url)
    assert found.state is State.WRONG
    assert "the server is read-only" in found.found
