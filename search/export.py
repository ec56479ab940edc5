"""The best configuration as a file with all that a training needs: best.yaml, its JSON, Hugging Face's arguments."""

import json
import shlex
from pathlib import Path
from typing import Literal

import yaml

from ..objectives.caching import content_hash
from ..spaces.errors import StudyError, TrainingError
from .best_file import BestConfiguration
from .best_parts import Commands, Found, FrontMember, LossWeights
from .hugging_face import hugging_face
from .relocation import Relocation
from .report.ranking import RankedTrial, ranked_trials
from .report.summary import Summary, summarize
from .report.wording import one_line, plain
from .roles import CONFIGURATION
from .study import StudyRecord
from .tuner import ENDED
from .versions import versions

Format = Literal["yaml", "json", "hf"]


def best_configuration(
    record: StudyRecord, folder: Path, number: int | None = None, name: str = "best.yaml"
) -> BestConfiguration:
    """A complete trial of a study, with paths relative to `folder`.

    Args:
        record: the study.
        folder: where the export will lie.
        number: of the trial; by default the best one, of several objectives by the first.
        name: of the file that the export will be, for its commands.

    Raises:
        TrainingError: no trial is complete.
        StudyError: the trial of that number is not.
        InputError: data or a model is gone.
    """
    summary = summarize(record.study)
    best = _chosen(record, number)
    configuration = best.configuration
    moved = Relocation(record.path.parent, folder)
    exported = BestConfiguration(
        commands=_commands(name),
        found=_found(summary, best, study_fingerprint(record)),
        configuration=configuration,
        loss_weights=LossWeights(
            alpha=configuration.alpha, betas=configuration.betas, normalisers=record.study.user_attrs["normalisers"]
        ),
        seed=record.file.search.seed,
        augmentation=moved.augmentation(record.file.space.augmentation),
        cleaning=record.file.space.cleaning,
        settings=moved.settings(record.file),
        fingerprints={moved.source(text): known for text, known in record.fingerprints.items()},
        versions=versions(),
    )
    # As a reader will have it, with every key written.
    whole = BestConfiguration.model_validate_json(exported.model_dump_json())
    return whole.model_copy(update={"digest": whole.measured()})


def _commands(name: str) -> Commands:
    file = shlex.quote(f"./{name}" if name.startswith("-") else name)
    return Commands(train=f"autotune train {file} -o model", verify=f"autotune verify {file}")


def _found(summary: Summary, best: RankedTrial, fingerprint: str) -> Found:
    return Found(
        study=summary.study,
        fingerprint=fingerprint,
        trial=best.number,
        value=best.value,
        step=best.step,
        baseline=summary.baseline.value if summary.baseline else None,
        values=summary.named(best),
        folds=list(best.folds[0]) if best.folds else [],
        front=[_member(summary, trial) for trial in summary.front if trial.number != best.number],
    )


def _member(summary: Summary, trial: RankedTrial) -> FrontMember:
    return FrontMember(trial=trial.number, values=summary.named(trial), configuration=one_line(trial.configuration))


def _chosen(record: StudyRecord, number: int | None) -> RankedTrial:
    complete = ranked_trials(record.study)
    if not complete:
        raise TrainingError(f"the study {record.name!r} has no complete trial to export; run it first")
    if number is None:
        return complete[0]
    for trial in complete:
        if trial.number == number:
            return trial
    known = ", ".join(map(str, sorted(trial.number for trial in complete)))
    raise StudyError(f"--trial: {number} is no complete trial of {record.name!r}; complete are: {known}")


def study_fingerprint(record: StudyRecord) -> str:
    """SHA-256 of all that an export is chosen by.

    That is the study file, the hashes of its data, and of every trial that ended its number, state, values and
    configuration. So two exports with the same fingerprint were chosen from the same results, and an export of a
    study that went on since, or was made anew under its name, has another one. The storage, times and places have no
    part in it: a study that was copied to another database keeps its fingerprint.
    """
    attributes = record.study.user_attrs
    trials = [
        [trial.number, trial.state.name, trial.values, trial.user_attrs.get(CONFIGURATION)]
        for trial in sorted(record.study.get_trials(deepcopy=False, states=ENDED), key=lambda trial: trial.number)
    ]
    known = [attributes["study_file"], dict(record.fingerprints), trials]
    return content_hash([json.dumps(part, sort_keys=True, ensure_ascii=False) for part in known])


def render(best: BestConfiguration, style: Format) -> str:
    """The text of an export."""
    if style == "hf":
        return _json(hugging_face(best))
    content = json.loads(best.model_dump_json())
    if style == "json":
        return _json(content)
    train = f" Train it: {best.commands.train}" if best.commands else ""
    header = f"# {plain(f'The best configuration of the study {best.found.study}.{train}')}\n"
    return header + yaml.safe_dump(content, sort_keys=False, allow_unicode=True)


def _json(content: object) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"
