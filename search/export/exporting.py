"""The best configuration as a file with all that a training needs: best.yaml, its JSON, Hugging Face's arguments."""

import json
import re
import shlex
from pathlib import Path

from ...objectives.caching import content_hash
from ..beside import named
from ..confirmation.result import Confirmed
from ..ranking import RankedTrial
from ..roles import BESIDE, CONFIGURATION, LABELS, MODELS_AT, NORMALISERS, REVISION, ROWS, STUDY_FILE
from ..safe_text import plain
from ..settings import MAY_CHANGE
from ..study import StudyRecord
from ..study_file.yaml_document import write_document
from ..summary.summarizing import summarize
from ..summary.summary import Summary
from ..versions import versions
from ..wording import in_short
from .best_file import BestConfiguration
from .chosen import Exported
from .figures import figures
from .formats import Format
from .hugging_face import WRITTEN_BY, hugging_face
from .parts import Commands, Found, FrontMember, LossWeights
from .relocation import Relocation

_HEADER = "# The best configuration of the study "
_BEGINNINGS = (
    rf"{re.escape(_HEADER)}.+\nformat: \d+\n",
    r'\{\n  "format": \d+,\n  "commands": \{\n    "train": "autotune train ',
    rf'\{{\n  "written_by": "{WRITTEN_BY}",\n  "training_arguments": \{{\n',
)
"""Of an export as YAML, as JSON and for transformers: nobody else's file begins so."""


def export_of(
    record: StudyRecord, confirmed: Confirmed | None, chosen: Exported, folder: Path, name: str
) -> BestConfiguration:
    """A configuration of a study, with paths relative to `folder`.

    Args:
        record: the study.
        confirmed: its fresh trainings, if there are any.
        chosen: what is exported (`choose`).
        folder: where the export will lie.
        name: of the file that the export will be, for its commands.

    Raises:
        InputError: data or a model is gone.
    """
    configuration, moved = chosen.configuration, Relocation(record.folder, folder)
    augmentation, settings = moved.augmentation(record.file.space.augmentation), moved.settings(record.file)
    beside = record.study.user_attrs[BESIDE]
    models = {text: beside.get(".".join(key)) for key, text in named(settings.model.encoder, augmentation)}
    exported = BestConfiguration(
        commands=_commands(name),
        found=_found(summarize(record.study, importance=False), chosen.trial, study_fingerprint(record, confirmed)),
        configuration=configuration,
        loss_weights=LossWeights(
            alpha=configuration.alpha, betas=configuration.betas, normalisers=record.study.user_attrs[NORMALISERS]
        ),
        seed=record.file.search.seed,
        augmentation=augmentation,
        cleaning=record.file.space.cleaning,
        settings=settings,
        fingerprints={moved.source(text): known for text, known in record.fingerprints.items()}
        | {text: known for text, known in models.items() if known is not None},
        labels=record.study.user_attrs.get(LABELS, {}),
        rows=record.study.user_attrs.get(ROWS),
        versions=versions(),
    )
    # As a reader will have it, with every key written.
    whole = BestConfiguration.model_validate_json(exported.model_dump_json())
    measured: dict[str, object] = {"digest": whole.content_digest()}
    if confirmed is not None and chosen.arm is not None:
        measured["confirmed"] = figures(confirmed, chosen.arm)
    return whole.model_copy(update=measured)


def _commands(name: str) -> Commands:
    file = shlex.quote(f"./{name}" if name.startswith("-") else name)
    return Commands(train=f"autotune train {file} -o model", verify=f"autotune verify {file}")


def _found(summary: Summary, trial: RankedTrial | None, fingerprint: str) -> Found:
    number = trial and trial.number
    return Found(
        study=summary.study,
        fingerprint=fingerprint,
        trial=number,
        value=trial and trial.value,
        step=trial and trial.step,
        baseline=summary.baseline.value if summary.baseline else None,
        values=summary.named(trial) if trial else {},
        folds=list(trial.folds[0]) if trial and trial.folds else [],
        front=[_member(summary, member) for member in summary.front if member.number != number],
    )


def _member(summary: Summary, trial: RankedTrial) -> FrontMember:
    return FrontMember(trial=trial.number, values=summary.named(trial), configuration=in_short(trial.configuration))


def study_fingerprint(record: StudyRecord, confirmed: Confirmed | None = None) -> str:
    """SHA-256 of all that an export is chosen by.

    That is the study file without what may change while the study lives, the commits of its models, the hashes of its
    data, of every trial that ended its number, state, values and configuration, and of the confirmation each arm's
    configuration and scores. So two exports with the same fingerprint were chosen from the same results, and an export
    of a study that went on since, or was made anew under its name, has another one. The storage, times and places have
    no part in it: a study that was copied to another database keeps its fingerprint.
    """
    attributes = record.study.user_attrs
    trials = [
        [trial.number, trial.state.name, trial.values, trial.user_attrs.get(CONFIGURATION)]
        for trial in sorted(record.study.get_trials(deepcopy=False), key=lambda trial: trial.number)
        if trial.state.is_finished()
    ]
    arms = [[arm.name, arm.configuration.model_dump(), dict(arm.scores)] for arm in confirmed.arms] if confirmed else []
    settings = json.loads(attributes[STUDY_FILE])
    lasting = {name: value for name, value in settings["search"].items() if name not in MAY_CHANGE}
    file = json.dumps({**settings, "search": lasting, "confirm": None})  # a text, as the order of tasks counts
    models = [attributes[MODELS_AT]] if attributes.get(MODELS_AT) else []
    known = [file, attributes.get(REVISION), dict(record.fingerprints), trials, arms, *models]
    return content_hash([json.dumps(part, sort_keys=True, ensure_ascii=False) for part in known])


def is_export(beginning: str) -> bool:
    """Whether a file that begins so is an export, in any of its forms, as `render` writes them."""
    return any(re.match(pattern, beginning) for pattern in _BEGINNINGS)


def render(best: BestConfiguration, style: Format) -> str:
    """The text of an export."""
    if style == "hf":
        return _json(hugging_face(best))
    content = json.loads(best.model_dump_json())
    if style == "json":
        return _json(content)
    train = f" Train it: {best.commands.train}" if best.commands else ""
    header = f"{_HEADER}{plain(f'{best.found.study}.{train}')}\n"
    return header + write_document(content)


def _json(content: object) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"
