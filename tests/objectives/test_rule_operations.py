"""What each rule operation does, in English and in Chinese, and how it reads lexicons and encoders."""

import csv
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from autotune.objectives.augmentation import words
from autotune.objectives.augmentation.flip import Flip
from autotune.objectives.augmentation.languages import language_of
from autotune.objectives.augmentation.lexicon import built_in, built_in_languages, read_lexicon
from autotune.objectives.augmentation.noise import NEIGHBOURS, WIDE_PUNCTUATION, Noise
from autotune.objectives.augmentation.operation import Resources, TextOperation
from autotune.objectives.augmentation.replace import Replace
from autotune.objectives.augmentation.reverse import Reverse
from autotune.objectives.data.row import Row
from autotune.spaces.augmentation import AugmentationSpace
from autotune.spaces.errors import DataError, OperationUnavailable
from hypothesis import given
from hypothesis import strategies as st

OPPOSITES = {"positive": "negative", "negative": "positive"}
LABELS = ("negative", "positive")
MARKS = (*WIDE_PUNCTUATION, *NEIGHBOURS, *map(str.upper, NEIGHBOURS), *".;?:!, ")


def flip(*texts: str, language: str = "auto", lexicon: str | None = None, base: Path = Path()) -> Flip:
    space = AugmentationSpace.model_validate(
        {"language": language, "flip": {"opposites": OPPOSITES, "lexicon": lexicon}}
    )
    return Flip.make(space, Resources(base, "scratch:tiny", [Row((text,)) for text in texts], LABELS))


def one(operation: TextOperation, text: str, magnitude: float = 1.0, label: str | None = "positive") -> Row | None:
    (result,) = operation.rewrite([Row((text,), label)], magnitude, 0, 0)
    return result


def turned(text: str, magnitude: float = 1.0) -> str | None:
    result = one(flip(text), text, magnitude)
    return result and result.texts[0]


def turns(operation: TextOperation, text: str) -> set[str | None]:
    """What some replicas make of a text."""
    results = [operation.rewrite([Row((text,), "positive")], 1.0, replica, 0)[0] for replica in range(30)]
    return {result and result.texts[0] for result in results}


def lexicon(folder: Path, *lines: str, header: str = "word\tpos\tsynonyms\tantonyms", end: str = "\n") -> Path:
    file = folder / "lexicon.tsv"
    file.write_bytes(end.join([header, *lines, ""]).encode())
    return file


@given(text=st.text(alphabet=st.characters(max_codepoint=127), max_size=60))
def test_ascii_is_cut_as_any_text_is(text: str) -> None:
    assert words.pieces(text) == words._runs(text)
    assert "".join(words.pieces(text)) == text


@given(text=st.text(max_size=60))
def test_pieces_make_up_the_text(text: str) -> None:
    assert "".join(words.pieces(text)) == text
    assert "".join(words.clusters(text)) == text


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("味道不错，下次再来！", 8),
        ("กินข้าว", 5),
        ("5星 hotel 很好", 5),
        ("don't stop - now", 3),
        ("か\u3099く", 2),
        ("", 0),
        ("！！！", 0),
    ],
)
def test_words_of_scripts_with_and_without_blanks(text: str, count: int) -> None:
    assert len(words.word_positions(words.pieces(text))) == count


@given(word=st.text(max_size=20))
def test_core_makes_up_the_word(word: str) -> None:
    before, letters, after = words.core(word)
    assert before + letters + after == word
    assert not letters or letters[0].isalnum()
    assert not any(map(str.isalnum, before + after))


def test_case_follows_the_model() -> None:
    pairs = [("superb", "Great"), ("superb", "GREAT"), ("superb", "great"), ("NASA", "it"), ("we", "I")]
    assert [words.like(*pair) for pair in pairs] == ["Superb", "SUPERB", "superb", "NASA", "We"]


def test_noise_in_chinese_swaps_drops_doubles_and_marks() -> None:
    results = {Noise().apply("好吃", 0.5, random.Random(seed)) for seed in range(200)}
    assert {"吃好", "好", "吃", "好好吃", "好吃吃", "好，吃", "好吃。"} <= results
    assert not any(" " in result for result in results)


