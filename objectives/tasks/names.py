"""What kinds of tasks are called. Nothing heavy is imported, so that the command line starts fast."""

from typing import Literal

Kind = Literal["classification", "multi_label", "regression", "token_classification", "span", "masked_lm", "generation"]
