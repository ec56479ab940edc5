import pytest
from autotune.search.pruners import meant_pruner
from autotune.search.samplers import AUTOMATIC
from autotune.search.settings import SearchSettings
from pydantic import ValidationError


@pytest.mark.parametrize(
    ("given", "seconds"), [(90, 90.0), (0.5, 0.5), ("90", 90.0), ("90s", 90.0), ("1.5m", 90.0), ("2h", 7200.0)]
)
def test_durations(given: object, seconds: float):
    timeout = SearchSettings.model_validate({"timeout": given}).timeout
    assert timeout == seconds
    assert isinstance(timeout, float)


@pytest.mark.parametrize("given", ["", "soon", "30 minutes", "-5", 0, "0s", -1, True, float("nan"), [], "1h30m"])
def test_durations_that_are_refused_say_what_is_allowed(given: object):
    with pytest.raises(ValidationError, match=r"'90s', '30m', '2h'"):
        SearchSettings.model_validate({"timeout": given})


def test_defaults_and_limits():
    assert SearchSettings() == SearchSettings(trials=60, sampler="auto", pruner="auto", seed=0, timeout=None)
    for wrong in ({"trials": 0}, {"sampler": "grad"}, {"pruner": "one_epoch"}, {"seed": -1}, {"trails": 5}):
        with pytest.raises(ValidationError):
            SearchSettings.model_validate(wrong)


def test_schema_describes_every_setting_and_takes_a_string_or_a_number():
    properties = SearchSettings.model_json_schema()["properties"]
    assert all(setting["description"] for setting in properties.values())
    kinds = {kind.get("type") for choice in properties["timeout"]["anyOf"] for kind in choice.get("anyOf", [choice])}
    assert kinds == {"number", "string", "null"}


def test_the_schema_says_what_auto_chooses():
    properties = SearchSettings.model_json_schema()["properties"]
    assert f"auto: {AUTOMATIC}" in properties["sampler"]["description"]
    first = next(folds for folds in range(2, 100) if meant_pruner("auto", folds) != meant_pruner("auto", folds=None))
    chosen = f"auto: {meant_pruner('auto', folds=None)}, or {meant_pruner('auto', first)} from {first} folds on"
    assert chosen in properties["pruner"]["description"]
