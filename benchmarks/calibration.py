"""Is the verdict right as often as it says? Counted on simulated studies of known truth; nothing is trained.

    python benchmarks/calibration.py [--studies 1000] [--json]

Four tables: how often intervals of n paired differences cover the truth; whole studies (a search of 40 trials, its
best three confirmed beside the baseline on six fresh seeds) with new validation rows for every seed; the same with the
search's own rows, where "the truth" is that of those rows, and that of all rows is counted apart; and wrong claims
where seeds are added as the verdict advises, and it is read again.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from autotune.search.verdict.bootstrap import bca_interval
from autotune.search.verdict.comparison import Comparison, compare
from autotune.search.verdict.estimate import Estimate, Interval, estimate
from autotune.search.verdict.indifference import indifference_set
from autotune.search.verdict.scores import FloatArray, Scores
from autotune.search.verdict.winner import Winner, choose_winner
from scipy.special import stdtrit
from simulated_studies import ACCURACY, CONFIRMED, SimulatedStudies, confirm, simulate

BASELINE = "baseline"
CANDIDATES = tuple(f"candidate {place}" for place in range(CONFIRMED))
NAMES = (*CANDIDATES, BASELINE)
EDGES = (0.0, 0.01, 0.02, 0.04)
"""By how much one of the trials is truly better than all others."""
SEEDS = 6
EDGE = 0.02
MOST_SEEDS = 24
"""More than these nobody adds."""
COUNTS = (3, 4, 5, 6, 8, 10, 12, 20)
Figures = dict[str, float]


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
    compared = compare(measured, CANDIDATES, BASELINE)
    winner = choose_winner(measured, BASELINE, compared)
    assert winner is not None  # no simulated training fails
    for name, comparison in compared.items():
        yield "score covered", covers(estimate(measured.fresh(name)), here[name])
        yield "gain covered", covers(comparison.gain, here[name] - here[BASELINE])
    yield from _claims(compared, here, everywhere)
    yield from _winner(winner, here, everywhere)
    tied = indifference_set(measured, winner.name)
    yield "baseline in the indifference set", BASELINE in tied
    best = max(NAMES, key=lambda name: everywhere[name])
    if everywhere[best] > everywhere[BASELINE]:
        yield "best one in the indifference set", best in tied


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
    yield "winner's score covered", covers(winner.corrected, here[name])
    yield "winner's score covered, all rows", covers(winner.corrected, everywhere[name])
    yield "optimism as measured", winner.score.mean - here[name]
    yield "optimism", winner.corrected.mean - here[name]
    if winner.gain:
        yield "winner's gain covered", covers(winner.gain, here[name] - here[BASELINE])
        yield "winner's gain covered, all rows", covers(winner.gain, everywhere[name] - everywhere[BASELINE])


def extended(random: np.random.Generator, studies: int) -> Figures:
    """Shares of studies without any gain that claim one: at the first look, and at any, with seeds added as advised."""
    simulated = simulate(random, studies, 0.0, MOST_SEEDS, new_rows=True)
    looks = [list(claims_by_look(fresh)) for fresh in simulated.fresh]
    return {
        "first look": float(np.mean([claims[0] for claims in looks])),
        "any look": float(np.mean([any(claims) for claims in looks])),
        "looks": float(np.mean([len(claims) for claims in looks])),
    }


def claims_by_look(fresh: FloatArray) -> Iterable[bool]:
    """Whether a gain is claimed, look by look: the seeds that the winner's gain is said to need are added."""
    seeds: int | None = SEEDS
    while seeds is not None and seeds <= MOST_SEEDS:
        scores = {name: dict(enumerate(values[:seeds].tolist())) for name, values in zip(NAMES, fresh, strict=True)}
        compared = compare(Scores(scores), CANDIDATES, BASELINE)
        claimed = any(each.is_better for each in compared.values())
        yield claimed
        winner = choose_winner(Scores(scores), BASELINE, compared)
        assert winner is not None
        seeds = None if claimed or winner.name == BASELINE else compared[winner.name].pairs_needed


def table(head: str, rows: Sequence[str], columns: dict[str, Figures]) -> str:
    lines = [[head, *columns], ["---"] * (1 + len(columns))]
    lines += [
        [row, *(f"{figures[row]:.3f}" if row in figures else "-" for figures in columns.values())] for row in rows
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=1000)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    random = np.random.default_rng(0)
    counts = {f"n = {count}": figures for count, figures in coverage_by_count(random, chosen.studies).items()}
    studies = {
        rows: {
            f"{100 * edge:g} points": whole_studies(random, chosen.studies, edge, new_rows=rows == "new rows")
            for edge in EDGES
        }
        for rows in ("new rows", "same rows")
    }
    added = extended(random, chosen.studies)
    if chosen.json:
        print(json.dumps({"counts": counts, **studies, "extended": added}))
        return
    print(table("gain covered", list(counts["n = 6"]), counts))
    for rows, columns in studies.items():
        print(f"\n{table(f'{rows}; truly better by', list(columns['1 points']), columns)}")
    print(f"\n{table('claims without any gain', list(added), {'share or mean': added})}")


if __name__ == "__main__":
    main()
