"""Encoders of the Hub are opened from one commit."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from autotune.objectives.augmentation.mask import Mask
from autotune.objectives.augmentation.neighbours import neighbours_in_encoder
from autotune.objectives.augmentation.operation import Resources
from autotune.objectives.data.row import Row
from autotune.objectives.models.encoders import EncoderSource, commit_of, open_encoder
from autotune.objectives.models.language_models import at_commit
from autotune.objectives.models.vocabulary import input_table
from autotune.spaces.augmentation import AugmentationSpace
from autotune.spaces.errors import EncoderError, OperationUnavailable
from transformers import AutoModel

from ..hub import NAME, Hub

pytestmark = pytest.mark.usefixtures("hub")


def weights(revision: str | None = None) -> torch.Tensor:
    """The token table of the encoder as it is opened."""
    return table(open_encoder(NAME, Path("/"), [], 16, revision))


def table(encoder: EncoderSource) -> torch.Tensor:
    return input_table(encoder.build(AutoModel)).weight


def refused(name: str, base: Path, revision: str) -> str:
    with pytest.raises(EncoderError) as caught:
        open_encoder(name, base, [], 16, revision)
    return str(caught.value)


def test_a_branch_a_tag_and_a_commit(hub: Hub) -> None:
    first, second = hub.push("v1", "refs/pr/3", seed=1), hub.push("main", seed=2)
    assert open_encoder(NAME, Path("/"), [], 16).commit == second
    for revision in ("v1", "refs/pr/3", first):
        assert open_encoder(NAME, Path("/"), [], 16, revision).commit == commit_of(NAME, Path("/"), revision) == first
        assert torch.equal(weights(revision), weights("v1"))
    assert torch.equal(weights(), weights(second))
    assert not torch.equal(weights(), weights("v1"))


def test_weights_are_of_the_commit_that_was_opened(hub: Hub) -> None:
    hub.push("main", seed=1)
    before, opened = weights(), open_encoder(NAME, Path("/"), [], 16)
    hub.push("main", seed=2)
    assert torch.equal(table(opened), before)


def test_neither_config_nor_tokenizer_says_the_commit(hub: Hub, tmp_path: Path) -> None:
    """What is exported is the same whatever the commit was called."""
    commit = hub.push("main")
    encoder = open_encoder(NAME, Path("/"), [], 16)
    encoder.config.save_pretrained(tmp_path)
    encoder.tokenizer.save_pretrained(tmp_path)
    assert all(commit not in file.read_text(encoding="utf-8") for file in tmp_path.glob("*.json"))


def test_words_near_in_the_encoder_are_those_of_the_revision(hub: Hub) -> None:
    hub.push("v1", seed=1)
    hub.push("main", seed=2)
    given = [Row(("The battery is superb.",))]
    made = (Resources(Path("/"), NAME, given, max_length=16, revision=revision) for revision in ("v1", "main", None))
    hashes = [neighbours_in_encoder(resources)[1] for resources in made]
    assert hashes[0] != hashes[1] == hashes[2]


def test_the_encoder_masks_words_at_its_revision(hub: Hub) -> None:
    hub.push("v1", seed=1)
    hub.push("main", seed=2)
    made = (Resources(Path("/"), NAME, [], max_length=16, revision=revision) for revision in ("v1", "main", None))
    hashes = [Mask.make(AugmentationSpace(), resources).fingerprint for resources in made]
    assert hashes[0] != hashes[1] == hashes[2]


def test_a_model_of_an_operation_at_its_commit(hub: Hub, tmp_path: Path) -> None:
    first = hub.push("try/v1", "main", seed=1)
    named = [at_commit(name, tmp_path) for name in (NAME, f"{NAME}@try/v1", f"{NAME}@{first}")]
    assert named == [f"{NAME}@{first}"] * 3
    hub.push("main", seed=2)
    spaces = [
        AugmentationSpace.model_validate({"mask": {"model": name}}) for name in (named[0], f"{NAME}@try/v1", NAME)
    ]
    resources = Resources(tmp_path, "scratch:tiny", [], max_length=16)
    hashes = [Mask.make(space, resources).fingerprint for space in spaces]
    assert hashes[0] == hashes[1] != hashes[2]
    missing = AugmentationSpace.model_validate({"mask": {"model": f"{NAME}@v9"}})
    assert at_commit(f"{NAME}@v9", tmp_path) is None
    with pytest.raises(OperationUnavailable, match=f"cannot open '{NAME}@v9'"):
        Mask.make(missing, resources)


def test_only_models_of_the_hub_have_commits(architectures: Callable[..., Path], tmp_path: Path) -> None:
    folder = tmp_path / "bert@v1"
    folder.symlink_to(architectures("bert"))
    names = (str(folder), "bert@v1", "package:nowhere/model", "owner/missing")
    assert [at_commit(name, tmp_path) for name in names] == [None] * 4
    space = AugmentationSpace.model_validate({"mask": {"model": "bert@v1"}})
    assert Mask.make(space, Resources(tmp_path, "scratch:tiny", [], max_length=16))


def test_a_revision_that_is_not_there(hub: Hub) -> None:
    hub.push("main")
    message = refused(NAME, Path("/"), "v9")
    assert message.startswith(f"model: revision: cannot open '{NAME}' at 'v9': neither the Hub nor its cache here")
    assert f"Name a branch, tag or commit of huggingface.co/{NAME} that has safetensors" in message
    assert "\n" not in message


def test_a_commit_without_weights(hub: Hub) -> None:
    commit = hub.push("main")
    encoder = open_encoder(NAME, Path("/"), [], 16)
    hub.spoil(commit)
    with pytest.raises(EncoderError, match=f"^model: revision: cannot open '{NAME}' at '{commit}'"):
        encoder.build(AutoModel)


def test_folders_have_no_revisions(tmp_path: Path) -> None:
    folder = tmp_path / NAME
    folder.mkdir(parents=True)
    for name in ("config.json", "model.safetensors"):
        (folder / name).touch()
    assert commit_of(NAME, tmp_path, None) is None
    assert commit_of("scratch:tiny", tmp_path, None) is None
    message = refused(NAME, tmp_path, "v1")
    assert message.startswith(f"model: revision: 'v1': '{NAME}' is a folder here, and only encoders of the Hub have")
