"""A study trains the commit of a Hub encoder that it was created with, wherever and whenever it goes on."""

import json
from pathlib import Path

import pytest
from autotune.objectives.models.encoders import open_encoder
from autotune.search.export.best_file import read_best
from autotune.search.study import open_study

from ..hub import NAME, Hub
from .conftest import STUDY, Command

URL = "sqlite:///autotune.db"


@pytest.fixture
def study(folder: Path) -> Path:
    """study.yaml, whose encoder is the Hub's; the work is short."""
    text = STUDY.replace("scratch:tiny", NAME).replace("trials: 4", "trials: 2").replace("epochs: 2", "epochs: 1")
    (folder / "study.yaml").write_text(text, encoding="utf-8")
    return folder / "study.yaml"


def values(name: str = "tiny") -> list[float | None]:
    return [trial.value for trial in open_study(name, URL).study.trials]


@pytest.mark.slow
def test_a_study_goes_on_with_its_commit(study: Path, hub: Hub, autotune: Command) -> None:
    first = hub.push("main", seed=1)
    outcome = autotune("study", "create", "study.yaml")
    assert f"encoder: {NAME} at {first[:12]}" in outcome.out
    hub.spoil(hub.push("main", seed=2))
    for command in (("plan", "study.yaml"), ("run", "study.yaml", "--devices", "cpu")):
        outcome = autotune("study", *command)
        assert outcome.code == 0, outcome.err
    record = open_study("tiny", URL)
    assert (record.file.model.revision, record.given and record.given.model.revision) == (first, None)
    assert f"encoder {NAME} at {first[:12]}" in autotune("study", "show", "tiny").out
    shown = json.loads(autotune("study", "show", "tiny", "--json").out)
    assert shown["settings"]["model"]["revision"] == first
    assert f"encoder {NAME} at {first[:12]}" in autotune("study", "report", "tiny").out
    assert autotune("study", "report", "tiny", "--html", "report.html").code == 0
    assert f"encoder {NAME} at {first[:12]}" in Path("report.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_its_export_trains_and_is_verified_with_that_commit(study: Path, hub: Hub, autotune: Command) -> None:
    first = hub.push("main", seed=1)
    assert autotune("study", "run", "study.yaml", "--devices", "cpu").code == 0
    hub.spoil(hub.push("main", seed=2))
    assert autotune("study", "export", "tiny").code == 0
    best = read_best(Path("best.yaml"))
    assert (best.settings.model.encoder, best.settings.model.revision) == (NAME, first)
    outcome = autotune("train", "best.yaml", "-o", "model", "--devices", "cpu")
    assert outcome.code == 0, outcome.err
    assert f"| encoder's commit | {first} |" in Path("model/README.md").read_text(encoding="utf-8")
    outcome = autotune("verify", "best.yaml", "--devices", "cpu")
    assert outcome.code == 0, outcome.err
    assert "identical" in outcome.out
    assert autotune("study", "export", "tiny", "--format", "hf", "-o", "args.json").code == 0
    assert json.loads(Path("args.json").read_text(encoding="utf-8"))["revision"] == first
    changed = Path("best.yaml").read_text(encoding="utf-8").replace(f"revision: {first}", "revision: main")
    Path("best.yaml").write_text(changed, encoding="utf-8")
    assert not read_best(Path("best.yaml")).is_as_measured  # another encoder is another configuration


def test_a_tag_of_the_study_file_is_taken_and_kept(study: Path, hub: Hub, autotune: Command) -> None:
    first = hub.push("v1", seed=1)
    hub.push("main", seed=2)
    study.write_text(study.read_text("utf-8").replace(NAME, f"{NAME}, revision: v1"), encoding="utf-8")
    assert autotune("study", "create", "study.yaml").code == 0
    hub.move("v1", hub.push(seed=3))
    assert autotune("study", "run", "study.yaml", "--devices", "cpu").code == 0
    record = open_study("tiny", URL)
    assert (record.file.model.revision, record.given and record.given.model.revision) == (first, "v1")
    study.write_text(study.read_text("utf-8").replace("v1", "main"), encoding="utf-8")
    outcome = autotune("study", "run", "study.yaml", "--trials", "3")
    assert outcome.code == 2
    assert "model.revision: 'v1' -> 'main'" in outcome.err


@pytest.mark.slow
def test_models_of_operations_are_pinned_like_the_encoder(folder: Path, hub: Hub, autotune: Command) -> None:
    text = STUDY.replace("operations: [noise, mixup]", f"operations: [mask], mask: {{model: {NAME}}}")
    Path("study.yaml").write_text(text.replace("trials: 4", "trials: 2").replace("epochs: 2", "epochs: 1"), "utf-8")
    first = hub.push("main", seed=1)
    outcome = autotune("study", "create", "study.yaml")
    assert f"mask.model: {NAME} at {first[:12]}, wherever" in outcome.out, outcome.err
    hub.spoil(hub.push("main", seed=2))
    outcome = autotune("study", "run", "study.yaml", "--devices", "cpu")
    assert outcome.code == 0, outcome.err
    record = open_study("tiny", URL)
    files = record.file, record.given or record.file
    assert [each.space.augmentation.mask.model for each in files] == [f"{NAME}@{first}", NAME]
    assert autotune("study", "export", "tiny").code == 0
    assert read_best(Path("best.yaml")).augmentation.mask.model == f"{NAME}@{first}"
    outcome = autotune("verify", "best.yaml", "--devices", "cpu")
    assert outcome.code == 0, outcome.err


@pytest.mark.slow
def test_workers_and_fresh_seeds_train_that_commit(study: Path, hub: Hub, autotune: Command) -> None:
    """Workers are spawned: they know the study file and the cache of the Hub alone."""
    hub.push("main", seed=1)
    text = study.read_text("utf-8")
    for name in ("tiny", "other"):
        Path(f"{name}.yaml").write_text(text.replace("name: tiny", f"name: {name}"), encoding="utf-8")
        assert autotune("study", "create", f"{name}.yaml").code == 0
    assert autotune("study", "run", "tiny.yaml", "--executor", "inline", "--devices", "cpu").code == 0
    hub.spoil(hub.push("main", seed=2))
    assert autotune("study", "run", "other.yaml", "--devices", "cpu:2").code == 0
    assert values("other") == values("tiny")
    options = ("--seeds", "2", "--candidates", "1", "--no-ablate", "--devices", "cpu:2")
    outcome = autotune("study", "confirm", "other.yaml", *options)
    assert outcome.code == 0, outcome.err


@pytest.mark.parametrize(
    ("encoder", "revision", "message"),
    [
        (
            "scratch:tiny",
            "v1",
            "line 4: model.revision: 'v1': only encoders of the Hub have revisions, and 'scratch:tiny'",
        ),
        ("./encoder", "v1", "only encoders of the Hub have revisions, and './encoder' is none; leave this out"),
        (NAME, "v9", f"model: revision: cannot open '{NAME}' at 'v9'"),
        (NAME, "''", "line 4: model.revision: '': must be"),
    ],
)
def test_a_revision_that_cannot_be(
    study: Path, hub: Hub, autotune: Command, encoder: str, revision: str, message: str
) -> None:
    hub.push("main")
    text = study.read_text("utf-8").replace(NAME, f"{encoder}, revision: {revision}")
    study.write_text(text, encoding="utf-8")
    outcome = autotune("study", "create", "study.yaml")
    assert outcome.code == 2
    assert message in outcome.err


def test_a_folder_of_the_encoders_name_does_not_take_its_place(study: Path, hub: Hub, autotune: Command) -> None:
    hub.push("main")
    assert autotune("study", "run", "study.yaml", "--devices", "cpu").code == 0
    source = open_encoder("scratch:tiny", Path(), ["a text"], 32)
    source.tokenizer.save_pretrained(NAME)
    source.config.save_pretrained(NAME)
    Path(NAME, "model.safetensors").touch()
    outcome = autotune("study", "run", "study.yaml", "--trials", "3")
    assert outcome.code == 2
    assert f"'{NAME}' is a folder here, and only encoders of the Hub have revisions" in outcome.err
    assert autotune("study", "export", "tiny").code == 0
    assert read_best(Path("best.yaml")).settings.model.encoder == NAME
