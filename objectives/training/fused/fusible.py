"""Which trials the fused trainer can fuse, and why not the others."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from ....spaces.bounds import NumberRange
from ....spaces.configuration import Configuration, SettingValue
from ....spaces.space import SearchSpace
from ...multi_task.fused.model import unstackable
from ...prepared import PreparedObjective
from ...settings import COSTS

_Option = Callable[[Configuration], Configuration]
"""A configuration with one part of it changed."""


@dataclass(frozen=True)
class Fusion:
    """Which trials of a search space train as one program.

    Args:
        example: a configuration of those that do; of any, if none do.
        why_none: why none do; None if some do.
        alone: those that train by themselves nevertheless, such as "weighting pcgrad", and why.
    """

    example: Configuration
    why_none: str | None
    alone: Mapping[str, str]

    @property
    def sentences(self) -> list[str]:
        """Which trials are trained by themselves, and why."""
        if self.why_none:
            return [f"trials train one by one: {self.why_none}"]
        return [f"trials with {words} train one by one: {why}" for words, why in self.alone.items()]


def fusion(prepared: PreparedObjective, space: SearchSpace) -> Fusion:
    """Look for a trial that fuses, part by part of what is searched, and at what each part may be in it.

    Raises:
        EncoderError: the encoder has fewer layers than a setting names.
    """
    example = space.configuration(space.nearest(space.equal_weights()))
    for options in _parts(prepared, space):
        every = [option(example) for option in options.values()]
        example = min(every, key=lambda each: len(list(_reasons(prepared, each))))
    if why_none := unfusible(prepared, example):
        return Fusion(example, why_none, {})
    options = {words: option for part in _parts(prepared, space) for words, option in part.items()}
    reasons = {words: unfusible(prepared, option(example)) for words, option in options.items()}
    return Fusion(example, None, {words: why for words, why in reasons.items() if why})


def unfusible(prepared: PreparedObjective, configuration: Configuration) -> str | None:
    """Why a trial must be trained by itself, as the end of "trained one by one because …"; None if it need not.

    Raises:
        EncoderError: the encoder has fewer layers than a setting names.
    """
    return next(_reasons(prepared, configuration), None)


def _reasons(prepared: PreparedObjective, configuration: Configuration) -> Iterator[str]:
    training = prepared.training_of(configuration)
    tasks = [prepared.settings.main_task, *configuration.ratios]
    strange = [name for name in tasks if not prepared.train[name].task.fuses]
    several = bool(configuration.ratios)
    if prepared.folds:
        yield "cross-validation trains fold after fold"
    if set(COSTS) & set(prepared.settings.objectives):
        yield "the cost of inference is counted on a model of its own"
    for name in strange:
        yield f"the loss of {name!r} is not computed per trial"
    if several and training.weighting != "static":
        yield f"weighting {training.weighting} needs the gradients or the history of each task"
    if several and training.sampling != "all":
        yield f"sampling {training.sampling} gives each trial other tasks in a step"
    if training.layer_decay != 1:
        yield "layer_decay gives layers rates of their own"
    if training.freeze_layers > 0:
        yield "freeze_layers trains some layers only"
    if (why := unstackable(prepared.models.outline(tasks, training))) is not None:
        yield why


def _parts(prepared: PreparedObjective, space: SearchSpace) -> Iterator[Mapping[str, _Option]]:
    """What is searched and may decide it: of each part the options, by words for the trials that have it.

    The first one is what the example has already; of a range of real numbers no trial has just that, nor an end.
    """
    for task in space.auxiliaries:
        if space.may_be_off(task) and not prepared.train[task].task.fuses:
            yield {f"{task} on": partial(_with_task, task, 1.0), f"{task} off": partial(_with_task, task, None)}
    for name, values in space.settings.training.items():
        if isinstance(values, NumberRange) and isinstance(getattr(space.training, name), float):
            within = (values.low + values.high) / 2
            yield {f"{name} {values.low:g} to {values.high:g}": partial(_with_setting, name, within)}
        else:
            known = {f"{name} {_short(value)}": partial(_with_setting, name, value) for value in values.values}
            yield {"": _as_it_is, **known}


def _as_it_is(configuration: Configuration) -> Configuration:
    return configuration


def _with_task(task: str, ratio: float | None, configuration: Configuration) -> Configuration:
    ratios = {**configuration.ratios, task: ratio}
    return configuration.model_copy(update={"ratios": {name: its for name, its in ratios.items() if its is not None}})


def _with_setting(name: str, value: SettingValue, configuration: Configuration) -> Configuration:
    return configuration.model_copy(update={"training": {**configuration.training, name: value}})


def _short(value: SettingValue) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
