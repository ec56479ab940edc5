"""`autotune augment FILE`: rows before and after, for people and for programs."""

import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from autotune.objectives.augmentation.making import make_operations
from autotune.objectives.augmentation.operation import Resources
from autotune.search.cli import augmenting
from autotune.search.cli.shown import shortened
from autotune.search.differences import Span, difference
from autotune.spaces.augmentation import AugmentationSpace
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

Command = Callable[..., Any]

ESCAPE = "\x1b[31mred\x1b[0m \x9b31m \u202etxet \x07"


def write(folder: Path, *texts: str) -> None:
    lines = [json.dumps({"text": text, "label": "positive"}) for text in texts]
    (folder / "rows.jsonl").write_text("\n".join(lines), encoding="utf-8")


def listed(outcome: Any) -> list[dict[str, Any]]:  # noqa: ANN401
    assert outcome.code == 0, outcome
    return json.loads(outcome.out)


def test_a_data_file_by_default_has_noise_and_reverse(folder: Path, autotune: Command) -> None:
    found = listed(autotune("augment", "reviews.csv", "--json"))
    assert [row["operation"] for row in found] == ["noise"] * 5 + ["reverse"] * 5
    lines = (folder / "reviews.csv").read_text(encoding="utf-8").splitlines()
    for row in found:
        assert lines[row["row"] - 1].startswith(f"{row['original']},{row['label']}")
        assert row["label"] == row["new_label"]
        assert row["magnitude"] == 0.1
        assert (row["augmented"] != row["original"]) == bool(row["changed"])
    assert any(row["changed"] for row in found)
    assert [row["row"] for row in found[:5]] == sorted({row["row"] for row in found})


@pytest.mark.usefixtures("folder")
def test_a_seed_draws_rows_and_changes(autotune: Command) -> None:
    first, again, other = (
        autotune("augment", "reviews.csv", "--json", "--seed", seed, "--rows", "9").out for seed in ("1", "1", "2")
    )
    assert first == again != other


@pytest.mark.usefixtures("folder")
def test_a_study_file_gives_operations_columns_and_its_training_rows(autotune: Command) -> None:
    from autotune.objectives.checking import make_tasks
    from autotune.objectives.corpus.reading import read_corpus
    from autotune.search.study_file.reading import read_study_file

    outcome = autotune("augment", "study.yaml", "--json", "--rows", "1000")
    found = listed(outcome)
    file = read_study_file(Path("study.yaml"))
    corpus = read_corpus(file.data, make_tasks(file), Path(), file.search.seed)
    assert [row["row"] for row in found] == list(corpus.train["sentiment"].lines)
    assert {row["operation"] for row in found} == {"noise"}
    assert outcome.err == "mixup works on the embeddings of a batch in training: it has no text to show\n"


@pytest.mark.usefixtures("folder")
def test_it_shows_what_a_trial_trains_on(autotune: Command, objective: Callable[..., Any]) -> None:
    """The bank of the same seed and magnitude, first replica, has the same texts."""
    prepared = objective(augmentation={"operations": ["noise"], "magnitude": [0.2, 0.2], "replicas": 1})
    table, task = prepared.corpus.train["sentiment"], prepared.main.task
    resources = Resources(Path(), "scratch:tiny", task.rows(table), task.labels)
    noise = make_operations(AugmentationSpace(operations=["noise"]), resources).made["noise"]
    made = noise.rewrite(task.rows(table), 0.2, 0, prepared.seed)
    lines = [json.dumps({"text": text, "label": row.label}) for row in task.rows(table) for text in row.texts]
    Path("same.jsonl").write_text("\n".join(lines), encoding="utf-8")
    told = autotune("augment", "same.jsonl", "--operation", "noise", "--magnitude", "0.2", "--rows", "999", "--json")
    assert [row["augmented"] for row in listed(told)] == [row.texts[0] for row in made if row is not None]


