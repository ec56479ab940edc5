"""The names of text encodings, as Python knows them."""

from encodings.aliases import aliases

from .sources import suggestion


def known_encoding(name: str) -> str:
    """The name itself. ValueError: Python has no such encoding, or it is none of texts."""
    try:
        "a".encode(name)
    except (LookupError, ValueError):
        near = suggestion(name.lower(), sorted({*aliases, *aliases.values()})) or "; cp1252 and gb18030 are some"
        raise ValueError(f"{name!r} is no encoding of texts{near}") from None
    return name
