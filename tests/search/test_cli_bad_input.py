"""Whatever is wrong with the input: exit 2, a message that names it and what is allowed, and nothing written."""

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from autotune.search.cli import app
from autotune.search.storage import timeouts
from autotune.search.study import open_study

Command = Callable[..., Any]
Change = Callable[[Path], object]


def edit(old: str, new: str, file: str = "study.yaml") -> Change:
    def change(folder: Path) -> None:
        text = (folder / file).read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} does not stand once in {file}"
        (folder / file).write_text(text.replace(old, new), encoding="utf-8")

    return change


def data(content: bytes) -> Change:
    return lambda folder: (folder / "reviews.csv").write_bytes(content)


HEADER = b"text,label,aspect\n"
ROWS = b"".join(b"good %d,yes,a\nbad %d,no,b\n" % (n, n) for n in range(9))

CREATE: dict[str, tuple[Change, list[str]]] = {
    "several misspelt keys": (
        lambda folder: [
            edit("objective:", "objectiv:")(folder),
            edit("max_length", "max_lenght")(folder),
            edit("sampler: random", "sampler: randum")(folder),
        ],
        [
            "study.yaml, line 2: objectiv: unknown key; did you mean objective?",
            "study.yaml, line 4: model.max_lenght: unknown key; did you mean max_length?",
            "study.yaml, line 13: search.sampler: 'randum': must be one of auto, tpe, gp",
            "did you mean random?",
        ],
    ),
    "no study file": (lambda folder: (folder / "study.yaml").unlink(), ["study.yaml: there is no such file"]),
    "no data file": (edit("reviews.csv", "revews.csv"), ["revews.csv: no such file, did you mean 'reviews.csv'?"]),
    "no such column": (
        edit("label: label", "label: lable"),
        ["reviews.csv: there is no column 'lable', did you mean 'label'?", "'text', 'label', 'aspect'"],
    ),
    "not UTF-8": (
        data(HEADER + "schön,yes,a\n".encode("latin-1") + ROWS),
        ["reviews.csv, line 2: byte 4", "save it as UTF-8"],
    ),
    "empty": (data(b""), ["reviews.csv: the file is empty"]),
    "a header only": (data(HEADER), ["reviews.csv: has no rows, only the columns text, label, aspect"]),
    "ragged": (
        data(HEADER + ROWS + b"good\nbad,no,b,c\n"),
        ["reviews.csv has 2 mistakes", "line 20: 1 field, where the header has 3 columns", "line 21: 4 fields"],
    ),
    "semicolons": (
        data((HEADER + ROWS).replace(b",", b";") + b"good, fine;yes\n"),
        ["reviews.csv, line 20: 2 fields, where the header has 3 columns (text, label, aspect)"],
    ),
    "a NUL": (data(HEADER + ROWS + b"go\0od,yes,a\n"), ["reviews.csv, line 20: holds a NUL byte"]),
    "one class": (
        data(HEADER + ROWS.replace(b",no,", b",yes,")),
        ["reviews.csv: task 'sentiment': column 'label' has one class only ('yes')", "needs two or more"],
    ),
    "a class with one row": (
        data(HEADER + ROWS + b"hm,maybe,a\n"),
        ["reviews.csv: task 'sentiment': column 'label': class with one row only: 'maybe' (line 20)", "or none"],
    ),
    "no encoder there": (edit("scratch:tiny", "./encoder"), ["model: encoder: no folder './encoder'"]),
    "no such scratch encoder": (
        edit("scratch:tiny", "scratch:huge"),
        ["'scratch:huge'; known: scratch:tiny, scratch:mini"],
    ),
    "a Hub id without a network": (
        edit("scratch:tiny", "someone/some-encoder"),
        ["model: encoder: cannot open 'someone/some-encoder'", "Without a network, name a local folder, or use "],
    ),
    "a package that is not installed": (
        edit("scratch:tiny", "package:not_there/model"),
        ["the Python package 'not_there' is not installed (pip install not-there)"],
    ),
    "a metric that the kind lacks": (
        edit("sentiment.accuracy", "sentiment.bleu"),
        ["study.yaml, line 2: objective: tasks of kind classification have no metric 'bleu'", "sentiment.accuracy"],
    ),
    "a weighted loss": (
        edit("sentiment.accuracy", "combined_loss"),
        ["study.yaml, line 2: objective: 'combined_loss' is refused: a weighted or summed loss"],
    ),
    "an auxiliary's metric": (
        edit("sentiment.accuracy", "aspect.accuracy"),
        ["line 2: objective: 'aspect.accuracy': 'aspect' is not the main task"],
    ),
    "a share above 1": (
        edit("validation: 0.25", "validation: 1.2"),
        ["a share of the training rows between 0 and 1 (0.2), a file, or {folds: 5}; not 1.2"],
    ),
    "a reversed range": (
        edit("[1e-4, 1e-2]", "[1e-2, 1e-4]"),
        ["line 9: space.learning_rate: [0.01, 0.0001]: the range is reversed", "write [0.0001, 0.01]"],
    ),
    "a range that is not positive": (
        edit("[1e-4, 1e-2]", "[0, 1e-2]"),
        ["line 9: space.learning_rate: [0, 0.01]: searched on a log scale, so both ends must be above 0"],
    ),
    "a name that leaves its folder": (
        edit("name: tiny", "name: ../tiny"),
        ["study.yaml, line 1: name: '../tiny': a name is up to 64 letters, digits"],
    ),
    "a grid that nobody can train": (
        lambda folder: [
            edit("{trials: 4, sampler: random}", "{sampler: grid}")(folder),
            edit("training: {batch_size: [8, 16]}", "training: {batch_size: [8, 16], warmup: [0, 0.2]}")(folder),
        ],
        ["search.sampler: a grid over this space has", "allowed are 10,000"],
    ),
    "an operation for other kinds": (
        edit("  sentiment: {kind: classification, text: text, label: label}", "  sentiment: {kind: masked_lm}"),
        ["operations: 'mixup' cannot blend the rows of a masked_lm task; remove it"],
    ),
}  # fmt: skip


