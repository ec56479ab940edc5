"""The space: to Optuna's parameters and back, the baselines, and what a study file may not say."""

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from autotune.spaces.augmentation import AugmentationSpace, mix_of
from autotune.spaces.configuration import Configuration, Mix
from autotune.spaces.space import SearchSpace, SpaceSettings
from autotune.spaces.training import TrainingSettings
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    check_distribution_compatibility,
)
from pydantic import ValidationError
from scipy.stats import beta, kstest

OPERATIONS = ["noise", "reverse", "mixup"]
WIDE: dict[str, Any] = {
    "loss_weights": {"ratio": [0.03, 10], "optional": True},
    "augmentation": {"operations": OPERATIONS, "share": [0, 0.8], "magnitude": [0.05, 0.3]},
    "training": {"weight_decay": [0.0, 0.1], "batch_size": [8, 32], "schedule": {"choices": ["linear", "cosine"]}},
}
NARROW: dict[str, Any] = {
    "loss_weights": {"ratio": [0.5, 2], "optional": False},
    "augmentation": {"operations": ["noise"], "share": [0.2, 0.4], "magnitude": 0.1},
    "training": {"dropout": {"low": 0.01, "high": 0.3, "log": True}, "epochs": [1, 3, 5]},
}


def space(settings: dict[str, Any], **training: object) -> SearchSpace:
    return SearchSpace(
        SpaceSettings.model_validate(settings), ("a", "b"), (1e-5, 1e-3), TrainingSettings.model_validate(training)
    )


def value(distribution: BaseDistribution, draw: Callable[[st.SearchStrategy[Any]], object]) -> object:
    if isinstance(distribution, CategoricalDistribution):
        return draw(st.sampled_from(distribution.choices))
    if isinstance(distribution, IntDistribution):
        return draw(st.integers(distribution.low, distribution.high))
    assert isinstance(distribution, FloatDistribution)
    return draw(st.floats(distribution.low, distribution.high))


def close(left: Configuration, right: Configuration) -> bool:
    return (
        left.learning_rate == right.learning_rate
        and left.ratios == right.ratios
        and left.training == right.training
        and left.mix.operations == pytest.approx(right.mix.operations, abs=2e-3)
        and (left.mix.magnitude == right.mix.magnitude or not left.mix.share)
    )


@pytest.mark.parametrize("settings", [WIDE, NARROW, {}])
@given(data=st.data())
def test_a_point_of_the_space_is_its_own_nearest(settings: dict[str, Any], data: st.DataObject):
    searched = space(settings)
    parameters = {name: value(found, data.draw) for name, found in searched.distributions.items()}
    configuration = searched.configuration(parameters)
    nearest = searched.nearest(configuration)
    assert list(nearest) == list(searched.distributions)
    assert close(searched.configuration(nearest), configuration)
    assert configuration.alpha + sum(configuration.betas.values()) == pytest.approx(1)


def test_a_share_that_is_too_small_to_be_divided_is_no_augmentation():
    searched = space(WIDE)
    parameters = {**searched.nearest(searched.equal_weights()), "augmentation.on": True, "augmentation.share": 5e-324}
    assert searched.configuration(parameters).mix == Mix()


@pytest.mark.parametrize("settings", [WIDE, NARROW])
@given(rate=st.floats(1e-9, 1), ratio=st.floats(0, 1e3), share=st.floats(0, 1), magnitude=st.floats(0, 1))
def test_what_lies_outside_has_a_nearest_point_inside(
    settings: dict[str, Any], rate: float, ratio: float, share: float, magnitude: float
):
    searched = space(settings)
    outside = Configuration(
        learning_rate=rate, ratios={"a": ratio}, mix=Mix(operations={"noise": share}, magnitude=magnitude)
    )
    nearest = searched.nearest(outside)
    for name, distribution in searched.distributions.items():
        assert distribution._contains(distribution.to_internal_repr(nearest[name])), name


def test_the_baseline_is_the_main_task_alone_and_off_is_found_again():
    searched = space(WIDE)
    baseline = searched.baseline()
    assert (baseline.ratios, baseline.mix.share, baseline.alpha) == ({}, 0, 1)
    assert baseline.learning_rate == pytest.approx(1e-4)  # the middle of 1e-5 and 1e-3 on a log scale
    nearest = searched.nearest(baseline)
    assert nearest["loss_weights.a.on"] is False
    assert nearest["augmentation.on"] is False
    assert nearest["training.weight_decay"] == TrainingSettings().weight_decay
    again = searched.configuration(nearest)
    assert (again.ratios, again.mix.share) == ({}, 0)


