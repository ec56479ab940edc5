"""A failed device is told from a failed trial, also where a library on it speaks first. No GPU: both are faked."""

from collections.abc import Callable

import pytest
import torch
from autotune.objectives.prepared import PreparedObjective
from autotune.objectives.training.failure import FailureKind
from autotune.objectives.training.fused.gpu_slots import probe_step
from autotune.objectives.training.fused.run import FusedRun
from autotune.objectives.training.fused.trainer import FusedTrainer
from autotune.objectives.training.plain import PlainTrainer
from autotune.objectives.training.run import TrainingRun
from autotune.spaces.configuration import Configuration

CPU, TRIAL = torch.device("cpu"), Configuration(learning_rate=1e-3)
Device = Callable[[str, str | None], None]


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Device:
    """Has every step fail with one message, and the device, when it is asked, with another; None: it is well."""

    def make(message: str, answer: str | None) -> None:
        def step(*_: object) -> None:
            raise RuntimeError(message)

        def synchronize(_: torch.device) -> None:
            if answer is not None:
                raise torch.AcceleratorError(answer)

        monkeypatch.setattr(TrainingRun, "_step", step)
        monkeypatch.setattr(FusedRun, "update", step)
        monkeypatch.setattr(torch.cuda, "synchronize", synchronize)

    return make


@pytest.mark.parametrize("kind", [PlainTrainer, FusedTrainer])
@pytest.mark.parametrize(
    "message",
    [
        "CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm(...)`",
        "CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`",
        "cuDNN error: CUDNN_STATUS_EXECUTION_FAILED",
    ],
)
def test_a_device_that_fails_within_a_library_is_no_trials_failure(
    objective: Callable[..., PreparedObjective], device: Device, kind: type[PlainTrainer], message: str
):
    device(message, "CUDA error: device-side assert triggered")
    trainer = kind(objective(), CPU)
    trainer.admit(0, TRIAL)
    with pytest.raises(torch.AcceleratorError, match="device-side assert"):
        trainer.advance()


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("CUDA error: CUBLAS_STATUS_INVALID_VALUE when calling `cublasSgemm(...)`", FailureKind.CRASHED),
        ("CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`", FailureKind.OUT_OF_MEMORY),
    ],
)
def test_a_library_that_fails_on_a_sound_device_is_the_trials_own_failure(
    objective: Callable[..., PreparedObjective], device: Device, message: str, kind: FailureKind
):
    device(message, None)
    trainer = PlainTrainer(objective(), CPU)
    trainer.admit(0, TRIAL)
    (found,) = trainer.advance()
    assert found.failure is not None
    assert found.failure.kind is kind


def test_a_device_that_fails_is_not_short_of_memory(objective: Callable[..., PreparedObjective], device: Device):
    """What does not fit would only be tried with fewer trials, on a device that answers nothing any more."""
    device("CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when ...", "CUDA error: device-side assert triggered")
    with pytest.raises(torch.AcceleratorError, match="device-side assert"):
        probe_step(objective(), TRIAL, CPU, 2)
