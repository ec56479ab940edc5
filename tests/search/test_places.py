"""Where trials can train: what --devices means, and what CUDA_VISIBLE_DEVICES, affinity and containers leave."""

import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from autotune.search.executors import places, ray_cluster
from autotune.search.executors.places import Place, cores, find_places, first_device, gpus
from autotune.search.executors.ray_cluster import Remote
from autotune.search.executors.worker import Recipe
from autotune.spaces.errors import InputError

from .conftest import Command

Cards = Callable[..., None]
UUIDS = ("GPU-5d1f0a3e-1111", "GPU-77aa0b2c-2222")
SLICES = ("MIG-6c1e8a70-3333", "MIG-0be1f4d2-4444", "MIG-9f3a7c55-5555")


@pytest.fixture
def cards(monkeypatch: pytest.MonkeyPatch) -> Cards:
    """A machine where torch counts so many GPUs, and CUDA_VISIBLE_DEVICES is that."""

    def there(count: int, visible: str | None = None) -> None:
        monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
        if visible is None:
            monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        else:
            monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)

    return there


@pytest.mark.parametrize(
    ("count", "visible", "expected"),
    [
        (0, None, []),
        (2, None, ["0", "1"]),
        (0, "", []),
        (2, "0,1", ["0", "1"]),
        (2, " 3 , 5 ", ["3", "5"]),
        (2, ",".join(UUIDS), list(UUIDS)),
        (1, ",".join(SLICES), list(SLICES)),  # CUDA shows one process one slice only
        (1, SLICES[0], [SLICES[0]]),
        (1, "0,7", ["0"]),  # CUDA ends the list at the first that is not there
        (0, "-1", []),
    ],
)
def test_gpus_are_pinned_as_the_user_named_them(cards: Cards, count: int, visible: str | None, expected: list[str]):
    cards(count, visible)
    found = gpus()
    assert [dict(place.environment) for place in found] == [{"CUDA_VISIBLE_DEVICES": name} for name in expected]
    assert [place.number for place in found] == list(range(len(expected)))
    assert not any(place.is_core for place in found)


def test_names_tell_numbers_and_what_the_user_called_them(cards: Cards):
    cards(2)
    assert [place.name for place in gpus()] == ["GPU 0", "GPU 1"]
    cards(2, "3,1")
    assert [place.name for place in gpus()] == ["GPU 0 (3)", "GPU 1"]
    cards(1, SLICES[0])
    assert [place.name for place in gpus()] == [f"GPU 0 ({SLICES[0]})"]


def test_no_cuda_context_is_opened_to_find_devices(cards: Cards):
    cards(2, "0,1")
    gpus()
    assert not torch.cuda.is_initialized()


def test_cores_see_no_gpu_and_have_one_thread():
    for place in cores(3):
        assert place.is_core
        assert place.environment["CUDA_VISIBLE_DEVICES"] == ""
        assert place.environment["OMP_NUM_THREADS"] == place.environment["MKL_NUM_THREADS"] == "1"
    assert [place.name for place in cores(2)] == ["CPU worker 0", "CPU worker 1"]


@pytest.mark.parametrize(
    ("devices", "expected"),
    [
        ("auto", ["GPU 0", "GPU 1", "GPU 2"]),
        ("0", ["GPU 0"]),
        ("2,0", ["GPU 2", "GPU 0"]),
        (" 1 , 2 ", ["GPU 1", "GPU 2"]),
        ("cuda", ["GPU 0"]),
        ("cuda:1", ["GPU 1"]),
        ("cuda:0,cuda:2", ["GPU 0", "GPU 2"]),
        ("cpu:2", ["CPU worker 0", "CPU worker 1"]),
    ],
)
def test_devices(cards: Cards, devices: str, expected: list[str]):
    cards(3)
    assert [place.name for place in find_places(devices)] == expected


@pytest.mark.parametrize(
    ("devices", "expected"),
    [("auto", "cuda:0"), ("2,0", "cuda:2"), ("cuda:1", "cuda:1"), ("cpu", "cpu"), ("cpu:2", "cpu")],
)
def test_what_comes_before_the_trials_is_computed_on_the_first_of_them(cards: Cards, devices: str, expected: str):
    cards(3)
    assert str(first_device(devices)) == expected


def test_a_slice_of_a_gpu_that_this_process_does_not_see_leaves_it_the_first(cards: Cards):
    cards(1, ",".join(SLICES))
    assert str(first_device("2")) == "cuda:0"


