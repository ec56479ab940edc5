"""What is wrong with the rows or settings of a kind of task: named and refused, or counted and said."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]
Row = Mapping[str, object]

ROWS: list[Row] = [
    {
        "text": f"the {thing} is {word} {number}",
        "other": f"so {word}",
        "words": ["the", thing, "is", word],
        "tags": ["O", "B-thing", "O", "O"],
        "label": label,
        "topics": [label, thing],
        "stars": str(number),
        "question": "what is it?",
        "answer": thing,
        "empty": "",
    }
    for number, (thing, word, label) in enumerate(
        [("price", "fine", "good"), ("screen", "dark", "bad"), ("case", "thin", "bad"), ("sound", "full", "good")] * 6
    )
]


def changed(row: int, **values: object) -> list[Row]:
    """All rows, one of them changed."""
    return [{**known, **values} if number == row else known for number, known in enumerate(ROWS)]


def study(folder: Path, main: str, *others: str, rows: Sequence[Row] = ROWS, more: str = "", data: str = "") -> None:
    """A study file with these tasks (YAML), on a JSONL file with these rows."""
    (folder / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    tasks = "\n".join(
        f"  {name}: {task}" for name, task in zip(("main", "other", "third"), (main, *others), strict=False)
    )
    (folder / "tasks.yaml").write_text(
        f"data: {{train: rows.jsonl{data}}}\nmodel: {{encoder: scratch:tiny, max_length: 16}}\ntasks:\n{tasks}\n"
        f"training: {{epochs: 1, precision: fp32}}\nsearch: {{trials: 1}}\n{more}\n",
        encoding="utf-8",
    )


def own(folder: Path, rows: Sequence[tuple[str, str]]) -> None:
    """Rows of an auxiliary's own."""
    lines = [json.dumps({"text": text, "label": label}) for text, label in rows]
    (folder / "own.jsonl").write_text("\n".join(lines), encoding="utf-8")