def test_flip_says_the_new_label_and_what_it_refuses(folder: Path, autotune: Command) -> None:
    text = (folder / "study.yaml").read_text(encoding="utf-8")
    flip = "operations: [flip], flip: {opposites: {positive: negative, negative: positive}}"
    (folder / "study.yaml").write_text(text.replace("operations: [noise, mixup]", flip), encoding="utf-8")
    with (folder / "reviews.csv").open("a", encoding="utf-8") as file:
        file.write("".join(f"Thing {n} is great and good and superb and happy.,positive,{n}\n" for n in range(9)))
    arguments = ("augment", "study.yaml", "--rows", "999", "--magnitude", "0.2")
    found = listed(autotune(*arguments, "--json"))
    turned = [row for row in found if row["augmented"] is not None]
    refused = [row for row in found if row["augmented"] is None]
    assert turned
    assert all({row["label"], row["new_label"]} == {"positive", "negative"} for row in turned)
    assert refused
    assert all((row["new_label"], row["changed"]) == (None, []) for row in refused)
    told = autotune(*arguments).out
    assert told.count("(refused: a trial trains on the original)") == len(refused)
    assert told.count("positive → negative") + told.count("negative → positive") == len(turned)


def test_a_row_that_stays_is_told(folder: Path, autotune: Command) -> None:
    write(folder, "The battery is superb and the screen is great")
    told = autotune("augment", "rows.jsonl", "--operation", "noise", "--magnitude", "0").out
    assert told.splitlines()[1:] == [
        "line 1  positive",
        "  original   The battery is superb and the screen is great",
        "  augmented  (unchanged)",
        "",
    ]


def test_changed_words_are_marked_without_styles(folder: Path, autotune: Command) -> None:
    write(folder, "The battery is superb and the screen is great")
    told = autotune("augment", "rows.jsonl", "--operation", "noise", "--magnitude", "0.3").out
    row = listed(autotune("augment", "rows.jsonl", "--operation", "noise", "--magnitude", "0.3", "--json"))[0]
    before, after = told.splitlines()[2:4]
    assert re.findall(r"\[-(.+?)-\]", before) == [change["original"] for change in row["changed"] if change["original"]]
    assert re.findall(r"\{\+(.+?)\+\}", after) == [change["augmented"] for change in row["changed"]]
    assert re.sub(r"\{\+|\+\}", "", after).removeprefix("  augmented  ") == row["augmented"]


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_data_cannot_steer_the_terminal(folder: Path, autotune: Command, form: list[str]) -> None:
    write(folder, f"The [red]battery[/red] {ESCAPE} is superb")
    told = autotune("augment", "rows.jsonl", "--magnitude", "0", *form).out
    assert "[red]battery[/red]" in told
    assert [character for character in told if not character.isprintable() and character != "\n"] == []
    if form:
        assert json.loads(told)[0]["original"] == f"The [red]battery[/red] {ESCAPE} is superb"


def terminal(monkeypatch: pytest.MonkeyPatch, width: int) -> io.StringIO:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, color_system="truecolor", width=width, highlight=False)
    monkeypatch.setattr(augmenting, "output", lambda: console)
    return stream


