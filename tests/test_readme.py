"""The README's commands, files and study file are real."""

import re
import shlex
from pathlib import Path

import pytest
from autotune.objectives.augmentation.registry import OPERATIONS
from autotune.objectives.tasks.registry import TASKS
from autotune.search.cli.app import app
from autotune.search.study_file.reading import parse_study_file
from typer.main import get_command
from typer.testing import CliRunner

from .objectives.corpora import tasks_of

ROOT = Path(__file__).parent.parent
MANUAL = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(file: Path, language: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"```{language}\n(.*?)```", file.read_text(encoding="utf-8"), re.DOTALL)


STUDY_FILES = [(file, block) for file in MANUAL for block in blocks(file, "yaml") if "tasks:" in block]
COMMANDS = [line for file in MANUAL for block in blocks(file, "sh") for line in block.splitlines() if line.strip()]


def test_the_readme_shows_commands() -> None:
    assert any(line.startswith("make demo") for line in COMMANDS)
    assert any(line.startswith("autotune study run") for line in COMMANDS)


@pytest.mark.parametrize("line", [line for line in COMMANDS if line.startswith("autotune ")])
def test_every_autotune_command_exists_with_its_options(line: str) -> None:
    words = shlex.split(line, comments=True)[1:]
    names = list(take_commands(words))
    result = CliRunner().invoke(app, [*names, "--help"])
    assert result.exit_code == 0, result.output
    for option in (word for word in words if word.startswith("--")):
        assert option in result.output


def take_commands(words: list[str]) -> list[str]:
    """The leading words that name commands."""
    command, names = get_command(app), []
    for word in words:
        found = getattr(command, "commands", {}).get(word)
        if found is None:
            break
        command = found
        names.append(word)
    return names


@pytest.mark.parametrize("line", [line for line in COMMANDS if line.startswith("make ")])
def test_every_make_target_exists(line: str) -> None:
    target = line.split()[1]
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


def test_the_manual_shows_whole_study_files() -> None:
    shown = {file.name for file, _ in STUDY_FILES}
    assert {"README.md", "study-file.md"} <= shown


@pytest.mark.parametrize(("file", "block"), STUDY_FILES, ids=[file.name for file, _ in STUDY_FILES])
def test_every_whole_study_file_in_the_manual_validates(file: Path, block: str) -> None:
    parse_study_file(block, file.name)


@pytest.mark.parametrize("file", MANUAL, ids=lambda file: file.name)
def test_every_link_leads_to_a_file(file: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", file.read_text(encoding="utf-8")):
        assert (file.parent / target).exists(), f"{file.name} links to {target}"


def test_init_writes_and_tells_what_the_manual_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "reviews.csv").write_bytes((ROOT / "studies" / "quickstart" / "reviews.csv").read_bytes())
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["init", "reviews.csv"])
    manual = ROOT / "docs" / "study-file.md"
    assert result.output in blocks(manual, "text")
    assert (tmp_path / "study.yaml").read_text(encoding="utf-8") in blocks(manual, "yaml")


def test_the_table_of_kinds_has_every_kind_with_its_metrics() -> None:
    text = (ROOT / "docs" / "tasks.md").read_text("utf-8").replace("\\|", "")
    rows = re.findall(r"^\| `(\w+)` \|.*?\|(.*?)\|", text, re.MULTILINE)
    told = {kind: re.sub(r" \(.*?\)", "", metrics).replace(" ", "").split(",") for kind, metrics in rows}
    tasks = tasks_of({task.kind: {"kind": task.kind} for task in TASKS})
    assert told == {task.kind: list(task.metrics) for task in tasks}


def test_the_table_of_operations_has_every_operation() -> None:
    text = (ROOT / "docs" / "augmentation.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)` \|(?:[^|]*\|){6}$", text, re.MULTILINE)
    assert sorted(rows) == sorted(OPERATIONS)


def test_the_manuals_augmented_rows_are_what_is_printed() -> None:
    manual = (ROOT / "docs/augmentation.md").read_text(encoding="utf-8")
    command, shown = re.findall(r"^    \$ autotune (augment studies/quickstart.*)\n((?:    .*\n|\n)+)", manual, re.M)[0]
    result = CliRunner(env={"COLUMNS": "200"}).invoke(app, shlex.split(command.replace("studies/", f"{ROOT}/studies/")))
    assert result.exit_code == 0, result.output
    assert [line.strip() for line in result.output.splitlines()] == [
        line.strip() for line in shown.strip().splitlines()
    ]
