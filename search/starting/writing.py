"""The text of a study file, with a comment on each choice."""

from collections.abc import Iterator

from ...objectives.checking import operation_mistakes
from ...objectives.models.names import default_rates
from ...objectives.settings import DataSettings, ModelSettings
from ...spaces.augmentation import AugmentationSpace
from ...spaces.loss_weights import LossWeightSpace
from ...spaces.training import TrainingSettings
from ..safe_text import escaped
from ..settings import ConfirmSettings, SearchSettings
from ..study_file.yaml_document import write_line
from ..wording import rate
from .checking import Checked, task_of
from .finding import Chosen

_OPERATIONS = ("noise", "reverse", "mixup")
"""These need nothing beside the rows."""
_TRIALS = 30
"""Enough for a first answer; TPE's gains over chance begin about here (docs/samplers.md)."""
_LENGTHS = {"span": 384}
"""Tokens; a question with its context is longer than the default (Devlin et al. 2019 read 384)."""
MOST_GROUPS = 3
"""Columns that are told to be groups perhaps; a study has one such column."""
_COMMENT_AT = 2
"""Blanks before a comment."""


def study_text(name: str, checked: Checked, rows: int, named: str = "") -> str:
    """A study file: the groups in the manual's order, each value with a word on it.

    Args:
        name: of the study.
        checked: its data and tasks.
        rows: of the training data.
        named: a word on the name, if any.
    """
    main = checked.plan.tasks[0]
    return "\n".join(
        [
            _line("", {"name": name}, named),
            *_objective(main),
            "data:",
            *_data(checked.data, rows),
            *_groups(checked),
            "model:",
            *_model(main),
            "tasks:  # the first is the main one; the search may switch each of the others off",
            *(_line("  ", {task.name: dict(task.settings)}, task.why) for task in checked.plan.tasks),
            "space:",
            *_space(main),
            *_course(),
            "",
        ]
    )


def _line(indent: str, entry: dict[str, object], comment: str = "") -> str:
    """One entry of a mapping; what comes from the data can neither end the line nor begin another key."""
    text = write_line(entry)[1:-1]
    return f"{indent}{text}{' ' * _COMMENT_AT}# {escaped(comment)}" if comment else f"{indent}{text}"


def _objective(main: Chosen) -> Iterator[str]:
    metrics = list(task_of(main).metrics)
    metric = main.metric or metrics[0]
    others = ", ".join(name for name in metrics if name != metric)
    why = ": nearly all have one label, which alone would have a high accuracy" if main.metric else ""
    yield _line("", {"objective": f"{main.name}.{metric}"}, f"on validation rows{why}; or {others}")


def _data(data: DataSettings, rows: int) -> Iterator[str]:
    yield _line("  ", {"train": data.train}, f"{rows:,} rows; the path is relative to this file")
    if data.encoding:
        yield _line("  ", {"encoding": data.encoding}, "of these files, unless they begin with a byte order mark")
    if isinstance(data.validation, str):
        yield _line("  ", {"validation": data.validation}, "next to the training rows; trials are compared on it")
    else:
        yield _line("  ", {"validation": data.validation}, "this share of the rows is held out; or a file, {folds: 5}")
    if data.test:
        why = "next to the training rows; used once, after the search"
        yield _line("  ", {"test": data.test}, why)
    shown = ("deduplicate", "drop_conflicting_labels", "drop_leaks")
    clean = {name: getattr(data.clean, name) for name in shown}
    yield _line("  ", {"clean": clean}, "rows dropped from training")


def _groups(checked: Checked) -> Iterator[str]:
    """Lines that are comments until somebody who knows the data says otherwise."""
    for column, told in list(checked.plan.groups.items())[:MOST_GROUPS]:
        why = "if rows of one belong together, uncomment this, so that none are on both sides of the split"
        yield _line("  # ", {"group": column}, f"{told}; {why}")


def _model(main: Chosen) -> Iterator[str]:
    model = ModelSettings()
    yield _line("  ", {"encoder": model.encoder}, "of the Hugging Face Hub; scratch:tiny needs no download")
    length = _LENGTHS.get(str(main.settings["kind"]), model.max_length)
    yield _line("  ", {"max_length": length}, "tokens of a text; the rest is truncated")


def _space(main: Chosen) -> Iterator[str]:
    weights, augmentation = LossWeightSpace(), AugmentationSpace()
    ratio = {"ratio": list(weights.ratio), "optional": weights.optional}
    why = "β/α of each auxiliary, on a log scale; each may be off"
    yield _line("  ", {"loss_weights": ratio}, why)
    low, high = default_rates(ModelSettings().encoder)
    yield f"  learning_rate: [{rate(low)}, {rate(high)}]{' ' * _COMMENT_AT}# on a log scale"
    unfit = operation_mistakes(_OPERATIONS, task_of(main))
    if operations := [name for name in _OPERATIONS if name not in unfit]:
        yield "  augmentation:"
        yield _line("    ", {"operations": operations}, "look at them: autotune augment")
        yield _line("    ", {"share": list(augmentation.share)}, "of a batch that is augmented")
        yield _line("    ", {"magnitude": list(augmentation.magnitude)}, "how strongly")


def _course() -> Iterator[str]:
    training, search, confirm = TrainingSettings(), SearchSettings(), ConfirmSettings()
    shown = {name: getattr(training, name) for name in ("epochs", "batch_size", "warmup", "precision")}
    yield _line("", {"training": shown}, "of one trial")
    how = {"trials": _TRIALS, **{name: getattr(search, name) for name in ("sampler", "pruner", "seed")}}
    yield _line("", {"search": how}, "trials in all; the first is the main task alone")
    again = {name: getattr(confirm, name) for name in ("candidates", "seeds", "ablate")}
    yield _line("", {"confirm": again}, "the best are retrained on fresh seeds")
