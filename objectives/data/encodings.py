"""The names of text encodings, as Python knows them."""

import codecs
from encodings.aliases import aliases

from .sources import suggestion

_NOT_OF_FILES = {"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined"}
"""Python counts these as encodings of texts, but no file of texts has them."""


def known_encoding(name: str) -> str:
    """The name itself. ValueError: Python has no such encoding, or it is none of texts."""
    if not _is_of_texts(name):
        known = sorted(filter(_is_of_texts, {*aliases, *aliases.values()}))
        near = suggestion(name.lower(), known) or "; cp1252 and gb18030 are some"
        raise ValueError(f"{name!r} is not an encoding of texts{near}")
    return name


def _is_of_texts(name: str) -> bool:
    try:
        "a".encode(name)
        return codecs.lookup(name).name.replace("-", "_") not in _NOT_OF_FILES
    except (LookupError, ValueError):
        return False
