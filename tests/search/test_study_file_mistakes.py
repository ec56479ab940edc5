import re

import pytest
from autotune.objectives.tasks.registry import TASKS
from autotune.search.study_file.reading import parse_study_file
from autotune.spaces.errors import StudyFileError

GOOD = """\
name: reviews
objective: sentiment.accuracy
data: {train: reviews.csv}
model: {encoder: scratch:tiny}
tasks:
  sentiment: {kind: classification}
  aspect: {kind: classification, label: aspect}
  films: {kind: classification, data: {train: films.csv}}
  language: {kind: masked_lm}
space:
  learning_rate: [1e-5, 5e-4]
  augmentation: {operations: [noise, mixup]}
training: {epochs: 3}
search: {trials: 12, timeout: 30m}
"""


KINDS = ", ".join(task.kind for task in TASKS)


def complaints(text: str) -> list[str]:
    with pytest.raises(StudyFileError) as error:
        parse_study_file(text, "study.yaml")
    return str(error.value).splitlines()


def changed(old: str, new: str) -> str:
    assert GOOD.count(old) == 1, f"{old!r} does not stand once in the good file"
    return GOOD.replace(old, new)


TOP = "name, objective, data, model, tasks, training, storage, space, search, confirm"
TRAINING = (
    "epochs, batch_size, warmup, schedule, weight_decay, max_grad_norm, dropout, evaluations_per_epoch, precision, "
    "weighting, sampling, temperature, early_stopping, layer_decay, freeze_layers, keep_layers, reinitialize_layers"
)
FORMS = "must be [low, high], a list of three or more choices, one value, {low: , high: , log: }, or {choices: [a, b]}"
TASK = "{kind: classification, text: text, label: label}"
LIMITED_NAME = (
    "a name is up to 64 letters, digits, '.', '_' and '-', the first a letter or a digit, and no file's (.yaml)"
)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("model: {", "serach: 1\nmodel: {", f"line 4: serach: unknown key; did you mean search? allowed: {TOP}"),
        (
            "learning_rate: [1e-5, 5e-4]",
            "learning_rat: [1e-5, 5e-4]",
            "line 11: space.learning_rat: unknown key; did you mean learning_rate? "
            "allowed: loss_weights, learning_rate, augmentation, cleaning, training",
        ),
        (
            "train: reviews.csv",
            "train: reviews.csv, clean: {deduplicat: true}",
            "line 3: data.clean.deduplicat: unknown key; did you mean deduplicate? "
            "allowed: repair_text, merge_labels, deduplicate, near_duplicates, drop_conflicting_labels, drop_leaks, "
            "near_leaks, suspect_labels",
        ),
        (
            "train: reviews.csv",
            "",
            "line 3: data.train: missing: CSV, TSV, JSON, Parquet or CoNLL file or folder (relative to this file), "
            "or a Hub data set",
        ),
        (
            "{kind: masked_lm}",
            "{kind: maskedlm}",
            f"line 9: tasks.language.kind: 'maskedlm': unknown kind; did you mean masked_lm? allowed: {KINDS}",
        ),
        ("{kind: masked_lm}", "{}", f"line 9: tasks.language.kind: missing; allowed: {KINDS}"),
        ("{kind: masked_lm}", "", f"line 9: tasks.language: null: must be a group of keys, as in {TASK}"),
        (
            "{kind: masked_lm}",
            "{kind: masked_lm, label: x}",
            "line 9: tasks.language.label: unknown key here, it belongs to kind classification, regression; "
            "allowed: data, text, text_pair, tokens, kind, probability",
        ),
        (
            "epochs: 3",
            "epochs: many",
            "line 13: training.epochs: 'many': must be a whole number of at least 1 and at most 1000",
        ),
        (
            "epochs: 3",
            "epochs: 2.5",
            "line 13: training.epochs: 2.5: must be a whole number of at least 1 and at most 1000",
        ),
        (
            "epochs: 3",
            "epochs: true",
            "line 13: training.epochs: true: must be a whole number of at least 1 and at most 1000",
        ),
        (
            "epochs: 3",
            "epochs: 0",
            "line 13: training.epochs: 0: must be a whole number of at least 1 and at most 1000",
        ),
        ("epochs: 3", "dropout: 1", "line 13: training.dropout: 1: must be a number of at least 0 and below 1 or null"),
        (
            "epochs: 3",
            "schedule: Linea",
            "line 13: training.schedule: 'Linea': must be one of linear, cosine, constant; did you mean linear?",
        ),
        (
            "timeout: 30m",
            "timeout: soon",
            "line 14: search.timeout: 'soon' is not a duration: write seconds (90) or a number "
            "with s, m or h ('90s', '30m', '2h')",
        ),
        ("train: reviews.csv", "train: 2024", "line 3: data.train: 2024: must be text that is not empty"),
        ("train: reviews.csv", "train: ''", "line 3: data.train: '': must be text that is not empty"),
        (
            "train: reviews.csv",
            "train: a.csv, validation: [0.2]",
            "line 3: data.validation: [0.2]: must be a number or text or a group of keys (folds)",
        ),
        (
            "train: reviews.csv",
            "train: a.csv, validation: 3",
            "line 3: data.validation: a share of the training rows between 0 and 1 (0.2), a file, or {folds: 5}; not 3",
        ),
        (
            "[1e-5, 5e-4]",
            "[0.1, 0.01]",
            "line 11: space.learning_rate: [0.1, 0.01]: the range is reversed: 0.1 is above 0.01; write [0.01, 0.1]",
        ),
        (
            "[1e-5, 5e-4]",
            "[0, 0.01]",
            "line 11: space.learning_rate: [0, 0.01]: searched on a log scale, so both ends must be above 0, not 0",
        ),
        (
            "[1e-5, 5e-4]",
            "[1e-5]",
            "line 11: space.learning_rate: [1e-05]: must be a range [low, high] or a number or null",
        ),
        ("[1e-5, 5e-4]", "\n   - 1e-5\n   - much", "line 13: space.learning_rate: 'much': must be a number"),
        (
            "[noise, mixup]",
            "[noise, mixp]",
            "line 12: space.augmentation.operations: 'mixp': must be one of noise, reverse, "
            "replace, mask, flip, back_translate, synthesize, mixup, cutoff; did you mean mixup?",
        ),
        (
            "[noise, mixup]",
            "[noise, noise]",
            "line 12: space.augmentation.operations: ['noise', 'noise']: an operation is named twice",
        ),
        (
            "training: {",
            "  training: {epohcs: 3}\ntraining: {",
            f"line 13: space.training.epohcs: unknown key; did you mean epochs? allowed: {TRAINING}",
        ),
        (
            "training: {",
            "  training: {warmup: [0.1, 5]}\ntraining: {",
            "line 13: space.training.warmup: [0.1, 5]: each value must be a number of at least 0 and below 1",
        ),
        (
            "training: {",
            "  training: {schedule: [linear, cosin]}\ntraining: {",
            "line 13: space.training.schedule: ['linear', 'cosin']: each value must be one of linear, cosine, constant",
        ),
        (
            "training: {",
            "  training: {epochs: [3, 1]}\ntraining: {",
            "line 13: space.training.epochs: [3, 1]: the range is reversed: 3 is above 1",
        ),
        (
            "training: {",
            "  training: {epochs: {low: 1}}\ntraining: {",
            f"line 13: space.training.epochs: {{low: 1}}: {FORMS}",
        ),
        (
            "training: {",
            "  training: {learning_rate: 1}\ntraining: {",
            "line 13: space.training.learning_rate: 1: "
            "the learning rate is searched by `space: learning_rate`, not under `training`",
        ),
        (
            "training: {",
            "  training: [epochs]\ntraining: {",
            f"line 13: space.training: ['epochs']: must be a group of keys ({TRAINING})",
        ),
        ("name: reviews", "name: ../reviews", f"line 1: name: '../reviews': {LIMITED_NAME}"),
        ("name: reviews", "name: .reviews", f"line 1: name: '.reviews': {LIMITED_NAME}"),
        ("name: reviews", "name: a/b", f"line 1: name: 'a/b': {LIMITED_NAME}"),
        ("name: reviews", 'name: "a\\n"', f"line 1: name: 'a\\n': {LIMITED_NAME}"),
        ("name: reviews", "name: 2024", "line 1: name: 2024: must be text"),
        ("epochs: 3}", "epochs: 3}\nname: again", "line 14: name: duplicate key; the first is on line 1"),
        (
            "epochs: 3",
            "epochs: 3, epochs: 4",
            "line 13: training.epochs: duplicate key; the first is on line 13",
        ),
        ("epochs: 3", "epochs: 3, ? [1] : 2", "line 13: training: a key must be a name, not a list"),
        (
            "sentiment.accuracy",
            "sentiment.bleu",
            "line 2: objective: tasks of kind classification have no metric 'bleu'. Allowed: sentiment.accuracy, "
            "sentiment.balanced_accuracy, sentiment.f1, sentiment.mcc, sentiment.log_loss",
        ),
        (
            "sentiment: {kind: classification}",
            "sentiment: {kind: classification, data: {train: x.csv}}",
            "line 6: tasks.sentiment.data: the main task's rows are those of data.train; leave this out",
        ),
        (
            "label: aspect",
            "label: label",
            "line 7: tasks.aspect: the same task as 'sentiment'; give it another label column, or data of its own",
        ),
        (
            "films.csv",
            "reviews.csv",
            "line 8: tasks.films: the same task as 'sentiment'; give it another label column, or data of its own",
        ),
        ("films:", "keys:", "line 8: tasks.keys: torch uses this name itself; rename the task"),
        ("films:", "training:", "line 8: tasks.training: torch uses this name itself; rename the task"),
        (
            "films:",
            "my.films:",
            "line 8: tasks.my.films: a task's name is letters, digits, '_' and '-', the first a letter or '_'",
        ),
        ("films:", "2:", "line 8: tasks.2: a task's name is letters, digits, '_' and '-', the first a letter or '_'"),
    ],
)
def test_one_mistake(old: str, new: str, complaint: str) -> None:
    assert complaints(changed(old, new)) == [f"study.yaml, {complaint}"]


