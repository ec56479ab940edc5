"""How transformers opens the exported model of a main task."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Opening:
    """What whoever opens the model must know.

    Args:
        auto_class: of transformers, whose `from_pretrained` opens it.
        pipeline: the name of transformers' pipeline for it; None: there is none.
        options: what the pipeline must be told to say what was measured, as Python code.
        call: a line of Python that calls the pipeline, called `model`, where a text alone would not do.
    """

    auto_class: str
    pipeline: str | None = None
    options: str = ""
    call: str = ""
