"""How an export may be written. Nothing heavy is imported, so that the command line starts fast."""

from typing import Literal

Format = Literal["yaml", "json", "hf"]