def test_no_tasks() -> None:
    text = GOOD[: GOOD.index("tasks:")] + "tasks: {}\n" + GOOD[GOOD.index("space:") :]
    assert complaints(text) == ["study.yaml, line 5: tasks: {}: must be a group of keys that is not empty"]


def test_a_main_task_of_another_kind() -> None:
    text = changed("  sentiment: {kind: classification}\n", "  words: {kind: masked_lm, probability: 0.3}\n")
    assert complaints(text) == [
        "study.yaml, line 2: objective: 'sentiment.accuracy': 'sentiment' is not the main task (the first of: words, "
        "aspect, films, language). Allowed: words.accuracy, words.perplexity",
        "study.yaml, line 12: space.augmentation.operations: 'mixup' cannot blend the rows of a masked_lm task; "
        "remove it",
    ]


def test_a_loss_is_no_objective() -> None:
    (told,) = complaints(changed("sentiment.accuracy", "loss"))
    assert told.startswith("study.yaml, line 2: objective: 'loss' is refused: a weighted or summed loss")


def test_a_tag_builds_nothing() -> None:
    found = complaints(changed("trials: 12", "trials: !!python/object/apply:os.getpid []"))
    assert found[0] == (
        "study.yaml, line 14: search.trials: !!python/object/apply:os.getpid: tags are not allowed in a study file; "
        "write the plain value"
    )