def test_noise_marks_stick_to_words_that_have_tags() -> None:
    rows = [Row(("good", "7", "很好"), is_words=True)]
    results = [result for seed in range(50) for result in Noise().rewrite(rows, 1.0, 0, seed) if result]
    assert {len(result.texts) for result in results} == {3}
    assert any(result.texts[0].endswith("!") for result in results)
    assert all(" " not in word for result in results for word in result.texts)


def test_reverse_turns_letters_in_about_a_quarter_of_cases() -> None:
    results = [Reverse().apply("one two three", 1.0, random.Random(seed)) for seed in range(400)]
    assert set(results) == {"three two one", "eno owt eerht"}
    assert 0.15 < results.count("eno owt eerht") / 400 < 0.35


def test_replace_keeps_case_and_punctuation(tmp_path: Path) -> None:
    file = lexicon(tmp_path, "great\ta\tsuperb\t", "in\tr\tindium\t", "price\tn\tasking price\t")
    space = AugmentationSpace.model_validate({"replace": {"lexicon": file.name}})
    operation = Replace.make(space, Resources(tmp_path, "scratch:tiny", []))
    assert one(operation, "Great, (great) GREAT in price!") == Row(
        ("Superb, (superb) SUPERB in asking price!",), "positive"
    )
    row = Row(("Great", "price", "in"), is_words=True)
    assert operation.rewrite([row], 1.0, 0, 0) == [Row(("Superb", "price", "in"), is_words=True)]


def test_a_lexicon_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lexicon(tmp_path, "great\ta\tsuperb\tpoor", "zippy\ta\t\tslow")
    monkeypatch.setenv("HOME", str(tmp_path))
    elsewhere = Resources(Path("/elsewhere"), "scratch:tiny", [])
    space = AugmentationSpace.model_validate({"replace": {"lexicon": "~/lexicon.tsv"}})
    assert one(Replace.make(space, elsewhere), "great") == Row(("superb",), "positive")
    assert "a slow phone" in turns(
        flip("a zippy phone", lexicon="~/lexicon.tsv", base=Path("/elsewhere")), "a zippy phone"
    )


def test_replace_finds_chinese_words_by_longest_match(tmp_path: Path) -> None:
    file = lexicon(tmp_path, "味道\tn\t滋味\t", "味道好\ta\t可口\t", "道\tn\t路\t")
    space = AugmentationSpace.model_validate({"replace": {"lexicon": str(file)}})
    result = one(Replace.make(space, Resources(tmp_path, "scratch:tiny", [])), "味道好，道味道")
    assert result == Row(("可口，道滋味",), "positive")


@pytest.mark.slow
def test_replace_takes_whole_words_from_a_pretrained_encoder(minilm: Path) -> None:
    said: list[str] = []
    resources = Resources(Path(), str(minilm), [Row(("The battery is Great, unbelievablyodd",))], say=said.append)
    operation = Replace.make(AugmentationSpace(), resources)
    assert operation.fingerprint == Replace.make(AugmentationSpace(), resources).fingerprint
    assert not said
    assert not {"The", "the", "is", "unbelievablyodd"} & {
        word for word in ("The", "the", "is", "unbelievablyodd") if operation._of(word)
    }
    assert {"terrific", "wonderful"} & set(operation._of("Great"))
    assert not any(word.startswith("##") or word.lower() == "great" for word in operation._of("great"))


def test_replace_says_that_a_scratch_encoders_neighbours_are_arbitrary() -> None:
    said: list[str] = []
    rows = [Row((f"good battery and poor screen {number}",)) for number in range(5)]
    resources = Resources(Path(), "scratch:tiny", rows, max_length=16, say=said.append)
    first, second = (Replace.make(AugmentationSpace(), resources) for _ in range(2))
    assert "arbitrary" in said[0]
    assert first.fingerprint == second.fingerprint
    assert one(first, "good battery") == one(second, "good battery") != Row(("good battery",), "positive")


