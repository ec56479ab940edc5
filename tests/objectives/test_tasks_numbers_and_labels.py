"""Regression and multi-label classification: what their rows may hold, and what their metrics say."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch
from autotune.objectives.data.loading import load_table
from autotune.objectives.data.repairs import respelt
from autotune.objectives.data.sources import resolve_source
from autotune.objectives.data.table import Table
from autotune.objectives.models.borrowed import Encoded
from autotune.objectives.prepared import PreparedObjective
from autotune.objectives.tasks.batch import Batch, TextCodes
from autotune.objectives.tasks.multi_label import MultiLabel, MultiLabelSettings
from autotune.objectives.tasks.regression import Regression, RegressionSettings
from autotune.objectives.tasks.stacking import stack
from autotune.objectives.training.evaluating import predict
from autotune.objectives.training.exporting import export_model
from autotune.objectives.training.production import train_production
from autotune.spaces.configuration import Configuration
from autotune.spaces.errors import DataError
from pydantic import ValidationError
from sklearn import metrics as scores

Objectives = Callable[..., PreparedObjective]
CPU = torch.device("cpu")


def table_of(folder: Path, header: str, rows: Sequence[str]) -> Table:
    (folder / "rows.csv").write_text("\n".join([header, *rows, ""]), encoding="utf-8")
    return load_table(resolve_source("rows.csv", folder))


def numbers() -> Regression:
    return Regression("stars", RegressionSettings(kind="regression"))


def topics(separator: str = "|") -> MultiLabel:
    return MultiLabel("topics", MultiLabelSettings(kind="multi_label", separator=separator))


def test_mean_and_deviation_are_learnt_from_training(tmp_path: Path):
    fitted = numbers().fitted(table_of(tmp_path, "text,label", ["a,1", "b,2", "c,6"]))
    assert (fitted.mean, fitted.deviation) == (3, pytest.approx((14 / 3) ** 0.5))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["a,1", "b,many"], "rows.csv, line 3: task 'stars': label 'many' is not a finite number"),
        (["a,1", "b,inf"], "line 3: task 'stars': label 'inf' is not a finite number"),
        (["a,", "b,nan"], "rows.csv: task 'stars': column 'label' has no number in any row"),
        (["a,1", "b,1_000"], "line 3: task 'stars': label '1_000' is not a finite number; write 3.14 with a point"),
        (["a,1", 'b,"4,5"'], "line 3: task 'stars': label '4,5' is not a finite number; write 3.14 with a point"),
        (["a,1", "b,-1e30"], "line 3: task 'stars': label '-1e30' is beyond ±1e+15; give it in a larger unit"),
        (["a,2", "b,2.0"], "column 'label' has the same number in all rows"),
        (["a,1e-30", "b,2e-30"], "the numbers differ too little (5e-31 around 1.5e-30); give them in a smaller unit"),
        (
            ["a,1700000000", "b,1700000999"],
            "column 'label': the numbers differ too little (512 around 1.700001e+09), for 32-bit floats; subtract a "
            "constant from them",
        ),
    ],
)
def test_numbers_that_cannot_be_used_are_named(tmp_path: Path, rows: list[str], message: str):
    with pytest.raises(DataError) as caught:
        numbers().fitted(table_of(tmp_path, "text,label", rows))
    assert message in str(caught.value)


@pytest.mark.parametrize(("count", "parts"), [(39, None), (40, 2), (1000, 10)])
def test_strata_are_of_one_size_however_many_numbers_are_equal(tmp_path: Path, count: int, parts: int | None):
    table = table_of(tmp_path, "text,label", ["least,1", *(f"row {number},5" for number in range(count - 2)), "most,9"])
    strata = numbers().strata(table)
    if parts is None:
        assert strata is None
    else:
        assert strata is not None
        sizes = Counter(strata)
        assert len(sizes) == parts
        assert set(sizes.values()) == {count // parts}
        assert strata[0] != strata[-1]


def test_numbers_are_measured_in_their_own_unit(codes: TextCodes):
    truth, guess = torch.tensor([1.0, 2, 4]), torch.tensor([1.0, 3, 2])
    measured = numbers().measure(guess, truth, codes)
    assert measured["mae"] == 1
    assert measured["rmse"] == pytest.approx((5 / 3) ** 0.5)
    assert measured["spearman"] == pytest.approx(0.5)
    flat = numbers().measure(torch.ones(3), truth, codes)
    assert (flat["pearson"], flat["spearman"]) == (0, 0)


@pytest.mark.slow
def test_numbers_of_any_size_are_learnt_at_the_usual_rate_and_exported_as_they_are(objective: Objectives):
    """Prices of a million: a head that had to get there by steps of the learning rate would need a million of them."""
    rows = [(f"word {'good ' * (i % 5)}{i}", str(1e6 + 1e4 * (i % 5)), "x") for i in range(60)]
    prepared = objective(
        rows=rows, tasks={"price": {"kind": "regression"}}, objective="price.r2", training={"epochs": 20}
    )
    done = train_production(prepared, Configuration(learning_rate=1e-3), CPU, lambda *_: None, keep_best=True)
    assert done.validation["r2"] > 0.7
    own = predict(done.run.model, prepared.validation, prepared, CPU, "fp32")
    texts = prepared.corpus.validation.column("text")
    inputs = prepared.encoder.tokenizer(texts, padding=True, return_tensors="pt")
    with torch.inference_mode():
        logits = export_model(done, prepared)(**inputs).logits.squeeze(1)
    torch.testing.assert_close(logits, own, rtol=1e-5, atol=1.0)
    assert 1e6 < logits.mean() < 1.05e6


def test_labels_come_from_lists_or_between_separators(tmp_path: Path):
    fitted = topics(";").fitted(table_of(tmp_path, "text,labels", ["a,x; y", "b,", "c,y"]))
    assert fitted.labels == ("x", "y")
    table = table_of(tmp_path, "text,labels", ["a,y;x;x", "b, "])
    assert fitted.targets(table).tolist() == [[1, 1], [0, 0]]
    (tmp_path / "rows.jsonl").write_text('{"text": "a", "labels": ["y"]}\n{"text": "b", "labels": []}\n')
    assert fitted.targets(load_table(resolve_source("rows.jsonl", tmp_path))).tolist() == [[0, 1], [0, 0]]


def test_a_label_may_have_a_column_of_its_own(tmp_path: Path):
    """As in Kaggle's comments: toxic, obscene, threat."""
    settings = MultiLabelSettings(kind="multi_label", labels=["toxic", "mild", "sane"])
    rows = ["a,1,0,0", "b,0,1.0,False", "c,,0,no", "d,TRUE,yes,0"]
    fitted = MultiLabel("topics", settings).fitted(table_of(tmp_path, "text,toxic,mild,sane", rows))
    assert fitted.labels == ("toxic", "mild", "sane"), "in the order of the columns"
    table = table_of(tmp_path, "text,toxic,mild,sane", rows)
    assert fitted.targets(table).tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 0], [1, 1, 0]]
    assert fitted.settings.columns() == {"text": "text", "labels.0": "toxic", "labels.1": "mild", "labels.2": "sane"}
    with pytest.raises(DataError, match="line 2: task 'topics': mild '2' is neither 0 nor 1"):
        fitted.targets(table_of(tmp_path, "text,toxic,mild,sane", ["a,1,2,0"]))
    with pytest.raises(DataError, match="columns 'toxic', 'mild', 'sane' say no: no row has a label"):
        fitted.fitted(table_of(tmp_path, "text,toxic,mild,sane", ["a,0,0,0"]))