CLASSES, TAGS = "{kind: classification}", "{kind: token_classification, tokens: words}"
REFUSED: dict[str, tuple[Callable[[Path], object], list[str]]] = {
    "more words than tags": (
        lambda folder: study(folder, TAGS, rows=changed(2, tags=["O", "B-thing"])),
        ["rows.jsonl, line 3: task 'main': 4 words in 'words', but 2 tags in 'tags'; each word needs one tag"],
    ),
    "plain tags among entities": (
        lambda folder: study(folder, TAGS, rows=changed(4, tags=["DET", "B-thing", "O", "O"])),
        ["rows.jsonl, line 5: task 'main': tag 'DET': beside B- and I- tags every other must be 'O'"],
    ),
    "words where a text is asked for": (
        lambda folder: study(folder, "{kind: classification, text: words}"),
        ["rows.jsonl: column 'words' holds lists, not texts"],
    ),
    "a label that training has not": (
        lambda folder: [
            study(folder, CLASSES, data=", validation: held.jsonl"),
            (folder / "held.jsonl").write_text('{"text": "a", "label": "good"}\n{"text": "b", "label": "ugly"}\n'),
        ],
        ["held.jsonl, line 2: task 'main': label 'ugly' is not among the training labels ('bad', 'good')"],
    ),
    "one of several labels that training has not": (
        lambda folder: [
            study(folder, "{kind: multi_label, labels: topics}", data=", validation: held.jsonl"),
            (folder / "held.jsonl").write_text('{"text": "a", "topics": ["good", "smell"]}\n'),
        ],
        ["held.jsonl, line 1: task 'main': label 'smell' is not among the training labels"],
    ),
    "a pair with one column": (
        lambda folder: study(folder, "{kind: classification, text: text, text_pair: secnd}"),
        ["rows.jsonl: there is no column 'secnd'", "its columns: 'text', 'other'"],
    ),
    "a pair of one column": (
        lambda folder: study(folder, "{kind: classification, text: text, text_pair: text}"),
        ["line 4: tasks.main: ", "a pair needs two columns; text and text_pair are both 'text'"],
    ),
    "a label that is the text": (
        lambda folder: study(folder, "{kind: classification, label: text}"),
        ["line 4: tasks.main: ", "text and label are both column 'text': the text would give its answer away"],
    ),
    "a number that is among the words": (
        lambda folder: study(folder, "{kind: regression, tokens: words, label: words}"),
        ["line 4: tasks.main: ", "tokens and label are both column 'words'"],
    ),
    "no number": (
        lambda folder: study(folder, "{kind: regression, label: stars}", rows=changed(1, stars="many")),
        ["rows.jsonl, line 2: task 'main': stars 'many' is not a finite number"],
    ),
    "several rows without a number": (
        lambda folder: study(
            folder,
            "{kind: regression, label: stars}",
            rows=[{**row, "stars": "few" if number < 7 else number} for number, row in enumerate(ROWS)],
        ),
        [
            "rows.jsonl has 7 mistakes:\n  line 1: task 'main': stars 'few' is not a finite number\n  line 2: ",
            "and 2 more",
        ],
    ),
    "answers that are nowhere": (
        lambda folder: study(folder, "{kind: span, context: text}", rows=[{**row, "answer": "Paris"} for row in ROWS]),
        ["rows.jsonl: task 'main': no answer in 'answer' occurs in its context"],
    ),
    "a target column that is empty": (
        lambda folder: study(folder, "{kind: generation, target: empty}"),
        ["rows.jsonl: task 'main': column 'empty' is empty"],
    ),
    "a metric of another kind": (
        lambda folder: study(folder, "{kind: regression, label: stars}", more="objective: main.accuracy"),
        ["objective: tasks of kind regression have no metric 'accuracy'", "main.rmse, main.mae"],
    ),
    "an auxiliary without rows": (
        lambda folder: [
            study(folder, CLASSES, "{kind: classification, data: {train: own.jsonl}}", data=", validation: held.jsonl"),
            (folder / "held.jsonl").write_text('{"text": "a", "label": "good"}\n{"text": "b", "label": "bad"}\n'),
            own(folder, [("a", "0"), ("a", "1"), ("b", "0"), ("b", "1")]),
        ],
        ["own.jsonl: task 'other': no rows are left after cleaning: 4 rows dropped (text also in validation or"],
    ),
    "training rows for validation": (
        lambda folder: study(folder, CLASSES, data=", validation: rows.jsonl"),
        [
            "rows.jsonl: task 'main': no rows are left after cleaning: 24 rows dropped (text also in validation or",
            "data.validation and data.test must hold other rows than training",
        ],
    ),
    "a list written as text": (
        lambda folder: study(folder, TAGS, rows=changed(2, tags="['O' 'B-thing' 'O' 'O']")[2:3] * 4),
        ["rows.jsonl, line 1: column 'tags' holds a list written as text (\"['O' 'B-thing' 'O' 'O']\"), in a"],
    ),
    "an auxiliary's metric without rows to measure it on": (
        lambda folder: [
            study(
                folder,
                CLASSES,
                "{kind: classification, data: {train: own.jsonl}}",
                more="objective: [main.accuracy, other.f1]",
            ),
            own(folder, [(f"own {number}", str(number % 2)) for number in range(9)]),
        ],
        ["tasks: other: data: its metric is an objective, so it needs `validation: FILE`"],
    ),
    "folds than which a class has fewer rows": (
        lambda folder: study(folder, CLASSES, rows=ROWS[:6], data=", validation: {folds: 5}"),
        ["rows.jsonl: task 'main': data.validation: class 'good' has 3 rows, fewer than the 5 folds"],
    ),
    "a weighting without auxiliaries": (
        lambda folder: study(folder, CLASSES, more="space: {training: {weighting: [static, dwa]}}"),
        ["space.training.weighting: 'dwa' needs an auxiliary task"],
    ),
    "patience within folds": (
        lambda folder: study(
            folder, CLASSES, data=", validation: {folds: 3}", more="space: {training: {early_stopping: [1, 2]}}"
        ),
        ["space.training.early_stopping: a fold of a cross-validation is evaluated once, at its end"],
    ),
    "more layers than there are": (
        lambda folder: study(folder, CLASSES, more="space: {training: {keep_layers: [1, 3]}}"),
        ["space: training: keep_layers: 3 is more than the 2 layers of 'scratch:tiny'"],
    ),
    "more layers than there are, in several settings": (
        lambda folder: study(folder, CLASSES, more="space: {training: {keep_layers: [1, 3], freeze_layers: [0, 5]}}"),
        [
            "space: training: keep_layers: 3 is more than the 2 layers of 'scratch:tiny'\n",
            "space: training: freeze_layers: 5 is more than the 2 layers of 'scratch:tiny'",
        ],
    ),
    "words rewritten under their tags": (
        lambda folder: study(folder, TAGS, more="space: {augmentation: {operations: [noise, reverse, flip]}}"),
        [
            "space.augmentation.operations: 'reverse' rewrites texts, which would misalign the targets of",
            "space.augmentation.operations: 'flip' rewrites texts, which would misalign the targets of",
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_no_task_can_use_is_refused(folder: Path, autotune: Command, case: str) -> None:
    change, words = REFUSED[case]
    change(folder)
    outcome = autotune("study", "create", "tasks.yaml")
    assert outcome.code == 2, outcome
    for word in words:
        assert word in outcome.err
    assert "Traceback" not in outcome.err
    assert not list(folder.glob("*.db"))


UNREAD = {"words": ["a", "\u200b", *["long"] * 20], "tags": ["O", "O", "B-thing", *["O"] * 19]}
COUNTED: dict[str, tuple[Callable[[Path], object], str]] = {
    "an I- tag that continues nothing": (
        lambda folder: study(folder, TAGS, rows=changed(3, tags=["O", "I-thing", "O", "O"])),
        "repaired: rows.jsonl: task 'main': I- tag that continues nothing: 1",
    ),
    "a target that is empty": (
        lambda folder: study(folder, "{kind: generation, target: label}", rows=changed(3, label="")),
        "dropped: rows.jsonl: empty text to write: 1 row",
    ),
    "an answer that is not there": (
        lambda folder: study(folder, "{kind: span, context: text}", rows=changed(3, answer="Paris")),
        "dropped: rows.jsonl: answer not in its context: 1 row",
    ),
    "words that are cut off": (
        lambda folder: study(folder, TAGS, rows=changed(3, **UNREAD)),
        "noted: rows.jsonl: word cut off at max_length 16: 7",
    ),
    "words that no token stands for": (
        lambda folder: study(folder, TAGS, rows=changed(3, **UNREAD)),
        "noted: rows.jsonl: word without a token, as it has no character that counts: 1",
    ),
    "an answer that is cut off": (
        lambda folder: study(
            folder, "{kind: span, context: text}", rows=changed(3, text="so " * 40 + "late", answer="late")
        ),
        "noted: rows.jsonl: answer beyond max_length 16: 1",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", COUNTED)
def test_what_a_task_can_do_without_is_counted_and_said(folder: Path, autotune: Command, case: str) -> None:
    change, line = COUNTED[case]
    change(folder)
    outcome = autotune("study", "create", "tasks.yaml")
    assert outcome.code == 0, outcome
    assert any(found == line or found.startswith(f"{line}, e.g. ") for found in outcome.out.splitlines())
