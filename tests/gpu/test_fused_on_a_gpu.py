"""Trials as one program on a GPU: what each is alone, and nothing is asked of the device within a rung."""

from collections.abc import Callable, Mapping, Sequence

import pytest
import torch
from autotune.objectives.multi_task.fused.model import FusedModel
from autotune.objectives.prepared import PreparedObjective
from autotune.objectives.training.failure import FailureKind
from autotune.objectives.training.fused.cohort import Cohort
from autotune.objectives.training.fused.run import FusedRun
from autotune.objectives.training.fused.trainer import FusedTrainer
from autotune.objectives.training.plain import PlainTrainer
from autotune.objectives.training.trainer import Evaluation, Trainer
from autotune.spaces.configuration import Configuration, Mix, SettingValue

from ..objectives.trained import TASKS, to_the_end

Prepared = Callable[..., PreparedObjective]


def trial(rate: float, mix: Mapping[str, float], **training: SettingValue) -> Configuration:
    ratios = {name: 0.5 for name in TASKS if name != "sentiment"}
    given = Mix(operations=dict(mix), magnitude=0.3)
    return Configuration(learning_rate=rate, ratios=ratios, mix=given, training=training)


TRIALS = [
    trial(2e-4, {"noise": 0.4, "mixup": 0.3}),
    trial(1e-4, {"cutoff": 0.3, "mixup": 0.2}, weight_decay=0.3, max_grad_norm=None),
    trial(5e-5, {"reverse": 0.5}),
    trial(3e-4, {"mixup": 0.7}, warmup=0.4, max_grad_norm=0.1),
]
WILD = trial(1e30, {"noise": 0.1})
PRECISIONS = {"fp32": 1e-4, "bf16": 0.05}
"""How far losses may be from those of the trial alone, relative: products of other sizes round otherwise."""


def trained(trainer: Trainer, configurations: Sequence[Configuration]) -> dict[int, list[Evaluation]]:
    for trial_id, configuration in enumerate(configurations):
        trainer.admit(trial_id, configuration)
    return to_the_end(trainer)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_together_trials_are_what_each_is_alone(prepared: Prepared, gpu: torch.device, precision: str) -> None:
    objective = prepared(precision=precision)
    together = trained(FusedTrainer(objective, gpu, len(TRIALS)), TRIALS)
    for trial_id, configuration in enumerate(TRIALS):
        (alone,) = trained(FusedTrainer(objective, gpu), [configuration]).values()
        for one, two in zip(together[trial_id], alone, strict=True):
            assert one.step == two.step
            assert dict(one.losses) == pytest.approx(dict(two.losses), rel=PRECISIONS[precision])


def test_the_plain_trainer_finds_what_the_cpu_does(prepared: Prepared, gpu: torch.device) -> None:
    objective = prepared(precision="fp32")
    (there,) = trained(PlainTrainer(objective, gpu), TRIALS[:1]).values()
    (here,) = trained(PlainTrainer(objective, torch.device("cpu")), TRIALS[:1]).values()
    for one, two in zip(there, here, strict=True):
        assert dict(one.losses) == pytest.approx(dict(two.losses), rel=1e-3)


def test_a_trial_that_diverges_is_told_by_name_and_touches_no_other(prepared: Prepared, gpu: torch.device) -> None:
    found = trained(FusedTrainer(prepared(), gpu, 3), [TRIALS[0], WILD, TRIALS[1]])
    failures = {trial_id: evaluations[-1].failure for trial_id, evaluations in found.items()}
    assert (failures[0], failures[2]) == (None, None)
    assert failures[1] is not None
    assert failures[1].kind is FailureKind.DIVERGED


@pytest.mark.parametrize("precision", PRECISIONS)
def test_within_a_rung_nothing_waits_for_the_device(
    prepared: Prepared, gpu: torch.device, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    objective = prepared(precision=precision, dropout=0.1)
    runs = [FusedRun(number, configuration, objective, gpu) for number, configuration in enumerate(TRIALS)]
    cohort = Cohort(FusedModel(runs[0].shaped().to(gpu), 0), runs, objective, gpu)
    cohort.train(1)  # what is made once may wait
    step, watched = Cohort._step, list[int]()

    def watching(self: Cohort) -> None:
        torch.cuda.set_sync_debug_mode("error")
        try:
            step(self)
        finally:
            torch.cuda.set_sync_debug_mode("default")
        watched.append(self.runs[0].step)

    monkeypatch.setattr(Cohort, "_step", watching)
    cohort.train()
    assert len(watched) == runs[0].rung - 1
