"""Whoever waits for augmented rows hears of each quarter, once."""

from autotune.search.bank_progress import Quarters


def test_each_quarter_is_told_once() -> None:
    told: list[str] = []
    say = Quarters(told.append)
    for done in range(1000, 21_000, 1000):
        say(done, 20_000, "noise" if done < 15_000 else "flip")
    assert told == [
        "augmenting: 5000 of 20000 rows (noise)",
        "augmenting: 10000 of 20000 rows (noise)",
        "augmenting: 15000 of 20000 rows (flip)",
        "augmenting: 20000 of 20000 rows (flip)",
    ]


def test_few_rows_are_not_worth_a_word() -> None:
    told: list[str] = []
    say = Quarters(told.append)
    for done in range(100, 1100, 100):
        say(done, 1000, "noise")
    assert told == []
