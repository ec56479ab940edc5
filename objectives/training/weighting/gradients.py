"""Weightings by the tasks' gradients on the shared encoder, through torchjd (the extra `gradients`).

Each task has a forward and a backward pass of its own. Its gradient on its head stays as it is; those on the shared
parameters become the rows of a matrix J (tasks, parameters), and the encoder's gradient is wᵀJ. All three methods
find w from the inner products JJᵀ alone. Needs memory for one gradient of the encoder a task.
"""

from abc import abstractmethod
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import ClassVar

import torch

from ....spaces.errors import Diverged, InputError
from ...seeds import generator
from .weighting import Passes, Setup, Weighting

Solver = Callable[[torch.Tensor], torch.Tensor]
"""From JJᵀ (tasks, tasks), scaled to a trace of 1, to w (tasks,); in fp64 on the CPU. Of the tasks with a batch."""


class GradientWeighting(Weighting):
    """A weighting by gradients; a method says how it finds w."""

    separate: ClassVar[bool] = True
    name: ClassVar[str]

    def __init__(self, setup: Setup) -> None:
        """Raises InputError where torchjd, or what it solves this method with, is not installed."""
        super().__init__(setup)
        try:
            self._solver = self.make_solver(import_module("torchjd.aggregation"))
        except ImportError as error:
            raise InputError(
                f"{self.name!r} needs a library that is not installed ({error}): pip install 'autotune-mtl[gradients]'"
            ) from error

    @staticmethod
    @abstractmethod
    def make_solver(torchjd: ModuleType) -> Solver:
        """The method's solver, for the tasks of any step; a sum without conflict has w = 1."""

    def backward(self, step: int, passes: Passes) -> None:
        """Raises Diverged where a gradient is not finite: no method has an answer then."""
        rows: list[torch.Tensor] = []
        for losses in passes:
            torch.stack(list(losses.values())).sum().backward()
            if self.setup.shared:
                rows.append(self._taken())
        if not rows:  # the whole encoder is frozen: there is nothing to agree on
            return
        matrix = torch.stack(rows)
        products = (matrix @ matrix.T).double().cpu()
        if not products.isfinite().all():
            raise Diverged(f"a gradient is not finite at step {step + 1}")
        # The solvers take what is small in absolute terms for zero, which late gradients are.
        products = products / products.trace().clamp(min=torch.finfo(products.dtype).tiny)
        self._give(self._weights(step, products).to(matrix) @ matrix)

    def _weights(self, step: int, products: torch.Tensor) -> torch.Tensor:
        """PCGrad draws from torch's own CPU generator, which is therefore lent to it."""
        with torch.random.fork_rng(devices=[]):
            torch.set_rng_state(generator(self.setup.seed, self.name, step).get_state())
            try:
                return self._solver(products)
            except ValueError as error:  # quadprog's, for UPGrad
                raise Diverged(
                    f"{self.name} finds no weights for the gradients of step {step + 1} ({error})"
                ) from error

    def _taken(self) -> torch.Tensor:
        """Take the shared gradients away, as one row (parameters,)."""
        parts: list[torch.Tensor] = []
        for parameter in self.setup.shared:
            gradient = parameter.grad if parameter.grad is not None else torch.zeros_like(parameter)
            parts.append(gradient.flatten())
            parameter.grad = None
        return torch.cat(parts)

    def _give(self, gradient: torch.Tensor) -> None:
        sizes = [parameter.numel() for parameter in self.setup.shared]
        for parameter, part in zip(self.setup.shared, gradient.split(sizes), strict=True):
            parameter.grad = part.view_as(parameter)


class PCGrad(GradientWeighting):
    """Gradient surgery (Yu et al. 2020, arXiv 2001.06782): what conflicts with another task is projected away."""

    name: ClassVar[str] = "pcgrad"

    @staticmethod
    def make_solver(torchjd: ModuleType) -> Solver:
        return torchjd.PCGradWeighting()


class UPGrad(GradientWeighting):
    """Jacobian descent (Quinton, Rey 2024, arXiv 2406.16232): no task's loss may rise, to first order."""

    name: ClassVar[str] = "upgrad"

    @staticmethod
    def make_solver(torchjd: ModuleType) -> Solver:
        solve = torchjd.UPGradWeighting()
        return lambda products: len(products) * solve(products)  # its own preference is the mean of the tasks


class CAGrad(GradientWeighting):
    """Conflict-averse descent (Liu et al. 2021, arXiv 2110.14048): near the mean, best for the worst task."""

    name: ClassVar[str] = "cagrad"
    c: ClassVar[float] = 0.5
    """How far from the mean, as a share of its length: the middle of what the paper tries (0.1 to 0.9)."""

    @staticmethod
    def make_solver(torchjd: ModuleType) -> Solver:
        solve, unsolved = torchjd.CAGradWeighting(c=CAGrad.c), import_module("cvxpy.error").SolverError

        def solver(products: torch.Tensor) -> torch.Tensor:
            try:
                # Gradients that agree give 1 + c times their mean; scaled, so that they give their sum.
                return len(products) / (1 + CAGrad.c) * solve(products)
            except unsolved as error:
                raise Diverged(f"cagrad finds no weights for these gradients ({error})") from error

        return solver