@pytest.mark.parametrize(("rows", "count"), [(["a,x", "b,", "c,"], 2), (["a,x", "b,x|y", "c,", "d,"], 0)])
def test_cells_that_are_mostly_empty_are_told_of(tmp_path: Path, rows: list[str], count: int):
    """The column of an auxiliary that few rows were labelled for would else teach that most have none."""
    table = table_of(tmp_path, "text,labels", rows)
    _, found = topics().fitted(table).vetted(table, training=True)
    assert sum(finding.count for finding in found) == count
    assert all("read as a row that has none of the labels (task 'topics')" in finding.what for finding in found)


@pytest.mark.parametrize("columns", [["toxic"], ["toxic", "toxic"], []])
def test_columns_of_labels_are_two_or_more(columns: list[str]):
    with pytest.raises(ValidationError, match="labels"):
        MultiLabelSettings(kind="multi_label", labels=columns)


def test_lists_of_zeros_and_ones_have_a_place_for_each_label(tmp_path: Path):
    """As transformers' own loss takes them; read as labels every row would have both "0" and "1"."""

    def table(*rows: list[float]) -> Table:
        lines = [json.dumps({"text": str(place), "labels": row}) for place, row in enumerate(rows)]
        (tmp_path / "rows.jsonl").write_text("\n".join(lines), encoding="utf-8")
        return load_table(resolve_source("rows.jsonl", tmp_path))

    fitted = topics().fitted(table([1, 0, 1], [0.0, 0.0, 1.0], [0, 0, 0]))
    assert fitted.labels == ("0", "1", "2")
    assert fitted.targets(table([0, 1, 1], [1, 0, 0])).tolist() == [[0, 1, 1], [1, 0, 0]]
    with pytest.raises(DataError, match=r"line 2: task 'topics': \['0', '1'\] is not a list of 3 zeros and ones"):
        fitted.targets(table([0, 1, 1], [0, 1]))
    named = topics().fitted(table([0, 2], [1], []))
    assert named.labels == ("0", "1", "2")
    assert named.targets(table([0, 1, 2])).tolist() == [[1, 1, 1]]


