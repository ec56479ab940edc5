"""The model card: README.md in a trained model's folder, as the Hub and people read it."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ...objectives.prepared import PreparedObjective
from ...objectives.tasks.opening import Opening
from ...objectives.training.production import Trained
from ..export.best_file import BestConfiguration
from ..export.confirmed_figures import ConfirmedFigures, Figure
from ..roles import BASELINE
from ..safe_text import markdown
from ..verdict.significance import level_of
from ..versions import versions
from ..wording import number

_CORRECTED = "the same, corrected for selection"


@dataclass(frozen=True)
class ModelCard:
    """What a card is written from.

    Args:
        best: what was trained.
        prepared: on what.
        trained: with what outcome.
        name: of the model, its folder's.
        command: that trained it.
    """

    best: BestConfiguration
    prepared: PreparedObjective
    trained: Trained
    name: str
    command: str

    def text(self) -> str:
        """The whole file: YAML front matter, then Markdown."""
        front = yaml.safe_dump(self._front_matter(), sort_keys=False, allow_unicode=True)
        sections: Mapping[str, Iterable[str]] = {
            "Results": self._results(),
            "Is it better than the baseline?": self._verdict(),
            "What was trained": self._configuration(),
            "Data": self._data(),
            "Use": self._use(),
            "How it was made": self._making(),
        }
        body = [f"# {markdown(self.name)}", "", *self._summary()]
        for title, lines in sections.items():
            body += ["", f"## {title}", "", *lines]
        return f"---\n{front}---\n\n" + "\n".join(body) + "\n"

    def _front_matter(self) -> dict[str, Any]:
        encoder, pipeline = self._encoder, self._opening.pipeline
        known = {"library_name": "transformers", "tags": ["autotune"], "metrics": [self.best.settings.metric]}
        if pipeline is not None:
            known["pipeline_tag"] = pipeline
        if re.fullmatch(r"[\w.-]+/[\w.-]+", encoder):  # as a Hub id is written
            known["base_model"] = encoder
        return known

    @property
    def _opening(self) -> Opening:
        return self.prepared.main.task.opening(self.prepared.encoder)

    @property
    def _encoder(self) -> str:
        """The encoder's name; of a local folder the last part only."""
        encoder = self.best.settings.model.encoder
        is_folder = encoder.startswith((".", "/", "~")) or self.prepared.encoder.location not in (None, encoder)
        return Path(encoder).name if is_folder and ":" not in encoder else encoder

    def _summary(self) -> Iterator[str]:
        main, found = self.prepared.main.task, self.best.found
        origin = f"trial {found.trial}" if found.trial is not None else "a variant that the confirmation trained"
        yield (
            f"A model for {markdown(main.name)} ({main.kind.replace('_', ' ')}) on {markdown(self._encoder)}, trained "
            f"by autotune with the configuration that the study {markdown(found.study)} found ({origin})."
        )

    def _results(self) -> Iterator[str]:
        measured = {"validation": self.trained.validation, "test": self.trained.test}
        names = list(dict.fromkeys(name for found in measured.values() for name in found))
        if not names:
            yield "No row was held out: all were trained on, so nothing was measured."
            return
        yield from _table(
            ["data", *names],
            ([split, *(_number(found.get(name)) for name in names)] for split, found in measured.items() if found),
        )
        yield ""
        trained, total = self.trained, self.trained.run.total_steps
        yield f"Trained to step {trained.run.step} of {total}; the weights are those of step {trained.step}."

    def _verdict(self) -> Iterator[str]:
        metric, found, confirmed = self.best.settings.metric, self.best.found, self.best.confirmed
        if not self.best.is_as_measured:
            yield "The configuration was changed after it was exported: the study's results do not apply to it."
        elif confirmed is not None:
            yield from _confirmed(confirmed, metric)
        elif found.value is not None:
            answer = "It is the baseline itself" if found.trial == 0 else "Unknown"
            beside = f", the baseline's {_number(found.baseline)}" if found.baseline is not None else ""
            yield (
                f"{answer}. In the search its {metric} on validation data was {_number(found.value)}{beside}; that is "
                "one noisy score, and partly luck if it was chosen for it: fresh seeds have not confirmed it."
            )
        else:
            yield "Unknown: the search has no figure for it, and fresh seeds have not confirmed it."

    def _configuration(self) -> Iterator[str]:
        configuration, settings = self.best.configuration, self.best.settings
        weights = {settings.main_task: configuration.alpha, **configuration.betas}
        yield from _table(
            ["task", "kind", "loss weight", "normaliser"],
            (
                [name, settings.tasks[name].kind, symbol + _number(weight), _number(self.prepared.normalisers[name])]
                for symbol, (name, weight) in zip(["α = ", *["β = "] * len(weights)], weights.items(), strict=False)
            ),
        )
        yield ""
        yield "The loss is the sum of each task's mean loss, divided by its normaliser, times its weight."
        yield ""
        rest = self.prepared.training_of(configuration).model_dump(exclude={"learning_rate"})
        mix = configuration.mix
        facts: dict[str, object] = {"learning rate": f"{configuration.learning_rate:.3g}"}
        if mix.share:
            shares = ", ".join(f"{name} {share:.0%}" for name, share in mix.operations.items() if share)
            facts["augmentation"] = f"{shares} of the rows, at magnitude {mix.magnitude:g}"
        facts |= {name.replace("_", " "): value for name, value in rest.items() if value is not None}
        facts |= configuration.cleaning
        if commit := self.prepared.encoder.commit:
            facts["encoder's commit"] = commit
        yield from _table(["setting", "value"], ([name, value] for name, value in facts.items()))

    def _data(self) -> Iterator[str]:
        yield from _table(
            ["source", "SHA-256"], ([_source(text), known] for text, known in self.best.fingerprints.items())
        )
        yield ""
        prepared, main = self.prepared, self.best.settings.main_task
        counts = {f"training, {name}": len(prepared.train[name].tokens) for name in self.trained.run.model.heads}
        if self.trained.validation:
            counts["validation"] = len(prepared.validations[main].tokens)
        if prepared.test is not None:
            counts["test"] = len(prepared.test.tokens)
        yield from _table(["rows", "number"], ([name, count] for name, count in counts.items()))

    def _use(self) -> Iterator[str]:
        opening = self._opening
        yield "```python"
        if opening.pipeline is not None:
            options = ", ".join(filter(None, ['model="path/to/this/folder"', opening.options]))
            yield "from transformers import pipeline"
            yield ""
            yield f'model = pipeline("{opening.pipeline}", {options})'
            if opening.call:
                yield opening.call
        else:
            yield f"from transformers import {opening.auto_class}, AutoTokenizer"
            yield ""
            yield f'model = {opening.auto_class}.from_pretrained("path/to/this/folder")'
            yield 'tokenizer = AutoTokenizer.from_pretrained("path/to/this/folder")'
        yield "```"

    def _making(self) -> Iterator[str]:
        yield "```sh"
        yield " ".join(self.command.split())
        yield "```"
        yield ""
        yield from _table(["", "version"], ([name, known] for name, known in versions().items()))
        yield ""
        yield f"Seed {self.best.seed}; {self.trained.seconds:.0f} s of training."


