"""What each operation does, beyond the contract that tests/conformance/test_operations.py checks for all."""

import random

import pytest
import torch
from autotune.objectives.augmentation.mixup import mixing
from autotune.objectives.augmentation.noise import NEIGHBOURS, Noise
from autotune.objectives.augmentation.reverse import Reverse
from autotune.objectives.augmentation.words import clusters, touched

TEXT = "the parcel came three weeks too late and nobody answered"


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_neighbours_touch_on_the_keyboard() -> None:
    assert {letter: "".join(sorted(NEIGHBOURS[letter])) for letter in "aghqp"} == {
        "a": "qswz",
        "g": "bfhtvy",
        "h": "bgjnuy",
        "q": "aw",
        "p": "lo",
    }


@pytest.mark.parametrize("magnitude", [0.1, 0.3, 0.7, 1.0])
def test_noise_touches_its_share_of_words(magnitude: float) -> None:
    for seed in range(50):
        words = Noise().apply(TEXT, magnitude, random.Random(seed)).split()
        marks = sum(len(word) == 1 and not word.isalpha() for word in words)
        wrong = len(set(words) - set(TEXT.split()))
        assert wrong <= touched(10, magnitude)
        assert marks <= touched(10, magnitude)
        assert wrong + marks > 0


def test_a_share_that_is_whole_but_for_rounding_is_not_rounded_up() -> None:
    assert 0.07 * 100 > 7
    assert [touched(*share) for share in ((100, 0.07), (25, 0.28), (100, 0.071), (9, 0.01))] == [7, 7, 8, 1]


def test_noise_makes_all_its_errors() -> None:
    results = {Noise().apply("good", 1.0, random.Random(seed)) for seed in range(300)}
    assert {"ogod", "godo", "god", "goo", "food", "good ,"} <= results


def test_noise_of_a_greater_magnitude_touches_the_same_words_and_more() -> None:
    kept = [set(TEXT.split()) & set(Noise().apply(TEXT, size, random.Random(3)).split()) for size in (0.1, 0.4, 0.8)]
    assert kept[2] < kept[1] < kept[0]


def test_reverse_keeps_every_word_and_all_whitespace() -> None:
    text = "  one\ttwo  three\nfour "
    assert Reverse().apply(text, 1.0, random.Random(0)) == "  four\tthree  two\none "
    assert Reverse().apply("one", 1.0, random.Random(0)) == "one"


def test_clusters_keep_together_what_a_reader_sees_as_one() -> None:
    assert clusters("e\u0301👨‍👩‍👧🇩🇪") == ["e\u0301", "👨‍👩‍👧", "🇩🇪"]


def mixed(chosen: torch.Tensor, magnitude: float, random: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Of one trial: partner and keep (rows,)."""
    partner, keep = mixing(chosen[None], torch.tensor([magnitude], dtype=torch.float64), random)
    return partner[0], keep[0]


def test_mixing_leaves_rows_outside_the_mask_alone() -> None:
    mask = torch.tensor([True, False, True, False])
    for seed in range(50):
        partner, keep = mixed(mask, 0.4, generator(seed))
        assert (partner[~mask] == torch.tensor([1, 3])).all()
        assert (keep[~mask] == 1).all()
        assert (partner[mask] != torch.tensor([0, 2])).all()
        assert ((keep >= 0.5) & (keep <= 1)).all()
        assert partner.dtype == torch.int64
        assert keep.dtype == torch.float32


def test_mixing_is_deterministic_and_moves_its_generator_on() -> None:
    mask, source = torch.ones(8, dtype=torch.bool), generator(1)
    first, second = mixed(mask, 0.4, source), mixed(mask, 0.4, source)
    again = mixed(mask, 0.4, generator(1))
    assert all(torch.equal(left, right) for left, right in zip(first, again, strict=True))
    assert not torch.equal(first[1], second[1])


def test_mixing_moves_its_generator_the_same_way_for_every_mask_and_magnitude() -> None:
    states = []
    for mask, magnitude in ((torch.ones(8) > 0, 0.4), (torch.zeros(8) > 0, 0.4), (torch.ones(8) > 0, 0.0)):
        source = generator(1)
        mixed(mask, magnitude, source)
        states.append(source.get_state())
    assert all(torch.equal(states[0], state) for state in states)


def test_mixing_magnitude_zero_keeps_all_and_greater_keeps_less() -> None:
    mask = torch.ones(4_000, dtype=torch.bool)
    means = [mixed(mask, magnitude, generator())[1].mean().item() for magnitude in (0.0, 0.05, 0.3, 1.0)]
    assert means[0] == 1
    assert means == sorted(means, reverse=True)
    assert means[-1] == pytest.approx(0.75, abs=0.01)  # Beta(1, 1) is uniform: max(λ, 1 - λ) has mean 3/4


@pytest.mark.parametrize("batch", [0, 1, 2])
def test_mixing_takes_small_batches(batch: int) -> None:
    partner, keep = mixed(torch.ones(batch, dtype=torch.bool), 0.3, generator())
    assert partner.shape == keep.shape == (batch,)
    assert partner.tolist() == list(range(batch))[::-1]


def test_mixing_reaches_every_partner() -> None:
    mask = torch.ones(4, dtype=torch.bool)
    seen = {int(mixed(mask, 0.3, generator(seed))[0][0]) for seed in range(50)}
    assert seen == {1, 2, 3}
