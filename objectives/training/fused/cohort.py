"""A cohort: trials stacked at a rung, trained as one program, and separated again at the next rung."""

from collections.abc import Iterator, Mapping, Sequence

import torch

from ...multi_task.fused.model import FusedModel
from ...multi_task.fused.weights import empty_rows
from ...prepared import PreparedObjective, TaskRows
from ..device import autocast, autocast_passes, product_dtype
from ..evaluating import held_out, in_order, measured
from ..failing import failure_of, is_more_than_a_trials
from ..failure import FailureKind
from ..mean_losses import MeanLosses
from ..mixing import together
from ..trainer import Evaluation
from .row_adamw import clip_rows
from .run import FusedRun
from .threads import Halt


class Cohort:
    """Some trials of one form (see `FusedRun.form`) on the weights that they lend a model.

    What goes wrong in a step leaves every trial where the step before left it, so that each may go on with fewer
    neighbours.
    """

    def __init__(
        self,
        model: FusedModel,
        runs: Sequence[FusedRun],
        prepared: PreparedObjective,
        device: torch.device,
        halt: Halt | None = None,
    ) -> None:
        """Make room for the trials' weights; those that have not begun get their first ones."""
        self.model, self.runs = model, runs
        self._prepared, self._device = prepared, device
        self._halt = halt or Halt()
        self._optimizers = [run.begin(model.layout) for run in runs]
        self._weights = empty_rows(self._optimizers[0].row.expand(len(runs), -1))
        self._gradients = empty_rows(self._weights)
        self._limits = torch.tensor([run.clipping for run in runs], device=device)
        self._scales = {name: torch.tensor([run.scales[name] for run in runs], device=device) for name in runs[0].tasks}
        self._products = product_dtype(device, runs[0].precision)
        self._alive = torch.tensor([run.alive for run in runs], device=device)
        self._means = MeanLosses()

    def train(self, most_steps: int | None = None) -> None:
        """Train all to their next rung, which is equally far for each; or `most_steps` of the way."""
        steps = self.runs[0].rung - self.runs[0].step
        for optimizer, weights, gradient in zip(self._optimizers, self._weights, self._gradients, strict=True):
            optimizer.attach(weights, gradient)
        self.model.bind(self._weights, self._gradients, self._products)
        self.model.train()
        try:
            for _ in range(steps if most_steps is None else min(steps, most_steps)):
                self._step()
        finally:
            for place, (run, alive) in enumerate(zip(self.runs, self._alive.tolist(), strict=True)):
                run.means.join(self._means.slot(place))
                run.alive = alive
                run.rest()

    def part(self) -> None:
        """Give each trial its weights for itself; the cohort is of no more use, and holds no memory."""
        self._gradients = self._gradients[:0].clone()  # its memory has room for the rows
        try:
            for optimizer in self._optimizers:
                optimizer.leave()
        except RuntimeError as error:
            if failure_of(error).kind is not FailureKind.OUT_OF_MEMORY:
                raise  # where there is no room the others' rows stay in the stack until they are stacked anew

    def _step(self) -> None:
        self._halt.check()
        means = MeanLosses()
        self.model.begin([run.stacked for run in self.runs])
        for place, losses in enumerate(self._passes()):
            means.add(losses)
            # A sum over slots: each trial's gradient is that of its own loss, as if it were alone.
            total = torch.stack([(loss * self._scales[name]).sum() for name, loss in losses.items()]).sum()
            self.model.backward(total, first=place == 0)
        self._alive &= clip_rows(self._gradients, self._limits)
        skipped = (~self._alive).float()
        for run, skip in zip(self.runs, skipped, strict=True):
            run.update(skip)
        self._means.join(means)

    def _passes(self) -> Iterator[dict[str, torch.Tensor]]:
        passes = self.model.passes(together([run.due for run in self.runs]), self.runs[0].pass_tokens)
        return autocast_passes(passes, self._device, self.runs[0].precision)

    def evaluate(self) -> list[Evaluation | Exception]:
        """Each trial's evaluation, whose `seconds` are not known yet; or why there is none."""
        self.model.bind(self._weights, dtype=self._products)
        self.model.eval()
        names = [self._prepared.settings.main_task, *self._prepared.settings.measured_tasks]
        predicted = {name: self._predict(self._prepared.validations[name]) for name in names}
        return [
            self._evaluation(run, {name: found[place] for name, found in predicted.items()})
            for place, run in enumerate(self.runs)
        ]

    def _predict(self, rows: TaskRows) -> list[torch.Tensor]:
        """Each trial's predictions for all rows, on the CPU."""
        with torch.inference_mode(), autocast(self._device, self.runs[0].precision):
            parts: list[torch.Tensor] = []
            for batch in held_out(rows, self._prepared, self._device):
                self._halt.check()
                parts.append(self.model.predict(rows.task, batch).cpu())
        return [in_order([part[place] for part in parts], rows) for place in range(len(self.runs))]

    def _evaluation(self, run: FusedRun, predicted: Mapping[str, torch.Tensor]) -> Evaluation | Exception:
        """What goes wrong here is this trial's alone: those before it were evaluated, and are not again."""
        try:
            losses = run.losses()
            return run.evaluated(measured(lambda rows: predicted[rows.task.name], self._prepared), losses, 0.0)
        except Exception as error:
            if is_more_than_a_trials(error, self._device):
                raise
            return error