def _confirmed(confirmed: ConfirmedFigures, metric: str) -> Iterator[str]:
    if confirmed.name != confirmed.winner:
        yield from _of_another(confirmed)
    for words in confirmed.words:
        yield f"- {markdown(words)}"
    yield ""
    yield from _table(
        ["", "mean", "95 % interval"],
        ([name, _number(figure.mean), _interval(figure)] for name, figure in _figures(confirmed, metric) if figure),
    )
    if len(confirmed.tied) > 1:  # more than the winner
        yield ""
        tied = markdown(", ".join(confirmed.tied))
        yield f"These seeds cannot distinguish: {tied}; the simplest of them is {markdown(confirmed.simplest)}."
    if confirmed.same_rows:
        yield ""
        yield "All seeds were measured on the same rows, and the figures hold for these only."


def _of_another(confirmed: ConfirmedFigures) -> Iterator[str]:
    """The answer for a configuration that did not win: the study's words are of the winner."""
    if confirmed.name == BASELINE:
        answer = "the baseline itself"
    elif confirmed.gain is None:
        answer = "not compared with the baseline, which failed on every seed"
    else:
        answer = f"{'' if confirmed.gain.better else 'not '}shown to be better than the baseline"
    yield (
        f"This is {markdown(confirmed.name)}, not the winner, {markdown(confirmed.winner)}. It is {answer}. The table "
        "has its figures; the verdict of the study is of the winner:"
    )
    yield ""


def _figures(confirmed: ConfirmedFigures, metric: str) -> Iterator[tuple[str, Figure | None]]:
    """Each as measured, and below it what is left of it on seeds that did not choose, where that is told."""
    corrected = confirmed.corrected
    yield f"{metric} on {len(confirmed.scores)} fresh seeds", Figure(mean=confirmed.mean, interval=confirmed.interval)
    yield _CORRECTED, None if corrected is None else Figure(mean=corrected, interval=confirmed.corrected_interval)
    yield "the baseline's", confirmed.baseline
    yield from _gains(confirmed)
    yield "by how much the search's score was too high", confirmed.optimism
    if test := confirmed.test:
        yield "on test data", test.winner
        yield "the baseline's on test data", test.baseline
        yield "gain on test data", test.gain


def _gains(confirmed: ConfirmedFigures) -> Iterator[tuple[str, Figure | None]]:
    gain, measured = confirmed.gain, confirmed.measured_gain
    look = gain.look if gain else 1
    level = f", {100 * level_of(look):.3g} % interval" if look > 1 else ""
    is_corrected = confirmed.corrected is not None  # the winner's
    if measured is not None:
        yield f"gain over the baseline{level}", measured
        yield f"{_CORRECTED}{level}", gain if is_corrected else None
    else:
        yield f"gain over the baseline{', corrected for selection' if is_corrected else ''}{level}", gain


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    yield f"| {' | '.join(map(markdown, head))} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(map(markdown, row))} |"


def _interval(figure: Figure) -> str:
    return "" if figure.interval is None else " to ".join(map(_number, figure.interval))


def _number(value: float | None) -> str:
    return "" if value is None else number(value)


def _source(text: str) -> str:
    """A file's name without its folders; a data set of the Hub has none."""
    return Path(text).name if text.startswith((".", "/", "~")) else text