def files(folder: Path) -> dict[str, bytes]:
    """All files but those that SQLite keeps beside an open database."""
    found = (path for path in folder.iterdir() if path.is_file() and not path.name.endswith(("-shm", "-wal")))
    return {path.name: path.read_bytes() for path in found}


@pytest.mark.slow
@pytest.mark.parametrize("case", CREATE)
@pytest.mark.parametrize("command", ["create", "run"])
def test_a_study_that_cannot_be_made(folder: Path, autotune: Command, case: str, command: str) -> None:
    change, words = CREATE[case]
    change(folder)
    before = files(folder)
    outcome = autotune("study", command, "study.yaml")
    assert outcome.code == 2, outcome
    for word in words:
        assert word in outcome.err
    assert "Traceback" not in outcome.err
    assert "stored" not in outcome.out
    assert files(folder) == before


@pytest.fixture
def stored(folder: Path, autotune: Command) -> Path:
    """The working folder, with the study in autotune.db; nothing was trained."""
    assert autotune("study", "create", "study.yaml").code == 0
    return folder


def refused(autotune: Command, *arguments: str) -> str:
    """The message of a command that is refused and writes nothing."""
    before = files(Path.cwd())
    outcome = autotune(*arguments)
    assert outcome.code == 2, outcome
    assert "Traceback" not in outcome.err
    after = files(Path.cwd())
    assert set(after) == set(before)
    return outcome.err


@pytest.mark.slow
def test_a_name_that_exists(stored: Path, autotune: Command) -> None:
    told = refused(autotune, "study", "create", "study.yaml")
    assert "the study 'tiny' exists already in sqlite:///autotune.db" in told
    assert "autotune study delete tiny" in told
    assert "exists already" in refused(autotune, "study", "create", "study.yaml", "--dry-run")


def test_a_name_that_somebody_else_has(folder: Path, autotune: Command) -> None:
    import optuna

    study = optuna.create_study(storage="sqlite:///autotune.db", study_name="tiny")
    study.add_trial(optuna.trial.create_trial(value=1.0))
    assert "holds a study 'tiny' that is not autotune's" in refused(autotune, "study", "create", "study.yaml")
    assert "holds a study 'tiny' that is not autotune's" in refused(autotune, "study", "run", "study.yaml")
    assert "was not made by autotune" in refused(autotune, "study", "delete", "tiny", "--yes")
    assert autotune("study", "list").code == 0


