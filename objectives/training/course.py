"""The schedule of one trial: its batches, rungs and loss weights, and its progress."""

from collections.abc import Mapping

from ...spaces.configuration import Configuration
from ..prepared import PreparedObjective
from .mixing import batches_of
from .patience import Patience
from .trainer import Evaluation


class Course:
    """One trial's way from step to step, whatever trains it. It follows from configuration and seed alone."""

    def __init__(
        self, trial_id: int, configuration: Configuration, prepared: PreparedObjective, *, fixed_shapes: bool
    ) -> None:
        self.trial_id = trial_id
        self.configuration = configuration
        self.step = 0
        self._prepared = prepared = prepared.cleaned(configuration)
        self._training = prepared.training_of(configuration)
        self._rungs = prepared.rungs(self._training)
        self._batches = batches_of(prepared, configuration, fixed_shapes=fixed_shapes)
        self._weights = {prepared.settings.main_task: configuration.alpha, **configuration.betas}
        self._scales = {task: weight / prepared.normalisers[task] for task, weight in self._weights.items()}
        self._patience = Patience()

    @property
    def total_steps(self) -> int:
        """The trial's full length in main-task optimizer steps."""
        return self._rungs[-1]

    @property
    def next_rung(self) -> int:
        """The step of the next evaluation."""
        return next(rung for rung in self._rungs if rung > self.step)

    @property
    def finished(self) -> bool:
        """Whether it is at its full length, or out of patience."""
        limit = self._training.early_stopping
        return self.step >= self.total_steps or (limit is not None and self._patience.waited >= limit)

    def evaluated(self, metrics: Mapping[str, float], losses: Mapping[str, float], seconds: float) -> Evaluation:
        """The evaluation at this step, which the trial's patience remembers."""
        settings = self._prepared.settings
        self._patience = self._patience.after(metrics[settings.metric], maximize=settings.maximize)
        return Evaluation(self.trial_id, self.step, metrics, self.finished, losses=losses, seconds=seconds)
