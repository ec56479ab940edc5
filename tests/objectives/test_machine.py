"""What of the machine a process may use."""

import os
from pathlib import Path

import pytest
from autotune.objectives import machine
from autotune.objectives.machine import core_count, free_memory


@pytest.mark.parametrize(
    ("quota", "expected"),
    [
        ("max 100000\n", 4),
        ("200000 100000\n", 2),
        ("150000 100000\n", 1),
        ("50000 100000\n", 1),  # half a core is one worker, not none
        ("1600000 100000\n", 4),
        ("nonsense\n", 4),
        (None, 4),
    ],
)
def test_cores_are_what_affinity_and_quota_leave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quota: str | None, expected: int
):
    limit = tmp_path / "cpu.max"
    if quota is not None:
        limit.write_text(quota, encoding="ascii")
    monkeypatch.setattr(machine, "_CGROUP", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 2, 5, 6}, raising=False)
    assert core_count() == expected


def test_without_affinity_the_machine_s_cores_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(machine, "_CGROUP", tmp_path)
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert core_count() == 6


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        ("16000000\n", 16_000_000 - 15_000_000 + 13_000_000),  # the system gives cached files back
        ("max\n", 64_000_000 * 1024),
        ("nonsense\n", 64_000_000 * 1024),
        (None, 64_000_000 * 1024),
    ],
)
def test_free_memory_is_what_machine_and_container_leave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str | None, expected: int
):
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 99000000 kB\nMemAvailable: 64000000 kB\n", encoding="ascii")
    (tmp_path / "memory.current").write_text("15000000\n", encoding="ascii")
    (tmp_path / "memory.stat").write_text("anon 2000000\ninactive_file 13000000\n", encoding="ascii")
    if limit is not None:
        (tmp_path / "memory.max").write_text(limit, encoding="ascii")
    monkeypatch.setattr(machine, "_CGROUP", tmp_path)
    monkeypatch.setattr(machine, "_MEMORY", meminfo)
    assert free_memory() == expected


def test_free_memory_is_not_known_where_the_system_does_not_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(machine, "_CGROUP", tmp_path)
    monkeypatch.setattr(machine, "_MEMORY", tmp_path / "meminfo")
    assert free_memory() is None