def test_equal_weights_share_the_loss_equally():
    equal = space(WIDE, learning_rate=3e-4).equal_weights()
    assert equal.learning_rate == 3e-4
    assert [equal.alpha, *equal.betas.values()] == pytest.approx([1 / 3] * 3)


def test_a_task_that_is_off_has_no_weight():
    searched = space(WIDE)
    parameters = searched.nearest(searched.equal_weights()) | {"loss_weights.b.on": False}
    configuration = searched.configuration(parameters)
    assert set(configuration.ratios) == {"a"}
    assert configuration.alpha + configuration.betas["a"] == pytest.approx(1)


def test_ratios_and_rates_are_searched_on_a_log_scale():
    distributions = space(WIDE).distributions
    assert distributions["learning_rate"] == FloatDistribution(1e-5, 1e-3, log=True)
    assert distributions["loss_weights.a.ratio"] == FloatDistribution(0.03, 10, log=True)
    assert distributions["training.batch_size"] == IntDistribution(8, 32)
    assert distributions["training.schedule"] == CategoricalDistribution(("linear", "cosine"))


def test_the_same_settings_give_compatible_distributions():
    for name, found in space(WIDE).distributions.items():
        check_distribution_compatibility(found, space(WIDE).distributions[name])


def test_a_task_that_is_not_optional_has_no_switch():
    names = set(space(NARROW).distributions)
    assert not any(name.endswith(".on") for name in names)
    assert "loss_weights.a.ratio" in names


@given(st.lists(st.floats(0, 0.999), min_size=3, max_size=3), st.floats(0.01, 0.8))
def test_a_mix_sums_to_its_share(weights: list[float], share: float):
    augmentation = AugmentationSpace.model_validate({"operations": OPERATIONS})
    named = {f"augmentation.mix.{name}": weight for name, weight in zip(OPERATIONS, weights, strict=True)}
    mix = mix_of(augmentation, {"augmentation.share": share, "augmentation.magnitude": 0.05, **named})
    assert mix.share == pytest.approx(share)
    assert min(mix.operations.values()) >= 0


def test_uniform_weights_give_mixes_uniform_over_the_simplex():
    augmentation = AugmentationSpace.model_validate({"operations": OPERATIONS, "share": 1})
    stream = random.Random(0)
    parts = []
    for _ in range(4000):
        weights = {f"augmentation.mix.{name}": stream.uniform(0, 0.999) for name in OPERATIONS}
        mix = mix_of(augmentation, {"augmentation.share": 1.0, "augmentation.magnitude": 0.05, **weights})
        parts.append([mix.operations[name] for name in OPERATIONS])
    table = np.array(parts)
    for column in table.T:  # the marginal of a flat Dirichlet over three parts is Beta(1, 2)
        assert kstest(column, beta(1, 2).cdf).pvalue > 0.01
    assert (table.max(1) > 0.5).mean() == pytest.approx(0.75, abs=0.03)  # three corners, each a quarter of the triangle


