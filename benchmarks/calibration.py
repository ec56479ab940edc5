"""Is the verdict right as often as it says? Counted on simulated studies of known truth; nothing is trained.

    python benchmarks/calibration.py [--studies 1000] [--only-extended] [--json]

Four tables: how often intervals of n paired differences cover the truth; whole studies (a search of 40 trials, its
best three confirmed beside the baseline on six fresh seeds) with new validation rows for every seed; the same with the
search's own rows, where "the truth" is that of those rows, and that of all rows is counted apart; and claims where
seeds are added and the verdict is read again, with the looks corrected for, as they are, and not.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from autotune.search.verdict.bootstrap import bca_interval
from autotune.search.verdict.comparison import Comparison, compare
from autotune.search.verdict.estimate import Estimate, Interval, estimate
from autotune.search.verdict.indifference import Simplicity
from autotune.search.verdict.scores import FloatArray, Scores
from autotune.search.verdict.significance import pairs_needed
from autotune.search.verdict.verdict import judge
from autotune.search.verdict.winner import Winner
from scipy.special import stdtrit
from simulated_studies import ACCURACY, CONFIRMED, SimulatedStudies, confirm, simulate

BASELINE = "baseline"
CANDIDATES = tuple(f"candidate {place}" for place in range(CONFIRMED))
NAMES = (*CANDIDATES, BASELINE)
ALIKE = dict.fromkeys(NAMES, Simplicity(tasks=1, augmented=False, cost=1.0))
EDGES = (0.0, 0.01, 0.02, 0.04)
"""By how much one of the trials is truly better than all others."""
SEEDS = 6
EDGE = 0.02
MOST_SEEDS = 24
"""More than these nobody adds."""
COUNTS = (3, 4, 5, 6, 8, 10, 12, 20)
TOGETHER = 100
"""Studies simulated at a time: the rows of so many seeds are large."""
Figures = dict[str, float]
Added = Callable[[Comparison], int | None]
"""Of the candidate with the best mean gain: how many seeds there shall be; None: no more are added."""


def covers(estimated: Estimate | Interval, truth: float) -> bool:
    interval = estimated.interval if isinstance(estimated, Estimate) else estimated
    return interval is not None and interval.low - 1e-9 <= truth <= interval.high + 1e-9


def plain_bca(values: FloatArray) -> Interval:
    return Interval(*bca_interval(values, 1.959964))


def student(values: FloatArray) -> Interval:
    half = float(stdtrit(values.size - 1, 0.975)) * values.std(ddof=1) / np.sqrt(values.size)
    return Interval(values.mean() - half, values.mean() + half)


def coverage_by_count(random: np.random.Generator, studies: int) -> dict[int, Figures]:
    """How often the interval of a mean gain covers the truth, by the number of pairs, and of three methods."""
    methods: dict[str, Callable[[FloatArray], Estimate | Interval]] = {
        "BCa": plain_bca,
        "ours": estimate,
        "Student's t": student,
    }
    found: dict[int, Figures] = {}
    for count in COUNTS:
        scores = confirm(random, np.tile([ACCURACY + EDGE, ACCURACY], (studies, 1)), count)
        known = [gains for gains in scores[:, 0] - scores[:, 1] if np.ptp(gains)]
        found[count] = {
            name: float(np.mean([covers(method(gains), EDGE) for gains in known])) for name, method in methods.items()
        }
    return found


def whole_studies(random: np.random.Generator, studies: int, edge: float, *, new_rows: bool) -> Figures:
    """Shares and means over studies with one truly better trial; optimism is a share of the naive best's."""
    simulated = simulate(random, studies, edge, SEEDS, new_rows=new_rows)
    counted: defaultdict[str, list[float]] = defaultdict(list)
    for study in range(studies):
        for name, value in judged(simulated, study):
            counted[name].append(value)
    figures = {name: float(np.mean(values)) for name, values in counted.items()}
    naive = float((simulated.search[:, 0] - simulated.truth[:, 0]).mean())
    scaled = {name: value / naive for name, value in figures.items() if name.startswith("optimism")}
    return figures | scaled | {"naive optimism, points": 100 * naive}


def judged(simulated: SimulatedStudies, study: int) -> Iterable[tuple[str, float]]:
    """What is counted in one study."""
    scores = dict(zip(NAMES, simulated.fresh[study], strict=True))
    here = dict(zip(NAMES, simulated.truth_here[study].tolist(), strict=True))
    everywhere = dict(zip(NAMES, simulated.truth[study].tolist(), strict=True))
    measured = Scores({name: dict(enumerate(values.tolist())) for name, values in scores.items()})
    verdict = judge(measured, BASELINE, ALIKE, {})
    assert verdict is not None  # no simulated training fails
    for name, comparison in verdict.comparisons.items():
        yield "score covered", covers(estimate(measured.fresh(name)), here[name])
        yield "gain covered", covers(comparison.gain, here[name] - here[BASELINE])
    yield from _claims(verdict.comparisons, here, everywhere)
    yield from _winner(verdict.winner, here, everywhere)
    yield "baseline in the indifference set", BASELINE in verdict.tied
    best = max(NAMES, key=lambda name: everywhere[name])
    if everywhere[best] > everywhere[BASELINE]:
        yield "best one in the indifference set", best in verdict.tied


def _claims(
    compared: dict[str, Comparison], here: dict[str, float], everywhere: dict[str, float]
) -> Iterable[tuple[str, float]]:
    claimed = [name for name, comparison in compared.items() if comparison.is_better]
    yield "wrong claim", any(here[name] <= here[BASELINE] for name in claimed)
    yield "wrong claim, all rows", any(everywhere[name] <= everywhere[BASELINE] for name in claimed)
    if max(everywhere.values()) > everywhere[BASELINE]:
        yield "right claim", any(everywhere[name] > everywhere[BASELINE] for name in claimed)


