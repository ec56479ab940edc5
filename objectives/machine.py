"""Cores and memory available to this process, by CPU affinity and container limits."""

import os
from pathlib import Path

_CGROUP, _MEMORY = Path("/sys/fs/cgroup"), Path("/proc/meminfo")


def core_count() -> int:
    """The cores that this process may use, by its affinity and its container's quota."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = (_CGROUP / "cpu.max").read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return allowed
    return allowed if quota == "max" else max(1, min(allowed, int(quota) // int(period)))


def resident_memory() -> int:
    """Bytes of memory that this process holds; 0 where the system does not tell."""
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    except OSError:
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def free_memory() -> int | None:
    """Bytes that new processes may take, by the machine and by the container; None where the system does not tell."""
    found: list[int] = []
    try:
        lines = _MEMORY.read_text(encoding="ascii").splitlines()
        found += [int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")]
        limit = (_CGROUP / "memory.max").read_text(encoding="ascii").strip()
        if limit != "max":
            found.append(int(limit) - _working_set(_CGROUP))
    except (OSError, ValueError):
        pass
    return min(found, default=None)


def _working_set(group: Path) -> int:
    """Bytes that a container holds, without the cached files that the system gives back when asked."""
    used = int((group / "memory.current").read_text(encoding="ascii"))
    try:
        counts = dict(line.split() for line in (group / "memory.stat").read_text(encoding="ascii").splitlines())
    except (OSError, ValueError):
        return used
    return used - int(counts.get("inactive_file", 0))
