"""Values of options that are refused, in words of ours: typer passes on those of pydantic, which name no value."""

from typing import Any

import typer
from typer.core import TyperGroup

_WORDS = {
    "int_parsing": "{input!r} is not a whole number",
    "float_parsing": "{input!r} is not a number",
    "greater_than_equal": "{input} is not {ge} or more",
    "less_than_equal": "{input} is not {le} or less",
}


class Commands(TyperGroup):
    """Commands, those of groups in it included, that say what is wrong with a value."""

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401, typer's own context is private
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            error.message = _told(error)
            raise


def _told(error: typer.BadParameter) -> str:
    from pydantic import ValidationError

    if isinstance(error.__cause__, ValidationError):
        detail = error.__cause__.errors()[0]
        if words := _WORDS.get(detail["type"]):
            return words.format(input=detail["input"], **detail.get("ctx", {}))
    return error.message.removeprefix("Value error, ")