def test_labels_that_cannot_be_used_are_named(tmp_path: Path):
    with pytest.raises(DataError, match="column 'labels' is empty: no row has a label"):
        topics().fitted(table_of(tmp_path, "text,labels", ["a,", "b,"]))
    fitted = topics().fitted(table_of(tmp_path, "text,labels", ["a,x", "b,y"]))
    with pytest.raises(
        DataError, match=r"line 2: task 'topics': label 'z' is not among the training labels \('x', 'y'\)"
    ):
        fitted.vetted(table_of(tmp_path, "text,labels", ["a,x|z"]), training=False)


@pytest.mark.parametrize("cells", ["['x', 'a|b']/[]/['X']//[7]", '["x", "a|b"]/[]/["X"]//[7]'])
def test_labels_may_be_lists_written_as_text(tmp_path: Path, cells: str):
    written = [cell.replace('"', '""') for cell in cells.split("/")]
    table = table_of(tmp_path, "text,labels", [f'{row},"{cell}"' for row, cell in enumerate(written)])
    fitted, found = topics().fitted(table).vetted(table, training=True)
    assert topics().fitted(table).labels == ("7", "X", "a|b", "x")
    assert not found
    assert table.items("labels") == [["x", "a|b"], [], ["X"], [], ["7"]]
    assert table.column("labels") == cells.split("/")
    merged, _ = respelt(table, "labels", "|", {"x": "x"}, "topics")
    assert topics().fitted(merged).labels == ("7", "a|b", "x")
    assert fitted


def test_a_list_written_as_text_among_others_is_refused(tmp_path: Path):
    table = table_of(tmp_path, "text,labels", ["a,x|y", "b,\"['a label that is long', 'phone', 'screen']\""])
    with pytest.raises(DataError) as caught:
        topics().fitted(table)
    assert str(caught.value) == (
        "rows.csv, line 3: column 'labels' holds a list written as text "
        "(\"['a label that is long', 'phone'\"…), but line 2 holds 'x|y'; write a list such as ['a', 'b'] in every "
        "row, or give the values with '|' between them"
    )


