"""The winner as a file, and what production makes of it."""

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from autotune.objectives.prepare import prepare
from autotune.objectives.prepared import PreparedObjective
from autotune.objectives.settings import ObjectiveSettings
from autotune.search.export.best_file import read_best
from autotune.search.export.exporting import render, study_fingerprint
from autotune.search.study import StudyRecord, open_study
from autotune.search.study_file.yaml_document import read_document, write_document
from autotune.spaces.augmentation import AugmentationSpace
from autotune.spaces.cleaning import CleaningSpace
from autotune.spaces.errors import DataError, StudyFileError
from optuna.trial import TrialState

from .exported import best_configuration

HEADER = "word\tpos\tsynonyms\tantonyms\n"
Command = Callable[..., Any]


@pytest.fixture
def record(trained: Path) -> StudyRecord:
    """The trained study, as if it had been made in this copy of its folder."""
    found = open_study("tiny", "sqlite:///autotune.db")
    return StudyRecord(found.study, found.storage, found.url, found.file, trained / "study.yaml")


def test_what_was_exported_is_read_back(record: StudyRecord, trained: Path) -> None:
    best = best_configuration(record, trained)
    for style in ("yaml", "json"):
        path = trained / f"best.{style}"
        path.write_text(render(best, style), encoding="utf-8")
        assert read_best(path) == best
        assert str(trained) not in path.read_text(encoding="utf-8")
    winner = record.study.best_trial
    assert (best.found.trial, best.found.value, best.found.study) == (winner.number, winner.value, "tiny")
    assert best.found.baseline == record.study.trials[0].value
    assert best.configuration.model_dump() == winner.user_attrs["configuration"]
    assert best.loss_weights.alpha + sum(best.loss_weights.betas.values()) == pytest.approx(1)
    assert best.fingerprints.keys() == {"reviews.csv"}
    assert best.rows == record.study.user_attrs["rows"]
    assert best.versions.keys() >= {"autotune-mtl", "torch", "transformers", "optuna"}


def test_plain_yaml_reads_it_alike(record: StudyRecord, trained: Path) -> None:
    best = best_configuration(record, trained)
    assert yaml.safe_load(render(best, "yaml")) == json.loads(render(best, "json"))


@pytest.mark.slow
def test_paths_are_relative_to_the_export(record: StudyRecord, trained: Path) -> None:
    (trained / "exports" / "deep").mkdir(parents=True)
    best = best_configuration(record, trained / "exports" / "deep")
    assert best.settings.data.train == "../../reviews.csv"
    assert best.fingerprints.keys() == {"../../reviews.csv"}
    assert best_configuration(record, trained.parent).settings.data.train == "trained/reviews.csv"


def test_data_that_is_gone_is_told(record: StudyRecord, trained: Path) -> None:
    (trained / "reviews.csv").unlink()
    with pytest.raises(DataError, match=r"reviews\.csv: no such file"):
        best_configuration(record, trained)


LOOKS = [
    "1e5",
    "12e3",
    "1.5e5",
    ".5e3",
    "1E-5",
    "1.0e+5",
    "007",
    "1_000",
    "0x1F",
    "yes",
    "no",
    "on",
    "null",
    "~",
    "true",
    "2026-11-27",
    "12:30",
    "a:",
    "#",
    "<<",
    "1.",
    ".5",
    "-0",
    "+1",
    "inf",
    ".inf",
    "=",
    "!x",
    "-",
]


@pytest.mark.parametrize("text", [*LOOKS, "", " ", "- a", "a: b", "é\u2028"])
def test_texts_that_look_like_something_else_are_read_back_as_texts(text: str) -> None:
    assert read_document(write_document({"labels": [text], "of": {"name": text}}), "best.yaml").values == {
        "labels": [text],
        "of": {"name": text},
    }


def test_data_that_changed_is_told(trained: Path, autotune: Command) -> None:
    with (trained / "reviews.csv").open("a", encoding="utf-8") as file:
        file.write("It is fine.,positive,camera\n")
    outcome = autotune("study", "export", "study.yaml")
    assert outcome.code == 0
    told = " ".join(outcome.out.split())
    assert "warning: autotune train and verify will refuse it: reviews.csv: not the data that the " in told


