"""The checkpoints of a study's trials on this machine, and which of them are kept."""

from importlib.metadata import version

from optuna.trial import FrozenTrial, TrialState

from ..objectives.caching import content_hash
from ..objectives.training.checkpoints import CheckpointStore
from .checkpoint_folder import checkpoint_folder
from .ranking import is_ours
from .study import StudyRecord

_GOING_ON = (TrialState.RUNNING, TrialState.WAITING)


def checkpoint_store(record: StudyRecord, name: str | None = None, token: str = "") -> CheckpointStore:
    """The study's checkpoints in the cache. Its signature holds all that trials follow from but their configuration.

    Args:
        record: the study.
        name: of the Optuna study whose trials these are, where it is another one: that of the fresh trainings.
        token: decides what its trials' numbers mean.
    """
    file = record.file
    settings = file.model_dump_json(exclude={"storage", "search", "confirm"})
    versions = [version(package) for package in ("torch", "transformers", "autotune-mtl")]
    fingerprints = [f"{name} {value}" for name, value in sorted(record.fingerprints.items())]
    signature = content_hash([settings, str(file.search.seed), *([token] if token else []), *fingerprints, *versions])
    return CheckpointStore(
        checkpoint_folder(name or record.name, record.url), signature, round(file.search.checkpoints.disk * 1e9)
    )


def worth_keeping(trials: list[FrozenTrial], top: int, *, maximize: bool) -> set[int]:
    """The trials that go on, and the `top` best that are complete, by the first objective."""
    complete = [trial for trial in trials if trial.state is TrialState.COMPLETE and is_ours(trial)]
    complete.sort(key=lambda trial: trial.values[0], reverse=maximize)
    return {trial.number for trial in trials if trial.state in _GOING_ON} | {t.number for t in complete[:top]}
