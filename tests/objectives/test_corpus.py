"""Reading, cleaning and splitting the rows of a study's tasks, and the errors that name the place."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from autotune.objectives.checking import make_tasks, objective_mistake
from autotune.objectives.prepare import prepare
from autotune.objectives.settings import DataSettings, ObjectiveSettings
from autotune.objectives.tasks.classification import Classification
from autotune.objectives.tasks.regression import Regression
from autotune.objectives.tasks.settings import TaskData
from autotune.objectives.training.run import TrainingRun
from autotune.spaces.augmentation import AugmentationSpace
from autotune.spaces.configuration import Configuration
from autotune.spaces.errors import DataError, EncoderError, StudyFileError
from autotune.spaces.training import TrainingSettings
from pydantic import ValidationError

from .corpora import Given, read, write

MAIN = {"kind": "classification"}
WORDS = {"kind": "masked_lm"}


def reviews(count: int, what: str = "review") -> list[tuple[str, str]]:
    return [(f"{what} number {i}", "good" if i % 2 else "bad") for i in range(count)]


def refused(folder: Path, tasks: Given | None = None, **data: Any) -> str:  # noqa: ANN401
    with pytest.raises(DataError) as caught:
        read(folder, tasks, **data)
    return str(caught.value)


@pytest.mark.parametrize("all_data", [False, True])
def test_numbers_are_scaled_by_the_rows_that_are_trained_on(tmp_path: Path, all_data: bool):
    write(tmp_path / "train.csv", [(f"review number {number}", str(number**2)) for number in range(40)])
    corpus = read(tmp_path, {"main": {"kind": "regression"}}, validation=0.25, all_data=all_data)
    numbers = [float(number) for number in corpus.train["main"].column("label")]
    assert len(numbers) == (40 if all_data else 30)
    task = corpus.by_name["main"]
    assert isinstance(task, Regression)
    assert task.mean == pytest.approx(sum(numbers) / len(numbers))


def test_a_fraction_is_split_off_and_the_rest_is_trained_on(tmp_path: Path):
    write(tmp_path / "train.csv", reviews(40))
    corpus = read(tmp_path, validation=0.25)
    assert (len(corpus.train["main"]), len(corpus.validation)) == (30, 10)
    assert corpus.validation.column("label").count("good") == 5
    assert not set(corpus.train["main"].column("text")) & set(corpus.validation.column("text"))
    assert corpus.fingerprints.keys() == {"train.csv"}


@pytest.mark.parametrize("file", ["train.csv", "held.csv"])
def test_rows_of_nothing_but_separators_are_counted(tmp_path: Path, file: str):
    write(tmp_path / "train.csv", reviews(40))
    write(tmp_path / "held.csv", reviews(8, "held"))
    with (tmp_path / file).open("a", encoding="utf-8") as stream:
        stream.write(",\n,\n")
    last = 42 if file == "train.csv" else 10
    (finding,) = read(tmp_path, validation="held.csv").findings
    assert (finding.what, finding.count, finding.action) == (f"{file}: row of nothing but separators", 2, "dropped")
    assert finding.examples == (f"{file}, line {last}", f"{file}, line {last + 1}")


def test_such_rows_of_all_files_of_a_folder_are_counted(tmp_path: Path):
    (tmp_path / "rows").mkdir()
    for name in ("one", "two"):
        lines = [f"{name} is number {row};{row % 2}\n" for row in range(20)]
        (tmp_path / "rows" / f"{name}.csv").write_text("".join(["text;label\n", ";\n", *lines]), encoding="utf-8")
    (finding,) = read(tmp_path, train="rows").findings
    assert finding.examples == ("rows: one.csv, line 2", "rows: two.csv, line 2")


def test_each_file_may_have_an_encoding(tmp_path: Path):
    for name, what, encoding in (("train", "café", "cp1252"), ("held", "thé", "cp1252"), ("own", "很好吃", "gbk")):
        lines = [f"{what} number {row},{row % 2}\n" for row in range(20)]
        (tmp_path / f"{name}.csv").write_bytes("".join(["text,label\n", *lines]).encode(encoding))
    own: dict[str, Any] = {"train": "own.csv", "encoding": "gbk"}
    corpus = read(tmp_path, {"main": MAIN, "own": {**MAIN, "data": own}}, validation="held.csv", encoding="cp1252")
    assert corpus.train["main"].column("text")[0] == "café number 0"
    assert corpus.validation.column("text")[0] == "thé number 0"
    assert corpus.train["own"].column("text")[0] == "很好吃 number 0"
    del own["encoding"]
    message = refused(tmp_path, {"main": MAIN, "own": {**MAIN, "data": own}}, validation="held.csv", encoding="cp1252")
    assert "add this line to the study file, under tasks: own: data: `encoding: gbk` (its words then read" in message


@pytest.mark.parametrize("name", ["cp1253x", "base64", "", "é", "a\0b", "idna", "unicode_escape"])
def test_an_encoding_that_nobody_knows_is_a_mistake_of_the_study_file(name: str):
    for settings in (DataSettings, TaskData):
        with pytest.raises(ValidationError, match="is not an encoding of texts"):
            settings.model_validate({"train": "train.csv", "encoding": name})


def test_the_nearest_encoding_is_named():
    with pytest.raises(ValidationError, match=r"'cp1253x' is not an encoding of texts, did you mean 'cp1253'\?"):
        DataSettings.model_validate({"train": "train.csv", "encoding": "cp1253x"})
    assert DataSettings.model_validate({"train": "train.csv", "encoding": "Windows-1252"}).encoding == "Windows-1252"


def test_a_share_that_many_classes_change_is_told_of(tmp_path: Path):
    write(tmp_path / "train.csv", [(f"{what} {i}", str(i)) for i in range(50) for what in ("one", "two")])
    corpus = read(tmp_path, validation=0.2)
    assert len(corpus.validation) == 50
    (finding,) = corpus.findings
    assert (finding.what, finding.count, finding.action) == (
        "train.csv: data.validation: 0.2 of the rows was asked for, but each class needs a row on both sides, "
        "so 0.5 is held out",
        50,
        "noted",
    )
    assert read(tmp_path, validation=0.45).findings == []


def test_a_validation_file_is_used_as_it_is(tmp_path: Path):
    write(tmp_path / "train.csv", reviews(40))
    write(tmp_path / "held.csv", reviews(8, "held"))
    corpus = read(tmp_path, validation="held.csv")
    assert (len(corpus.train["main"]), len(corpus.validation)) == (40, 8)
    assert corpus.fingerprints.keys() == {"train.csv", "held.csv"}


def test_leaks_are_dropped_from_training_and_from_auxiliaries(tmp_path: Path):
    write(tmp_path / "train.csv", [*reviews(40), ("Held  NUMBER 1", "good"), ("test number 2", "bad")])
    write(tmp_path / "held.csv", reviews(8, "held"))
    write(tmp_path / "test.csv", reviews(8, "test"))
    write(
        tmp_path / "own.csv", [("own 1", "a"), ("own 2", "a"), ("test number 5", "b"), ("own 3", "b"), ("own 4", "b")]
    )
    tasks = {"main": MAIN, "own": {**MAIN, "data": {"train": "own.csv"}}}
    corpus = read(tmp_path, tasks, validation="held.csv", test="test.csv")
    assert len(corpus.train["main"]) == 40
    assert corpus.train["own"].column("text") == ["own 1", "own 2", "own 3", "own 4"]
    assert [(found.what, found.count) for found in corpus.findings] == [
        ("train.csv: text also in validation or test data", 2),
        ("own.csv: text also in validation or test data", 1),
    ]
    kept = read(tmp_path, tasks, validation="held.csv", test="test.csv", clean={"drop_leaks": False})
    assert len(kept.train["main"]) == 42


def test_validation_rows_that_test_has_too_are_told_of_and_stay(tmp_path: Path):
    write(tmp_path / "train.csv", reviews(40))
    write(tmp_path / "held.csv", [*reviews(8, "held"), ("we saw it thrice", "good"), ("never again there", "bad")])
    write(tmp_path / "test.csv", [*reviews(8, "test"), ("We saw it  thrice", "good"), ("never agian there", "bad")])
    files: dict[str, Any] = {"validation": "held.csv", "test": "test.csv"}
    corpus = read(tmp_path, **files)
    (finding,) = corpus.findings
    assert (finding.what, finding.count, finding.action) == (
        "held.csv: text nearly the same as one in test data",
        2,
        "noted",
    )
    assert finding.examples == ("line 10: we saw it thrice", "line 11: never again there")
    assert (len(corpus.validation), len(corpus.test or ())) == (10, 10)
    assert read(tmp_path, **files, clean={"drop_leaks": False}).findings == []


def test_all_data_trains_on_no_validation_row_that_test_has_too(tmp_path: Path):
    write(tmp_path / "train.csv", reviews(40))
    write(tmp_path / "held.csv", [*reviews(8, "held"), ("test number 1", "good")])
    write(tmp_path / "test.csv", reviews(8, "test"))
    corpus = read(tmp_path, {"main": MAIN, "words": WORDS}, all_data=True, validation="held.csv", test="test.csv")
    for table in corpus.train.values():
        assert len(table) == 48
        assert "test number 1" not in table.column("text")
    assert [(finding.count, finding.action) for finding in corpus.findings] == [(1, "dropped")]


def test_no_row_drawn_for_validation_is_nearly_one_of_test(tmp_path: Path):
    texts = [f"the {word} was as we had hoped" for word in ["food", "room", "view", "pool", "staff", "price"]]
    rows = [(text, "good" if i % 2 else "bad") for i, text in enumerate(texts)]
    write(tmp_path / "train.csv", [*reviews(20), *((f"{text}!", label) for text, label in rows)])
    write(tmp_path / "test.csv", rows)
    corpus = read(tmp_path, validation=0.5, test="test.csv")
    assert len(corpus.train["main"]) + len(corpus.validation) == 20
    assert not any("hoped" in text for text in corpus.validation.column("text"))


RARE = "the package came on a sunny afternoon and the whole family stood around to"


@pytest.mark.parametrize(
    ("validation", "what"),
    [
        (0.2, "that no training row has"),
        ({"folds": 2}, "that some fold has no training row of"),
    ],
)
def test_a_label_that_the_split_leaves_without_training_rows_is_told_of(tmp_path: Path, validation: object, what: str):
    write(tmp_path / "train.csv", [*reviews(20), (f"{RARE} look", "rare"), (f"{RARE} look!", "rare")])
    (finding,) = [found for found in read(tmp_path, validation=validation).findings if "label of" in found.what]
    assert finding.what == (
        f"train.csv: label of task 'main' {what} after cleaning and splitting; it needs more, dissimilar rows"
    )
    assert (finding.examples, finding.action) == (("rare",), "noted")
    write(tmp_path / "train.csv", [*reviews(20), (f"{RARE} look", "rare"), ("quite another text", "rare")])
    assert read(tmp_path, validation=validation).findings == []


def test_an_auxiliarys_label_without_training_rows_is_told_of(tmp_path: Path):
    rows = [(*row, str(i % 2)) for i, row in enumerate(reviews(20))]
    held = [("held one", "good", "2"), ("held two", "bad", "2")]
    write(tmp_path / "train.csv", [*rows, *held], ("text", "label", "other"))
    write(tmp_path / "held.csv", held, ("text", "label", "other"))
    tasks = {"main": MAIN, "other": {**MAIN, "label": "other"}}
    findings = {finding.what: finding.examples for finding in read(tmp_path, tasks, validation="held.csv").findings}
    what = "label of task 'other' that no training row has after cleaning and splitting; it needs more, dissimilar rows"
    assert findings[f"train.csv: {what}"] == ("2",)


@pytest.mark.parametrize("held", [{"validation": "train.csv"}, {"test": "train.csv"}])
def test_where_no_row_is_left_the_message_says_what_took_them(tmp_path: Path, held: dict[str, Any]):
    write(tmp_path / "train.csv", [*reviews(40), ("", "good"), ("  ", "bad")])
    assert refused(tmp_path, **held) == (
        "train.csv: task 'main': no rows are left after cleaning: "
        "40 rows dropped (text also in validation or test data), 2 rows dropped (empty text); a copy of a held-out row "
        "is a leak, so data.validation and data.test must hold other rows than training"
    )


def test_rows_split_off_are_dropped_from_auxiliaries_too(tmp_path: Path):
    write(tmp_path / "train.csv", reviews(40))
    write(tmp_path / "own.csv", [*reviews(40), ("more", "good"), ("and more", "bad")])
    corpus = read(tmp_path, {"main": MAIN, "own": {**MAIN, "data": {"train": "own.csv"}}}, validation=0.25)
    assert len(corpus.train["own"]) == 32
    assert not set(corpus.train["own"].column("text")) & set(corpus.validation.column("text"))


def test_auxiliaries_without_rows_of_their_own_share_the_main_tasks(tmp_path: Path):
    write(tmp_path / "train.csv", [(*row, str(i % 3)) for i, row in enumerate(reviews(30))], ("text", "label", "other"))
    corpus = read(tmp_path, {"main": MAIN, "other": {**MAIN, "label": "other"}, "words": WORDS})
    assert corpus.train["main"] is corpus.train["other"] is corpus.train["words"]
    assert [task.labels for task in corpus.tasks] == [("bad", "good"), ("0", "1", "2"), ()]


def test_an_auxiliary_has_a_label_set_of_its_own(tmp_path: Path):
    write(tmp_path / "train.csv", reviews(20))
    write(tmp_path / "own.tsv", [], ("ignored",))
    (tmp_path / "own.jsonl").write_text("".join(f'{{"words": "own {i}", "stars": "{i % 4}"}}\n' for i in range(12)))
    own = {**MAIN, "text": "words", "label": "stars", "data": {"train": "own.jsonl"}}
    corpus = read(tmp_path, {"main": MAIN, "own": own})
    own_task = corpus.tasks[1]
    assert isinstance(own_task, Classification)
    assert own_task.targets(corpus.train["own"]).tolist() == [0, 1, 2, 3] * 3


def test_all_data_trains_on_the_validation_rows_too(tmp_path: Path):
    write(tmp_path / "train.csv", reviews(40))
    corpus = read(tmp_path, {"main": MAIN, "words": WORDS}, all_data=True, validation=0.25)
    assert sorted(corpus.train["main"].column("text")) == sorted(text for text, _ in reviews(40))
    assert len(corpus.train["words"]) == 40
    assert len(corpus.validation) == 10


def test_all_data_takes_what_an_auxiliary_finds_in_a_validation_file(tmp_path: Path):
    rows = [(*row, str(i % 3)) for i, row in enumerate(reviews(30))]
    write(tmp_path / "train.csv", rows, ("text", "label", "other"))
    write(tmp_path / "held.csv", reviews(8, "held"))
    tasks = {"main": MAIN, "other": {**MAIN, "label": "other"}, "words": WORDS}
    corpus = read(tmp_path, tasks, all_data=True, validation="held.csv")
    assert {name: len(table) for name, table in corpus.train.items()} == {"main": 38, "other": 30, "words": 38}
    for task in corpus.tasks:
        kept, _ = task.vetted(corpus.train[task.name], training=True)
        assert len(kept) == len(corpus.train[task.name])


def test_all_data_leaves_out_and_tells_of_the_validation_rows_that_an_auxiliary_cannot_use(tmp_path: Path):
    rows = [(*row, str(i % 3)) for i, row in enumerate(reviews(30))]
    write(tmp_path / "train.csv", rows, ("text", "label", "other"))
    held = [("held", "good", "0"), ("held too", "bad", "7"), ("and held", "bad", "")]
    write(tmp_path / "held.csv", held, ("text", "label", "other"))
    corpus = read(tmp_path, {"main": MAIN, "other": {**MAIN, "label": "other"}}, all_data=True, validation="held.csv")
    assert corpus.train["main"].column("text")[30:] == ["held", "held too", "and held"]
    assert corpus.train["other"].column("text")[30:] == ["held"]
    assert [(finding.what, finding.count) for finding in corpus.findings] == [
        ("held.csv: row that task 'other' cannot train on", 1),
        ("held.csv: row without a label of task 'other'", 1),
    ]
    finding = corpus.findings[0]
    assert finding.examples[0].startswith("held.csv, line 3: task 'other': label '7' is not among")


def test_a_validation_file_without_any_row_for_an_auxiliary_is_trained_on_by_the_main_task(tmp_path: Path):
    rows = [(*row, str(i % 3)) for i, row in enumerate(reviews(30))]
    write(tmp_path / "train.csv", rows, ("text", "label", "other"))
    write(tmp_path / "held.csv", [(*row, "") for row in reviews(8, "held")], ("text", "label", "other"))
    tasks = {"main": MAIN, "other": {**MAIN, "label": "other"}}
    corpus = read(tmp_path, tasks, all_data=True, validation="held.csv")
    assert {name: len(table) for name, table in corpus.train.items()} == {"main": 38, "other": 30}


def test_all_data_names_the_column_that_is_lists_in_one_file_and_text_in_the_other(tmp_path: Path):
    write(tmp_path / "train.csv", [("a b c", "X Y X"), ("c a b", "X X Y")], ("tokens", "tags"))
    row = {"tokens": ["a", "b"], "tags": ["X", "Y"]}
    (tmp_path / "held.jsonl").write_text(json.dumps(row), encoding="utf-8")
    tasks = {"main": {"kind": "token_classification"}}
    assert len(read(tmp_path, tasks, validation="held.jsonl").validation) == 1
    rows = read(tmp_path, tasks, all_data=True, validation="held.jsonl").train["main"]
    with pytest.raises(DataError, match=r"train.csv, column 'tokens': lists here or in held.jsonl, texts in the other"):
        rows.items("tokens")


def test_an_auxiliary_that_a_fold_leaves_without_rows_is_named(tmp_path: Path):
    write(tmp_path / "train.csv", reviews(20))
    write(tmp_path / "own.csv", reviews(1))
    tasks = {"main": MAIN, "own": {**WORDS, "data": {"train": "own.csv"}}}
    message = "own.csv: task 'own': data.validation: a fold holds out all rows that it could train on"
    assert refused(tmp_path, tasks, validation={"folds": 4}) == message


@pytest.mark.parametrize("rows", [12, 60])
def test_few_numbers_and_ties_are_split_into_folds_all_the_same(tmp_path: Path, rows: int):
    write(tmp_path / "train.csv", [(f"text {i}", str(1 if i < 40 else i)) for i in range(100 - rows, 100)])
    corpus = read(tmp_path, {"main": {"kind": "regression"}}, validation={"folds": 6})
    assert {len(fold.train["main"]) for fold in corpus.folds} == {rows * 5 // 6}
    assert len(read(tmp_path, {"main": {"kind": "regression"}}, validation=0.25).validation) == rows // 4


@pytest.mark.parametrize("data", [{"validation": "held.csv"}, {"test": "held.csv"}])
def test_an_unknown_label_is_named_with_its_file_and_line(tmp_path: Path, data: dict[str, Any]):
    write(tmp_path / "train.csv", reviews(20))
    write(tmp_path / "held.csv", [("fine", "good"), ("odd", "excellent")])
    assert refused(tmp_path, **data) == (
        "held.csv, line 3: task 'main': label 'excellent' is not among the training labels ('bad', 'good'); "
        "remove this row, or add rows with the label to the training data"
    )


def test_each_unknown_label_is_told_once(tmp_path: Path):
    write(tmp_path / "train.csv", reviews(20))
    held = [("fine", "good"), *((f"odd {row}", "excellent") for row in range(1200)), ("none", "so so")]
    write(tmp_path / "held.csv", held)
    what = "is not among the training labels ('bad', 'good')"
    assert refused(tmp_path, test="held.csv").splitlines() == [
        "held.csv has 2 mistakes:",
        f"  line 3: task 'main': label 'excellent' {what}; it is in 1,200 rows, first here: remove these, or add rows "
        "with it to the training data",
        f"  line 1203: task 'main': label 'so so' {what}; remove this row, or add rows with the label to the training "
        "data",
    ]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("a", "x"), ("b", "x")], "train.csv: task 'main': column 'label' has one class only ('x')"),
        (
            [*reviews(9), ("z", "rare")],
            "train.csv: task 'main': column 'label': class with one row only: 'rare' (line 11); ",
        ),
        (
            [*reviews(9), *((f"z{i}", f"rare {i}") for i in range(7))],
            "column 'label': 7 classes of 9 with one row only: 'rare 0' (line 11), 'rare 1' (line 12), "
            "'rare 2' (line 13), 'rare 3' (line 14), 'rare 4' (line 15) and 2 more; each class needs two or more: give "
            "such rows the label of others, or one in common (such as 'other'), or none: rows without a label are "
            "dropped",
        ),
        ([("a", ""), ("b", " ")], "train.csv: task 'main': column 'label' is empty in every row"),
        ([("same", "a"), ("same ", "a"), ("b", "b"), ("c", "b")], "after cleaning, a class with one row: 'a'"),
        (
            [("same", "a"), ("SAME", "b"), ("b", "a"), ("B", "b")],
            "no rows are left after cleaning: 4 rows dropped (text with conflicting labels)",
        ),
    ],
)
def test_labels_that_cannot_be_learnt_are_refused(tmp_path: Path, rows: list[tuple[str, str]], message: str):
    write(tmp_path / "train.csv", rows)
    assert message in refused(tmp_path)


def test_an_auxiliarys_mistakes_are_named_too(tmp_path: Path):
    write(tmp_path / "train.csv", reviews(20))
    write(tmp_path / "own.csv", [("a", "x"), ("b", "x")])
    own = {**MAIN, "data": {"train": "own.csv"}}
    assert "own.csv: task 'own': column 'label' has one class only ('x')" in refused(
        tmp_path, {"main": MAIN, "own": own}
    )
    assert "train.csv: there is no column 'aspct'" in refused(tmp_path, {"main": MAIN, "a": {**MAIN, "label": "aspct"}})
    both = {"main": {**MAIN, "text": "txt"}, "a": {**MAIN, "label": "aspct"}}
    first, second = refused(tmp_path, both).splitlines()
    assert first.startswith("tasks.main.text: train.csv: there is no column 'txt', did you mean 'text'?")
    assert second.startswith("tasks.a.label: train.csv: there is no column 'aspct'")
    missing = {**MAIN, "data": {"train": "nowhere.csv"}}
    assert "nowhere.csv" in refused(tmp_path, {"main": MAIN, "own": missing})


def settings_of(**changes: object) -> ObjectiveSettings:
    return ObjectiveSettings.model_validate(
        {
            "objective": "main.accuracy",
            "data": {"train": "train.csv"},
            "model": {"encoder": "scratch:tiny", "max_length": 16},
            "tasks": {"main": MAIN, "words": WORDS},
            **changes,
        }
    )


@pytest.mark.parametrize(
    ("objective", "message"),
    [
        ("loss", "'loss' is refused: a weighted or summed loss is made small by making its weights small"),
        ("main.loss", "is refused: a weighted or summed loss"),
        ("total_loss", "is refused"),
        ("accuracy", "'accuracy': it must read <task>.<metric>. Allowed: main.accuracy, main.balanced_accuracy"),
        ("words.accuracy", "'words' is not the main task (the first of: main, words). Allowed: main.accuracy"),
        (
            "main.acuracy",
            "tasks of kind classification have no metric 'acuracy', did you mean 'accuracy'? Allowed: main.accuracy",
        ),
        ("main.bleu", "tasks of kind classification have no metric 'bleu'. Allowed: main.accuracy"),
    ],
)
def test_an_objective_that_measures_nothing_is_refused(objective: str, message: str):
    with pytest.raises(StudyFileError) as caught:
        make_tasks(settings_of(objective=objective))
    assert message in str(caught.value)


@pytest.mark.parametrize("metric", ["accuracy", "balanced_accuracy", "f1", "mcc", "log_loss"])
def test_every_metric_of_the_main_task_may_be_the_objective(metric: str):
    assert objective_mistake(f"main.{metric}", make_tasks(settings_of())) is None


def test_masked_lm_needs_a_mask_token(tmp_path: Path, architectures: Callable[..., Path]):
    write(tmp_path / "train.csv", reviews(20))
    folder = architectures("bert", intermediate_size=32)
    config = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))
    del config["mask_token"]
    (folder / "tokenizer_config.json").write_text(json.dumps({**config, "tokenizer_class": "PreTrainedTokenizerFast"}))
    with pytest.raises(EncoderError, match=r"tasks: words: .* has no mask token, which masked_lm needs"):
        prepare(settings_of(model={"encoder": str(folder), "max_length": 16}), AugmentationSpace(), tmp_path, 0)


def test_preparing_twice_gives_the_same(tmp_path: Path):
    write(tmp_path / "train.csv", reviews(40))
    space = AugmentationSpace.model_validate({"operations": ["noise", "mixup"]})
    first, second = (prepare(settings_of(), space, tmp_path, seed=3) for _ in range(2))
    assert torch.equal(first.bank.tokens.ids, second.bank.tokens.ids)
    every = torch.arange(len(first.main.tokens))
    assert torch.equal(first.main.targets[every], second.main.targets[every])
    weights = (
        prepared.models.build(["main", "words"], TrainingSettings()).parameters() for prepared in (first, second)
    )
    assert all(map(torch.equal, *weights))
    assert (
        first.corpus.train["main"].lines != prepare(settings_of(), space, tmp_path, seed=4).corpus.train["main"].lines
    )


def test_texts_without_a_token_train_all_the_same(tmp_path: Path):
    """A zero-width space is no blank, so cleaning keeps it; no tokenizer makes a token of it."""
    write(tmp_path / "train.csv", [*reviews(20), ("\u200b", "good"), ("\u200b\u200b", "bad"), ("\u200d", "bad")])
    prepared = prepare(settings_of(), AugmentationSpace(), tmp_path, 0, all_data=True)
    assert prepared.main.tokens.lengths.min() == 2
    run = TrainingRun(0, Configuration(learning_rate=1e-3, ratios={"words": 1.0}), prepared, torch.device("cpu"))
    while not run.finished:
        assert run.advance().failure is None


@pytest.mark.parametrize(("kind", "missing"), [("classification", ("", " ")), ("regression", ("", "NaN", "n/a"))])
def test_rows_without_a_label_are_dropped_and_told_of(tmp_path: Path, kind: str, missing: tuple[str, ...]):
    """As pandas and Excel leave them; in every file, and for auxiliaries that share the main task's rows."""
    rows = [(f"review number {i}", str(i % 4), str(i % 3)) for i in range(40)]
    gone = [(f"missing number {place}", text, "1") for place, text in enumerate(missing)]
    write(tmp_path / "train.csv", [*rows, *gone, ("review number 7", "3", "")], ("text", "label", "other"))
    write(tmp_path / "held.csv", [("held", "1", "0"), *gone], ("text", "label", "other"))
    tasks = {"main": {"kind": kind}, "other": {**MAIN, "label": "other"}}
    corpus = read(tmp_path, tasks, validation="held.csv", clean={"deduplicate": False})
    assert len(corpus.validation) == 1
    assert (len(corpus.train["main"]), len(corpus.train["other"])) == (41, 40)
    lines = [f"train.csv, line {42 + place}" for place in range(len(missing))]
    told = {finding.what: finding.examples for finding in corpus.findings if finding.action == "dropped"}
    assert told["train.csv: row without a label of task 'main'"] == tuple(lines)
    alone = "train.csv: row without a label of task 'other', left out for this task only"
    assert told[alone] == (f"train.csv, line {42 + len(missing)}",)
    assert "held.csv: row without a label of task 'main'" in told


