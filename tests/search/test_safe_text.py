"""Text that others wrote cannot steer a terminal, and stays what it is."""

import json

import pytest
from autotune.search.safe_text import escaped, json_text, plain, printable
from hypothesis import given
from hypothesis import strategies as st

JOINERS = "\u200c\u200d"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("caf\xe9", "caf\xe9"),
        (" a\nb\t", "a b"),
        ("\x1b[31mred", "␛[31mred"),
        ("\x9b31m \u202etxet", "�31m �txet"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("👩\u200d🚀", "👩\u200d🚀"),
    ],
)
def test_what_people_read_is_on_one_line_with_controls_visible(text: str, shown: str):
    assert plain(text) == shown


@given(st.text())
def test_every_character_keeps_its_place(text: str):
    found = printable(text)
    assert len(found) == len(text)
    assert all(character.isprintable() or character in JOINERS for character in found)


@given(st.text())
def test_what_is_escaped_is_printable_and_can_be_told_apart(text: str):
    assert escaped(text).isprintable()
    assert escaped(text) == text if text.isprintable() else escaped(text) != text


@given(st.recursive(st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_json_is_what_it_was_and_steers_no_terminal(content: object):
    text = json_text(content)
    assert json.loads(text) == content
    assert all(line.isprintable() for line in text.split("\n"))