@pytest.mark.parametrize(
    ("magnitude", "levels", "expected"),
    [
        ([0.05, 0.3], 3, [0.05, 0.175, 0.3]),
        ([0, 1], 4, [0.0, 1 / 3, 2 / 3, 1.0]),
        (0.1, 3, [0.1]),
        ([0.1, 0.9], 1, [0.1]),
    ],
)
def test_magnitude_levels_reach_both_ends(magnitude: object, levels: int, expected: list[float]):
    augmentation = AugmentationSpace.model_validate({"magnitude": magnitude, "levels": levels})
    assert augmentation.magnitudes == pytest.approx(expected)
    assert augmentation.magnitudes[-1] == expected[-1]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"learning_rate": [1e-3, 1e-5]}, "reversed: 0.001 is above 1e-05; write [1e-05, 0.001]"),
        ({"learning_rate": [0, 1e-3]}, "searched on a log scale, so both ends must be above 0, not 0"),
        ({"learning_rate": [-1, 1e-3]}, "must be above 0, not -1"),
        ({"learning_rate": ["nan", 1]}, "finite number"),
        ({"loss_weights": {"ratio": [0, 1]}}, "must be above 0"),
        ({"loss_weights": {"ratio": [3, 1]}}, "reversed"),
        ({"loss_weights": {"ratios": [1, 3]}}, "Extra inputs are not permitted"),
        ({"augmentation": {"share": [0, 1.5]}}, "must lie within 0 and 1"),
        ({"augmentation": {"magnitude": [0.3, 0.1]}}, "reversed"),
        ({"augmentation": {"operations": ["noise", "noise"]}}, "an operation is named twice"),
        ({"augmentation": {"operations": ["noize"]}}, "'synthesize', 'mixup' or 'cutoff'"),
        ({"training": {"weight_decay": [0.1, 0.0]}}, "the range is reversed"),
        ({"training": {"weight_decay": {"low": 0, "high": 0.1, "log": True}}}, "must be above 0"),
        ({"training": {"weight_decay": [0.0, 2.0]}}, "less than or equal to 1"),
        ({"training": {"batch_size": [8.5, 32]}}, "valid integer"),
        ({"training": {"schedule": ["linear", "cosin"]}}, "'linear', 'cosine' or 'constant'"),
        ({"training": {"weight_decays": [0, 0.1]}}, "'weight_decays' is not a training setting; known: epochs,"),
        ({"training": {"learning_rate": [1e-5, 1e-3]}}, "searched by `space: learning_rate`"),
        ({"training": {"epochs": {"choices": []}}}, "at least 1 item"),
    ],
)
def test_what_cannot_be_searched_is_refused(settings: dict[str, Any], message: str):
    with pytest.raises(ValidationError) as caught:
        SpaceSettings.model_validate(settings)
    assert message in str(caught.value)


def test_numbers_that_yaml_reads_as_text_are_numbers():
    settings = SpaceSettings.model_validate({"learning_rate": ["1e-5", "5e-4"], "training": {"dropout": ["0", "1e-1"]}})
    assert settings.learning_rate == (1e-5, 5e-4)
    assert space({"training": {"dropout": ["0", "1e-1"]}}).distributions["training.dropout"] == FloatDistribution(
        0, 0.1
    )


def test_a_configuration_survives_json():
    searched = space(WIDE)
    configuration = searched.configuration(
        {
            **searched.nearest(searched.equal_weights()),
            "augmentation.on": True,
            "augmentation.share": 0.7,
            "training.batch_size": 16,
        }
    )
    assert Configuration.model_validate_json(configuration.model_dump_json()) == configuration
    assert isinstance(configuration.training["batch_size"], int)


@pytest.mark.parametrize(
    ("name", "given", "distribution", "chosen"),
    [
        ("weighting", ["static", "dwa"], CategoricalDistribution(("static", "dwa")), "dwa"),
        ("sampling", ["all", "uniform"], CategoricalDistribution(("all", "uniform")), "uniform"),
        ("temperature", [1, 5], FloatDistribution(1, 5), 2.5),
        ("early_stopping", {"choices": [None, 2]}, CategoricalDistribution((None, 2)), None),
        ("early_stopping", [1, 4], IntDistribution(1, 4), 3),
        ("layer_decay", [0.8, 1.0], FloatDistribution(0.8, 1.0), 0.9),
        ("freeze_layers", [0, 4], IntDistribution(0, 4), 2),
        ("keep_layers", [None, 2, 4], CategoricalDistribution((None, 2, 4)), None),
        ("keep_layers", [2, None], CategoricalDistribution((2, None)), 2),
        ("reinitialize_layers", [0, 1, 2], CategoricalDistribution((0, 1, 2)), 1),
        ("dropout", [None, "1e-1"], CategoricalDistribution((None, 0.1)), 0.1),
        ("max_grad_norm", [None], CategoricalDistribution((None,)), None),
    ],
)
def test_every_setting_can_be_searched_null_included(
    name: str, given: object, distribution: BaseDistribution, chosen: object
):
    searched = space({"training": {name: given}})
    assert searched.distributions[f"training.{name}"] == distribution
    parameters = searched.nearest(searched.baseline()) | {f"training.{name}": chosen}
    configuration = searched.configuration(parameters)
    assert configuration.training == {name: chosen}
    assert Configuration.model_validate_json(configuration.model_dump_json()) == configuration
    assert getattr(TrainingSettings.model_validate(configuration.training), name) == chosen
    assert searched.nearest(configuration)[f"training.{name}"] == chosen


