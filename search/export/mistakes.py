"""Consistency checks of a best.yaml that was edited by hand, each mistake at its place."""

import math
from collections.abc import Iterable, Iterator, Mapping

from pydantic import ValidationError

from ...objectives.checking import name_mistake, objective_mistake
from ...objectives.settings import ObjectiveSettings
from ...objectives.tasks.registry import make_task
from ...spaces.augmentation import AugmentationSpace
from ...spaces.cleaning import CleaningSpace
from ...spaces.configuration import Configuration
from ...spaces.training import TrainingSettings
from ..study_file.document import Place
from ..wording import setting
from .parts import Found, LossWeights

_SAME = 1e-9
"""Weights are written in full; a file that rounds them must still say what the ratios say."""

Mistakes = Iterator[tuple[Place, str]]


def settings_mistakes(settings: ObjectiveSettings, found: Found) -> Mistakes:
    """Names that torch needs, objectives that nothing measures, or that are not those of the figures."""
    for name in settings.tasks:
        if why := name_mistake(name):
            yield ("settings", "tasks", name), why
            return
    tasks = [make_task(name, task) for name, task in settings.tasks.items()]
    if why := objective_mistake(settings.objective, tasks):
        yield ("settings", "objective"), why
    elif found.values and list(found.values) != settings.objectives:
        known = ", ".join(found.values)
        yield ("settings", "objective"), f"{settings.objective!r}: found.values are those of {known}"
    elif found.values and found.value != found.values[settings.objectives[0]]:
        yield ("found", "value"), f"{found.value}: found.values says {found.values[settings.objectives[0]]}"


def configuration_mistakes(
    configuration: Configuration, settings: ObjectiveSettings, augmentation: AugmentationSpace, cleaning: CleaningSpace
) -> Mistakes:
    """Tasks, operations, magnitudes and settings that are not there."""
    mix = configuration.mix
    for task, ratio in configuration.ratios.items():
        if task not in settings.auxiliary_tasks or ratio <= 0:
            known = _listed(settings.auxiliary_tasks)
            yield (
                ("configuration", "ratios", task),
                f"{ratio:g}: must be a ratio above 0 for each auxiliary task that is on; there are: {known}",
            )
    for name, share in mix.operations.items():
        if name not in augmentation.operations or not 0 <= share <= mix.share <= 1 + _SAME:
            known = _listed(augmentation.operations)
            yield (
                ("configuration", "mix", "operations", name),
                f"{share:g}: must be shares from 0, in all at most 1, of: {known}",
            )
    if mix.share and mix.magnitude not in augmentation.magnitudes:
        known = _listed(map(str, augmentation.magnitudes))
        text = f"{mix.magnitude:g}: must be one of the levels of augmentation.magnitude: {known}"
        yield ("configuration", "mix", "magnitude"), text
    for name, value in configuration.cleaning.items():
        choices = cleaning.choices.get(name, [])
        if value not in choices:
            known = ", ".join(map(setting, choices)) or "there are none"
            text = f"{setting(value)}: must be one of the choices of cleaning.{name}: {known}"
            yield ("configuration", "cleaning", name), text
    for name, value in configuration.training.items():
        try:
            TrainingSettings.model_validate({name: value})
        except ValidationError as error:
            yield ("configuration", "training", name), f"{setting(value)}: {error.errors()[0]['msg']}"


def weight_mistakes(weights: LossWeights, configuration: Configuration, settings: ObjectiveSettings) -> Mistakes:
    """Weights that do not follow from the ratios, and normalisers that belong to other tasks."""
    if any(ratio <= 0 for ratio in configuration.ratios.values()):
        return  # nothing follows from these, and that is told
    if not _is_close(weights.alpha, configuration.alpha):
        yield ("loss_weights", "alpha"), _unlike(weights.alpha, configuration.alpha)
    for task, beta in weights.betas.items():
        follows = configuration.betas.get(task, 0.0)
        if not _is_close(beta, follows):
            yield ("loss_weights", "betas", task), _unlike(beta, follows)
    for task in configuration.betas.keys() - weights.betas.keys():
        yield ("loss_weights", "betas"), f"{task} is missing, which configuration.ratios has"
    for task, normaliser in weights.normalisers.items():
        if task not in settings.tasks or normaliser <= 0:
            known = _listed(settings.tasks)
            yield ("loss_weights", "normalisers", task), f"{normaliser:g}: must be above 0 for each task: {known}"
    for task in settings.tasks.keys() - weights.normalisers.keys():
        yield ("loss_weights", "normalisers"), f"{task} is missing, which settings.tasks has"


def source_mistakes(settings: ObjectiveSettings, fingerprints: Mapping[str, str]) -> Mistakes:
    """Data whose fingerprint is missing, so that nobody could tell whether it changed."""
    known = _listed(map(repr, fingerprints))
    for place, text in sources(settings).items():
        if text not in fingerprints:
            yield place, f"{text!r}: none of fingerprints, which are of {known}"


def sources(settings: ObjectiveSettings) -> dict[Place, str]:
    """All data that is read, by the place that names it."""
    data, tasks = settings.data, settings.tasks
    named: dict[Place, str | None] = {
        ("settings", "data", "train"): data.train,
        ("settings", "data", "validation"): data.validation if isinstance(data.validation, str) else None,
        ("settings", "data", "test"): data.test,
    }
    for name, task in tasks.items():
        if task.data is not None:
            named["settings", "tasks", name, "data", "train"] = task.data.train
            measured = name in settings.measured_tasks
            named["settings", "tasks", name, "data", "validation"] = task.data.validation if measured else None
    return {place: text for place, text in named.items() if text is not None}


def _is_close(given: float, follows: float) -> bool:
    return math.isclose(given, follows, rel_tol=_SAME, abs_tol=_SAME)


def _unlike(given: float, follows: float) -> str:
    return f"{given:g}: does not follow from configuration.ratios, which make it {follows:.17g}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