@pytest.mark.parametrize("texts", [[], ["味道不错", "好吃"], ["7 8 !"], ["a b"]])
def test_replace_says_where_the_encoder_knows_no_word(texts: list[str]) -> None:
    said: list[str] = []
    rows = [Row((text,)) for text in texts]
    operation = Replace.make(AugmentationSpace(), Resources(Path(), "scratch:tiny", rows, say=said.append))
    assert "no word of the rows is one token" in said[-1]
    assert operation.rewrite(rows, 1.0, 0, 0) == rows


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The screen is not good.", "The screen is good."),
        ("It doesn't work well", "It does work well"),
        ("Not good at all", "Good at all"),
        ("I LOVE it!", "I HATE it!"),
        ("This is a phone", "This is not a phone"),
        ("I would never buy it", "I would buy it"),
        ("a useless case", "a useful case"),
        ("It is not only cheap.", "It is not only expensive."),
        ("No. Cheap.", "No. Expensive."),
        ("饭菜很难吃", "饭菜很好吃"),
        ("味道不好", "味道好"),
        ("不太好吃", "好吃"),
        ("这是米饭", "这不是米饭"),
        ("没有送水", "有送水"),
        ("好像米饭", None),
        ("你好", None),
        ("Battery charger", None),
    ],
)
def test_flip_turns_polar_words_and_negation(text: str, expected: str | None) -> None:
    assert expected in turns(flip(text), text)


def test_flip_never_turns_by_half() -> None:
    text = "The good, cheap, fast and reliable phone that I bought here"
    assert turned(text, 0.1) is None
    result = turned(text, 0.4)
    assert result is not None
    assert not {"good", "cheap", "fast", "reliable"} & set(result.replace(",", "").split())


def test_flip_twice_comes_back_to_the_label() -> None:
    once = one(flip("The food is good"), "The food is good")
    assert once is not None
    assert once.label == "negative"
    twice = one(flip("The food is good"), once.texts[0], label=once.label)
    assert twice is not None
    assert twice.label == "positive"


def test_flip_fits_the_article() -> None:
    assert turned("It is an awful one") in {f"It is {word} one" for word in ("an excellent", "a wonderful")}


@pytest.mark.parametrize("row", [Row(("good",)), Row(("good",), "neutral"), Row(("good", "bad"), "positive")])
def test_flip_refuses_rows_without_an_opposite(row: Row) -> None:
    assert flip("good").rewrite([row], 1.0, 0, 0) == [None]


def test_flip_asks_for_opposites_and_checks_them() -> None:
    resources = Resources(Path(), "scratch:tiny", [Row(("good",))], LABELS)
    with pytest.raises(OperationUnavailable, match=r"flip\.opposites: .*negative: positive, positive: negative"):
        Flip.make(AugmentationSpace(), resources)
    space = AugmentationSpace.model_validate({"flip": {"opposites": {"positive": "negativ"}}})
    with pytest.raises(DataError, match=r"flip\.opposites: no such label 'negativ'; labels: negative, pos"):
        Flip.make(space, resources)
    space = AugmentationSpace.model_validate({"flip": {"opposites": {"positive": "positive"}}})
    with pytest.raises(DataError, match=r"flip\.opposites: 'positive' cannot be its own opposite"):
        Flip.make(space, resources)


def test_flip_of_another_language_needs_a_lexicon(tmp_path: Path) -> None:
    with pytest.raises(OperationUnavailable, match=r"flip\.lexicon: .*'ru' \(built in: en, zh\)"):
        flip("хороший телефон")
    lexicon(tmp_path, "хороший\ta\t\tплохой")
    operation = flip("хороший телефон", lexicon="lexicon.tsv", base=tmp_path)
    assert one(operation, "Хороший телефон") == Row(("Плохой телефон",), "negative")


def test_users_lexicon_adds_to_the_built_in_one(tmp_path: Path) -> None:
    lexicon(tmp_path, "crunchy\ta\t\tmushy", "on\tr\t\toff", "not\tr\t\tyes", "good\ta\t\tevil")
    operation = flip("a", lexicon="lexicon.tsv", base=tmp_path, language="en")
    assert one(operation, "crunchy on top") == Row(("mushy on top",), "negative")
    assert "evil" not in turns(operation, "good")
    assert turns(operation, "not on top") == {"on top"}


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_lexicon_reads_what_editors_write(tmp_path: Path, mark: str, end: str) -> None:
    lines = ("Good\ta\tfine,nice\tbad", "", "good\tn\tnice, benefit,\t", "plain\ta\t\t")
    found = read_lexicon(lexicon(tmp_path, *lines, header=f"{mark}word\tpos\tsynonyms\tantonyms", end=end), "key")
    assert found.synonyms == {"good": ("fine", "nice", "benefit"), "plain": ()}
    assert found.antonyms == {"good": ("bad",), "plain": ()}


