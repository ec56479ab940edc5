"""Answers in a context: their places as tokens, the text of a guess, and SQuAD's measures."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from autotune.objectives.data.targets import IGNORED
from autotune.objectives.models.encoders import EncoderSource, open_encoder
from autotune.objectives.tasks.answers import exact_match, overlap_f1
from autotune.objectives.tasks.batch import TextCodes
from autotune.objectives.tasks.span import Span, SpanSettings, SpanTargets, guessed_text
from autotune.spaces.errors import DataError

from .corpora import table_of

Architectures = Callable[..., Path]
CONTEXT = "The Ohio flows past Cairo, where it meets the Mississippi. The Ohio is long."
ROW = {"question": "Where does it end?", "context": CONTEXT, "answer": "Cairo"}


def task(**settings: object) -> Span:
    return Span("answers", SpanSettings.model_validate({"kind": "span", **settings}))


@pytest.fixture
def encoder(tmp_path: Path) -> EncoderSource:
    return open_encoder("scratch:tiny", tmp_path, [CONTEXT, ROW["question"]] * 3, 48)


def logits_at(targets: SpanTargets, row: int, width: int) -> torch.Tensor:
    """A guess that is sure of the targets' own tokens: (2, width)."""
    logits = torch.zeros(2, width)
    for part, token in enumerate(targets[torch.tensor([row])][0].tolist()):
        logits[part, token] = 9
    return logits


@pytest.mark.parametrize(
    ("changes", "settings"),
    [
        ({}, {}),
        ({"answer": "the Mississippi"}, {}),
        ({"answer": "Ohio is long", "at": str(CONTEXT.rindex("Ohio"))}, {"start": "at"}),
        ({"answer": "Ohio is long", "at": f"{CONTEXT.rindex('Ohio')}.0"}, {"start": "at"}),
        ({"answer": "", "at": "-1"}, {"start": "at"}),
        ({"answer": ["Cairo", "past Cairo"]}, {}),
        (
            {"answers": {"text": ["Cairo"], "answer_start": [20]}},
            {"answer": "answers.text", "start": "answers.answer_start"},
        ),
        ({"answer": ""}, {}),
    ],
)
def test_the_tokens_of_an_answer_say_the_answer(
    tmp_path: Path, encoder: EncoderSource, changes: dict[str, object], settings: dict[str, object], codes: TextCodes
):
    table = table_of(tmp_path, [{**ROW, **changes}])
    examples = task(**settings).examples(table, encoder, 48)
    assert isinstance(examples.targets, SpanTargets)
    assert not examples.findings
    logits = logits_at(examples.targets, 0, int(examples.tokens.lengths[0]))
    expected = examples.targets.answers[0][0]
    assert guessed_text(logits, examples.targets, 0) == expected
    measured = task().measure(logits.unsqueeze(0), examples.targets, codes)
    assert measured == {"f1": 1, "exact_match": 1}


def test_a_guess_never_ends_before_it_begins_nor_lies_in_the_question(tmp_path: Path, encoder: EncoderSource):
    examples = task().examples(table_of(tmp_path, [ROW]), encoder, 48)
    assert isinstance(examples.targets, SpanTargets)
    logits = torch.zeros(2, int(examples.tokens.lengths[0]))
    logits[0, -3], logits[1, 1], logits[0, 1] = 5, 9, 9
    assert guessed_text(logits, examples.targets, 0) in CONTEXT
    assert guessed_text(logits, examples.targets, 0)


def test_an_answer_that_is_cut_off_is_not_trained_on_and_counted(tmp_path: Path, encoder: EncoderSource):
    examples = task().examples(table_of(tmp_path, [{**ROW, "answer": "long"}, ROW]), encoder, 16)
    assert examples.targets[torch.arange(2)][0].tolist() == [IGNORED, IGNORED]
    (finding,) = examples.findings
    assert (finding.what, finding.count, finding.action) == ("rows.jsonl: answer beyond max_length 16", 1, "noted")


def test_an_answer_whose_last_mark_the_tokenizer_drops_is_whole(tmp_path: Path, encoder: EncoderSource):
    """An accent that stands alone behind its letter, as an uncased tokenizer strips it."""
    row = {**ROW, "context": "We sat in a cafe\u0301 near Cairo.", "answer": "cafe\u0301"}
    table = table_of(tmp_path, [row, {**row, "context": "We sat in a cafe\u0301"}])
    examples = task().examples(table, encoder, 48)
    assert IGNORED not in examples.targets[torch.tensor([0])][0]


def test_an_answer_that_is_not_there_is_dropped_from_training_and_kept_as_missed(tmp_path: Path):
    table = table_of(tmp_path, [ROW, {**ROW, "answer": "Paris"}])
    fitted = task().fitted(table)
    kept, (finding,) = fitted.vetted(table, training=True)
    assert (len(kept), finding.what, finding.count, finding.action) == (1, "answer not in its context", 1, "dropped")
    assert finding.examples == ("'Paris' at rows.jsonl, line 2",)
    kept, (finding,) = fitted.vetted(table, training=False)
    assert (len(kept), finding.action) == (2, "noted")


@pytest.mark.parametrize(
    ("rows", "settings", "message"),
    [
        ([{**ROW, "answer": "Paris"}], {}, "no answer in 'answer' occurs in its context"),
        ([{"question": "?", "answer": "x"}], {}, "there is no column 'context'"),
        ([{**ROW, "at": "soon"}], {"start": "at"}, "line 1: task 'answers': at 'soon' is not a character position"),
    ],
)
def test_rows_that_cannot_be_used_are_named(
    tmp_path: Path, rows: list[dict[str, object]], settings: dict[str, object], message: str
):
    with pytest.raises(DataError) as caught:
        task(**settings).fitted(table_of(tmp_path, rows))
    assert message in str(caught.value)


def test_measures_are_those_of_squad():
    assert exact_match("The Cat!", ["a cat"]) == 1
    assert exact_match("cats", ["cat", "cats"]) == 1
    assert exact_match("5 million", ["$5 million"]) == exact_match("C", ["C++"]) == exact_match("a~b", ["`ab`"]) == 1
    assert overlap_f1("the black cat", ["black dog", "a black cat sat"]) == pytest.approx(0.8)
    assert (overlap_f1("", [""]), overlap_f1("x", [""]), exact_match("", ["x"])) == (1, 0, 0)
    assert overlap_f1("北京市", ["北京"]) == pytest.approx(0.8)