def _winner(winner: Winner, here: dict[str, float], everywhere: dict[str, float]) -> Iterable[tuple[str, float]]:
    name = winner.name
    yield "winner's score covered, as measured", covers(winner.score, here[name])
    assert winner.corrected is not None  # of six seeds
    yield "winner's score covered", covers(winner.corrected, here[name])
    yield "winner's score covered, all rows", covers(winner.corrected, everywhere[name])
    yield "optimism as measured", winner.score.mean - here[name]
    yield "optimism", winner.corrected.mean - here[name]
    if winner.gain:
        yield "winner's gain covered", covers(winner.gain, here[name] - here[BASELINE])
        yield "winner's gain covered, all rows", covers(winner.gain, everywhere[name] - everywhere[BASELINE])


def extended(random: np.random.Generator, studies: int, edge: float) -> dict[str, Figures]:
    """Claims where seeds are added by each rule: at the first look, and at any up to the first claim."""
    counted: dict[str, list[Figures]] = {rule: [] for rule in RULES}
    for _ in range(0, studies, TOGETHER):
        simulated = simulate(random, min(studies, TOGETHER), edge, MOST_SEEDS, new_rows=True)
        for fresh, truth in zip(simulated.fresh, simulated.truth, strict=True):
            better = {name for name, its in zip(NAMES, truth, strict=True) if its > truth[-1]}
            for rule, (is_corrected, added) in RULES.items():
                counted[rule].append(_looked(list(claims_by_look(fresh, added, is_corrected=is_corrected)), better))
    return {rule: _means(figures) for rule, figures in counted.items()}


def _looked(looks: Sequence[set[str]], better: set[str]) -> Figures:
    figures: Figures = {
        "wrong claim, first look": bool(looks[0] - better),
        "wrong claim, any look": any(claimed - better for claimed in looks),
        "looks": len(looks),
    }
    if better:
        figures["right claim, first look"] = bool(looks[0] & better)
        figures["right claim, any look"] = any(claimed & better for claimed in looks)
    return figures


def _means(figures: Sequence[Figures]) -> Figures:
    names = dict.fromkeys(name for each in figures for name in each)
    return {name: float(np.mean([each[name] for each in figures if name in each])) for name in names}


def claims_by_look(fresh: FloatArray, added: Added, *, is_corrected: bool) -> Iterable[set[str]]:
    """Who is claimed to be better, look by look, until somebody is or nobody adds seeds."""
    seeds: int | None = SEEDS
    look = 1
    while seeds is not None and seeds <= MOST_SEEDS:
        scores = Scores({name: dict(enumerate(values[:seeds])) for name, values in zip(NAMES, fresh, strict=True)})
        compared = compare(scores, CANDIDATES, BASELINE, look if is_corrected else 1)
        claimed = {name for name, each in compared.items() if each.is_better}
        yield claimed
        best = max(compared.values(), key=lambda each: each.gain.mean)
        seeds = None if claimed else added(best)
        look += 1


def as_advised(best: Comparison) -> int | None:
    """As many as the verdict says that a gain like this one needs."""
    return best.pairs_needed


def as_once_advised(best: Comparison) -> int | None:
    """The same where adding seeds costs nothing."""
    needed = pairs_needed(best.gain.mean, best.gain.spread, best.comparisons)
    return None if best.gain.mean <= 0 or needed is None else max(needed, best.test.pairs + 1)


def doubled(best: Comparison) -> int:
    return 2 * best.test.pairs


RULES: dict[str, tuple[bool, Added]] = {
    "as advised, uncorrected": (False, as_once_advised),
    "as advised": (True, as_advised),
    "doubled, uncorrected": (False, doubled),
    "doubled": (True, doubled),
}
"""How seeds are added up to `MOST_SEEDS`, and whether the look is corrected for."""


def table(head: str, rows: Sequence[str], columns: dict[str, Figures]) -> str:
    lines = [[head, *columns], ["---"] * (1 + len(columns))]
    lines += [
        [row, *(f"{figures[row]:.3f}" if row in figures else "-" for figures in columns.values())] for row in rows
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=1000)
    parser.add_argument("--only-extended", action="store_true", help="only the claims where seeds are added")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    random = np.random.default_rng(0)
    found = {} if chosen.only_extended else looked_at_once(random, chosen.studies)
    found["extended"] = {
        f"{rule}; {100 * edge:g} points": figures
        for edge in (0.0, EDGE)
        for rule, figures in extended(random, chosen.studies, edge).items()
    }
    if chosen.json:
        print(json.dumps(found))
        return
    for name, columns in found.items():
        rows = dict.fromkeys(row for figures in columns.values() for row in figures)
        print(f"{table(HEADS[name], list(rows), columns)}\n")


def looked_at_once(random: np.random.Generator, studies: int) -> dict[str, dict[str, Figures]]:
    """The first three tables."""
    found = {"counts": {f"n = {count}": figures for count, figures in coverage_by_count(random, studies).items()}}
    for rows in ("new rows", "same rows"):
        found[rows] = {
            f"{100 * edge:g} points": whole_studies(random, studies, edge, new_rows=rows == "new rows")
            for edge in EDGES
        }
    return found


HEADS = {
    "counts": "gain covered",
    "new rows": "new rows; truly better by",
    "same rows": "same rows; truly better by",
    "extended": f"seeds added up to {MOST_SEEDS}",
}


if __name__ == "__main__":
    main()