def test_hugging_face_accepts_its_arguments(record: StudyRecord, trained: Path) -> None:
    from transformers import TrainingArguments

    best = best_configuration(record, trained)
    content = json.loads(render(best, "hf"))
    arguments = TrainingArguments(output_dir=str(trained / "out"), use_cpu=True, **content["training_arguments"])
    assert arguments.learning_rate == best.configuration.learning_rate
    assert arguments.get_warmup_steps(100) == 10
    size = best.configuration.training["batch_size"] if best.configuration.training else 16
    assert isinstance(size, int)
    assert arguments.per_device_train_batch_size == size
    assert arguments.num_train_epochs == 2 * size / 16
    assert content["loss_weights"]["alpha"] == best.configuration.alpha
    assert content["augmentation"]["operations"] == best.configuration.mix.operations


@pytest.mark.slow
def test_an_export_is_replaced_by_a_whole_one(trained: Path, autotune: Command) -> None:
    for style in ("yaml", "json", "hf", "yaml"):
        assert autotune("study", "export", "study.yaml", "--format", style, "-o", "best.yaml").code == 0
    assert read_best(trained / "best.yaml").found.study == "tiny"
    assert not list(trained.glob("tmp*"))


@pytest.mark.parametrize("name", ["study.yaml", "reviews.csv", "autotune.db"])
@pytest.mark.parametrize("command", [("export", "tiny", "-o"), ("report", "tiny", "--html")])
def test_no_other_file_is_ever_replaced(trained: Path, autotune: Command, command: tuple[str, ...], name: str) -> None:
    before = (trained / name).read_bytes()
    outcome = autotune("study", *command, name)
    assert outcome.code == 2
    assert f"'{name}' already exists, and is not " in outcome.err
    assert "choose another name" in outcome.err
    assert (trained / name).read_bytes() == before


MINE = {
    "empty": "",
    "notes": "# Notes\nfound: two mistakes\n",
    "a file with the first line alone": "# The best configuration of the study tiny.\nmine: true\n",
    "a page": "<html><head><title>my own autotune report</title></head></html>",
    "a data set": '{\n  "found": {\n    "rows": 3\n  }\n}\n',
    "arguments": '{\n  "training_arguments": {\n    "learning_rate": 0.1\n  }\n}\n',
}


@pytest.mark.parametrize("text", MINE.values(), ids=MINE)
@pytest.mark.parametrize("command", [("export", "tiny", "-o"), ("report", "tiny", "--html")])
def test_a_file_of_somebody_else_s_is_not_taken_for_ours(
    trained: Path, autotune: Command, command: tuple[str, ...], text: str
) -> None:
    (trained / "mine").write_text(text, encoding="utf-8")
    outcome = autotune("study", *command, "mine")
    assert outcome.code == 2
    assert "'mine' already exists, and is not " in outcome.err
    assert (trained / "mine").read_text(encoding="utf-8") == text


def test_a_page_is_replaced_by_one_and_an_export_is_not(trained: Path, autotune: Command) -> None:
    for _ in range(2):
        assert autotune("study", "report", "tiny", "--html", "report.html").code == 0
    assert "'report.html' already exists" in autotune("study", "export", "tiny", "-o", "report.html").err


def test_a_folder_is_no_file_to_export_to(trained: Path, autotune: Command) -> None:
    outcome = autotune("study", "export", "tiny", "-o", ".")
    assert (outcome.code, outcome.err) == (2, "--output: '.' is a folder; name a file in it\n")
    outcome = autotune("study", "export", "tiny", "-o", "new/")
    assert outcome.code == 2
    assert "'new/' is a folder; name a file in it" in outcome.err
    assert not (trained / "new").exists()