@pytest.mark.slow
@pytest.mark.parametrize("command", ["run", "show", "report", "export", "delete"])
def test_a_study_that_does_not_exist(stored: Path, autotune: Command, command: str) -> None:
    options = ["--yes"] if command == "delete" else []
    told = refused(autotune, "study", command, "tinny", *options)
    assert "no study 'tinny' in sqlite:///autotune.db; there: tiny" in told


@pytest.mark.parametrize("command", ["list", "run", "show", "report", "export", "delete"])
def test_no_storage_at_all(folder: Path, autotune: Command, command: str) -> None:
    target = [] if command == "list" else ["tiny"]
    told = refused(autotune, "study", command, *target)
    assert "sqlite:///autotune.db: does not exist; `autotune study create` creates it" in told


@pytest.mark.parametrize("command", [("create", "study.yaml"), ("run", "study.yaml"), ("show", "tiny"), ("list",)])
@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("sqlite:///missing/studies.db", "there is no folder 'missing'"),
        ("postgresql://ada:secret@127.0.0.1:1/studies", "postgresql://ada:***@127.0.0.1:1/studies: "),
        ("mysql://ada:secret@host/studies", "allowed are sqlite:///FILE and postgresql://"),
        ("studies.db", "is not the URL of a database"),
    ],
)
def test_a_storage_that_cannot_be_reached(
    folder: Path, autotune: Command, command: tuple[str, ...], url: str, words: str
) -> None:
    told = refused(autotune, "study", *command, "--storage", url)
    assert words in told
    assert "secret" not in told


def test_the_study_file_s_own_storage_shows_no_password(folder: Path, autotune: Command) -> None:
    edit("name: tiny", "name: tiny\nstorage: postgresql://ada:secret@127.0.0.1:1/studies")(folder)
    for command in ("create", "run", "show", "report", "export"):
        told = refused(autotune, "study", command, "study.yaml")
        assert "ada:***@127.0.0.1:1" in told
        assert "secret" not in told


