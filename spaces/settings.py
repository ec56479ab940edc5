"""The base of every part of a study file: strict, immutable, described once."""

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """A validated group of settings: unknown keys are refused, values never change.

    Field descriptions are the single source of the JSON Schema, the error texts and the manual.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False)
