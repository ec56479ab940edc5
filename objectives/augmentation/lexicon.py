"""Lexicons: tab-separated files of word, part of speech, synonyms and antonyms, the last two joined by commas."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from ...spaces.errors import DataError, OperationUnavailable

HEADER = ("word", "pos", "synonyms", "antonyms")
_SHOWN = 10
"""Bad lines that an error names; the rest it counts."""

Words = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Lexicon:
    """`synonyms` and `antonyms` of every word, in lower case; `content`: a hash of the file or files."""

    synonyms: Words
    antonyms: Words
    content: str

    def joined(self, other: "Lexicon") -> "Lexicon":
        """This lexicon, and what the other says of words that this one says nothing of."""
        content = hashlib.sha256(f"{self.content}+{other.content}".encode()).hexdigest()
        return Lexicon(_merged(self.synonyms, other.synonyms), _merged(self.antonyms, other.antonyms), content)


def read_lexicon(path: Path, key: str) -> Lexicon:
    """Read a lexicon; a word that has several lines keeps what each of them says.

    Args:
        path: the file, UTF-8, with or without a byte order mark.
        key: the study file's key that names it, for errors.

    Raises:
        OperationUnavailable: there is no such file, or it cannot be read.
        DataError: lines that are not of the format; the message names each, up to ten.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        reason = "no such file" if isinstance(error, FileNotFoundError) else (error.strerror or "cannot be read")
        raise OperationUnavailable(
            f"{key}: {path}: {reason}; give a tab-separated file with the columns {', '.join(HEADER)}"
        ) from error
    return _parsed(data, f"{key}: {path}")


@cache
def built_in(language: str) -> Lexicon | None:
    """The lexicon that ships for a language, such as "en"; None where there is none."""
    file = files(__package__ or "") / "lexicons" / f"{language}.tsv"
    return _parsed(file.read_bytes(), file.name) if file.is_file() else None


def built_in_languages() -> list[str]:
    """The languages whose lexicons ship, sorted."""
    folder = files(__package__ or "") / "lexicons"
    return sorted(file.name.removesuffix(".tsv") for file in folder.iterdir() if file.name.endswith(".tsv"))


def _parsed(data: bytes, where: str) -> Lexicon:
    synonyms: dict[str, list[str]] = {}
    antonyms: dict[str, list[str]] = {}
    problems: list[str] = []
    lines = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    for number, line in enumerate(lines, start=1):
        fields = _fields(line)
        problem = _problem(fields, is_header=number == 1)
        if problem:
            problems.append(f"line {number}: {problem}")
        elif isinstance(fields, list) and number > 1 and len(fields) > 1:
            word = fields[0].strip().lower()
            synonyms.setdefault(word, []).extend(_listed(fields[2], word))
            antonyms.setdefault(word, []).extend(_listed(fields[3], word))
    if problems:
        more = f"\n  and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise DataError(f"{where}: bad lines\n  " + "\n  ".join(problems[:_SHOWN]) + more)
    return Lexicon(_distinct(synonyms), _distinct(antonyms), hashlib.sha256(data).hexdigest())


def _fields(line: bytes) -> list[str] | UnicodeDecodeError:
    try:
        return line.removesuffix(b"\r").decode("utf-8").split("\t")
    except UnicodeDecodeError as error:
        return error


def _problem(fields: list[str] | UnicodeDecodeError, *, is_header: bool) -> str | None:
    """What is wrong with a line, if anything; blank lines are passed over."""
    columns = ", ".join(HEADER)
    if isinstance(fields, UnicodeDecodeError):
        return f"no valid UTF-8 at byte {fields.start + 1}"
    if is_header:
        found = tuple(name.strip().lower() for name in fields)
        return None if found == HEADER else f"{chr(9).join(fields)!r}, where the header must be the columns {columns}"
    if fields == [""]:
        return None
    if len(fields) != len(HEADER):
        return f"{len(fields)} columns instead of {len(HEADER)} ({columns}, separated by tabs)"
    return None if fields[0].strip() else "the word is empty"


def _listed(field: str, word: str) -> list[str]:
    found = (other.strip() for other in field.split(","))
    return [other for other in found if other and other.lower() != word]


def _distinct(words: Mapping[str, Iterable[str]]) -> dict[str, tuple[str, ...]]:
    return {word: tuple(dict.fromkeys(others)) for word, others in words.items()}


def _merged(first: Words, second: Words) -> dict[str, tuple[str, ...]]:
    """`first` with what `second` adds."""
    return {**first, **second, **{word: others for word, others in first.items() if others}}
