"""Uncertainty weighting (Kendall, Gal, Cipolla 2018, arXiv 1705.07115)."""

from collections.abc import Mapping

import torch
from torch import nn

from .weighting import LossWeighting, Setup


class Uncertainty(LossWeighting):
    """L = Σ exp(-s_k)·L_k + s_k / 2, where s_k = log σ_k², the noise of task k, is learnt.

    This is the paper's form for classification. For regression it has L_k / 2, and so ends at another s_k; with
    losses that are normalised anyway, one form for all kinds keeps a ratio of 1 what it means.
    """

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.log_variances = nn.Parameter(torch.zeros(len(setup.tasks)))

    def total(self, step: int, losses: Mapping[str, torch.Tensor]) -> torch.Tensor:
        return self.weighted((-self.log_variances).exp(), losses) + self.log_variances[self.places(losses)].sum() / 2