COMMANDS = [
    ("create", "study.yaml"), ("run", "study.yaml"), ("run", "tiny"), ("list",), ("show", "tiny"), ("report", "tiny"),
    ("export", "tiny"), ("delete", "tiny", "--yes"),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_locked_storage(
    stored: Path, autotune: Command, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timeouts, "OPENING_S", 0.1)
    holder = sqlite3.connect("autotune.db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    if command[0] in {"create", "run", "delete"}:
        assert "sqlite:///autotune.db: another process holds it" in refused(autotune, "study", *command)
    else:  # of a file in WAL mode a writer keeps nobody from reading
        assert "another process" not in autotune("study", *command).err
    holder.close()


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_corrupt_storage(folder: Path, autotune: Command, command: tuple[str, ...]) -> None:
    (folder / "autotune.db").write_bytes(b"SQLite format 3\x00" + bytes(range(256)) * 40)
    told = refused(autotune, "study", *command)
    assert "sqlite:///autotune.db: is not a SQLite database" in told or "sqlite:///autotune.db: is damaged" in told


def test_data_that_changed(stored: Path, autotune: Command) -> None:
    with (stored / "reviews.csv").open("a", encoding="utf-8") as file:
        file.write("One more is great.,positive,battery\n")
    for target in ("tiny", "study.yaml"):
        told = refused(autotune, "study", "run", target)
        assert "the study 'tiny' cannot continue" in told
        assert "reviews.csv: the data changed" in told


@pytest.mark.slow
def test_a_lexicon_that_changed(folder: Path, autotune: Command) -> None:
    (folder / "words.tsv").write_text("word\tpos\tsynonyms\tantonyms\ngreat\tadj\tfine,superb\t\n", encoding="utf-8")
    edit("operations: [noise, mixup]", "operations: [replace], replace: {lexicon: words.tsv}")(folder)
    outcome = autotune("study", "create", "study.yaml")
    assert outcome.code == 0, outcome.err
    (folder / "words.tsv").write_text("word\tpos\tsynonyms\tantonyms\ngreat\tadj\tpoor\t\n", encoding="utf-8")
    told = refused(autotune, "study", "run", "tiny")
    assert "space.augmentation.replace.lexicon: its content changed" in told


@pytest.mark.slow
def test_a_study_file_that_changed(stored: Path, autotune: Command) -> None:
    edit("sampler: random}", "sampler: random, seed: 2}")(stored)
    edit("[1e-4, 1e-2]", "[1e-4, 1e-3]")(stored)
    for target in ("tiny", "study.yaml"):
        told = refused(autotune, "study", "run", target)
        assert "the study 'tiny' cannot continue: its trials would no longer measure the same thing." in told
        assert "search.seed: 0 -> 2" in told
        assert "space.learning_rate: [0.0001, 0.01] -> [0.0001, 0.001]" in told


def test_data_that_is_gone(stored: Path, autotune: Command) -> None:
    (stored / "reviews.csv").unlink()
    assert "reviews.csv: no such file" in refused(autotune, "study", "run", "tiny")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--devices", "7"], "--devices: no device '7' here; there are: auto, cpu"),
        (["--devices", "gpu"], "--devices: no device 'gpu' here; there are: auto, cpu"),
        (["--timeout", "soon"], "--timeout: 'soon' is not a duration: write seconds (90) or"),
        (["--timeout", "-5"], "--timeout: '-5' is not a duration"),
        (["--trials", "0"], "--trials"),
        (["--devices", "cpu:none"], "--devices: 'cpu:none' names no number of workers; cpu:2 means two"),
        (["--devices", "cpu", "--slots", "0"], "--slots: '0' is not a number of slots; write auto, or 1 or more"),
        (["--slots", "many"], "--slots: 'many' is not a number of slots; write auto, or 1 or more"),
        (["--executor", "magic"], "'magic' is not one of 'auto', 'inline', 'process'"),
        (["--workers", "3"], "No such option"),
        (["--address", "10.0.0.1:6379"], "--address belongs to --executor ray"),
        (["--gpus-per-worker", "0.5"], "--gpus-per-worker belongs to --executor ray"),
        (["--executor", "ray", "--gpus-per-worker", "1.5"], "--gpus-per-worker: 1.5: a share of one GPU, or whole"),
        (["--executor", "ray", "--devices", "0"], "--devices: '0': a Ray cluster places actors itself"),
        (["--executor", "ray", "--address", "here"], "--address: 'here' is not an address; write HOST:PORT"),
    ],
)
def test_options_of_run(stored: Path, autotune: Command, options: list[str], words: str) -> None:
    assert words in refused(autotune, "study", "run", "tiny", *options)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["study", "run", "tiny", "--executor", "processes"], "'processes' is not one of 'auto', 'inline', "),
        (["study", "export", "tiny", "--format", "xml"], "'xml' is not one of 'yaml', 'json', 'hf'."),
        (["init", "reviews.csv", "--task", "sentiment"], "'sentiment' is not one of 'classification', "),
        (["study", "run", "tiny", "--trials", "ten"], "'ten' is not a whole number"),
        (["study", "run", "tiny", "--trials", "0"], "0 is not 1 or more"),
        (["study", "confirm", "tiny", "--candidates", "99"], "99 is not 20 or less"),
        (["augment", "study.yaml", "--magnitude", "strong"], "'strong' is not a number"),
        (["study", "export", "tiny", "-o", "folder/"], "'folder/' is a folder; name a file in it"),
    ],
)
def test_what_is_wrong_with_a_value_is_said(folder: Path, autotune: Command, arguments: list[str], words: str) -> None:
    assert f"'{arguments[-2]}': {words}" in refused(autotune, *arguments).replace("--output' / '", "")


@pytest.mark.parametrize("command", ["run", "plan"])
def test_a_study_whose_project_moved_is_told_by_name(stored: Path, autotune: Command, command: str) -> None:
    """Its paths were relative to a folder that is gone; its study file, where it is now, is found."""
    gone = stored.parent / "gone"
    open_study("tiny", "sqlite:///autotune.db").study.set_user_attr("path", str(gone / "study.yaml"))
    told = refused(autotune, "study", command, "tiny")
    assert "reviews.csv: no such file" in told
    assert f"was created in {gone}, which is gone; if the project moved, give its study file" in told
    assert "study.yaml" in told


