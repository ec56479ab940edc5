from collections.abc import Callable

import numpy as np
import pytest
import torch
from autotune.objectives.prepared import PreparedObjective
from autotune.objectives.tasks.batch import TextCodes
from autotune.objectives.tasks.classification import Classification, ClassificationSettings
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as scores

Objectives = Callable[..., PreparedObjective]


def task(*labels: str) -> Classification:
    return Classification("main", ClassificationSettings(kind="classification")).with_labels(labels)


@pytest.mark.filterwarnings("ignore:A single label was found")
@given(
    classes=st.integers(2, 6), rows=st.integers(1, 40), seed=st.integers(0, 2**31), scale=st.sampled_from([0.1, 3, 1e3])
)
def test_metrics_are_scikit_learns(classes: int, rows: int, seed: int, scale: float, codes: TextCodes):
    """Also where classes are missing from the truth or the guesses, there is one row, or a guess is sure and wrong."""
    drawn = torch.Generator().manual_seed(seed)
    logits = scale * torch.randn(rows, classes, generator=drawn)
    truth = torch.randint(1 + seed % classes, (rows,), generator=drawn)
    guess, real = logits.argmax(1).numpy(), truth.numpy()
    expected = {
        "accuracy": scores.accuracy_score(real, guess),
        "balanced_accuracy": scores.recall_score(real, guess, labels=np.unique(real), average="macro"),
        "f1": scores.f1_score(real, guess, average="macro"),
        "mcc": scores.matthews_corrcoef(real, guess),
        "log_loss": scores.log_loss(real, logits.double().softmax(1).numpy(), labels=np.arange(classes)),
    }
    labels = "abcdef"[:classes]
    assert task(*labels).measure(logits, truth, codes) == pytest.approx(expected, rel=1e-12)


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