def test_every_mistake_is_told_in_the_order_of_lines() -> None:
    text = """\
objektive: sentiment.accuracy
name: ..
data: {train: 5}
data: {train: x.csv, test: 1}
tasks:
  a: {kind: clasification}
  b: {kind: masked_lm, probability: 3, data: {trian: x}}
space:
  loss_weights: {ratio: [0, 1]}
  training: {epohcs: 3, warmup: 2, schedule: {low: 1, high: 2}}
training: {epochs: 0, schedule: wavy}
"""
    found = [re.match(r"study\.yaml, (line \d+: [\w.]+): ", line) for line in complaints(text)]
    assert [match[1] for match in found if match] == [
        "line 1: objektive",
        "line 2: name",
        "line 3: data.train",
        "line 4: data",
        "line 6: tasks.a.kind",
        "line 7: tasks.b.data.train",
        "line 7: tasks.b.data.trian",
        "line 7: tasks.b.probability",
        "line 9: space.loss_weights.ratio",
        "line 10: space.training.epohcs",
        "line 10: space.training.warmup",
        "line 10: space.training.schedule",
        "line 11: training.epochs",
        "line 11: training.schedule",
    ]


MAIN = "sentiment.accuracy, sentiment.balanced_accuracy, sentiment.f1, sentiment.mcc, sentiment.log_loss"
SEVERAL = "several objectives are a list of 2 or 3, each another"
PARAMETERS = "learning_rate, loss_weights.aspect.on, loss_weights.aspect.ratio"


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("sentiment.accuracy", "[sentiment.accuracy]", f"line 2: objective: ['sentiment.accuracy']: {SEVERAL}"),
        (
            "sentiment.accuracy",
            "[sentiment.f1, sentiment.f1]",
            f"line 2: objective: ['sentiment.f1', 'sentiment.f1']: {SEVERAL}",
        ),
        (
            "sentiment.accuracy",
            "[cost.gflops, sentiment.accuracy]",
            f"line 2: objective: 'cost.gflops' cannot be the first, nor the only one. Allowed: {MAIN}",
        ),
        (
            "sentiment.accuracy",
            "cost.parameters",
            f"line 2: objective: 'cost.parameters' cannot be the first, nor the only one. Allowed: {MAIN}",
        ),
        (
            "sentiment.accuracy",
            "[sentiment.accuracy, loss]",
            "line 2: objective: 'loss' is refused: a weighted or summed",
        ),
        (
            "sentiment.accuracy",
            "[sentiment.accuracy, language.mcc]",
            f"line 2: objective: nothing measures 'language.mcc'. Allowed: {MAIN}, aspect.accuracy, ",
        ),
        ("sentiment.accuracy", "[sentiment.accuracy, 3]", "line 2: objective: 3: must be text"),
        (
            "train: reviews.csv",
            "train: reviews.csv, validation: {folds: 1}",
            "line 3: data.validation.folds: 1: must be a whole number of at least 2 and at most 20",
        ),
        (
            "train: reviews.csv",
            "train: reviews.csv, validation: {folds: 21}",
            "line 3: data.validation.folds: 21: must be a whole number of at least 2 and at most 20",
        ),
        (
            "train: reviews.csv",
            "train: reviews.csv, validation: {}",
            "line 3: data.validation.folds: missing: stratified, seeded parts",
        ),
        ("trials: 12", "grid: {levels: 4}", "line 14: search.grid: belongs to `sampler: grid`; the sampler is auto"),
        (
            "trials: 12",
            "sampler: grid, grid: {over: [learning_rate, loss_weights.aspct.ratio]}",
            "line 14: search.grid.over: 'loss_weights.aspct.ratio': is not a searched parameter; "
            f"did you mean loss_weights.aspect.ratio? allowed: {PARAMETERS}",
        ),
        (
            "trials: 12",
            "sampler: grid, grid: {over: [training.dropout]}",
            "line 14: search.grid.over: 'training.dropout': is not a searched parameter",
        ),
        (
            "trials: 12",
            "sampler: grid, grid: {over: []}",
            "line 14: search.grid.over: []: must be a list that is not empty",
        ),
        (
            "trials: 12",
            "sampler: grid, grid: {over: [learning_rate, learning_rate]}",
            "line 14: search.grid.over: ['learning_rate', 'learning_rate']: a parameter is named twice",
        ),
        (
            "trials: 12",
            "sampler: grid, grid: {levels: 1}",
            "line 14: search.grid.levels: 1: must be a whole number of at least 2 and at most 100",
        ),
    ],
)
def test_several_objectives_folds_and_grids(old: str, new: str, complaint: str) -> None:
    (told,) = complaints(changed(old, new))
    assert told.startswith(f"study.yaml, {complaint}")


