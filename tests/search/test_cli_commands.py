"""The commands on a study that is as it should be."""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from autotune.search import creation
from autotune.search.locking import only_one
from autotune.search.study import open_study
from optuna.trial import TrialState

from ..integration.commands import MAIN

Command = Callable[..., Any]
DATABASE = "sqlite:///autotune.db"


def clean(outcome: Any) -> str:  # noqa: ANN401
    """What a command printed, if it ended well and without a word on standard error."""
    assert (outcome.code, outcome.err) == (0, ""), outcome
    return outcome.out


def test_create_says_what_it_found(folder: Path, autotune: Command) -> None:
    with (folder / "reviews.csv").open("a", encoding="utf-8") as file:
        file.write("The battery is superb.,positive,battery\nThe tripod is great.,positive,screen\n,negative,screen\n")
    told = clean(autotune("study", "create", "study.yaml"))
    assert told.splitlines() == [
        "augmentation: may change labels: mixup",
        "tiny: sentiment.accuracy, 4 trials",
        "training: sentiment 46 rows, aspect 46 rows; validation: 15 rows",
        "dropped: reviews.csv: duplicate: 1 row, e.g. 'The battery is superb.'",
        "dropped: reviews.csv: empty text: 1 row, e.g. 'reviews.csv, line 64'",
        "a trial: 6 steps, evaluated 2 times",
        "stored. Run it: autotune study run tiny",
    ]
    report = clean(autotune("study", "report", "tiny"))
    assert re.search(r"dropped +1 +reviews.csv: duplicate\s+e\.g\. The battery is superb\.", report)
    assert re.search(r"dropped +1 +reviews.csv: empty text", report)
    found = json.loads(clean(autotune("study", "report", "tiny", "--json")))["cleaning"]
    assert found[0] == {
        "what": "reviews.csv: duplicate",
        "count": 1,
        "examples": ["The battery is superb."],
        "action": "dropped",
    }


@pytest.mark.slow
def test_the_report_says_what_augmentation_did(folder: Path, autotune: Command) -> None:
    study = (folder / "study.yaml").read_text("utf-8")
    flip = "flip: {opposites: {positive: negative, negative: positive}}, on_missing: drop"
    changed = re.sub(r"operations: \[.*?\]", f"operations: [noise, flip, mask, mixup], {flip}", study)
    assert changed != study
    (folder / "study.yaml").write_text(changed, "utf-8")
    clean(autotune("study", "create", "study.yaml"))
    report = " ".join(clean(autotune("study", "report", "tiny")).split())
    assert "Augmentation that changes labels: flip, mixup" in report
    assert "mask was left out (on_missing: drop): space: augmentation: mask: model" in report
    told = json.loads(clean(autotune("study", "report", "tiny", "--json")))["augmentation"]
    assert list(told["dropped"]) == ["mask"]
    assert told["label_changing"] == ["flip", "mixup"]
    assert told["operations"]["noise"]["rows"] > 0


def test_a_dry_run_stores_nothing(folder: Path, autotune: Command) -> None:
    told = clean(autotune("study", "create", "study.yaml", "--dry-run"))
    assert told.splitlines()[-1] == "all checks passed; nothing was stored (--dry-run)"
    assert sorted(path.name for path in folder.iterdir()) == ["reviews.csv", "study.yaml"]


