"""The largest number of trainings of a confirmation, before its winner is known."""

from ...spaces.configuration import Mix
from ...spaces.space import SearchSpace
from ..confirmation.arms import without_parts
from ..study_file.schema import StudyFile


def most_arms(candidates: int, space: SearchSpace) -> int:
    """The candidates, the baseline, equal weights where they are something else, the best at the default rate."""
    return candidates + 2 + (space.equal_weights() != space.baseline())


def most_variants(file: StudyFile) -> int:
    """Ways to take a part from a winner that has all: tasks, operations, and rate, settings and cleaning of its own."""
    space, names = file.search_space(), file.space.augmentation.operations
    mix = Mix(operations={name: 0.5 / len(names) for name in names}, magnitude=0.1) if names else Mix()
    has_all = {
        "ratios": dict.fromkeys(space.auxiliaries, 2.0),
        "learning_rate": 2 * space.default_rate,
        "mix": mix,
        "training": dict.fromkeys(file.space.training, "another"),
        "cleaning": dict.fromkeys(file.space.cleaning.distributions(), "another"),
    }
    return len(without_parts(space.baseline().model_copy(update=has_all), space))