DAMAGES = [
    ("alpha: ", "alfa: ", "loss_weights.alfa: unknown key; did you mean alpha?"),
    ("  magnitude: 0", "  magnitude: high", "must be a number"),
    ("seed: 0", "seed: none", "seed: 'none': must be a whole number"),
    ("encoder: scratch:tiny", "encoder: ''", "settings.model.encoder: '': must be text that is not empty"),
    ("objective: sentiment.accuracy", "objective: sentiment.luck", "settings.objective: tasks of kind"),
    ("  ratios: {}", "  ratios: {films: 1}", "configuration.ratios.films: 1: must be a ratio above 0"),
    ("  ratios: {}", "  ratios: {aspect: -1}", "configuration.ratios.aspect: -1: must be a ratio above 0"),
    ("    operations: {}", "    operations: {flip: 0.1}", "mix.operations.flip: 0.1: must be shares from 0"),
    ("    operations: {}", "    operations: {noise: 1.5}", "mix.operations.noise: 1.5: must be shares from 0"),
    ("    operations: {}", "    operations: {noise: 0.5}", "configuration.mix.magnitude: 0: must be one of"),
    ("  alpha: 1.0", "  alpha: 0.5", "loss_weights.alpha: 0.5: does not follow from configuration.ratios, "),
    ("  betas: {}", "  betas: {aspect: 0.2}", "loss_weights.betas.aspect: 0.2: does not follow from "),
    ("    sentiment: 0.69", "    films: 0.69", "loss_weights.normalisers.films: 0.693147: must be above 0"),
    ("  value: ", "  value: 1", "found.value: 1"),
    ("    train: reviews.csv", "    train: other.csv", "settings.data.train: 'other.csv': none of fingerprints"),
    ("  learning_rate: ", "  learning_rate: -", "configuration.learning_rate: -0.001: must be a number above 0"),
    ("digest: ", "digest: 0", "digest: "),
    ("format: 1", "format: 0", "format: 0: must be a whole number of at least 1"),
    ("  training: {}", "  training: {epochs: 0}", "configuration.training.epochs: "),
    ("  training: {}", "  training: {epoch: 1}", "configuration.training.epoch: "),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("old", "new", "words"), DAMAGES)
def test_a_file_changed_by_hand_is_checked(record: StudyRecord, trained: Path, old: str, new: str, words: str) -> None:
    best = best_configuration(record, trained).model_copy(
        update={"configuration": record.file.search_space().baseline()}
    )
    text = render(best, "yaml")
    assert old in text
    (trained / "best.yaml").write_text(text, encoding="utf-8")
    assert read_best(trained / "best.yaml") == best
    changed = text.replace(old, new, 1)
    (trained / "best.yaml").write_text(changed, encoding="utf-8")
    with pytest.raises(StudyFileError) as error:
        read_best(trained / "best.yaml")
    assert words in str(error.value)
    line = next(number for number, text in enumerate(changed.splitlines(), 1) if new in text)
    if "magnitude: 0" not in words:
        assert f"best.yaml, line {line}: " in str(error.value)


