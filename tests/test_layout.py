"""The house's rules that no type checker knows: who may import whom, what is packaged, what is never used."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LAYERS = ("spaces", "objectives", "search")
"""Lowest first: a layer imports itself and what stands before it."""

PACKAGED = {(folder,) for folder in (*LAYERS, "studies")}

FOREIGN = {
    "spaces": {"datasets", "rich", "sklearn", "sqlalchemy", "torch", "transformers", "typer"},
    "objectives": {"optuna", "rich", "sqlalchemy", "typer"},
}
"""Packages that a layer knows nothing of."""


@cache
def ignored_patterns() -> tuple[str, ...]:
    lines = (ROOT / ".gitignore").read_text().splitlines()
    return (".git", *(line.rstrip("/") for line in lines if line and not line.startswith("#")))


def is_ignored(name: str) -> bool:
    return any(fnmatch(name, pattern) for pattern in ignored_patterns())


@cache
def repository_files() -> tuple[Path, ...]:
    """Every file that git would track, asked of .gitignore, for a copy without git has the same rules."""
    found: list[Path] = []
    for folder, subfolders, names in os.walk(ROOT):
        subfolders[:] = [name for name in subfolders if not is_ignored(name)]
        found += [Path(folder, name) for name in names if not is_ignored(name)]
    return tuple(sorted(found))


def python_files() -> list[Path]:
    return [file for file in repository_files() if file.suffix == ".py"]


def shown(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


@cache
def parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"), filename=shown(file))


def module_name(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(("autotune", *(part for part in parts if part != "__init__")))


@cache
def modules() -> dict[str, Path]:
    """Our own modules, by the name they are imported under."""
    return {module_name(file): file for file in python_files() if file.relative_to(ROOT).parts[0] in LAYERS}


def imported_from(node: ast.ImportFrom, file: Path) -> str:
    """The absolute name of what stands between `from` and `import`."""
    if not node.level:
        return node.module or ""
    package = module_name(file).split(".")[: None if file.name == "__init__.py" else -1]
    base = package[: len(package) - (node.level - 1)]
    return ".".join([*base, node.module] if node.module else base)


def imports(file: Path) -> Iterator[str]:
    """The absolute names of all that a file imports, wherever in the file."""
    for node in ast.walk(parsed(file)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = imported_from(node, file)
            names = [f"{base}.{alias.name}" for alias in node.names]
            yield from (name if name in modules() else base for name in names)


def test_relative_and_absolute_imports_are_resolved() -> None:
    found = set(imports(modules()["autotune.objectives.training.trainer"]))
    assert {"torch", "autotune.spaces.configuration"} <= found


@pytest.mark.slow
def test_a_lower_layer_never_imports_a_higher_one() -> None:
    wrong = [
        f"{shown(file)} imports {target}"
        for name, file in modules().items()
        for target in imports(file)
        for higher in LAYERS[LAYERS.index(name.split(".")[1]) + 1 :]
        if f"{target}.".startswith((f"autotune.{higher}.", f"{higher}."))
    ]
    assert not wrong


def test_a_layer_knows_only_its_own_libraries() -> None:
    wrong = [
        f"{shown(file)} imports {target}"
        for name, file in modules().items()
        for target in imports(file)
        if target.split(".")[0] in FOREIGN.get(name.split(".")[1], ())
    ]
    assert not wrong


def test_no_module_imports_itself_in_a_circle() -> None:
    graph = {name: {target for target in imports(file) if target in modules()} for name, file in modules().items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def room(module: str) -> str:
    """The folder of `objectives/` that a module is in; empty for one beside these folders."""
    parts = module.split(".")
    return parts[2] if parts[1] == "objectives" and len(parts) > 3 else ""


def test_the_rooms_of_objectives_import_one_way() -> None:
    graph: dict[str, set[str]] = {}
    for name, file in modules().items():
        if here := room(name):
            there = {room(target) for target in imports(file) if target in modules()}
            graph.setdefault(here, set()).update(there - {"", here})
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))
    assert order.index("data") < order.index("tasks") < order.index("corpus")
    assert order.index("models") < order.index("tasks") < order.index("multi_task")


def reached(module: str, known: frozenset[str] = frozenset()) -> frozenset[str]:
    """A module of ours with all that it imports of ours, directly or not."""
    known |= {module}
    for target in imports(modules()[module]):
        if target in modules() and target not in known:
            known = reached(target, known)
    return known


@pytest.mark.parametrize("module", ["executors.process", "executors.ray_cluster", "confirmation.fresh"])
def test_a_worker_knows_no_storage(module: str) -> None:
    """Only tuners open a study's database, and a worker starts without what that takes."""
    found = {name.split(".")[2] for name in reached(f"autotune.search.{module}") if name.startswith("autotune.search.")}
    assert not found & {"claims", "locking", "storage", "study"}