@pytest.mark.slow
def test_long_lines_are_not_broken(folder: Path, autotune: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    assert "training: sentiment 45 rows, aspect 45 rows; validation: 15 rows\n" in clean(
        autotune("study", "create", "study.yaml")
    )


@pytest.mark.slow
def test_run_makes_the_study_and_resumes_it(folder: Path, autotune: Command) -> None:
    told = clean(autotune("study", "run", "study.yaml", "--trials", "2", "--slots", "2"))
    assert "tiny: sentiment.accuracy, 4 trials" in told
    assert "stored. Run it" not in told
    assert "trial 0 (baseline) started" in told
    assert "all trials are done: 2 of 2 trials done, 2 complete" in told
    told = clean(autotune("study", "run", "tiny"))
    assert "4 trials, 2 done, best so far" in told
    assert "(baseline)" not in told
    assert clean(autotune("study", "run", "tiny")) == (
        "nothing to do: all 4 trials are done (--trials N sets another total)\n"
    )
    states = [trial.state for trial in open_study("tiny", DATABASE).study.get_trials()]
    assert len(states) == 4


@pytest.mark.slow
def test_an_empty_study(folder: Path, autotune: Command) -> None:
    autotune("study", "create", "study.yaml")
    assert "No trial is complete yet" in clean(autotune("study", "report", "tiny"))
    assert re.search(r"tiny +sentiment.accuracy +0 of 4 +-", clean(autotune("study", "list")))
    shown = clean(autotune("study", "show", "tiny"))
    assert "0 complete, 0 pruned, 0 failed, 0 running, of 4" in shown
    assert re.search(r"0 +waiting +- +baseline", shown)
    facts = json.loads(clean(autotune("study", "report", "tiny", "--json")))
    assert (facts["best"], facts["top"], facts["trials"]["total"]) == (None, [], 4)


def test_json_is_nothing_but_json(trained: Path, autotune: Command) -> None:
    report = json.loads(clean(autotune("study", "report", "tiny", "--json")))
    assert list(report) == [
        "study", "objective", "direction", "best", "baseline", "trials", "failures", "top", "importance", "auxiliaries",
        "normalisers", "cleaning", "augmentation", "seconds", "confirmation",
    ]  # fmt: skip
    assert report.pop("confirmation") is None
    assert list(report["best"]) == ["number", "value", "step", "configuration"]
    assert list(report["baseline"]) == ["number", "value"]
    assert list(report["trials"]) == ["total", "complete", "pruned", "failed", "running"]
    assert json.loads(clean(autotune("study", "list", "--json"))) == [report]
    shown = json.loads(clean(autotune("study", "show", "tiny", "--json")))
    assert list(shown) == ["study", "settings", "trials", "checkpoints"]
    assert [trial["number"] for trial in shown["trials"]] == [0, 1, 2, 3]
    assert [trial["role"] for trial in shown["trials"]] == ["baseline", "equal weights", None, None]
    assert json.loads(clean(autotune("schema")))["properties"]["tasks"]


def test_watching_is_for_people(trained: Path, autotune: Command) -> None:
    outcome = autotune("study", "show", "tiny", "--watch", "--json")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == "--watch shows lines as they change, not JSON; leave --json out\n"


def test_where_epochs_are_searched_the_longest_trial_is_the_full_length(folder: Path, autotune: Command) -> None:
    text = (folder / "study.yaml").read_text(encoding="utf-8")
    changed = text.replace("training: {batch_size: [8, 16]}", "training: {epochs: [1, 4]}")
    (folder / "study.yaml").write_text(changed, encoding="utf-8")
    told = clean(autotune("study", "create", "study.yaml"))
    steps = re.search(r"a trial: (\d+) steps, evaluated 2 times", told)
    assert steps
    assert f"epochs are searched: trials of up to {2 * int(steps[1])} steps compete with shorter ones" in told
    assert open_study("tiny", "sqlite:///autotune.db").study.user_attrs["max_steps"] == 2 * int(steps[1])


@pytest.mark.slow
@pytest.mark.parametrize("width", ["0", "20", "40", "200"])
def test_tables_lose_nothing_at_any_width(
    trained: Path, autotune: Command, width: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", width)
    shown = clean(autotune("study", "show", "tiny"))
    assert "tiny" in shown
    assert "…" not in shown
    listed = clean(autotune("study", "list"))
    assert "…" not in listed
    assert clean(autotune("study", "report", "tiny"))


@pytest.mark.slow
def test_names_with_markup_are_printed_as_they_are(folder: Path, autotune: Command) -> None:
    (folder / "reviews.csv").rename(folder / "[red]re\u0007views[bold].csv")
    text = (folder / "study.yaml").read_text(encoding="utf-8")
    text = text.replace("train: reviews.csv", 'train: "[red]re\\aviews[bold].csv"')
    (folder / "[bold]study.yaml").write_text(text, encoding="utf-8")
    with (folder / "[red]re\u0007views[bold].csv").open("a", encoding="utf-8") as file:
        file.write("The battery is superb.,positive,battery\n")
    told = clean(autotune("study", "create", "[bold]study.yaml"))
    assert "dropped: [red]re␇views[bold].csv: duplicate: 1 row" in told
    assert "[red]re␇views[bold].csv: duplicate" in clean(autotune("study", "report", "tiny"))
    outcome = autotune("study", "run", "[/oops].yaml")
    assert (outcome.code, outcome.err) == (2, "[/oops].yaml: there is no such file\n")


@pytest.mark.slow
def test_a_trial_that_diverges_is_recorded_and_the_study_goes_on(folder: Path, autotune: Command) -> None:
    text = (folder / "study.yaml").read_text(encoding="utf-8")
    text = text.replace("[1e-4, 1e-2]", "[1e-4, 1e30]").replace(
        "training: {epochs", "training: {learning_rate: 1e-3, epochs"
    )
    (folder / "study.yaml").write_text(text, encoding="utf-8")
    told = clean(autotune("study", "run", "study.yaml"))
    trials = open_study("tiny", DATABASE).study.trials
    states = [trial.state for trial in trials]
    assert states[0] == TrialState.COMPLETE
    assert states.count(TrialState.FAIL) >= 1
    assert len(states) == 4
    failed = next(trial for trial in trials if trial.state == TrialState.FAIL)
    assert failed.user_attrs["failure"]["kind"] == "diverged"
    assert f"trial {failed.number} failed: diverged: " in told
    assert "diverged" in clean(autotune("study", "report", "tiny"))
    assert re.search(rf"{failed.number} +fail +- +diverged", clean(autotune("study", "show", "tiny")))


def test_the_end_of_a_crashs_traceback_is_shown(trained: Path, autotune: Command) -> None:
    study = open_study("tiny", DATABASE).study
    trial = study.ask()
    failure = {"kind": "crashed", "message": "boom", "trace": "Traceback:\n  in step\nRuntimeError: boom"}
    trial.set_user_attr("failure", failure)
    study.tell(trial, state=TrialState.FAIL)
    assert json.loads(clean(autotune("study", "show", "tiny", "--json")))["trials"][4]["failure"] == failure
    told = {"count": 1, "trials": [4], "message": "boom", "trace": failure["trace"]}
    assert json.loads(clean(autotune("study", "report", "tiny", "--json")))["failures"] == {"crashed": told}
    report = [line.rstrip() for line in clean(autotune("study", "report", "tiny")).splitlines()]
    assert report[report.index("    Traceback:") :][1:3] == ["      in step", "    RuntimeError: boom"]
    assert re.search(r"4 +fail +- +crashed: boom", clean(autotune("study", "show", "tiny")))


@pytest.mark.slow
def test_a_study_of_which_every_trial_fails_exits_with_1(folder: Path, autotune: Command) -> None:
    text = (folder / "study.yaml").read_text(encoding="utf-8").replace("[1e-4, 1e-2]", "[1e29, 1e30]")
    (folder / "study.yaml").write_text(text, encoding="utf-8")
    outcome = autotune("study", "run", "study.yaml", "--trials", "2")
    assert outcome.code == 1
    assert outcome.err == "no trial completed; for the reasons: autotune study report tiny\n"
    report = clean(autotune("study", "report", "tiny"))
    assert "2 failed" in report
    assert autotune("study", "export", "tiny").code == 1


@pytest.mark.slow
def test_a_timeout_ends_a_run_with_0(folder: Path, autotune: Command) -> None:
    told = clean(autotune("study", "run", "study.yaml", "--timeout", "0.01s"))
    assert "the timeout is over" in told
    assert TrialState.RUNNING not in [trial.state for trial in open_study("tiny", DATABASE).study.trials]
    assert clean(autotune("study", "run", "tiny"))


@pytest.mark.slow
def test_passwords_are_never_stored_nor_shown(folder: Path, autotune: Command) -> None:
    text = (folder / "study.yaml").read_text(encoding="utf-8")
    url = "postgresql://ada:secret@127.0.0.1:1/studies"
    (folder / "study.yaml").write_text(f"storage: {url}\n{text}", encoding="utf-8")
    clean(autotune("study", "run", "study.yaml", "--storage", DATABASE, "--trials", "1"))
    clean(autotune("study", "export", "tiny"))
    printed = [autotune("study", command, "tiny").out for command in ("show", "report", "list")[:2]]
    printed += [autotune("study", command, "tiny", "--json").out for command in ("show", "report")]
    content = [path.read_bytes() for path in folder.iterdir() if path.name != "study.yaml"]
    assert not [part for part in content if b"secret" in part]
    assert not [part for part in printed if "secret" in part]


@pytest.mark.slow
@pytest.mark.parametrize("way", ["option", "file", "environment"])
def test_a_hint_names_the_storage_where_commands_would_look_elsewhere(
    folder: Path, autotune: Command, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    url, option = "sqlite:///else where.db", []
    if way == "file":
        with (folder / "study.yaml").open("a", encoding="utf-8") as stream:
            stream.write(f"storage: {url}\n")
    elif way == "option":
        option = ["--storage", url]
    else:
        monkeypatch.setenv("AUTOTUNE_STORAGE", url)
    hint = clean(autotune("study", "create", "study.yaml", *option)).splitlines()[-1]
    command = shlex.split(hint.removeprefix("stored. Run it: autotune "))
    assert command == ["study", "run", "tiny", *(["--storage", url] if way != "environment" else [])]
    assert clean(autotune("study", "show", *command[2:]))


def test_a_storage_beside_the_study_file_is_the_same_from_everywhere(
    folder: Path, autotune: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (folder / "study.yaml").open("a", encoding="utf-8") as stream:
        stream.write("storage: sqlite:///own.db\n")
    monkeypatch.chdir(folder.parent)
    hint = clean(autotune("study", "create", f"{folder.name}/study.yaml")).splitlines()[-1]
    assert hint == f"stored. Run it: autotune study run tiny --storage sqlite:///{folder.name}/own.db"
    assert "tiny" in clean(autotune("study", "show", f"{folder.name}/study.yaml"))
    monkeypatch.chdir(folder)
    assert "tiny" in clean(autotune("study", "show", "study.yaml"))
    assert Path("own.db").is_file()


def test_a_study_that_an_earlier_version_stored_in_the_working_folder_is_found(
    folder: Path, autotune: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the study that is looked for, not a database of that name, which may be another project's."""
    file = folder / "study.yaml"
    monkeypatch.chdir(folder.parent)
    clean(autotune("study", "create", str(file), "--storage", "sqlite:///own.db"))
    file.write_text(file.read_text(encoding="utf-8") + "storage: sqlite:///own.db\n", encoding="utf-8")
    assert "tiny" in clean(autotune("study", "show", str(file)))
    assert not (folder / "own.db").exists()
    file.write_text(file.read_text(encoding="utf-8").replace("name: tiny", "name: another"), encoding="utf-8")
    clean(autotune("study", "create", str(file)))
    assert (folder / "own.db").is_file()


@pytest.mark.slow
def test_what_cannot_be_printed_is_said_in_a_line() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", MAIN, "schema"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (done.returncode, done.stderr) == (1, "the output cannot be written: No space left on device\n")


def test_the_environment_names_the_storage(folder: Path, autotune: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOTUNE_STORAGE", "sqlite:///elsewhere.db")
    clean(autotune("study", "create", "study.yaml"))
    assert (folder / "elsewhere.db").exists()
    assert not (folder / "autotune.db").exists()


@pytest.mark.slow
def test_the_same_study_from_another_path(trained: Path, autotune: Command) -> None:
    """The stored study remembers the folder it was made in; this is a copy of it."""
    (trained / "study.yaml").rename(trained / "again.yaml")
    assert "nothing to do" in clean(autotune("study", "run", "again.yaml"))
    assert "5 trials, 4 done" in clean(autotune("study", "run", "again.yaml", "--trials", "5"))


@pytest.mark.slow
def test_delete(trained: Path, autotune: Command) -> None:
    assert clean(autotune("study", "delete", "tiny", "--yes")) == "deleted tiny\n"
    assert json.loads(clean(autotune("study", "list", "--json"))) == []
    clean(autotune("study", "create", "study.yaml"))


@pytest.mark.slow
@pytest.mark.parametrize("marks", [0, 1, 5])
def test_a_study_that_create_left_half_made(
    folder: Path, autotune: Command, marks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = 0
    set_user_attr = optuna.Study.set_user_attr

    def killed(study: optuna.Study, key: str, value: object) -> None:
        nonlocal written
        if written == marks:
            raise KeyboardInterrupt
        written += 1
        set_user_attr(study, key, value)

    with monkeypatch.context() as patch:
        patch.setattr(optuna.Study, "set_user_attr", killed)
        assert autotune("study", "create", "study.yaml").code == 130
    assert optuna.get_all_study_names(DATABASE) == ["tiny"]
    assert json.loads(clean(autotune("study", "list", "--json"))) == []
    outcome = autotune("study", "show", "tiny")
    assert outcome.code == 2
    assert "was not completed by `autotune study create`; create it again" in outcome.err
    if marks:
        clean(autotune("study", "create", "study.yaml"))
        assert len(open_study("tiny", DATABASE).study.trials) == 2
    else:
        assert clean(autotune("study", "delete", "tiny", "--yes")) == "deleted tiny\n"


@pytest.mark.slow
def test_a_study_is_made_or_deleted_by_one_command_at_a_time(folder: Path, autotune: Command) -> None:
    """A run is no such command: it joins (tests/integration/test_interrupted_runs.py)."""
    clean(autotune("study", "create", "study.yaml"))
    with only_one("tiny", f"sqlite:///{folder / 'autotune.db'}"):
        outcome = autotune("study", "delete", "tiny", "--yes")
    assert outcome.code == 2
    assert "another `autotune study` command is already using 'tiny'" in outcome.err
    assert len(open_study("tiny", DATABASE).study.trials) == 2


@pytest.mark.slow
def test_what_is_given_is_queued_in_order(folder: Path, autotune: Command) -> None:
    text = (folder / "study.yaml").read_text(encoding="utf-8")
    (folder / "study.yaml").write_text(text.replace("trials: 4, sampler: random", "trials: 9, sampler: grid"), "utf-8")
    clean(autotune("study", "create", "study.yaml"))
    record = open_study("tiny", DATABASE)
    assert [trial.user_attrs.get("role") for trial in record.study.trials] == ["baseline", "equal weights"]
    assert record.study.user_attrs["total"] == 9
    assert all(trial.state == TrialState.WAITING for trial in record.study.trials)


@pytest.mark.slow
def test_a_grid_smaller_than_the_total_ends_with_it(folder: Path, autotune: Command) -> None:
    text = (folder / "study.yaml").read_text(encoding="utf-8")
    text = text.replace("augmentation: {operations: [noise, mixup]}", "loss_weights: {ratio: 1, optional: true}")
    text = text.replace("  training: {batch_size: [8, 16]}\n", "").replace(
        "trials: 4, sampler: random", "sampler: grid"
    )
    (folder / "study.yaml").write_text(text, encoding="utf-8")
    clean(autotune("study", "create", "study.yaml"))
    # Of three rates with aspect on or off, the middle one is the baseline and equal weights.
    assert open_study("tiny", DATABASE).study.user_attrs["total"] == 3 * 2


def test_queue_and_check_make_nothing(folder: Path) -> None:
    creation.check_free("tiny", DATABASE)
    assert not (folder / "autotune.db").exists()


def test_a_cache_that_cannot_be_written(folder: Path, autotune: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "file").touch()
    monkeypatch.setenv("AUTOTUNE_CACHE", str(folder / "file"))
    outcome = autotune("study", "create", "study.yaml")
    assert outcome.code == 2
    assert "locks: cannot be made (Not a directory); set AUTOTUNE_CACHE to a folder of your own" in outcome.err
    assert not (folder / "autotune.db").exists()
