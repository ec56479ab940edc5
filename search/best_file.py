"""best.yaml: what it says, and reading it back."""

from collections.abc import Iterator
from pathlib import Path
from typing import Self

from pydantic import Field, ValidationError, model_validator

from ..objectives.checking import make_tasks
from ..objectives.settings import ObjectiveSettings
from ..spaces.augmentation import AugmentationSpace
from ..spaces.cleaning import CleaningSpace
from ..spaces.configuration import Configuration
from ..spaces.errors import StudyFileError
from ..spaces.settings import Settings
from ..spaces.training import TrainingSettings
from .report.wording import setting
from .study_file.document import Path as Place
from .study_file.document import located
from .study_file.reading import checked, read_text
from .study_file.rules import Rules
from .study_file.yaml_document import read_document

_WHAT = "an exported configuration"


class FrontMember(Settings):
    """A trial that is best in its own way."""

    trial: int = Field(description="number of the trial")
    values: dict[str, float] = Field(description="all objectives by name")
    configuration: str = Field(description="what it trained, in short; `export --trial` writes it in full")


class Found(Settings):
    """Where a configuration comes from, and what it reached in the search."""

    study: str = Field(description="name of the study")
    trial: int = Field(description="number of the trial")
    value: float = Field(
        description="(first) objective on validation data: the best of many noisy trials, so partly luck"
    )
    step: int = Field(description="main-task optimizer steps at the best evaluation")
    baseline: float | None = Field(description="the objective of trial 0: the main task alone, default rate")
    values: dict[str, float] = Field(default_factory=dict[str, float], description="all objectives by name")
    folds: list[float] = Field(default_factory=list[float], description="the (first) objective on each fold")
    front: list[FrontMember] = Field(
        default_factory=list[FrontMember], description="of several objectives: the other trials that none dominates"
    )


class LossWeights(Settings):
    """α and β_k, for training code of your own: L = α·L_main/n_main + Σ β_k·L_k/n_k with the normalisers n."""

    alpha: float = Field(gt=0, le=1, description="the main task's weight")
    betas: dict[str, float] = Field(description="the auxiliary tasks' weights; α + Σ β_k = 1")
    normalisers: dict[str, float] = Field(description="each task's loss for a know-nothing prediction")


class BestConfiguration(Settings):
    """best.yaml."""

    found: Found = Field(description="where it comes from")
    configuration: Configuration = Field(description="what the winning trial trained")
    loss_weights: LossWeights = Field(description="the same importance as normalised weights")
    seed: int = Field(description="of split, batch order, first weights and dropout")
    augmentation: AugmentationSpace = Field(description="what the study could augment with, and so the tokens it saw")
    cleaning: CleaningSpace = Field(
        default_factory=CleaningSpace, description="which training rows a configuration of the study could leave out"
    )
    settings: ObjectiveSettings = Field(description="data, model, tasks and training; paths are relative to this file")
    fingerprints: dict[str, str] = Field(description="SHA-256 of each data source")
    labels: dict[str, list[str]] = Field(
        default_factory=dict[str, list[str]], description="the labels of each task that has some, as training had them"
    )
    versions: dict[str, str] = Field(description="what it was found with")

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        """A file that was changed by hand must still fit together."""
        found = list(_mistakes(self))
        if found:
            raise ValidationError.from_exception_data(type(self).__name__, [located(*mistake) for mistake in found])
        return self


def _mistakes(best: BestConfiguration) -> Iterator[tuple[Place, str]]:
    settings, configuration, mix = best.settings, best.configuration, best.configuration.mix
    try:
        make_tasks(settings)
    except StudyFileError as error:
        yield ("settings", "objective"), str(error).removeprefix("objective: ")
    for task, ratio in configuration.ratios.items():
        if task not in settings.auxiliary_tasks or ratio <= 0:
            known = ", ".join(settings.auxiliary_tasks) or "none"
            yield (
                ("configuration", "ratios", task),
                f"a ratio above 0 for each auxiliary task that is on; there are: {known}",
            )
    for name, share in mix.operations.items():
        if name not in best.augmentation.operations or not 0 <= share <= mix.share <= 1 + 1e-9:
            known = ", ".join(best.augmentation.operations) or "none"
            yield ("configuration", "mix", "operations", name), f"shares from 0, in all at most 1, of: {known}"
    if mix.share and mix.magnitude not in best.augmentation.magnitudes:
        known = ", ".join(map(str, best.augmentation.magnitudes))
        yield ("configuration", "mix", "magnitude"), f"must be one of the levels of augmentation.magnitude: {known}"
    yield from _cleaning_mistakes(best)
    for name, value in configuration.training.items():
        try:
            TrainingSettings.model_validate({name: value})
        except ValidationError as error:
            yield ("configuration", "training", name), error.errors()[0]["msg"]


def _cleaning_mistakes(best: BestConfiguration) -> Iterator[tuple[Place, str]]:
    for name, value in best.configuration.cleaning.items():
        choices = best.cleaning.choices.get(name, [])
        if value not in choices:
            known = ", ".join(map(setting, choices)) or "there are none"
            yield ("configuration", "cleaning", name), f"must be one of the choices of cleaning.{name}: {known}"


def read_best(path: Path) -> BestConfiguration:
    """Read an export, as YAML or JSON (which is YAML).

    Raises:
        StudyFileError: it is not there, or was changed into something that does not validate; the message lists
            every mistake, one a line.
    """
    if not path.exists():
        raise StudyFileError(f"{path}: there is no such file; `autotune study export NAME -o {path.name}` writes it")
    document = read_document(read_text(path, _WHAT), str(path), _WHAT)
    return checked(document, BestConfiguration, Rules(BestConfiguration.model_json_schema()), str(path), {})
