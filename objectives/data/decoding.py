"""From a file's bytes to its content, and to text."""

import codecs
import gzip
import zlib
from contextlib import suppress
from pathlib import Path

from ...spaces.errors import DataError
from .mistakes import Mistakes

_GZIP = b"\x1f\x8b"
_NO_TEXTS = {
    _GZIP: "compressed (gzip): unpack it, or call it {packed}",
    b"\xfd7zXZ\0": "compressed (xz): unpack it",
    b"BZh9": "compressed (bzip2): unpack it",
    b"PK\x03\x04": "a zip archive: unpack it, or save a spreadsheet (.xlsx, .ods) as CSV UTF-8",
    b"\xd0\xcf\x11\xe0": "a spreadsheet of an old Excel (.xls): save it as CSV UTF-8",
}
"""What files of other programs begin with, and what they are."""
_LIKELY = (
    ("gb2312", "gbk", "GBK"),
    ("gb18030", "gb18030", "GB18030"),
    ("cp1252", "cp1252", "Latin-1 or Windows-1252"),
)
"""What a text may be that is not UTF-8: what it is tried as, what the study file may say, and what it is called."""
PACKED = ".gz"
"""The end of the name of a file that is read as what is packed in it."""
_UTF_16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_bytes(path: str, source: str) -> bytes:
    """The file's content; DataError if it cannot be read or is empty."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise DataError(f"{source}: cannot be read ({error.strerror})") from error
    if not data:
        raise DataError(f"{source}: the file is empty")
    return data


def content_of(data: bytes, path: str, source: str) -> bytes:
    """What a file holds: its bytes, or what is packed in them. DataError: it is empty, or another program's."""
    if Path(path).suffix.lower() == PACKED:
        data = _unpacked(data, source)
    if what := _other_format(data, f"{Path(source).name}{PACKED}"):
        raise DataError(f"{source}: the file is {what}")
    return data


def _unpacked(data: bytes, source: str) -> bytes:
    if not data.startswith(_GZIP):
        name = Path(source).name[: -len(PACKED)]
        raise DataError(f"{source}: not compressed with gzip, as its name says; call it {name}")
    try:
        data = gzip.decompress(data)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{source}: cannot be unpacked ({error})") from error
    if not data:
        raise DataError(f"{source}: the file is empty")
    return data


def other_format(path: Path) -> str:
    """What a file of another program is, by its first bytes; the empty string where they say nothing.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return _other_format(file.read(max(map(len, _NO_TEXTS))), ".csv.gz, .tsv.gz, .jsonl.gz, as what is in it")


def _other_format(data: bytes, packed: str) -> str:
    """`packed`: how a packed file may be called."""
    return next((what.format(packed=packed) for start, what in _NO_TEXTS.items() if data.startswith(start)), "")


def decode(data: bytes, source: str, encoding: str | None = None, section: str = "data") -> str:
    """The text of bytes, without byte order marks.

    Args:
        data: UTF-8, or UTF-16 that begins with its mark, or in the encoding that is named.
        source: as the user wrote it, for messages.
        encoding: of a text without a mark; None: UTF-8.
        section: the part of the study file where it can be named, for messages.

    Raises:
        DataError: another encoding, a NUL, or nothing but blanks.
    """
    # Some programs write a mark before a text that has one already, and pandas would read another header than ours.
    text = _marked(data, source, encoding, section).lstrip("\ufeff")
    mistakes = Mistakes(source)
    for number, line in enumerate(text.split("\n"), 1):
        if "\0" in line:
            mistakes.add(number, "holds a NUL byte (is it UTF-16, or not a text file?)")
    mistakes.raise_if_any()
    if not text.strip():
        raise DataError(f"{source}: the file is empty")
    return text


def _marked(data: bytes, source: str, encoding: str | None, section: str) -> str:
    if data.startswith(_UTF_16_MARKS) and not (encoding and data.startswith(codecs.BOM_UTF32_LE)):
        return _utf_16(data, source)
    if encoding is None or data.startswith(codecs.BOM_UTF8):
        return _utf_8(data, source, section)
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        byte = f"0x{data[error.start]:02x}"
        raise DataError(f"{source}, line {line}: {byte} is not {encoding}, which `encoding` says") from error


def _utf_16(data: bytes, source: str) -> str:
    try:
        return data.decode("utf-16")
    except UnicodeDecodeError as error:
        line = data[: error.start].decode("utf-16").count("\n") + 1
        raise DataError(
            f"{source}, line {line}: not UTF-16 ({error.reason}), as which the file begins; save it as UTF-8"
        ) from error


def _utf_8(data: bytes, source: str, section: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        start = error.start + (len(codecs.BOM_UTF8) if data.startswith(codecs.BOM_UTF8) else 0)
        line = data.count(b"\n", 0, start) + 1
        byte = start - (data.rfind(b"\n", 0, start) + 1) + 1
        name, codec = _likely_encoding(data)
        raise DataError(
            f"{source}, line {line}: byte {byte} of the line (0x{data[start]:02x}) is not UTF-8; the file looks like "
            f"{name}: save it as UTF-8, or add this line to the study file, under {section}: `encoding: {codec}`"
            f"{_sample(data, codec)}"
        ) from error


def _sample(data: bytes, codec: str) -> str:
    """How the first words beyond ASCII read in an encoding that is only likely: eyes tell whether it is right."""
    words = [word for word in data.decode(codec, "replace").split() if not word.isascii()]
    return f" (its words then read {', '.join(map(repr, words[:3]))}; if that is wrong, name another encoding)"


def _likely_encoding(data: bytes) -> tuple[str, str]:
    """Its name, and Python's."""
    for tried, codec, name in _LIKELY:
        with suppress(UnicodeDecodeError):
            text = data.decode(tried)
            if tried != "gb18030" or _is_chinese(text):
                return name, codec
    return "Latin-1", "latin-1"


def _is_chinese(text: str) -> bool:
    """Whether nearly all characters are common ones: GB18030 makes rare ones of nearly any bytes."""
    beyond = "".join(character for character in text if not character.isascii())
    return len(beyond.encode("gb2312", "ignore")) >= 2 * 0.9 * len(beyond)
