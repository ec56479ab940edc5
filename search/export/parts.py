"""Groups of keys of best.yaml."""

from pydantic import Field

from ...spaces.settings import Settings

SHA256 = r"^[0-9a-f]{64}$"


class FrontMember(Settings):
    """A trial that is best in its own way."""

    trial: int = Field(description="number of the trial")
    values: dict[str, float] = Field(description="all objectives by name")
    configuration: str = Field(description="what it trained, in short; `export --trial` writes it in full")


class Found(Settings):
    """Where a configuration comes from, and what it reached in the search."""

    study: str = Field(description="name of the study")
    fingerprint: str | None = Field(
        default=None,
        pattern=SHA256,
        description="SHA-256 of the study: its file, its data, its trials' configurations and values, its confirmation",
    )
    trial: int | None = Field(
        ge=0, description="number of the trial; null: a variant that only the confirmation trained"
    )
    value: float | None = Field(
        description="(first) objective on validation data: partly luck where it was chosen as the best of many noisy "
        "trials"
    )
    step: int | None = Field(ge=0, description="main-task optimizer steps at the best evaluation")
    baseline: float | None = Field(description="the objective of trial 0: the main task alone, default rate")
    values: dict[str, float] = Field(default_factory=dict[str, float], description="all objectives by name")
    folds: list[float] = Field(default_factory=list[float], description="the (first) objective on each fold")
    front: list[FrontMember] = Field(
        default_factory=list[FrontMember], description="of several objectives: the other trials that none dominates"
    )


class LossWeights(Settings):
    """α and β_k, for training code of your own: L = α·L_main/n_main + Σ β_k·L_k/n_k with the normalisers n."""

    alpha: float = Field(gt=0, le=1, description="the main task's weight")
    betas: dict[str, float] = Field(description="the auxiliary tasks' weights; α + Σ β_k = 1")
    normalisers: dict[str, float] = Field(description="each task's loss for an uninformed prediction")


class Commands(Settings):
    """What to do with the file, from its folder."""

    train: str = Field(description="trains the configuration for production")
    verify: str = Field(description="trains it again on the stated seeds, and checks the figures")
