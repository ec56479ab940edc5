"""Writes studies/quickstart/reviews.csv: 1,000 product reviews with a planted answer.

    python benchmarks/quickstart_reviews.py

What is planted:
- A review judges one aspect, and one in five mentions another one first ("The screen is superb, but ..."). The
  label is the verdict on the judged aspect: the clause after "but" or "yet", or the main clause of an "although".
- Some verdicts are opinions, also negated ones ("is not good at all", "could not be better"). The others only state a
  direction ("Its surcharge keeps going up"): more battery is good, a higher price is bad. To read these one must know
  which aspect a rare noun belongs to, and that is what the column `aspect` teaches.
- `weekday` is drawn apart from everything else and cannot be known from the text: a task that cannot help.
- 80 of the 1,000 labels are flipped, so no model can be right about more than 92 % of them.

So a good search switches `aspect` on and `weekday` off. Pure standard library; the same bytes on every machine.
"""

import csv
import random
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from pathlib import Path

ROWS = 1_000
NOISE = 0.08
SEED = 2024
FILE = Path(__file__).parent.parent / "studies" / "quickstart" / "reviews.csv"

POSITIVE, NEGATIVE = "positive", "negative"
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True)
class Review:
    """One row: `label` may be flipped noise, `truth` is what the text says."""

    text: str
    label: str
    aspect: str
    weekday: str
    truth: str


COLUMNS = tuple(field.name for field in fields(Review) if field.name != "truth")


@dataclass(frozen=True)
class Aspect:
    """What a review can judge, and the words for it."""

    subjects: tuple[str, ...]
    """What one has an opinion on: "the courier is superb"."""
    quantities: tuple[str, ...]
    """What can be high or low: "the waiting time keeps going up"."""
    more_is_good: bool
    positive_share: float
    """How many verdicts on it are positive: people write about a delivery when it was late."""


def words(text: str) -> tuple[str, ...]:
    return tuple(entry.strip() for entry in text.split(","))


ASPECTS = {
    "battery": Aspect(
        words("battery, accumulator, power pack, cell, powerbank, dynamo"),
        words(
            "battery life, runtime, stamina, capacity, endurance, standby time, autonomy, mileage, longevity, "
            "reserve, playtime, charge"
        ),
        more_is_good=True,
        positive_share=0.65,
    ),
    "screen": Aspect(
        words("screen, display, panel, touchscreen, picture, monitor"),
        words(
            "brightness, resolution, contrast, sharpness, clarity, refresh rate, pixel count, viewing angle, "
            "luminance, saturation, colour depth, crispness"
        ),
        more_is_good=True,
        positive_share=0.65,
    ),
    "sound": Aspect(
        words("speaker, sound, loudspeaker, headset, audio, microphone"),
        words(
            "volume, loudness, treble, fidelity, bass, resonance, acoustic range, tonal balance, sensitivity, "
            "amplification, channel separation, dynamics"
        ),
        more_is_good=True,
        positive_share=0.5,
    ),
    "price": Aspect(
        words("price tag, deal, offer, bargain, tariff, payment plan"),
        words("price, cost, bill, fee, surcharge, invoice, expense, deposit, markup, premium, toll, levy"),
        more_is_good=False,
        positive_share=0.35,
    ),
    "delivery": Aspect(
        words("delivery, courier, shipping, parcel service, postman, dispatch"),
        words(
            "delivery time, waiting time, delay, backlog, queue, transit time, lag, holdup, lead time, detour, "
            "lateness, tardiness"
        ),
        more_is_good=False,
        positive_share=0.35,
    ),
}
OPINIONS = {
    POSITIVE: words(
        "is great, is superb, is excellent, is wonderful, is a joy, impressed me, won me over, works like a "
        "charm, makes me happy, could not be better, is not bad at all"
    ),
    NEGATIVE: words(
        "is awful, is terrible, is poor, is dreadful, is a pain, disappointed me, let me down, ruins it all, "
        "makes me angry, could not be worse, is not good at all"
    ),
}
# Of a quantity: what says that it is more, and what says that it is less.
DIRECTIONS = {
    True: ("is higher than {comparison}", "keeps going up", "went up after {time}"),
    False: ("is lower than {comparison}", "keeps going down", "went down after {time}"),
}
PLAIN = ("The {judged} {verdict}.", "Its {judged} {verdict}.", "I find that the {judged} {verdict}.")
CONTRASTS = (
    "The {aside} {remark}, but the {judged} {verdict}.",
    "The {aside} {remark}, yet the {judged} {verdict}.",
    "Although the {aside} {remark}, the {judged} {verdict}.",
)
OPENERS = (
    "Bought this {product} for my {person}.",
    "We have had the {product} for {time}.",
    "My {person} uses the {product} {occasion}.",
    "Second {product} from {brand} now.",
    "A {product} to be used {occasion}.",
    "{brand} sent me the {colour} {product}.",
    *("",) * 20,
)
CLOSERS = (
    "I use it {occasion}.",
    "Written after {time}.",
    "It came in {colour}.",
    "My {person} says so too.",
    "That was {time} ago.",
    *("",) * 20,
)
SLOTS = {
    "product": words(
        "phone, tablet, laptop, camera, radio, watch, drone, headset, console, keyboard, scanner, toothbrush, "
        "lantern, shaver, router, baby monitor, projector, e-reader, camcorder, metronome, telescope, thermostat, "
        "walkie-talkie, turntable, doorbell"
    ),
    "person": words(
        "sister, brother, uncle, aunt, neighbour, boss, daughter, son, grandmother, wife, husband, colleague, "
        "flatmate, nephew, niece, landlord, teacher, cousin, father, mother"
    ),
    "time": words(
        "a week, a month, two days, three weeks, half a year, a fortnight, ten days, a season, four months, a year"
    ),
    "occasion": words(
        "at work, on the train, in the kitchen, for travel, at school, in the garden, on holidays, at night, in "
        "the workshop, at sea, for camping, in the studio, at the gym, on the balcony, in lectures"
    ),
    "colour": words(
        "black, white, silver, green, turquoise, red, purple, beige, golden, orange, grey, pink, maroon, ivory"
    ),
    "brand": words(
        "Velmora, Kantek, Ostrix, Bluefin, Quellar, Norvik, Tamsen, Ziridi, Halden, Pexo, Lumora, Drovan, Ferrix, "
        "Yondo, Marnel, Sorvex, Aquilo, Brenta, Cordal, Ingram"
    ),
    "comparison": words(
        "I expected, with my old one, anything I have seen, they promised, in the test report, with its rival, it "
        "used to be, all reviews suggest, you would think, last year"
    ),
}

