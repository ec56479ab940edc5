"""What `autotune train` does; imported only when it runs."""

import sys
from pathlib import Path

from ...objectives.training.group import joined
from ...spaces.errors import Interrupted
from ..export.best_file import read_best
from ..production.training import NOBODY, Audience, ProductionTraining, TrainOptions
from .consoles import generation, tell
from .progress import watched


def train_command(path: Path, folder: Path, options: TrainOptions) -> None:
    """Train an exported configuration and write model, tokenizer, metrics.json and a model card."""
    with joined() as group:
        audience = Audience(tell, generation, watched) if group.leads else NOBODY
        try:
            ProductionTraining(read_best(path), path, folder, options, group, audience).run()
        except Interrupted as stopped:
            if group.leads:
                raise
            sys.exit(stopped.exit_code)  # all stop together, and one says so
