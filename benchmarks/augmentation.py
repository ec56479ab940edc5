"""Which augmentation, or none? Each operation alone and a searched mix against no augmentation, on the 1,000 reviews.

    python benchmarks/augmentation.py --seeds 3 --processes 2

A study file says what is trained (benchmarks/augmentation.yaml). For each seed, which decides first weights, batch
order, dropout and variants, the main task is trained alone at the default rate:

- none: without augmentation;
- each operation alone, on `--share` of every batch at the middle magnitude level;
- searched: the mix that an Optuna study of `search.trials` trials finds by validation data; nothing else is searched.

All arms of a seed are paired. A training keeps the weights of its best validation step, and is then measured once on
test data. The table has the mean test accuracy over the seeds and the mean difference to `none`, each with its 95 %
interval by Student's t: with three seeds t is 4.3, so only a large effect can show.
"""

import argparse
import json
import os
import statistics
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import optuna
from autotune.objectives.prepared import PreparedObjective
from autotune.objectives.training.device import choose_device
from autotune.objectives.training.production import Trained, train_production
from autotune.search.preparing import prepare_study
from autotune.search.study_file.reading import read_study_file
from autotune.search.study_file.schema import StudyFile
from autotune.spaces.configuration import Configuration, Mix
from rich.console import Console
from rich.table import Table
from scipy import stats

NONE, SEARCHED = "none", "searched"
Outcome = dict[str, object]


def arms_of(file: StudyFile) -> list[str]:
    return [NONE, *file.space.augmentation.operations, SEARCHED]


def trained(prepared: PreparedObjective, configuration: Configuration, device: str) -> Trained:
    return train_production(
        prepared,
        configuration,
        choose_device(device),
        lambda *_: None,
        keep_best=True,
    )


def run_arm(path: Path, arm: str, seed: int, share: float, device: str) -> Outcome:
    """One arm under one seed: its mix, and what it reaches on validation and test data."""
    file = read_study_file(path)
    file = file.model_copy(update={"search": file.search.model_copy(update={"seed": seed})})
    prepared = prepare_study(file, path.parent)
    space = file.search_space()
    if arm == SEARCHED:
        mix = searched_mix(file, prepared, device)
    else:
        levels = file.space.augmentation.magnitudes
        mix = Mix() if arm == NONE else Mix(operations={arm: share}, magnitude=levels[len(levels) // 2])
    found = trained(prepared, space.baseline().model_copy(update={"mix": mix}), device)
    metric = file.metric
    scores = {"validation": found.validation[metric], "test": found.test[metric]}
    return {"arm": arm, "seed": seed, **scores, "mix": mix.model_dump()}


def searched_mix(file: StudyFile, prepared: PreparedObjective, device: str) -> Mix:
    """The best mix by validation data; the first trial of the search has none."""
    space = replace(file.search_space(), over=frozenset(file.space.augmentation.distributions()))
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        direction=file.directions[0], sampler=optuna.samplers.TPESampler(seed=file.search.seed, n_startup_trials=4)
    )
    study.enqueue_trial(space.nearest(space.baseline()))
    for _ in range(file.search.trials):
        trial = study.ask(space.distributions)
        configuration = space.configuration(trial.params)
        study.tell(trial, trained(prepared, configuration, device).validation[file.metric])
    return space.configuration(study.best_params).mix


def interval(values: Sequence[float]) -> str:
    """Mean and half the width of Student's 95 % interval, in points."""
    mean = 100 * statistics.fmean(values)
    if len(values) < 2:
        return f"{mean:+.1f}"
    half = 100 * stats.t.ppf(0.975, len(values) - 1) * statistics.stdev(values) / len(values) ** 0.5
    return f"{mean:.1f} ± {half:.1f}"


def table_of(outcomes: Sequence[Outcome], arms: Sequence[str], seeds: Sequence[int]) -> Table:
    tests = {(str(found["arm"]), found["seed"]): float(str(found["test"])) for found in outcomes}
    validations = {(str(found["arm"]), found["seed"]): float(str(found["validation"])) for found in outcomes}
    table = Table("augmentation", "validation %", "test %", "test, by seed", "test, against none")
    for arm in arms:
        values = [tests[arm, seed] for seed in seeds]
        gains = [tests[arm, seed] - tests[NONE, seed] for seed in seeds]
        held = interval([validations[arm, seed] for seed in seeds])
        each = " ".join(f"{100 * value:.1f}" for value in values)
        table.add_row(arm, held, interval(values), each, "" if arm == NONE else interval(gains))
    return table


def described(mix: Mapping[str, object]) -> str:
    operations = mix["operations"]
    assert isinstance(operations, dict)
    parts = [f"{name} {100 * share:.0f} %" for name, share in operations.items()]
    return f"{', '.join(parts)}, magnitude {mix['magnitude']}" if parts else "no augmentation"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--study", type=Path, default=Path(__file__).with_name("augmentation.yaml"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--share", type=float, default=0.4, help="of a batch, for an operation alone")
    parser.add_argument("--processes", type=int, default=1, help="single-threaded if there are several")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--keep", type=Path, help="a file of outcomes, a line each: what is there is not run again")
    given = parser.parse_args()
    file = read_study_file(given.study)
    arms, seeds = arms_of(file), list(range(given.seeds))
    if given.processes > 1:
        os.environ |= {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    outcomes = known(given.keep)
    done = {(found["arm"], found["seed"]) for found in outcomes}
    run = partial(run_arm, given.study.resolve(), share=given.share, device=given.device)
    with ProcessPoolExecutor(given.processes, get_context("spawn")) as pool:
        # The longest first, so that none is left over at the end.
        jobs = [pool.submit(run, arm, seed) for arm in reversed(arms) for seed in seeds if (arm, seed) not in done]
        for job in as_completed(jobs):
            outcomes.append(job.result())
            print(json.dumps(outcomes[-1]), flush=True)
            if given.keep:
                with given.keep.open("a", encoding="utf-8") as stream:
                    stream.write(json.dumps(outcomes[-1]) + "\n")
    console = Console(width=120)
    console.print(table_of(outcomes, arms, seeds))
    for found in outcomes:
        if found["arm"] == SEARCHED and isinstance(found["mix"], dict):
            console.print(f"searched, seed {found['seed']}: {described(found['mix'])}")


def known(keep: Path | None) -> list[Outcome]:
    """The outcomes of an earlier, interrupted run."""
    if keep is None or not keep.exists():
        return []
    return [json.loads(line) for line in keep.read_text(encoding="utf-8").splitlines()]


if __name__ == "__main__":
    main()