def test_all_that_is_wrong_with_it_is_told_at_once(record: StudyRecord, trained: Path) -> None:
    text = render(best_configuration(record, trained), "yaml").replace("alpha:", "alfa:").replace("seed: 0", "sed: 0")
    (trained / "best.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(StudyFileError) as error:
        read_best(trained / "best.yaml")
    assert len(str(error.value).splitlines()) == 4


def test_production_reaches_what_the_search_found(
    trained: Path, autotune: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From another folder; and the result opens with transformers alone."""
    from transformers import pipeline

    assert autotune("study", "export", "study.yaml", "-o", "best.yaml").code == 0
    best = read_best(trained / "best.yaml")
    away = tmp_path / "away"
    away.mkdir()
    monkeypatch.chdir(away)
    outcome = autotune("train", "../trained/best.yaml", "-o", "models/deep/model", "--devices", "cpu")
    assert (outcome.code, outcome.err) == (0, "")
    lines = outcome.out.splitlines()
    assert lines[-2:] == [f"validation: accuracy {best.found.value:.4f}", "wrote models/deep/model"]
    assert lines[0].startswith("step 1/")
    metrics = json.loads(Path("models/deep/model/metrics.json").read_text(encoding="utf-8"))
    assert metrics["validation"]["accuracy"] == best.found.value
    assert metrics["step"] == best.found.step
    assert (metrics["objective"], metrics["test"]) == ("sentiment.accuracy", None)
    classify = pipeline("text-classification", model="models/deep/model", device="cpu")
    assert {found["label"] for found in classify(["The battery is superb.", "The screen is awful."])} <= {
        "positive",
        "negative",
    }


@pytest.mark.slow
def test_training_again_into_the_same_folder_is_refused(trained: Path, autotune: Command) -> None:
    autotune("study", "export", "study.yaml")
    (trained / "model").mkdir()
    assert autotune("train", "best.yaml", "-o", "model", "--all-data").code == 0
    metrics = json.loads(Path("model/metrics.json").read_text(encoding="utf-8"))
    assert metrics["validation"] is None
    before = {path: path.read_bytes() for path in Path("model").iterdir()}
    outcome = autotune("train", "best.yaml", "-o", "model")
    assert outcome.code == 2
    assert "'model' already exists and is not empty; choose another folder" in outcome.err
    assert {path: path.read_bytes() for path in Path("model").iterdir()} == before
    assert "'best.yaml' already exists" in autotune("train", "best.yaml", "-o", "best.yaml").err


def test_training_where_nothing_can_be_written(trained: Path, autotune: Command) -> None:
    autotune("study", "export", "study.yaml")
    outcome = autotune("train", "best.yaml", "-o", "/proc/autotune/model")
    assert outcome.code == 2
    assert "--output: '/proc/autotune/model' cannot be written" in outcome.err


def test_training_on_data_that_changed(trained: Path, autotune: Command) -> None:
    autotune("study", "export", "study.yaml")
    with Path("reviews.csv").open("a", encoding="utf-8") as file:
        file.write("The battery of 9 is superb.,positive,battery\n")
    outcome = autotune("train", "best.yaml", "-o", "model")
    assert outcome.code == 2
    assert "reviews.csv: not the data that the configuration was found on" in outcome.err
    assert not Path("model").exists()


@pytest.mark.slow
def test_a_lexicon_that_changed(folder: Path, autotune: Command) -> None:
    """What an operation reads decides the variants, and so what was trained on."""
    lexicon = folder / "words.tsv"
    lexicon.write_text(HEADER + "superb\tadj\texcellent\t\n", encoding="utf-8")
    text = (folder / "study.yaml").read_text(encoding="utf-8")
    text = text.replace("[noise, mixup]", "[replace], replace: {lexicon: words.tsv}").replace("trials: 4", "trials: 1")
    (folder / "study.yaml").write_text(text, encoding="utf-8")
    assert autotune("study", "run", "study.yaml", "--executor", "inline").code == 0
    assert autotune("study", "export", "study.yaml").code == 0
    assert read_best(folder / "best.yaml").fingerprints.keys() == {"reviews.csv", "words.tsv"}

    lexicon.write_text(HEADER + "superb\tadj\tpoor\t\n", encoding="utf-8")
    outcome = autotune("train", "best.yaml", "-o", "model")
    assert outcome.code == 2
    assert re.search(
        r"best\.yaml, line \d+: augmentation\.replace\.lexicon: words\.tsv: not what the configuration", outcome.err
    )
    assert not Path("model").exists()
    told = " ".join(autotune("study", "export", "study.yaml").out.split())
    assert "warning: autotune train and verify will refuse it: words.tsv: not what the configuration was" in told
    lexicon.unlink()
    assert "words.tsv: the file or folder no longer exists" in autotune("train", "best.yaml", "-o", "model").err


def test_after_folds_production_trains_on_all_rows_to_the_last_step(
    trained: Path, autotune: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No row is held out then, so there is no best step to keep."""
    autotune("study", "export", "study.yaml")
    text = (trained / "best.yaml").read_text(encoding="utf-8")
    (trained / "best.yaml").write_text(text.replace("validation: 0.25", "validation: {folds: 3}"), encoding="utf-8")
    best = read_best(trained / "best.yaml")
    assert best.settings.data.folds == 3
    asked: list[bool] = []

    def prepared(
        settings: ObjectiveSettings,
        augmentation: AugmentationSpace,
        base: Path,
        seed: int,
        *,
        cleaning: CleaningSpace,
        all_data: bool,
        **_: object,
    ) -> PreparedObjective:
        asked.append(all_data)
        data = settings.data.model_copy(update={"validation": 0.25})
        changed = settings.model_copy(update={"data": data})
        return prepare(changed, augmentation, base, seed, cleaning=cleaning, all_data=all_data)

    monkeypatch.setattr("autotune.search.production.training.prepare", prepared)
    outcome = autotune("train", "best.yaml", "-o", "model", "--devices", "cpu")
    assert (outcome.code, outcome.err, asked) == (0, "", [True])
    assert outcome.out.splitlines()[:2] == [
        "warning: best.yaml was changed since its export: its figures belong to another configuration",
        "validation was 3 folds of the training rows: training on all rows, to the last step",
    ]
    metrics = json.loads(Path("model/metrics.json").read_text(encoding="utf-8"))
    assert metrics["validation"] is None
    assert metrics["step"] == 2 * 2  # two epochs of all 30 rows in batches of 16


@pytest.mark.slow
@pytest.mark.parametrize("name", ["best.yaml", "it's best.yaml", "-best.yaml", "a\nfound: {}.yaml", "$(touch x).yaml"])
def test_its_commands_name_the_file_as_a_shell_reads_it(record: StudyRecord, trained: Path, name: str) -> None:
    path = trained / name
    best = best_configuration(record, trained, name=name)
    path.write_text(render(best, "yaml"), encoding="utf-8")
    assert read_best(path) == best
    assert best.commands is not None
    _, command, file, *rest = shlex.split(best.commands.train)
    assert (command, Path(file), rest) == ("train", Path(name), ["-o", "model"])
    assert not file.startswith("-")
    assert shlex.split(best.commands.verify) == ["autotune", "verify", file]


@pytest.mark.slow
def test_a_study_that_went_on_has_another_fingerprint_and_a_copied_one_has_not(
    record: StudyRecord, trained: Path, autotune: Command
) -> None:
    before = study_fingerprint(record)
    assert best_configuration(record, trained).found.fingerprint == before
    assert best_configuration(record, trained, 0).found.fingerprint == before
    assert autotune("study", "copy", "tiny", "--to", "sqlite:///copy.db").code == 0
    assert study_fingerprint(open_study("tiny", "sqlite:///copy.db")) == before
    text = (trained / "study.yaml").read_text(encoding="utf-8")
    (trained / "study.yaml").write_text(text.replace("trials: 4", "trials: 3"), encoding="utf-8")
    assert autotune("study", "run", "study.yaml").code == 0
    assert json.loads(record.study.user_attrs["study_file"])["search"]["trials"] == 3
    assert study_fingerprint(record) == before
    record.study.tell(record.study.ask(), state=TrialState.FAIL)
    assert study_fingerprint(record) != before


@pytest.mark.slow
def test_no_password_and_no_absolute_path(trained: Path, autotune: Command, postgres_url: str) -> None:
    """Of a study in a database with a password, made by absolute paths, in every format."""
    from sqlalchemy import make_url

    url = make_url(postgres_url).set(password="s3cret-of-ada").render_as_string(hide_password=False)
    assert autotune("study", "copy", "tiny", "--to", url).code == 0
    for style in ("yaml", "json", "hf"):
        outcome = autotune("study", "export", "tiny", "--storage", url, "--format", style, "-o", str(trained / "out"))
        assert outcome.code == 0, outcome.err
        text = (trained / "out").read_text(encoding="utf-8")
        for secret in ("s3cret-of-ada", "postgres", str(trained), str(trained.parent), "/tmp", str(Path.home())):
            assert secret not in text
