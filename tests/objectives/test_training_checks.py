"""Training settings that do not go together are refused by name, fixed or searched."""

import sys
from collections.abc import Sequence

import pytest
from autotune.objectives.training.checking import training_mistakes
from autotune.spaces.bounds import Choices, NumberRange
from autotune.spaces.configuration import SettingValue
from autotune.spaces.training import TrainingSettings


def searched(**choices: Sequence[SettingValue]) -> dict[str, Choices | NumberRange]:
    return {name: Choices(choices=list(values)) for name, values in choices.items()}


def refusal(
    training: TrainingSettings | None = None,
    space: dict[str, Choices | NumberRange] | None = None,
    *,
    auxiliaries: int = 1,
    folds: bool = False,
) -> str:
    """Each mistake in a line of its own, with the keys that lead to it."""
    found = list(training_mistakes(training or TrainingSettings(), space or {}, auxiliaries, folds=folds))
    assert found
    return "\n".join(": ".join([*place, text]) for place, text in found)


def test_all_that_goes_together_is_let_through():
    assert not [*training_mistakes(TrainingSettings(), {}, 0, folds=False)]
    fixed = TrainingSettings(early_stopping=2)
    assert not [*training_mistakes(fixed, searched(weighting=["static"], sampling=["all"]), 0, folds=False)]
    everything = searched(
        weighting=["static", "uncertainty", "dwa", "random", "pcgrad", "upgrad", "cagrad"],
        sampling=["all", "proportional", "uniform", "temperature"],
    )
    temperature: dict[str, Choices | NumberRange] = {"temperature": NumberRange(low=1, high=10)}
    assert not [*training_mistakes(TrainingSettings(), everything | temperature, 2, folds=False)]
    assert not [*training_mistakes(TrainingSettings(sampling="temperature"), temperature, 2, folds=False)]
    assert not [*training_mistakes(TrainingSettings(weighting="dwa"), {}, 1, folds=True)]


@pytest.mark.parametrize(
    ("training", "space", "key", "value"),
    [
        (TrainingSettings(weighting="dwa"), {}, "training: weighting", "dwa"),
        (TrainingSettings(sampling="uniform"), {}, "training: sampling", "uniform"),
        (TrainingSettings(), searched(weighting=["static", "random"]), "space: training: weighting", "random"),
        (TrainingSettings(), searched(sampling=["all", "proportional"]), "space: training: sampling", "proportional"),
    ],
)
def test_balancing_needs_an_auxiliary_task(
    training: TrainingSettings, space: dict[str, Choices | NumberRange], key: str, value: str
):
    message = refusal(training, space, auxiliaries=0)
    assert message.startswith(f"{key}: {value!r} needs an auxiliary task")
    assert not [*training_mistakes(training, space, 1, folds=False)]


def test_every_mistake_comes_at_once():
    training = TrainingSettings(weighting="dwa", sampling="uniform", early_stopping=1)
    message = refusal(training, auxiliaries=0, folds=True)
    assert [line.partition(": ")[2].partition(":")[0] for line in message.splitlines()] == [
        "weighting",
        "sampling",
        "early_stopping",
    ]


def test_a_missing_library_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "torchjd.aggregation", None)
    message = refusal(space=searched(weighting=["static", "pcgrad", "cagrad"]))
    assert message.count("pip install 'autotune-mtl[gradients]'") == 2
    assert message.startswith("space: training: weighting: 'pcgrad'")
    assert refusal(TrainingSettings(weighting="upgrad")).startswith("training: weighting: 'upgrad'")


def test_a_temperature_that_nothing_reads_is_not_searched():
    message = refusal(space={"temperature": NumberRange(low=1, high=5)})
    assert message.startswith("space: training: temperature:")


@pytest.mark.parametrize("space", [{}, searched(early_stopping=[1, 2])])
def test_folds_have_nothing_to_stop_by(space: dict[str, Choices | NumberRange]):
    training = TrainingSettings() if space else TrainingSettings(early_stopping=3)
    assert "early_stopping" in refusal(training, space, folds=True)