def test_lexicon_names_every_bad_line(tmp_path: Path) -> None:
    file = lexicon(tmp_path, "good\ta\tfine", "\ta\tfine\t", "ok\ta\t\t", *["x"] * 10)
    file.write_bytes(file.read_bytes() + b"caf\xe9\ta\t\t\n")
    with pytest.raises(DataError) as error:
        read_lexicon(file, "space.augmentation.replace.lexicon")
    message = str(error.value)
    assert message.startswith(f"space.augmentation.replace.lexicon: {file}: bad lines")
    assert "line 2: 3 columns instead of 4" in message
    assert "line 3: the word is empty" in message
    assert "line 4" not in message
    assert message.endswith("and 3 more")
    file.write_bytes(b"word\tpos\tsynonyms\tantonyms\ncaf\xe9\ta\t\t\n")
    with pytest.raises(DataError, match="line 2: no valid UTF-8 at byte 4"):
        read_lexicon(file, "key")
    file.write_bytes(b"word,pos\n")
    with pytest.raises(DataError, match="line 1: 'word,pos', where the header must be the columns word, pos"):
        read_lexicon(file, "key")
    with pytest.raises(OperationUnavailable, match=r"key: .*nowhere\.tsv: no such file"):
        read_lexicon(tmp_path / "nowhere.tsv", "key")


def test_built_in_lexicons_are_sound() -> None:
    assert built_in_languages() == ["en", "zh"]
    assert built_in("xx") is None
    for language, least in (("en", 600), ("zh", 350)):
        found = built_in(language)
        assert found is not None
        assert sum(map(bool, found.antonyms.values())) >= least
        assert not any(word in others for word, others in found.antonyms.items())


@pytest.mark.parametrize(
    ("setting", "text", "language"),
    [
        ("auto", "味道不错 OK", "zh"),
        ("auto", "très bon", "en"),
        ("auto", "おいしい店", "ja"),
        ("zh-CN", "a", "zh"),
        ("auto", "7", "unknown"),
    ],
)
def test_language_by_setting_or_script(setting: str, text: str, language: str) -> None:
    assert language_of(setting, [text]) == language


@pytest.mark.slow
@pytest.mark.parametrize("make", [Replace.make, Flip.make, Noise.make])
def test_chinese_reviews_run_through(
    make: Callable[[AugmentationSpace, Resources], TextOperation], shared_data: Path
) -> None:
    with (shared_data / "waimai4000" / "train.csv").open(encoding="utf-8") as stream:
        rows = [Row((line["text"],), line["label"]) for line in csv.DictReader(stream)]
    file = str(shared_data / "lexicon_zh" / "synonyms_antonyms_zh.tsv")
    settings = {"replace": {"lexicon": file}, "flip": {"lexicon": file, "opposites": OPPOSITES}}
    space = AugmentationSpace.model_validate(settings)
    results = make(space, Resources(Path(), "scratch:tiny", rows, LABELS)).rewrite(rows, 0.3, 0, 0)
    changed = [result for row, result in zip(rows, results, strict=True) if result not in {row, None}]
    assert len(changed) > 0.8 * len(rows)
    assert all(result is None or result.texts[0].strip() for result in results)
    whole = {"".join(row.texts) for row in rows} | {Path(file).read_text(encoding="utf-8")} | {"".join(MARKS)}
    shipped = built_in("zh")
    assert shipped is not None
    whole |= {word for others in shipped.antonyms.values() for word in others} | {"不没有是会能要想可以应该愿意真"}
    characters = {cluster for text in whole for cluster in words.clusters(text)}
    assert all(set(words.clusters(result.texts[0])) <= characters for result in results if result)
