"""Text that others wrote, made safe to show: what could steer a terminal, or end a line or a table's cell, is visible.

`printable` is for all that people read, `escaped` for a key or value of their own file, in which they look for it,
`json_text` for programs, `markdown` for a file that is rendered.
"""

import json
import re

_JOINERS = "\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}"
"""Not printable for Python, but emoji and Persian words are written with them, and they steer nothing."""
_PICTURES = 0x2400
"""The first of Unicode's pictures of control characters: ␀, ␁, ..."""
_MARKUP = re.compile(r"([\\`*_\[\]<>#|&~$])")


def printable(text: str) -> str:
    """The text on one line, character by character; controls as pictures (␛), the rest of the unprintable as �."""
    return text if text.isprintable() else "".join(map(_shown, text))


def _shown(character: str) -> str:
    if character.isprintable() or character in _JOINERS:
        return character
    if character.isspace():
        return " "
    return chr(_PICTURES + ord(character)) if ord(character) < 0x20 else "\N{REPLACEMENT CHARACTER}"


def plain(text: str) -> str:
    """The text as `printable` has it, without blanks around it."""
    return printable(text).strip()


def escaped(text: str) -> str:
    """The text on one line, with what is not printable as Python writes it."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def json_text(content: object) -> str:
    """The content as JSON in lines, with all escaped that is not printable: json does so with the first 32 only."""
    text = json.dumps(content, indent=2, ensure_ascii=False)
    return "\n".join(line if line.isprintable() else _escaped_json(line) for line in text.split("\n"))


def _escaped_json(line: str) -> str:
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in line)


def markdown(text: object) -> str:
    """Any text on one line of Markdown, as it is: nothing of it is markup, HTML or the end of a table's cell."""
    return _MARKUP.sub(r"\\\1", " ".join(str(text).split()))