@pytest.mark.parametrize(
    ("separator", "rows", "told"),
    [
        ("|", ["a,x;y", "b,y;z", "c,x; z", "d,x", "e,z/x"], ("tasks.topics.separator", "'|'", "';'", 3)),
        (";", ["a,x|y", "b,y|z", "c,x|z", "d,x"], ("tasks.topics.separator", "';'", "'|'", 3)),
        ("|", ["a,x;y", "b,y;z", "c,x;z", "d,x|y"], None),
        ("|", ["a,x;y", "b,x", "c,y"], None),
    ],
)
def test_another_separator_is_told_of(
    tmp_path: Path, separator: str, rows: list[str], told: tuple[str, str, str, int] | None
):
    table = table_of(tmp_path, "text,labels", rows)
    fitted = topics(separator).fitted(table)
    assert not fitted.vetted(table, training=False)[1]
    found = [
        (finding.what, finding.count, finding.action, finding.examples[0])
        for finding in fitted.vetted(table, training=True)[1]
    ]
    if told is None:
        assert found == []
    else:
        key, own, other, count = told
        what = f"no row of column 'labels' holds the separator {own} ({key}), but some hold {other}"
        assert found == [(what, count, "noted", rows[0][2:])]


def test_label_metrics_are_scikit_learns(codes: TextCodes):
    random = torch.Generator().manual_seed(0)
    logits, truth = torch.randn(50, 3, generator=random), (torch.rand(50, 3, generator=random) > 0.6).float()
    guess = (logits > 0).numpy()
    measured = topics().measure(logits, truth, codes)
    assert measured["f1"] == pytest.approx(scores.f1_score(truth.numpy(), guess, average="micro"))
    assert measured["macro_f1"] == pytest.approx(scores.f1_score(truth.numpy(), guess, average="macro"))
    assert measured["exact_match"] == pytest.approx(scores.accuracy_score(truth.numpy(), guess))
    expected = torch.nn.functional.binary_cross_entropy_with_logits(logits, truth).item()
    assert measured["log_loss"] == pytest.approx(expected, rel=1e-5)
    assert topics().measure(logits, torch.zeros(50, 3), codes)["average_precision"] == 0


def test_a_single_label_is_measured_by_the_rows_that_have_it(codes: TextCodes):
    """Not as two classes, of which the rows without it are one: who finds nothing would look good."""
    truth = torch.tensor([[1.0], [0.0], [0.0], [0.0]])
    nothing = topics().measure(torch.full((4, 1), -9.0), truth, codes)
    assert (nothing["f1"], nothing["macro_f1"], nothing["exact_match"]) == (0, 0, 0.75)
    half = topics().measure(torch.tensor([[9.0], [9.0], [-9.0], [-9.0]]), truth, codes)
    assert half["f1"] == half["macro_f1"] == pytest.approx(2 / 3)


@pytest.mark.parametrize("labels", [1, 3, 5])
def test_the_gradient_of_labels_is_the_same_in_every_slot(labels: int, monkeypatch: pytest.MonkeyPatch):
    """Torch computes the last numbers, which do not fill a vector of the processor's, otherwise than all before."""
    random = torch.Generator().manual_seed(0)
    rows, truth = torch.randn(31, labels, generator=random), torch.rand(31, labels, generator=random).round()
    logits = torch.cat([rows] * 3).requires_grad_()
    monkeypatch.setattr(MultiLabel, "predict", lambda *_: logits)
    ids = torch.zeros(31, 4, dtype=torch.int64)
    batch = stack([Batch(ids, ids == 0, truth)] * 3)
    losses = topics().loss(None, Encoded(ids), batch)  # pyright: ignore[reportArgumentType], what predicts is replaced
    expected = torch.nn.functional.binary_cross_entropy_with_logits(rows, truth)
    torch.testing.assert_close(losses.detach(), expected.expand(3))
    losses.sum().backward()
    assert logits.grad is not None
    first, *others = logits.grad.chunk(3)
    assert all(torch.equal(first, other) for other in others)