CONTRAST_SHARE = 0.2
"""How many reviews mention a second aspect before the judged one."""
DIRECTION_SHARE = 0.6
"""How many verdicts need the aspect to be read."""
TYPO_SHARE = 0.03
"""How many words carry a typing error."""


def filled(template: str, generator: random.Random) -> str:
    """`template` with a word in each slot."""
    return template.format_map({slot: generator.choice(entries) for slot, entries in SLOTS.items()})


def clause(aspect: Aspect, truth: str, direction: bool, generator: random.Random) -> tuple[str, str]:
    """Subject and predicate that judge `aspect` as `truth` says."""
    if not direction:
        return generator.choice(aspect.subjects), generator.choice(OPINIONS[truth])
    more = aspect.more_is_good == (truth == POSITIVE)
    return generator.choice(aspect.quantities), generator.choice(DIRECTIONS[more])


def typo(word: str, generator: random.Random) -> str:
    """Two inner letters swapped or one lost; short words are typed right."""
    if len(word) < 5:
        return word
    at = generator.randrange(1, len(word) - 2)
    middle = generator.choice((word[at + 1] + word[at], word[at]))
    return word[:at] + middle + word[at + 2 :]


def written(aspect: str, truth: str, generator: random.Random) -> str:
    """A review that judges `aspect` as `truth` says."""
    judged, verdict = clause(ASPECTS[aspect], truth, generator.random() < DIRECTION_SHARE, generator)
    other = ASPECTS[generator.choice([name for name in ASPECTS if name != aspect])]
    aside, remark = clause(other, generator.choice((POSITIVE, NEGATIVE)), False, generator)
    frames = CONTRASTS if generator.random() < CONTRAST_SHARE else PLAIN
    frame = generator.choice(frames).format(judged=judged, verdict=verdict, aside=aside, remark=remark)
    template = " ".join(part for part in (generator.choice(OPENERS), frame, generator.choice(CLOSERS)) if part)
    typed = filled(template, generator).split(" ")
    return " ".join(typo(word, generator) if generator.random() < TYPO_SHARE else word for word in typed)


def verdicts(aspect: Aspect, rows: int) -> list[str]:
    """What the `rows` reviews of an aspect say of it."""
    positive = round(aspect.positive_share * rows)
    return [POSITIVE] * positive + [NEGATIVE] * (rows - positive)


def reviews() -> list[Review]:
    """ROWS different reviews, both labels and all aspects equally often, in random order."""
    generator = random.Random(SEED)
    plan = [(name, truth) for name, aspect in ASPECTS.items() for truth in verdicts(aspect, ROWS // len(ASPECTS))]
    unique: dict[str, Review] = {}
    while len(unique) < ROWS:
        aspect, truth = plan[len(unique)]
        text = written(aspect, truth, generator)
        unique.setdefault(text, Review(text, truth, aspect, generator.choice(WEEKDAYS), truth))
    shuffled = list(unique.values())
    generator.shuffle(shuffled)
    return flipped(shuffled, generator)


def flipped(clean: list[Review], generator: random.Random) -> list[Review]:
    """`clean` with the share NOISE of each class's labels turned into the other."""
    noisy: set[int] = set()
    for truth in (POSITIVE, NEGATIVE):
        members = [row for row, review in enumerate(clean) if review.truth == truth]
        noisy.update(generator.sample(members, round(NOISE * len(members))))
    wrong = {POSITIVE: NEGATIVE, NEGATIVE: POSITIVE}
    return [replace(review, label=wrong[review.truth]) if row in noisy else review for row, review in enumerate(clean)]


def write(rows: Iterable[Review], file: Path) -> None:
    with file.open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(COLUMNS)
        table.writerows([getattr(review, column) for column in COLUMNS] for review in rows)


if __name__ == "__main__":
    write(reviews(), FILE)
