"""Texts that people see, without the passwords in them."""

import re


def without_passwords(words: str) -> str:
    """Return a text, as that of an error, without the passwords of the URLs in it."""
    words = re.sub(r"(://[^:/@\s]*):\S*@", r"\1:***@", words)  # greedy: a password may hold an @
    return re.sub(r"(password=)[^&\s'\"]*", r"\1***", words, flags=re.IGNORECASE)
