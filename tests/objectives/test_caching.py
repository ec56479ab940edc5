import os
import resource
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from autotune.objectives.caching import cache_folder, content_hash
from autotune.objectives.tensor_cache import cached_tensors, save_atomically, tensors_hash
from autotune.search.doctor.check import State
from autotune.search.doctor.surroundings import find_cache
from autotune.spaces.errors import InputError
from hypothesis import given
from hypothesis import strategies as st

Make = Callable[[], dict[str, torch.Tensor]]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AUTOTUNE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def counting() -> tuple[Make, list[int]]:
    calls: list[int] = []

    def make() -> dict[str, torch.Tensor]:
        calls.append(1)
        return {"numbers": torch.arange(100)}

    return make, calls


def test_what_is_known_is_not_made_again(cache: Path):
    make, calls = counting()
    first, second = (cached_tensors("kind", "key", make) for _ in range(2))
    assert len(calls) == 1
    assert torch.equal(first["numbers"], second["numbers"])
    assert [file.name for file in (cache / "kind").iterdir()] == ["key.safetensors"]


@pytest.mark.parametrize("damage", [lambda data: b"", lambda data: data[:-30], lambda data: b"\xff" * len(data)])
def test_a_damaged_file_is_made_again(cache: Path, damage: Callable[[bytes], bytes]):
    make, calls = counting()
    cached_tensors("kind", "key", make)
    file = cache / "kind" / "key.safetensors"
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    assert torch.equal(cached_tensors("kind", "key", make)["numbers"], torch.arange(100))
    assert len(calls) == 2
    assert file.read_bytes() == whole


def test_a_cache_that_cannot_be_written_costs_time_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "cache").write_text("a file stands where the folder would be")
    monkeypatch.setenv("AUTOTUNE_CACHE", str(tmp_path / "cache"))
    make, calls = counting()
    for _ in range(2):
        assert torch.equal(cached_tensors("kind", "key", make)["numbers"], torch.arange(100))
    assert len(calls) == 2


def test_a_write_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        save_atomically({"numbers": torch.arange(3)}, tmp_path / "key.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_what_a_kill_left_half_written_goes_after_a_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AUTOTUNE_CACHE", str(tmp_path))
    old, new = tmp_path / "kind" / "tmpa.part", tmp_path / "kind" / "tmpb.part"
    (tmp_path / "kind").mkdir()
    for path, age_s in ((old, 25 * 3600), (new, 23 * 3600)):
        path.write_bytes(b"half")
        then = time.time() - age_s
        os.utime(path, (then, then))
    cached_tensors("kind", "key", counting()[0])
    assert {file.name for file in (tmp_path / "kind").iterdir()} == {"key.safetensors", new.name}


def test_a_full_disk_costs_time_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """What safetensors makes of it is no OSError; a limit of the size of files is how a test fills the disk."""
    monkeypatch.setenv("AUTOTUNE_CACHE", str(tmp_path))
    make, calls = counting()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        for _ in range(2):
            assert torch.equal(cached_tensors("kind", "key", make)["numbers"], torch.arange(100))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert len(calls) == 2
    assert list((tmp_path / "kind").iterdir()) == []


def test_who_has_no_home_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch):
    """As in a container whose user no file of the system knows."""

    def nowhere() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("AUTOTUNE_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", nowhere)
    with pytest.raises(InputError, match="set AUTOTUNE_CACHE to a folder of your own"):
        cache_folder()
    assert find_cache().state is State.WRONG


def test_the_folder_is_the_users_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.delenv("AUTOTUNE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "autotune"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "autotune"


@given(st.lists(st.text(max_size=3), max_size=4), st.lists(st.text(max_size=3), max_size=4))
def test_hashes_are_equal_for_equal_parts_alone(left: list[str], right: list[str]):
    assert (content_hash(left) == content_hash(right)) == (left == right)


def test_tensors_of_other_names_shapes_types_or_bits_have_other_hashes():
    numbers = torch.arange(6, dtype=torch.float32)
    alike = [{"a": numbers, "b": numbers}, {"b": torch.stack([numbers, numbers], 1)[:, 0], "a": numbers}]
    others = [
        {"a": numbers, "c": numbers},
        {"a": numbers, "b": numbers.reshape(2, 3)},
        {"a": numbers, "b": numbers.view(torch.int32)},
        {"a": numbers, "b": numbers.flip(0)},
        {"a": numbers, "b": numbers.bfloat16()},
        {"a": numbers, "b": torch.tensor(1.0)},
        {"a": numbers, "b": torch.zeros(0)},
    ]
    assert len(set(map(tensors_hash, alike))) == 1
    assert len(set(map(tensors_hash, [alike[0], *others]))) == 1 + len(others)


def test_a_lone_surrogate_has_a_hash():
    assert content_hash(["\ud800"]) != content_hash(["\ud801"])
