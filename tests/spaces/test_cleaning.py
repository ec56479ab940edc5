"""The searched part of cleaning, to and from Optuna's parameters."""

from typing import Any

import pytest
from autotune.spaces.cleaning import CleaningSpace
from autotune.spaces.configuration import Configuration
from autotune.spaces.space import SearchSpace, SpaceSettings
from autotune.spaces.training import TrainingSettings
from optuna.distributions import CategoricalDistribution
from pydantic import ValidationError

STANDING = {"drop_suspect_labels": False, "near_duplicates": 0.9}


def space(*over: str, **choices: object) -> SearchSpace:
    settings = SpaceSettings.model_validate({"cleaning": choices})
    varied = frozenset(over) or None
    return SearchSpace(settings, (), (1e-4, 1e-2), TrainingSettings(), over=varied, cleaning=STANDING)


BOTH: dict[str, Any] = {"drop_suspect_labels": [True, False], "near_duplicates": [None, 0.9, 0.8]}


def test_each_setting_with_choices_is_a_parameter():
    found = space(**BOTH).distributions
    assert found["cleaning.drop_suspect_labels"] == CategoricalDistribution((True, False))
    assert found["cleaning.near_duplicates"] == CategoricalDistribution((None, 0.9, 0.8))
    assert list(space().distributions) == ["learning_rate"]


def test_a_configuration_carries_what_is_searched_and_the_baseline_nothing():
    parameters = {"learning_rate": 1e-3, "cleaning.drop_suspect_labels": True, "cleaning.near_duplicates": None}
    configuration = space(**BOTH).configuration(parameters)
    assert configuration.cleaning == {"drop_suspect_labels": True, "near_duplicates": None}
    assert space(**BOTH).nearest(configuration) == parameters
    assert space(**BOTH).baseline().cleaning == {}


def test_the_baseline_is_stood_for_by_the_studys_own_cleaning():
    found = space(**BOTH).nearest(space(**BOTH).baseline())
    assert (found["cleaning.drop_suspect_labels"], found["cleaning.near_duplicates"]) == (False, 0.9)


def test_cleaning_that_is_no_choice_is_stood_for_by_the_nearest():
    found = space(near_duplicates=[0.7, 0.95, 0.8])
    for cleaning, stored in ((None, 0.95), (0.78, 0.8), (0.5, 0.7), (0.8, 0.8)):
        configuration = Configuration(learning_rate=1e-3, cleaning={"near_duplicates": cleaning})
        assert found.nearest(configuration)["cleaning.near_duplicates"] == stored


def test_what_does_not_vary_is_left_to_the_study():
    some = space("cleaning.near_duplicates", **BOTH)
    assert list(some.distributions) == ["cleaning.near_duplicates"]
    assert some.configuration({"cleaning.near_duplicates": 0.8}).cleaning == {"near_duplicates": 0.8}


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"near_duplicates": [0.9, 0.4]}, "greater than or equal to 0.5"),
        ({"near_duplicates": [0.9, 0.9]}, "a choice is listed twice"),
        ({"drop_suspect_labels": ["often"]}, "valid boolean"),
        ({"drop_leaks": [True, False]}, "Extra inputs"),
    ],
)
def test_other_choices_are_refused(choices: dict[str, object], message: str):
    with pytest.raises(ValidationError, match=message):
        CleaningSpace.model_validate(choices)