def test_null_is_no_choice_where_a_setting_has_none():
    with pytest.raises(ValidationError, match="valid integer"):
        SpaceSettings.model_validate({"training": {"epochs": [None, 3]}})


def test_a_task_that_is_measured_is_never_off():
    searched = replace(space(WIDE), measured=("b",))
    assert "loss_weights.a.on" in searched.distributions
    assert "loss_weights.b.on" not in searched.distributions
    assert searched.baseline().ratios == {"b": 1.0}
    assert searched.configuration(searched.nearest(searched.baseline())).ratios == {"b": 1.0}
    assert searched.equal_weights().ratios == {"a": 1.0, "b": 1.0}


def varied(over: set[str], parameters: dict[str, Any], settings: dict[str, Any] = WIDE, **more: Any) -> Configuration:  # noqa: ANN401
    searched = replace(space(settings, learning_rate=3e-4), over=frozenset(over), **more)
    assert set(searched.distributions) == set(searched.nearest(searched.baseline())) == over
    return searched.configuration(parameters)


def test_what_does_not_vary_is_the_baseline_s():
    assert varied({"learning_rate"}, {"learning_rate": 2e-5}) == Configuration(learning_rate=2e-5)
    assert varied({"training.weight_decay"}, {"training.weight_decay": 0.1}) == Configuration(
        learning_rate=3e-4, training={"weight_decay": 0.1}
    )
    measured = varied({"learning_rate"}, {"learning_rate": 2e-5}, measured=("b",))
    assert measured.ratios == {"b": 1.0}
    outside = varied({"training.weight_decay"}, {"training.weight_decay": 0.1}, measured=("b",))
    assert outside.learning_rate == 3e-4


def test_whatever_varies_is_switched_on():
    assert varied({"loss_weights.a.ratio"}, {"loss_weights.a.ratio": 4.0}).ratios == {"a": 4.0}
    switch = "loss_weights.a.on"
    assert varied({switch}, {switch: True}).ratios == {"a": 1.0}
    assert varied({switch}, {switch: False}).ratios == {}
    mix = varied({"augmentation.magnitude"}, {"augmentation.magnitude": 0.3}).mix
    assert mix.magnitude == 0.3
    assert mix.operations == pytest.approx(dict.fromkeys(OPERATIONS, 0.4 / 3))
    assert varied({"augmentation.share"}, {"augmentation.share": 0.6}).mix.magnitude == 0.175
    assert varied({"augmentation.on"}, {"augmentation.on": False}).mix.share == 0


@pytest.mark.parametrize(
    ("setting", "given", "stored"),
    [
        ("batch_size", [64, 8, 12], 12),
        ("keep_layers", {"choices": [2, 4]}, 4),
        ("dropout", [0, 0.3], 0.1),
        ("dropout", {"choices": [0.5, 0.0, 0.2]}, 0.2),
        ("dropout", {"choices": [0.5, None]}, None),
        ("max_grad_norm", {"choices": [5, 0.5]}, 0.5),
        ("schedule", ["cosine", "constant"], "cosine"),
    ],
)
def test_samplers_are_told_what_is_nearest_to_the_baseline(setting: str, given: object, stored: object):
    """A point far from what was trained would mislead them from the first trials on."""
    searched = space({"training": {setting: given}})
    assert searched.nearest(searched.baseline())[f"training.{setting}"] == stored


def test_all_layers_are_nearest_to_the_most_of_a_range():
    searched = space({"training": {"keep_layers": [2, 6], "early_stopping": [1, 4]}})
    nearest = searched.nearest(searched.baseline())
    assert (nearest["training.keep_layers"], nearest["training.early_stopping"]) == (6, 4)
    assert searched.configuration(nearest).training == {"keep_layers": 6, "early_stopping": 4}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"batch_size": True}, "batch_size: true is not a valid value"),
        ({"weight_decay": [True, False]}, "weight_decay: true is not a valid value"),
        ({"weight_decay": {"low": False, "high": 1}}, "must be a number, not false"),
        ({"batch_size": [16, 32, 16]}, "batch_size: 16 occurs twice"),
        ({"weight_decay": [0, 0.1, 0]}, "weight_decay: 0.0 occurs twice"),
        ({"dropout": {"choices": [None, 0.1, None]}}, "dropout: null occurs twice"),
    ],
)
def test_choices_are_values_and_each_is_there_once(given: dict[str, object], words: str):
    with pytest.raises(ValidationError, match=words):
        SpaceSettings.model_validate({"training": given})
