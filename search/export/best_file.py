"""best.yaml: its keys, and reading it back."""

import json
from collections.abc import Iterator, Mapping, Set
from pathlib import Path
from typing import Any, Self

from pydantic import Field, model_validator

from ...objectives.caching import content_hash
from ...objectives.settings import ObjectiveSettings
from ...spaces.augmentation import AugmentationSpace
from ...spaces.cleaning import CleaningSpace
from ...spaces.configuration import Configuration
from ...spaces.errors import StudyFileError
from ...spaces.settings import Settings
from ..limits import LARGEST_SEED
from ..study_file.document import Document, Place, refusal
from ..study_file.reading import checked, read_text
from ..study_file.rules import Rules
from ..study_file.values import shown
from ..study_file.yaml_document import read_document
from .confirmed_figures import ConfirmedFigures, contradictions
from .mistakes import configuration_mistakes, settings_mistakes, source_mistakes, weight_mistakes
from .parts import SHA256, Commands, Found, LossWeights

FORMAT = 1
"""Rises when a file of the new form would be misread by an autotune that knows only the old one."""
_WHAT = "an exported configuration"
_MEASURED = {"configuration", "seed", "augmentation", "cleaning", "settings", "rows"}


class BestConfiguration(Settings):
    """best.yaml."""

    format: int = Field(default=FORMAT, ge=1, description="of this file; a newer one needs a newer autotune")
    commands: Commands | None = Field(default=None, description="what to do with this file, from its folder")
    found: Found = Field(description="where it comes from")
    confirmed: ConfirmedFigures | None = Field(
        default=None, description="results on fresh seeds; null: it was not confirmed"
    )
    configuration: Configuration = Field(description="what the winning trial trained")
    loss_weights: LossWeights = Field(description="the same ratios as normalised weights")
    seed: int = Field(ge=0, le=LARGEST_SEED, description="of split, batch order, initial weights and dropout")
    augmentation: AugmentationSpace = Field(description="what the study could augment with, and so the tokens it saw")
    cleaning: CleaningSpace = Field(
        default_factory=CleaningSpace, description="which training rows a configuration of the study could leave out"
    )
    settings: ObjectiveSettings = Field(description="data, model, tasks and training; paths are relative to this file")
    fingerprints: dict[str, str] = Field(description="SHA-256 of each data source, lexicon and model in a folder")
    labels: dict[str, list[str]] = Field(
        default_factory=dict[str, list[str]], description="the labels of each task that has some, as training had them"
    )
    rows: str | None = Field(
        default=None,
        pattern=SHA256,
        description="SHA-256 of which rows of the data the study's trials trained and were measured on; null: unknown",
    )
    digest: str | None = Field(
        default=None,
        pattern=SHA256,
        description="SHA-256 of what the figures were measured on: configuration, seed, augmentation, cleaning, "
        "settings, rows, and data, lexicons and models in folders by content; after a change of these they are another "
        "configuration's",
    )
    versions: dict[str, str] = Field(description="what it was exported with: packages, Python, system, device")

    def content_digest(self) -> str:
        """What `digest` must be for the figures to be this configuration's.

        Data, lexicons and models in folders count by their fingerprints, so that files may lie elsewhere. Only what the
        file says counts: a setting that a later autotune adds, with a default, changes nothing.
        """
        return self._digest({"data", "model", "augmentation"})

    @property
    def is_as_measured(self) -> bool:
        """Whether the figures are this configuration's, as far as the file can tell."""
        # In files written before, lexicons and models count by their paths.
        return self.digest in (None, self.content_digest(), self._digest({"data"}))

    def _digest(self, by_content: Set[str]) -> str:
        """SHA-256 of what was measured; below these keys files and folders count by their fingerprints."""
        parts = json.loads(self.model_dump_json(include=_MEASURED, exclude_unset=True))
        settings = parts["settings"]
        for group in (parts, settings, *settings["tasks"].values()):
            for key in by_content & group.keys():
                group[key] = _by_content(group[key], self.fingerprints)
        return content_hash([json.dumps(parts, sort_keys=True, ensure_ascii=False)])

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        """A file that was changed by hand must still fit together."""
        found = list(_mistakes(self))
        if found:
            raise refusal(type(self).__name__, found)
        return self


def _by_content(value: Any, fingerprints: Mapping[str, str]) -> Any:  # noqa: ANN401, it is JSON
    if isinstance(value, dict):
        return {key: _by_content(inner, fingerprints) for key, inner in value.items()}
    return fingerprints.get(value, value) if isinstance(value, str) else value


def _mistakes(best: BestConfiguration) -> Iterator[tuple[Place, str]]:
    yield from settings_mistakes(best.settings, best.found)
    yield from configuration_mistakes(best.configuration, best.settings, best.augmentation, best.cleaning)
    yield from weight_mistakes(best.loss_weights, best.configuration, best.settings)
    yield from source_mistakes(best.settings, best.fingerprints)
    if best.confirmed is not None:
        yield from ((("confirmed", *place), text) for place, text in contradictions(best.confirmed))
        if best.digest is None:
            yield ("confirmed",), "digest is missing, so it is unknown what these figures were measured on"


def read_best(path: Path) -> BestConfiguration:
    """Read an export, as YAML or JSON (which is YAML).

    Raises:
        StudyFileError: it is not there, was written by a newer autotune, or was changed into something that does not
            validate; the message lists every mistake, one a line.
    """
    if not path.exists():
        raise StudyFileError(f"{path}: there is no such file; `autotune study export NAME -o {path.name}` writes it")
    document = read_document_of(path)
    _check_format(document, path)
    return checked(document, BestConfiguration, Rules(BestConfiguration.model_json_schema()), str(path), {})


def read_document_of(path: Path) -> Document:
    """What the file says, with its lines; StudyFileError where it is no YAML."""
    return read_document(read_text(path, _WHAT), str(path), _WHAT)


def _check_format(document: Document, path: Path) -> None:
    """What a newer autotune wrote is not a list of mistakes."""
    given = document.values.get("format", FORMAT)
    if isinstance(given, int) and given > FORMAT:
        versions = document.values.get("versions")
        by = versions.get("autotune-mtl", "a newer one") if isinstance(versions, dict) else "a newer one"
        raise StudyFileError(
            f"{path}, line {document.line(('format',))}: format: {given}: written by autotune {shown(by)}; this one "
            f"reads formats up to {FORMAT}: upgrade it (pip install --upgrade autotune-mtl)"
        )
    if "training_arguments" in document.values:
        raise StudyFileError(
            f"{path}: is an export for transformers (--format hf), which autotune does not read; "
            "`autotune study export NAME --format yaml` writes one that it does"
        )