def test_a_mistyped_form_of_folds_names_the_right_one() -> None:
    told = complaints(changed("train: reviews.csv", "train: reviews.csv, validation: {fold: 5}"))
    assert "study.yaml, line 3: data.validation.fold: unknown key; did you mean folds? allowed: folds" in told


def test_what_cannot_search_several_objectives_is_refused_at_once() -> None:
    text = GOOD.replace("sentiment.accuracy", "[sentiment.accuracy, aspect.f1]")
    assert complaints(text.replace("trials: 12", "sampler: cmaes, pruner: asha")) == [
        "study.yaml, line 14: search.pruner: 'asha': several objectives give no single order of trials to prune by; "
        "write auto or none",
        "study.yaml, line 14: search.sampler: 'cmaes' searches one objective only; try auto or gp",
    ]
    for name in ("auto", "none"):
        assert parse_study_file(text.replace("trials: 12", f"pruner: {name}"), "study.yaml").search.pruner == name


def test_null_where_a_setting_cannot_be_null() -> None:
    (told,) = complaints(
        changed("operations: [noise, mixup]}", "operations: [noise, mixup]}\n  training: {epochs: [null, 3]}")
    )
    assert told == (
        "study.yaml, line 13: space.training.epochs: [null, 3]: each value must be "
        "a whole number of at least 1 and at most 1000"
    )


def test_what_is_wrong_in_one_group_hides_nothing_between_the_others():
    text = changed("data: {train: reviews.csv}", "data: {valdation: 0.3, train: reviews.csv}")
    text = text.replace("encoder: scratch:tiny", "max_length: many").replace("12,", "12, grid: {over: [x]},")
    found = complaints(text.replace("objective: sentiment.accuracy", "objective: sentiment.rouge"))
    keys = ["objective", "data.valdation", "model.max_length", "search.grid", "search.grid.over"]
    assert [complaint.split(": ")[1] for complaint in found] == keys


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("trials: 12", "sampler: gird, grid: {over: [lr]}", "search.sampler"),
        ("  sentiment: {kind: classification}\n", "  sentiment: {kind: 3}\n", "tasks.sentiment.kind"),
        ("training: {epochs: 3}", "training: {sampling: temprature, epochs: 3}", "training.sampling"),
    ],
)
def test_what_a_wrong_group_would_say_otherwise_is_no_mistake(old: str, new: str, key: str):
    text = changed(old, new)
    if key == "training.sampling":
        text = text.replace("  augmentation:", "  training: {temperature: [1, 5]}\n  augmentation:")
    assert [complaint.split(": ")[1] for complaint in complaints(text)] == [key]