@pytest.mark.parametrize(
    ("command", "module"),
    [("run", "running"), ("plan", "cli.planning")],
)
def test_on_a_machine_with_gpus_a_study_on_the_cpu_touches_none(
    cards: Cards, folder: Path, autotune: Command, monkeypatch: pytest.MonkeyPatch, command: str, module: str
):
    """Language models and the judge of new rows are before the trials."""
    assert autotune("study", "create", "study.yaml").code == 0
    cards(3)
    devices = list[object]()

    def prepared(*given: object) -> None:
        devices.append(given[-1])
        raise InputError("that is all")

    monkeypatch.setattr(f"autotune.search.{module}.prepare_study", prepared)
    assert "that is all" in autotune("study", command, "tiny", "--devices", "cpu:2").err
    assert devices == [torch.device("cpu")]


@pytest.mark.parametrize(
    ("devices", "message"),
    [
        ("3", r"--devices: no device '3' here; there are: auto, cpu, cpu:N, 0, 1, 2"),
        ("0,7", r"no device '7' here"),
        ("gpu", r"no device 'gpu' here"),
        ("", r"no device '' here"),
        ("0,", r"no device '' here"),
        ("-1", r"no device '-1' here"),
        ("cpu,0", r"no device 'cpu' here"),
        ("cpus", r"no device 'cpus' here"),
        ("0:1", r"no device '0:1' here"),
        ("cpu:0", r"--devices: 'cpu:0' names no number of workers; cpu:2 means two"),
        ("cpu:many", r"'cpu:many' names no number of workers"),
        ("cpu:-2", r"'cpu:-2' names no number of workers"),
        ("cpu:", r"'cpu:' names no number of workers"),
        ("1,1", r"--devices: 1,1 names a GPU twice; --slots N puts several trials on one"),
        ("0,cuda:0", r"names a GPU twice"),
        ("0,00", r"names a GPU twice"),
        ("²", r"no device '²' here"),
    ],
)
def test_devices_that_are_none(cards: Cards, devices: str, message: str):
    cards(3)
    with pytest.raises(InputError, match=message):
        find_places(devices)


@pytest.mark.parametrize("devices", ["cuda", "0", "cuda:0"])
def test_without_a_gpu_there_is_the_cpu_alone(cards: Cards, devices: str, monkeypatch: pytest.MonkeyPatch):
    cards(0)
    monkeypatch.setattr(places, "core_count", lambda: 2)
    assert [place.name for place in find_places("auto")] == ["CPU worker 0", "CPU worker 1"]
    assert find_places("cpu") == find_places("cpu:2")
    with pytest.raises(InputError, match=r"there are: auto, cpu, cpu:N$"):
        find_places(devices)


@pytest.mark.parametrize(
    ("machines", "share", "room"),
    [([2], 0.4, 4), ([2], 0.6, 2), ([2], 0.5, 4), ([1, 1], 2, 0), ([3, 1], 2, 1), ([2, 1], 1, 3), ([0, 0], 1, 0)],
)
def test_actors_of_ray_find_their_share_on_one_gpu_or_their_gpus_on_one_machine(
    machines: list[int], share: float, room: int, monkeypatch: pytest.MonkeyPatch
):
    """No cluster with GPUs is here: what it would say of its machines is made up."""
    nodes = [{"Alive": True, "Resources": {"GPU": float(count)} if count else {}} for count in machines]
    nodes.append({"Alive": False, "Resources": {"GPU": 8.0}})
    monkeypatch.setattr(ray_cluster, "_ray", lambda: SimpleNamespace(nodes=lambda: nodes))
    assert ray_cluster._gpu_room(share) == room


def test_a_worker_that_was_given_a_gpu_does_not_train_on_the_cpu_in_silence(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its card may be gone, or CUDA show fewer than the driver counts."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    with pytest.raises(RuntimeError, match=r"does not see the GPU of this worker \(CUDA_VISIBLE_DEVICES=1\)$"):
        recipe.make(print)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert recipe.make(print).capacity == 1


def test_a_ray_actor_with_one_core_sees_no_gpu(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    Remote(recipe, is_one_thread=False)
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "0"
    Remote(recipe, is_one_thread=True)
    assert os.environ["CUDA_VISIBLE_DEVICES"] == ""


@pytest.mark.parametrize(("gpus", "threads"), [(0.0, 1), (0.5, None), (1.0, None)])
def test_actors_with_a_gpu_train_with_no_threads_that_a_study_would_keep(
    recipe: Recipe, gpus: float, threads: int | None
):
    places = [Place("Ray actor 0", share=gpus)]
    assert ray_cluster.RayExecutor(places, recipe, print, 2, None).threads == threads
