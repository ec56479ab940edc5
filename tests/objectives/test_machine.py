"""What of the machine a process may use."""

import os
from pathlib import Path

import pytest
from autotune.objectives import machine
from autotune.objectives.machine import core_count


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
    monkeypatch.setattr(machine, "_CGROUP_LIMIT", limit)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 2, 5, 6}, raising=False)
    assert core_count() == expected


def test_without_affinity_the_machine_s_cores_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(machine, "_CGROUP_LIMIT", tmp_path / "none")
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert core_count() == 6