def test_held_out_rows_without_any_label_are_refused(tmp_path: Path):
    write(tmp_path / "train.csv", reviews(20))
    write(tmp_path / "held.csv", [("one", ""), ("two", "")])
    told = refused(tmp_path, validation="held.csv")
    assert "held.csv: task 'main': no validation or test rows are left: 2 rows dropped (row without a label" in told


@pytest.mark.parametrize("validation", ["held.csv", {"folds": 8}])
def test_a_measured_auxiliary_without_any_labelled_row_to_measure_is_refused(tmp_path: Path, validation: object):
    rows = [(*row, str(place % 2) if place < 3 else "") for place, row in enumerate([*reviews(40)])]
    write(tmp_path / "train.csv", [*rows, ("one more", "good", "1")], ("text", "label", "other"))
    write(tmp_path / "held.csv", [("held", "good", ""), ("held too", "bad", "")], ("text", "label", "other"))
    tasks = {"main": MAIN, "other": {**MAIN, "label": "other"}}
    told = refused(tmp_path, tasks, validation=validation, measured=["other"])
    assert "task 'other'" in told
    why = "no validation or test rows are left" if validation == "held.csv" else "holds out no row that it can be"
    assert why in told


CONTRASTS = [
    "it is {} that this would have happened to them",
    "this was a{} day for all of us who were there that week",
]
SIDES = [("possible", "impossible"), (" happy", "n unhappy")]


