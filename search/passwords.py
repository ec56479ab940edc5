"""Masking passwords in texts for users."""

import re


def without_passwords(words: str) -> str:
    """Return a text, as that of an error, without the passwords of the URLs in it."""
    # Greedy, as a password may hold an @; slashes may be too few or too many.
    words = re.sub(r"(:/+[^:/@\s]*):\S*@", r"\1:***@", words)
    return re.sub(r"(password=)[^&\s'\"]*", r"\1***", words, flags=re.IGNORECASE)


def masked(url: str) -> str:
    """Return the URL without its passwords, even if it is not a valid one."""
    if not url.startswith("sqlite:///"):
        # What follows any colon but a scheme's own: slashes may be missing or too few. Greedy up to the last @: a
        # password with an unescaped @ or / in it must not show in part.
        scheme = re.match(r"(\w[\w+]*:/+)?", url)
        begin = scheme.end() if scheme else 0
        url = url[:begin] + re.sub(r":.*@", ":***@", url[begin:], count=1, flags=re.DOTALL)
    return re.sub(r"(password=)[^&]*", r"\1***", url, flags=re.IGNORECASE)