def test_every_folder_with_files_is_packaged() -> None:
    """One that is not listed is missing from the wheel, and only there."""
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    folders = {file.relative_to(ROOT).parent for file in repository_files()}
    packages = {".".join(("autotune", *folder.parts)) for folder in folders if folder.parts[:1] in PACKAGED}
    assert set(listed) == packages


@pytest.mark.slow
def test_nothing_is_imported_for_type_checkers_only() -> None:
    marker = "TYPE_CHECKING"
    wrong = [
        shown(file)
        for file in python_files()
        for node in ast.walk(parsed(file))
        if marker in (getattr(node, "id", None), getattr(node, "attr", None), getattr(node, "name", None))
    ]
    assert not wrong


def test_the_command_starts_without_the_heavy_libraries() -> None:
    """`autotune --help` must answer in under 0.3 s; torch alone takes longer."""
    script = "import sys, autotune.search.cli.app; print(*sys.modules, sep='\\n')"
    started = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True)
    assert started.returncode == 0, started.stderr
    heavy = {"datasets", "optuna", "pandas", "scipy", "sklearn", "sqlalchemy", "torch", "transformers"}
    assert not heavy & set(started.stdout.splitlines())


def test_the_readme_names_every_top_level_folder() -> None:
    parts = (file.relative_to(ROOT).parts for file in repository_files())
    folders = {path[0] for path in parts if len(path) > 1 and not path[0].startswith(".")}
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert not {folder for folder in folders if f"{folder}/" not in readme}


def test_nothing_is_left_unfinished() -> None:
    marker = re.compile(r"\b(TO[D]O|FIX[M]E)\b")
    assert not [shown(file) for file in python_files() if marker.search(file.read_text(encoding="utf-8"))]


def test_no_file_names_a_folder_of_one_machine() -> None:
    absolute = re.compile(rb"(?<![\w.~])/(home|work|Users)/\w")
    assert not [shown(file) for file in repository_files() if absolute.search(file.read_bytes())]


def unsafe_uses(file: Path) -> Iterator[str]:
    for node in ast.walk(parsed(file)):
        if isinstance(node, ast.keyword) and node.arg == "trust_remote_code":
            if not (isinstance(node.value, ast.Constant) and node.value.value is False):
                yield "trust_remote_code"
        elif isinstance(node, ast.keyword) and node.arg == "weights_only":
            if not (isinstance(node.value, ast.Constant) and node.value.value is True):
                yield "weights_only"
        elif isinstance(node, ast.Attribute) and ast.unparse(node) in {"yaml.load", "yaml.unsafe_load"}:
            yield ast.unparse(node)
    yield from {"cloudpickle", "dill", "joblib", "marshal", "pickle", "shelve"} & set(imports(file))


@pytest.mark.slow
def test_nothing_runs_code_out_of_data() -> None:
    """No remote code, no YAML that builds objects, no pickle."""
    assert not [f"{shown(file)}: {use}" for file in python_files() for use in unsafe_uses(file)]