@pytest.mark.parametrize("validation", ["held.csv", 0.5, {"folds": 2}])
def test_near_copies_with_another_label_are_contrasts_and_stay(tmp_path: Path, validation: object):
    rows = [
        (f"{thing}: {text.format(side)}", "bad" if place else "good")
        for text, sides in zip(CONTRASTS, SIDES, strict=True)
        for place, side in enumerate(sides)
        for thing in ("a bus", "the sea", "one apple", "their wedding")
    ]
    write(tmp_path / "train.csv", rows)
    write(tmp_path / "held.csv", rows[:2])
    corpus = read(tmp_path, validation=validation)
    near = [finding for finding in corpus.findings if "nearly the same" in finding.what]
    assert near == []


def test_a_pair_in_the_other_order_is_a_leak(tmp_path: Path):
    rows = [(f"what is number {i} about", f"who wrote the {i}th book", str(i % 2)) for i in range(20)]
    write(tmp_path / "train.csv", rows, ("one", "two", "label"))
    write(tmp_path / "held.csv", [(two, one, label) for one, two, label in rows[:6]], ("one", "two", "label"))
    corpus = read(tmp_path, {"main": {**MAIN, "text": "one", "text_pair": "two"}}, validation="held.csv")
    assert len(corpus.train["main"]) == 14


@pytest.mark.parametrize("columns", [{"text": "two", "text_pair": "one"}, {"text": "two"}])
def test_an_auxiliary_that_reads_held_out_rows_otherwise_avoids_them_too(tmp_path: Path, columns: dict[str, str]):
    rows = [(f"what is number {i} about", f"who wrote the {i}th book", str(i % 2)) for i in range(20)]
    write(tmp_path / "all.csv", rows, ("one", "two", "label"))
    write(tmp_path / "train.csv", rows[:12], ("one", "two", "label"))
    write(tmp_path / "held.csv", rows[12:16], ("one", "two", "label"))
    write(tmp_path / "test.csv", rows[16:], ("one", "two", "label"))
    main = {**MAIN, "text": "one", "text_pair": "two"}
    auxiliary = {**MAIN, **columns, "data": {"train": "all.csv"}}
    corpus = read(tmp_path, {"main": main, "again": auxiliary}, validation="held.csv", test="test.csv")
    assert corpus.train["again"].lines == list(range(2, 14))
