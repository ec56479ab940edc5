"""Typical column names by content, the likeliest first. Case, blanks and hyphens are ignored."""

import re
from collections.abc import Sequence


def _names(words: str) -> Sequence[str]:
    return tuple(words.split())


TEXTS = _names(
    "text sentence review review_text comment content body message tweet utterance post query question premise "
    "document article source input dialogue passage description review_body abstract"
)
WEAK_TEXTS = frozenset(_names("source input article document"))
"""Of these, which may as well say where a text is from or what it is about, only long texts are known to be texts."""
PAIRS = (
    ("premise", "hypothesis"),
    ("sentence1", "sentence2"),
    ("sentence_1", "sentence_2"),
    ("sentence_a", "sentence_b"),
    ("question1", "question2"),
    ("text1", "text2"),
    ("text_1", "text_2"),
    ("text_a", "text_b"),
    ("text", "text_pair"),
    ("query", "passage"),
    ("question", "sentence"),
    ("question", "passage"),
)
CLASSES = _names(
    "label_text label_name label labels class category sentiment intent topic emotion polarity stance gold gold_label "
    "target y genre genres label_id class_id"
)
KINDS = _names("topic category genre genres")
"""Beside a pair of texts these rather say where it is from."""
NUMBERS = _names("score rating ratings stars similarity similarity_score value")
WRITTEN = _names(
    "target target_text summary highlights translation output response completion reference reply answer simplified"
)
"""Of these a text is to be written."""
ANSWERS = tuple(dict.fromkeys([*CLASSES, *NUMBERS, *WRITTEN]))
WORDS = _names("tokens words token sentence text utterance query")
TAGS = _names("tags ner_tags ner labels label slots slot_tags pos_tags pos upos entities chunk_tags bio")
CONTEXTS = _names("context passage paragraph")
QUESTIONS = _names("question query")
SPANS = _names("answers.text answer.text answer answers answer_text")
STARTS = _names("answers.answer_start answer.answer_start answer_start start start_index")

SPLITS = _names("split fold set subset partition")
PARTS = _names("train training dev devel development valid validation val test testing eval evaluation")
"""What a column of these names says of each row, where the rows of all parts are in one file."""

_IDS = re.compile(r"(.*_)?(id|ids|idx|index|uid|uuid|guid|url|uri|link|hash|timestamp|date|datetime|created_at)")
_TIMES = re.compile(r"(.*_)?(timestamp|date|datetime|created_at)")
_GENERIC = re.compile(r"unnamed:?_?\d*|_*index_level_\d+_*")
"""What pandas writes where nobody gave a name: the number of a row."""


def plain_name(column: str) -> str:
    """The name as it is compared: `Review Text` is review_text."""
    return re.sub(r"[\s-]+", "_", column.strip().lower())


def is_id(column: str) -> bool:
    """Whether the name says that a row is only numbered, dated or linked."""
    name = plain_name(column)
    return bool(_IDS.fullmatch(name) or _GENERIC.fullmatch(name))


def is_time(column: str) -> bool:
    """Whether the name says that a row has a date or a time."""
    return bool(_TIMES.fullmatch(plain_name(column)))
