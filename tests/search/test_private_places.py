"""A folder that somebody else owns is a mistake that is told in words, whichever command meets it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from .conftest import Command

COMMANDS = """\
import contextlib, io, json, sys
from autotune.search.cli.main import main
for arguments in json.loads(sys.argv[1]):
    sys.argv, said = ["autotune", *arguments], io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            main()
    except SystemExit as left:
        print(json.dumps(["outcome", left.code, said.getvalue()]))
    except OSError as error:
        print(json.dumps(["outcome", repr(error), said.getvalue()]))
"""
OF_ROOT = "-dac_override,-dac_read_search"
"""The capabilities by which root goes everywhere."""

pytestmark = pytest.mark.slow


def without_rights(arguments: Sequence[str]) -> list[str]:
    """A command, for a process that goes only where permissions let it."""
    if os.geteuid():
        return list(arguments)
    command = ["setpriv", f"--bounding-set={OF_ROOT}", f"--inh-caps={OF_ROOT}"]
    try:
        subprocess.run([*command, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"root goes everywhere, and cannot give that up here: {error}")
    return [*command, *arguments]


@pytest.fixture
def private(best: Path, autotune: Command) -> Iterator[Path]:
    """A folder that nobody can look into, with a study file that the storage knows, and an export."""
    home = best.parent / "home"
    home.mkdir()
    for name in ("reviews.csv", "best.yaml"):
        (home / name).write_bytes((best.parent / name).read_bytes())
    study = (best.parent / "study.yaml").read_text(encoding="utf-8").replace("name: tiny", "name: private")
    (home / "study.yaml").write_text(study, encoding="utf-8")
    assert autotune("study", "create", "home/study.yaml", "--storage", "sqlite:///autotune.db").code == 0
    home.chmod(0o000)
    yield home
    home.chmod(0o700)


def test_each_command_names_the_place_and_ends_with_2(private: Path) -> None:
    commands = {
        ("train", "best.yaml", "-o", "home/model"): "home/model",
        ("train", "home/best.yaml", "-o", "model"): "home/best.yaml",
        ("verify", "home/best.yaml"): "home/best.yaml",
        ("study", "report", "tiny", "--html", "home/pages/report.html"): "home/pages",
        ("study", "export", "tiny", "-o", "home/exports/best.yaml"): "home/exports",
        ("study", "run", "private"): str(private / "study.yaml"),
        ("study", "confirm", "private"): str(private / "study.yaml"),
        ("study", "plan", "private"): str(private / "study.yaml"),
    }
    script = without_rights([sys.executable, "-c", COMMANDS, json.dumps(list(commands))])
    done = subprocess.run(script, check=False, capture_output=True, text=True)
    outcomes = [json.loads(line)[1:] for line in done.stdout.splitlines() if line.startswith('["outcome"')]
    assert outcomes == [[2, f"{place}: Permission denied\n"] for place in commands.values()], done.stderr
