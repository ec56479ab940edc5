"""What others build on, frozen: commands, options and names. Changing any of it is a decision."""

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest
from autotune.search.cli.app import app
from typer.main import get_command

ROOT = Path(__file__).parent.parent

STORAGE = "--storage"
COMMANDS = {
    "init": {"data", "--output -o", "--task", "--encoding"},
    "train": {"best", "--output -o", "--all-data", "--devices", "--micro-batch", "--report-to"},
    "verify": {
        "best",
        "--seeds",
        "--devices",
        "--slots",
        "--executor",
        "--address",
        "--gpus-per-worker",
        "--json",
    },
    "augment": {"file", "--operation", "--magnitude", "--rows", "--seed", "--text", "--label", "--json"},
    "schema": set[str](),
    "doctor": {STORAGE, "--json"},
    "study create": {"file", STORAGE, "--dry-run"},
    "study run": {
        "target",
        STORAGE,
        "--trials",
        "--timeout",
        "--devices",
        "--slots",
        "--executor",
        "--address",
        "--gpus-per-worker",
    },
    "study plan": {"target", STORAGE, "--trials", "--devices", "--slots", "--json"},
    "study confirm": {
        "target",
        STORAGE,
        "--candidates",
        "--seeds",
        "--ablate",
        "--timeout",
        "--devices",
        "--slots",
        "--executor",
        "--address",
        "--gpus-per-worker",
    },
    "study list": {STORAGE, "--json"},
    "study show": {"target", STORAGE, "--json", "--watch"},
    "study report": {"target", STORAGE, "--json", "--html"},
    "study export": {"target", "--output -o", STORAGE, "--format", "--trial"},
    "study copy": {"name", STORAGE, "--to"},
    "study delete": {"name", STORAGE, "--yes -y"},
}

NAMES = {
    "autotune.objectives.checking": {"check_operations", "make_tasks", "objective_mistake"},
    "autotune.objectives.prepare": {"prepare"},
    "autotune.objectives.prepared": {"PreparedObjective", "TaskRows"},
    "autotune.objectives.settings": {"DataSettings", "ModelSettings", "ObjectiveSettings"},
    "autotune.objectives.tasks.batch": {"Batch", "Examples", "TextCodes"},
    "autotune.objectives.tasks.task": {"Task", "TextTask"},
    "autotune.objectives.training.plain": {"PlainTrainer"},
    "autotune.objectives.training.failure": {"Failure", "FailureKind"},
    "autotune.objectives.training.trainer": {"Checkpoint", "Evaluation", "Trainer"},
    "autotune.search.augmenting": {"Sample", "augment"},
    "autotune.search.claims": {"Claims"},
    "autotune.search.confirmation.reading": {"read_confirmation"},
    "autotune.search.confirmation.result": {"Arm", "Confirmed", "Tested"},
    "autotune.search.confirmation.running": {"confirm_study"},
    "autotune.search.copying": {"copy_study"},
    "autotune.search.export.best_file": {"BestConfiguration", "read_best"},
    "autotune.search.creation": {"check_free", "create_study"},
    "autotune.search.executors.executor": {"Executor"},
    "autotune.search.executors.inline": {"InlineExecutor"},
    "autotune.search.export.exporting": {"export_of", "render", "study_fingerprint"},
    "autotune.search.export.chosen": {"Exported", "choose"},
    "autotune.search.observer": {"Observer", "Standing"},
    "autotune.search.passwords": {"masked"},
    "autotune.search.pruners": {"OneEpochPruner", "make_pruner"},
    "autotune.search.report.html.page": {"Origin", "render_page"},
    "autotune.search.summary.summarizing": {"summarize"},
    "autotune.search.summary.summary": {"Summary"},
    "autotune.search.running": {"run_study"},
    "autotune.search.samplers": {"grid_points", "make_sampler"},
    "autotune.search.starting.starting": {"Started", "start_study"},
    "autotune.search.storage": {"open_storage", "patiently", "storage_url"},
    "autotune.search.study": {"StudyRecord", "delete_study", "list_studies", "open_study"},
    "autotune.search.study_file.reading": {"parse_study_file", "read_study_file"},
    "autotune.search.study_file.schema": {"StudyFile", "json_schema"},
    "autotune.search.production.verification": {"Promise", "Verification", "verify"},
    "autotune.search.tuner": {"Ending", "Tuner"},
    "autotune.spaces.configuration": {"Configuration", "Mix"},
    "autotune.spaces.errors": {"AutotuneError", "InputError", "StorageLost", "StudyError", "TrainingError"},
    "autotune.spaces.space": {"SearchSpace", "SpaceSettings"},
    "autotune.spaces.training": {"TrainingSettings"},
}


def test_commands_and_options() -> None:
    found: dict[str, set[str]] = {}
    top = get_command(app)
    for name, command in top.commands.items():  # pyright: ignore[reportAttributeAccessIssue]
        inner = getattr(command, "commands", None)
        parts = {f"{name} {part}": value for part, value in inner.items()} if inner else {name: command}
        for full, value in parts.items():
            found[full] = {options(parameter) for parameter in value.params if parameter.name != "help"}
    assert found == COMMANDS


def options(parameter: object) -> str:
    given = getattr(parameter, "opts", [])
    return " ".join(given)


@pytest.mark.parametrize("module", NAMES)
def test_names(module: str) -> None:
    found = importlib.import_module(module)
    assert not {name for name in NAMES[module] if not hasattr(found, name)}
    undocumented = {name for name in NAMES[module] if not getattr(found, name).__doc__}
    assert not undocumented


def manual() -> str:
    return "\n".join(file.read_text(encoding="utf-8") for file in [ROOT / "README.md", *ROOT.glob("docs/*.md")])


def test_the_manual_names_no_command_or_option_that_is_not_there() -> None:
    text = manual()
    known = {name.split()[1] for name in COMMANDS if " " in name}
    assert set(re.findall(r"autotune study ([a-z]+)", text)) <= known
    assert set(re.findall(r"`autotune ([a-z]+)", text)) <= {
        "study",
        "init",
        "train",
        "verify",
        "augment",
        "schema",
        "doctor",
    }
    options = {word for given in COMMANDS.values() for option in given for word in option.split() if word[0] == "-"}
    written = {
        option
        for line in re.findall(r"autotune (?:study|init|train|verify|augment|schema|doctor)[^`\n]*", text)
        for option in re.findall(r" (--?[a-z-]+)", line)
    }
    assert written <= options | {"--help", "--version"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "command", [[], ["study"], ["study", "run"], ["init"], ["train"], ["verify"], ["augment"], ["doctor"]]
)
def test_help_comes_without_anything_heavy(command: list[str]) -> None:
    """`autotune --help` in under 0.3 s. (Below the top typer itself asks pydantic.)"""
    script = (
        "import sys\n"
        f"sys.argv = ['autotune', *{command!r}, '--help']\n"
        "from autotune.search.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print('modules:', *sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    text, _, modules = done.stdout.partition("modules:")
    heavy = {"datasets", "numpy", "optuna", "rich", "sqlalchemy", "torch", "transformers", "yaml"}
    loaded = {name.split(".")[0] for name in modules.split()}
    assert not loaded & (heavy if command else {*heavy, "pydantic"})
    assert "Usage: autotune" in text
