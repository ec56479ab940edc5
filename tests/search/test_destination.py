"""Where a model will be: one training at a time, and what an unfinished one left."""

from pathlib import Path

import pytest
import torch
from autotune.objectives.training.trainer import Checkpoint
from autotune.search.production.destination import Destination, held
from autotune.spaces.configuration import Configuration
from autotune.spaces.errors import InputError

FACTS = {"best.yaml": "abc", "--micro-batch": None, "processes": 1}
STATE = Checkpoint(Configuration(learning_rate=1e-3), 3, {"weight": torch.ones(2)}, {}, {})


def left_unfinished(folder: Path) -> Destination:
    """A training that stopped with a state."""
    with held(folder, FACTS) as destination:
        destination.store.save(0, STATE)
    return destination


def test_a_training_that_saved_nothing_leaves_nothing(tmp_path: Path) -> None:
    with held(tmp_path / "deep" / "model", FACTS) as destination:
        assert destination.work == tmp_path / "deep" / ".model.training"
        assert destination.work.is_dir()
    assert not list(tmp_path.iterdir())


def test_an_unfinished_training_is_found_again(tmp_path: Path) -> None:
    left_unfinished(tmp_path / "model")
    assert [path.name for path in tmp_path.iterdir()] == [".model.training"]
    with held(tmp_path / "model", FACTS) as destination:
        state = destination.store.load(0, STATE.configuration)
        assert state is not None
        assert state.step == 3


def test_a_finished_one_leaves_the_model_only(tmp_path: Path) -> None:
    left_unfinished(tmp_path / "model")
    with held(tmp_path / "model", FACTS):
        (tmp_path / "model").mkdir()
        (tmp_path / "model" / "config.json").write_text("{}")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_of_two_at_once_the_second_is_refused(tmp_path: Path) -> None:
    with (
        held(tmp_path / "model", FACTS),
        pytest.raises(InputError, match=r"--output: another `autotune train` is already using '.*model'"),
        held(tmp_path / "model", FACTS),
    ):
        pass
    with held(tmp_path / "other", FACTS), held(tmp_path / "model", FACTS):
        pass


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"best.yaml": "def"}, "unfinished training with best.yaml abc (now def)"),
        ({"--micro-batch": 8, "processes": 2}, "with --micro-batch None (now 8), processes 1 (now 2)"),
    ],
)
def test_another_training_is_told_what_differs(tmp_path: Path, change: dict[str, str | int], words: str) -> None:
    destination = left_unfinished(tmp_path / "model")
    with pytest.raises(InputError) as error, held(tmp_path / "model", {**FACTS, **change}):
        pass
    assert words in str(error.value)
    assert f"delete '{destination.work}'" in str(error.value)
    assert destination.store.load(0, STATE.configuration) is not None


def test_a_folder_that_is_not_empty_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "mine").write_text("")
    with pytest.raises(InputError, match="already exists and is not empty"), held(tmp_path / "model", FACTS):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_link_to_nothing_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    (tmp_path / "model").symlink_to(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"'.*model' is a broken link"), held(tmp_path / "model", FACTS):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"best.yaml": 1'])
def test_a_damaged_note_of_what_is_trained_is_an_unfinished_training_of_something_else(
    tmp_path: Path, text: str
) -> None:
    destination = left_unfinished(tmp_path / "model")
    (destination.work / "training.json").write_text(text)
    with pytest.raises(InputError, match="unfinished training"), held(tmp_path / "model", FACTS):
        pass