@pytest.mark.parametrize("width", [40, 80, 140])
def test_a_terminal_has_both_side_by_side(
    folder: Path, autotune: Command, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    write(
        folder,
        f"The [red]battery[/red] {ESCAPE} is superb",
        "这个手机的电池非常好用",
        "السماعة ممتازة",
        "so 👩‍👧 " * 300,
    )
    stream = terminal(monkeypatch, width)
    told = autotune("augment", "rows.jsonl", "--operation", "noise", "--magnitude", "0.5")
    assert (told.code, told.err) == (0, "")
    drawn = stream.getvalue()
    assert "\x1b[1;4m" in drawn.replace(";31m", "m").replace(";32m", "m")  # bold and underlined, for who sees no colour
    own = re.sub(r"\x1b\[[\d;]*m", "", drawn)
    assert not {"\x1b", "\x9b", "\x07", "\u202e"} & set(own)
    assert any({"original", "augmented"} <= set(line.split()) for line in own.splitlines())
    assert "[red]" in own
    assert max(map(cell_len, own.splitlines())) <= width


def test_long_rows_are_cut_on_the_screen_only(folder: Path, autotune: Command) -> None:
    text = "battery " * 2_000 + "end"
    write(folder, text)
    assert len(autotune("augment", "rows.jsonl", "--operation", "noise").out) < 1_500
    assert listed(autotune("augment", "rows.jsonl", "--operation", "noise", "--json"))[0]["original"] == text


def test_a_cut_shows_the_first_change() -> None:
    spans = shortened([Span("a" * 5_000), Span("new", changed=True), Span("b" * 5_000)])
    assert [span for span in spans if span.changed] == [Span("new", changed=True)]
    assert (spans[0].text, spans[-1].text[-1]) == ("…" + "a" * 60, "…")
    assert sum(len(span.text) for span in spans) == 402


def test_pairs_and_tagged_words(folder: Path, autotune: Command) -> None:
    text = (folder / "study.yaml").read_text(encoding="utf-8")
    pair = text.replace("text: text, label: label", "text: text, text_pair: aspect, label: label")
    (folder / "study.yaml").write_text(pair, encoding="utf-8")
    found = listed(autotune("augment", "study.yaml", "--json"))
    assert all(len(row["original"]) == len(row["augmented"]) == 2 for row in found)
    assert " | " in autotune("augment", "study.yaml").out
    names = ("Amsterdam", "Zurich", "Gdansk", "Lyon", "Porto", "Ulm")
    rows = [{"tokens": [name.lower() * 2, name, name[::-1]], "tags": ["O", "B-x", "O"]} for name in names]
    (folder / "tags.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    (folder / "tags.yaml").write_text(
        "objective: names.f1\ndata: {train: tags.jsonl, validation: 0.34}\nmodel: {encoder: scratch:tiny}\n"
        "tasks: {names: {kind: token_classification, tokens: tokens, tags: tags}}\n",
        encoding="utf-8",
    )
    found = listed(autotune("augment", "tags.yaml", "--json"))
    assert {row["operation"] for row in found} == {"noise"}
    assert all(len(row["augmented"].split()) == 3 for row in found)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ["reviews.csv", "--operation", "nois"],
            "--operation: there is no 'nois', did you mean 'noise'?; operations: ",
        ),
        (["reviews.csv", "--magnitude", "1.5"], "--magnitude: 1.5 is not between 0 and 1\n"),
        (["reviews.csv", "--magnitude", "nan"], "--magnitude: nan is not between 0 and 1\n"),
        (["reviews.csv", "--text", "txt"], "there is no column 'txt', did you mean 'text'?"),
        (["reviews.csv", "--label", "lable"], "there is no column 'lable', did you mean 'label'?"),
        (["reviews.csv", "--operation", "back_translate"], "back_translate: there"),
        (["reviews.csv", "--operation", "flip"], "give a study file that has them"),
        (["study.yaml", "--text", "text"], "a study file names its columns itself"),
        (["none.csv"], "none.csv: no such file"),
        (["none.yaml"], "none.yaml: there is no such file"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_mistakes(autotune: Command, arguments: list[str], told: str) -> None:
    outcome = autotune("augment", *arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert told in outcome.err
    assert "Traceback" not in outcome.err


def test_a_file_of_blank_texts(folder: Path, autotune: Command) -> None:
    write(folder, " ", "")
    outcome = autotune("augment", "rows.jsonl")
    assert (outcome.code, outcome.err) == (2, "rows.jsonl: column 'text' has no text\n")


def test_what_is_missing_is_left_out_where_the_study_says_so(folder: Path, autotune: Command) -> None:
    text = (folder / "study.yaml").read_text(encoding="utf-8")
    drop = "operations: [noise, back_translate], on_missing: drop"
    (folder / "study.yaml").write_text(text.replace("operations: [noise, mixup]", drop), encoding="utf-8")
    outcome = autotune("augment", "study.yaml", "--json")
    assert {row["operation"] for row in listed(outcome)} == {"noise"}
    assert outcome.err.startswith("back_translate is left out: ")
    assert autotune("augment", "study.yaml", "--operation", "back_translate").code == 2


@given(st.text(), st.text())
def test_spans_are_the_texts_and_unchanged_words_are_alike(before: str, after: str) -> None:
    found = difference(before, after)
    assert "".join(span.text for span in found.before) == before
    assert "".join(span.text for span in found.after) == after
    same = [[span.text for span in side if not span.changed] for side in (found.before, found.after)]
    assert "".join("".join(same[0]).split()) == "".join("".join(same[1]).split())


def test_words_and_chinese_characters_are_told_apart() -> None:
    assert difference("a good phone", "a bad phone").changes == [("good", "bad")]
    assert difference("电池很好", "电池不好").changes == [("很", "不")]
    assert difference("a  b", "a b").changes == []
