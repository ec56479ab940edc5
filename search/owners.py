"""The owner of a trial: a process of a machine, distinguished from a later one with the same PID."""

import os
import socket
from pathlib import Path


def this_host() -> str:
    """The machine, and on Linux its boot and the container: process ids mean nothing in another one.

    The name alone is not enough, as copies of one virtual machine share it.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{socket.gethostname()} {boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return socket.gethostname()


def started_at(pid: int) -> str | None:
    """When a process of this machine began, as the system tells it; None if it is gone or a zombie."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None if Path("/proc/self/stat").exists() else _signalled(pid)
    return None if words[0] in "ZX" else words[19]


def _signalled(pid: int) -> str | None:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    return ""