def test_in_a_copied_project_a_name_says_whose_files_it_means(
    stored: Path, autotune: Command, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path_factory.mktemp("copied") / "project"
    shutil.copytree(stored, copy)
    note = f"the files of this study are those in {stored}; for those here give the study file, study.yaml"
    for folder, target, told in ((copy, "tiny", True), (copy, "study.yaml", False), (stored, "tiny", False)):
        monkeypatch.chdir(folder)
        assert (note in autotune("study", "export", target).out) is told


def test_export_without_a_complete_trial(stored: Path, autotune: Command) -> None:
    outcome = autotune("study", "export", "tiny")
    assert (outcome.code, outcome.out) == (1, "")
    assert "the study 'tiny' has no complete trial to export" in outcome.err
    assert not (stored / "best.yaml").exists()


def test_export_into_a_folder_that_is_not_there(stored: Path, autotune: Command) -> None:
    assert "there is no folder 'away'" in refused(autotune, "study", "export", "tiny", "-o", "away/best.yaml")


@pytest.mark.slow
@pytest.mark.parametrize("answer", ["", "n\n", None])
def test_delete_without_a_yes(
    stored: Path, autotune: Command, answer: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    import io

    monkeypatch.setattr("sys.stdin", None if answer is None else io.StringIO(answer))
    assert "'tiny' was not deleted; --yes deletes without asking" in refused(autotune, "study", "delete", "tiny")
    assert autotune("study", "show", "tiny").code == 0


def test_train_without_an_export(folder: Path, autotune: Command) -> None:
    assert "best.yaml: there is no such file; `autotune study export" in refused(
        autotune, "train", "best.yaml", "-o", "m"
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "best.yaml: the file is empty"),
        (b"just text", "best.yaml, line 1: an exported configuration is a mapping of keys"),
        (b"found: [1,\n", "best.yaml, line 1: not valid YAML"),
        (b"found: {}\n", "best.yaml, line 1: configuration: missing: what the winning trial trained"),
        ("found: é".encode("latin-1"), "best.yaml, line 1: not UTF-8"),
    ],
)
def test_train_on_something_else(folder: Path, autotune: Command, content: bytes, words: str) -> None:
    (folder / "damaged.best.yaml").write_bytes(content)
    assert words in refused(autotune, "train", "damaged.best.yaml", "-o", "model")
    assert not (folder / "model").exists()


def test_the_message_names_the_data_set_as_it_was_written(folder: Path, autotune: Command) -> None:
    (folder / "inner").mkdir()
    shutil.move("reviews.csv", "inner/films.csv")
    edit("reviews.csv", "inner/film.csv")(folder)
    assert "inner/film.csv: no such file, did you mean 'films.csv'?" in refused(
        autotune, "study", "create", "study.yaml"
    )


def test_a_name_that_no_file_can_have(autotune: Command) -> None:
    name = "x" * 300
    for command in (
        ("train", f"{name}.yaml", "-o", "model"),
        ("verify", f"{name}.yaml"),
        ("study", "show", f"{name}.yaml"),
    ):
        outcome = autotune(*command)
        assert outcome.code == 2
        assert "File name too long" in outcome.err


def test_errors_have_neither_control_characters_nor_passwords(folder: Path, autotune: Command) -> None:
    text = (folder / "study.yaml").read_text(encoding="utf-8")
    for place in ('"x\\e[2J\\e]0;T.csv"', '"https://bob:s3cret@host/x.csv"'):
        (folder / "study.yaml").write_text(text.replace("reviews.csv", place), encoding="utf-8")
        outcome = autotune("study", "create", "study.yaml")
        assert outcome.code == 2
        assert ": no such file" in outcome.err
        assert "\x1b" not in outcome.err
        assert "s3cret" not in outcome.err


def test_another_system_than_posix_is_refused_in_a_line(autotune: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    check = app.check_system
    check("posix")
    monkeypatch.setattr(app, "check_system", lambda _: check("nt"))
    outcome = autotune("--version")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == "autotune needs a POSIX system: Linux, macOS, or WSL on Windows\n"


def test_a_seed_that_is_none(folder: Path, autotune: Command) -> None:
    for seed in ("-1", "4294967296"):
        assert autotune("augment", "study.yaml", "--seed", seed).code == 2


def test_an_ending_in_capitals_is_a_study_file_too(folder: Path, autotune: Command) -> None:
    (folder / "study.yaml").rename(folder / "UP.YAML")
    assert autotune("study", "create", "UP.YAML").code == 0
    assert autotune("study", "show", "UP.YAML").code == 0


def test_what_a_url_should_be_is_told_in_full(autotune: Command) -> None:
    """What hides passwords leaves the pattern of a URL alone."""
    told = refused(autotune, "study", "list", "--storage", "mysql://ada:secret@host/studies")
    assert "secret" not in told
    assert "postgresql://HOST/DATABASE, with USER:PASSWORD@ before HOST" in told
