from collections.abc import Callable

import numpy as np
import pytest
import torch
from autotune.objectives.prepare import PreparedObjective
from autotune.objectives.tasks.batch import TextCodes
from autotune.objectives.tasks.classification import Classification, ClassificationSettings
from sklearn import metrics as scores

Objectives = Callable[..., PreparedObjective]


def task(*labels: str) -> Classification:
    return Classification("main", ClassificationSettings(kind="classification")).with_labels(labels)


def test_metrics_are_scikit_learns(codes: TextCodes):
    logits = torch.randn(200, 3, generator=torch.Generator().manual_seed(0))
    truth = torch.randint(3, (200,), generator=torch.Generator().manual_seed(1))
    guess, real = logits.argmax(1).numpy(), truth.numpy()
    expected = {
        "accuracy": scores.accuracy_score(real, guess),
        "balanced_accuracy": scores.balanced_accuracy_score(real, guess),
        "f1": scores.f1_score(real, guess, average="macro"),
        "mcc": scores.matthews_corrcoef(real, guess),
        "log_loss": torch.nn.functional.cross_entropy(logits, truth).item(),
    }
    assert task("a", "b", "c").measure(logits, truth, codes) == pytest.approx(expected, rel=1e-5)


def test_a_class_that_validation_lacks_costs_no_balanced_accuracy(codes: TextCodes):
    logits = torch.tensor([[9.0, 0, 0], [0, 9, 0], [0, 0, 9]])
    measured = task("a", "b", "c").measure(logits, torch.tensor([0, 1, 1]), codes)
    assert measured["balanced_accuracy"] == pytest.approx(0.75)
    assert np.isfinite(measured["log_loss"])


def test_one_class_guessed_throughout_is_measured_without_a_warning(codes: TextCodes):
    logits = torch.tensor([[9.0, 0]] * 4)
    measured = task("a", "b").measure(logits, torch.tensor([0, 0, 1, 1]), codes)
    assert (measured["accuracy"], measured["balanced_accuracy"], measured["mcc"]) == (0.5, 0.5, 0.0)


def test_labels_are_sorted_and_targets_are_their_places(objective: Objectives):
    main = objective().main
    table = objective().corpus.train["sentiment"]
    assert isinstance(main.task, Classification)
    assert isinstance(main.targets, torch.Tensor)
    assert main.task.labels == ("negative", "positive")
    assert [main.task.labels[i] for i in main.targets.tolist()] == table.column("label")
