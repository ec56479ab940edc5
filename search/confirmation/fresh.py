"""What workers need to train configurations on fresh seeds."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import torch

from ...objectives.augmentation.generating import BankProgress
from ...objectives.prepared import PreparedObjective
from ...objectives.training.fastest import fastest_trainer
from ...objectives.training.fresh import Fresh
from ...objectives.training.seeded import SeededTrainer
from ...objectives.training.trainer import Trainer
from ..executors.worker import Recipe
from ..preparing import prepare_study
from ..study_file.schema import StudyFile


@dataclass(frozen=True)
class FreshRecipe(Recipe):
    """A recipe whose trainers give every trial its own seed; `fresh` says which."""

    fresh: Mapping[int, Fresh] = field(kw_only=True)

    def at_once(self, left: int) -> int:
        """Those of one seed: nothing is learnt from them, and those of another have other rows."""
        return min(left, max(Counter(self.fresh.values()).values(), default=left))

    def trainer(self, prepared: PreparedObjective, device: torch.device) -> Trainer:
        """What trains; `prepared` serves where its seed is asked for."""

        def prepare(seed: int) -> PreparedObjective:
            if seed == prepared.seed:
                return prepared
            return prepare_fresh(self.file, self.base, seed, lambda *_: None, device)

        return SeededTrainer(prepare, self.fresh, device, self.slots, partial(fastest_trainer, cores=self.cores))


def with_seed(file: StudyFile, seed: int) -> StudyFile:
    """The study file with another seed: of split, batch order, first weights and variants."""
    return file.model_copy(update={"search": file.search.model_copy(update={"seed": seed})})


def prepare_fresh(
    file: StudyFile,
    base: Path,
    seed: int,
    progress: BankProgress,
    device: torch.device,
) -> PreparedObjective:
    """Read and tokenise all that trials on a fresh seed train on (see `prepare_study`).

    Raises:
        InputError: something in it cannot be used.
    """
    return prepare_study(with_seed(file, seed), base, progress, device)
