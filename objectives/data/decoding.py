"""Decoding a file's bytes to text."""

import codecs
from pathlib import Path

from ...spaces.errors import DataError
from .mistakes import Mistakes

_NO_TEXTS = {
    b"\x1f\x8b": "compressed (gzip): unpack it",
    b"\xfd7zXZ\0": "compressed (xz): unpack it",
    b"BZh9": "compressed (bzip2): unpack it",
    b"PK\x03\x04": "a zip archive: unpack it, or save a spreadsheet (.xlsx, .ods) as CSV UTF-8",
    b"\xd0\xcf\x11\xe0": "a spreadsheet of an old Excel (.xls): save it as CSV UTF-8",
}
"""What files of other programs begin with, and what they are."""
_UTF_16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_bytes(path: str, source: str) -> bytes:
    """The file's content; DataError if it cannot be read or is empty."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise DataError(f"{source}: cannot be read ({error.strerror})") from error
    if not data:
        raise DataError(f"{source}: the file is empty")
    if what := _other_format(data):
        raise DataError(f"{source}: the file is {what}")
    return data


def other_format(path: Path) -> str:
    """What a file of another program is, by its first bytes; the empty string where they say nothing.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return _other_format(file.read(max(map(len, _NO_TEXTS))))


def _other_format(data: bytes) -> str:
    return next((what for start, what in _NO_TEXTS.items() if data.startswith(start)), "")


def decode(data: bytes, source: str) -> str:
    """The text of UTF-8, or of UTF-16 that begins with its byte order mark, without the marks.

    Raises:
        DataError: another encoding, a NUL, or nothing but blanks.
    """
    # Some programs write a mark before a text that has one already, and pandas would read another header than ours.
    text = (_utf_16(data, source) if data.startswith(_UTF_16_MARKS) else _utf_8(data, source)).lstrip("\ufeff")
    mistakes = Mistakes(source)
    for number, line in enumerate(text.split("\n"), 1):
        if "\0" in line:
            mistakes.add(number, "holds a NUL byte (is it UTF-16, or not a text file?)")
    mistakes.raise_if_any()
    if not text.strip():
        raise DataError(f"{source}: the file is empty")
    return text


def _utf_16(data: bytes, source: str) -> str:
    try:
        return data.decode("utf-16")
    except UnicodeDecodeError as error:
        line = data[: error.start].decode("utf-16").count("\n") + 1
        raise DataError(
            f"{source}, line {line}: not UTF-16 ({error.reason}), as which the file begins; save it as UTF-8"
        ) from error


def _utf_8(data: bytes, source: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        start = error.start + (len(codecs.BOM_UTF8) if data.startswith(codecs.BOM_UTF8) else 0)
        line = data.count(b"\n", 0, start) + 1
        byte = start - (data.rfind(b"\n", 0, start) + 1) + 1
        raise DataError(
            f"{source}, line {line}: byte {byte} of the line (0x{data[start]:02x}) is not UTF-8; "
            f"the file looks like {_likely_encoding(data)}; save it as UTF-8"
        ) from error


def _likely_encoding(data: bytes) -> str:
    try:
        data.decode("gb2312")
    except UnicodeDecodeError:
        return "Latin-1 or Windows-1252"
    return "GBK"
