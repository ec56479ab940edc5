"""Language detection by script."""

from collections import Counter
from collections.abc import Iterable

import regex

_SCRIPTS = {
    "ja": regex.compile(r"[\p{Hiragana}\p{Katakana}]"),
    "zh": regex.compile(r"\p{Han}"),
    "ko": regex.compile(r"\p{Hangul}"),
    "en": regex.compile(r"\p{Latin}"),
    "ru": regex.compile(r"\p{Cyrillic}"),
    "ar": regex.compile(r"\p{Arabic}"),
    "he": regex.compile(r"\p{Hebrew}"),
    "el": regex.compile(r"\p{Greek}"),
    "hi": regex.compile(r"\p{Devanagari}"),
    "th": regex.compile(r"\p{Thai}"),
}
"""A language that stands for its script, in the order in which they are tried."""


def language_of(setting: str, texts: Iterable[str]) -> str:
    """The setting or, where it is "auto", what the script of most texts stands for; Latin letters stand for English.

    A text is in the first of the scripts that half as many of its characters are in as are in any; "unknown" where
    no text has any of the scripts.
    """
    if setting != "auto":
        return setting.lower().split("-")[0]
    found = Counter(filter(None, map(_script, texts)))
    return found.most_common(1)[0][0] if found else "unknown"


def _script(text: str) -> str | None:
    if text.isascii():
        return "en" if any(map(str.isalpha, text)) else None
    counts = {language: len(script.findall(text)) for language, script in _SCRIPTS.items()}
    most = max(counts.values())
    return next((language for language, count in counts.items() if count > 0 and 2 * count >= most), None)
