"""The benchmarks run: every side trains, and the table has its row. Times are for benchmarks/, not for tests."""

import csv
import importlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from autotune.objectives.settings import ObjectiveSettings
from autotune.spaces.space import SpaceSettings
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
WORDS = ["good", "bad", "case", "phone", "it", "is", "a"]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]

Run = Callable[..., subprocess.CompletedProcess[str]]


def write_encoder(folder: Path) -> Path:
    """A BERT of random weights, as small as can be, with its tokenizer."""
    vocabulary = {word: number for number, word in enumerate(SPECIAL + WORDS)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[(token, vocabulary[token]) for token in ("[CLS]", "[SEP]")]
    )
    names = {f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names).save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=128,
    )
    BertModel(config).save_pretrained(folder)
    return folder


def write_rows(folder: Path) -> Path:
    folder.mkdir()
    for part in ("train", "validation"):
        with (folder / f"{part}.csv").open("w", newline="", encoding="utf-8") as stream:
            rows = [("it is a good case", "positive"), ("a bad phone", "negative")] * 16
            csv.writer(stream).writerows([("text", "label"), *rows])
    return folder


@pytest.fixture
def run_throughput(tmp_path: Path) -> Run:
    data, encoder = write_rows(tmp_path / "data"), write_encoder(tmp_path / "encoder")

    def run(*options: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(BENCHMARKS / "throughput.py"), "--data", str(data), "--encoder", str(encoder)]
        environment = {**os.environ, "HF_HOME": str(tmp_path), "OMP_NUM_THREADS": "1", "COLUMNS": "120"}
        return subprocess.run([*command, *options], env=environment, capture_output=True, text=True, check=False)

    return run


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_every_side_trains_every_trial(run_throughput: Run):
    named = ("peer-fp32", "fused-bf16")
    done = run_throughput("--trials", "2", "--rows", "20", "--epochs", "1", "--sides", ",".join(named))
    assert done.returncode == 0, done.stderr
    for side in named:
        (row,) = (line for line in done.stdout.splitlines() if line.startswith(f"│ {side} "))
        score = float(row.split("│")[5])
        assert 0 < score <= 1


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_overhead_of_tasks_is_measured_without_the_data_set_too(tmp_path: Path):
    command = [sys.executable, str(BENCHMARKS / "task_overhead.py"), "--encoder", "scratch:tiny"]
    command += ["--data", str(tmp_path), "--rows", "40", "--steps", "2", "--repeats", "2", "--batch-size", "8"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "120"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    cells = {row[0]: row[1] for line in done.stdout.splitlines() if len(row := line.strip("│ ").split("│")) > 1}
    found = {name.strip(): float(value) for name, value in cells.items()}
    assert 0.5 < found["ratio (target 1.15)"] < 5
    assert found["peak"] > found["weights"] + found["moments"]
    assert 0.5 < found["peak / needed (target 1.25)"] < 2


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_fused_and_plain_trials_have_their_rows():
    command = [sys.executable, str(BENCHMARKS / "fused.py"), "--encoder", "scratch:tiny", "--trials", "1", "2", "3"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "120"}
    done = subprocess.run(
        [*command, "--steps", "2", "--repeats", "1", "--cores", "2"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = [[cell.strip() for cell in line.strip("│ ").split("│")] for line in done.stdout.splitlines() if "│" in line]
    sides = {row[0]: [float(cell.split()[0]) for cell in row[1:]] for row in rows}
    fused = {f"fused {count}{on}" for count in (1, 2, 3) for on in ("", " on 2 cores")}
    assert set(sides) == {"plain", "plain, 2 threads", "2 processes", *fused}
    judged = sides["fused 3 on 2 cores"]
    assert judged[1] == judged[3] == 1
    for milliseconds, speed, *_ in sides.values():
        assert speed == pytest.approx(milliseconds / judged[0], rel=0.05)
    assert done.stdout.count("replay") == 2


def test_a_replay_counts_every_step_once(monkeypatch: pytest.MonkeyPatch):
    """Two trials, of which none goes on: one program of two for the first rung, against the whole way of a wave."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    refill = importlib.import_module("refill")
    monkeypatch.setattr(refill.random.Random, "random", lambda _: 1.0)
    found = refill.replay({1: 1.0, 2: 1.5}, trials=2, slots=2, smallest=10)
    assert (found.waves_s, found.refilled_s, found.occupancy) == (270 * 1.5, 10 * 1.5, 1.0)
    three = refill.replay({1: 1.0, 2: 1.5}, trials=3, slots=2, smallest=10)
    assert (three.waves_s, three.refilled_s) == (2 * 270 * 1.5, 10 * 1.5 + 10 * 1.0)


@pytest.mark.slow
def test_a_step_of_many_trials_is_compared(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.syspath_prepend(BENCHMARKS)
    monkeypatch.setattr(sys, "argv", ["many_trials.py", "--trials", "3", "--repeats", "1"])
    importlib.import_module("many_trials").main()
    out = capsys.readouterr().out
    for side in ("batches: no augmentation", "batches: all three", "AdamW"):
        (row,) = (line for line in out.splitlines() if side in line)
        assert float(row.split("│")[2]) > 0 < float(row.split("│")[3])


def test_an_evaluations_metrics_are_compared(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.syspath_prepend(BENCHMARKS)
    monkeypatch.setattr(sys, "argv", ["metrics.py", "--rows", "30", "--repeats", "2"])
    importlib.import_module("metrics").main()
    (row,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("│"))
    rows, theirs, ours, ratio = (float(cell) for cell in row.strip("│").split("│"))
    assert rows == 30
    assert theirs > ours > 0
    assert ratio > 1


@pytest.mark.slow
def test_fewer_trials_diverge_than_with_optunas_sampler(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.syspath_prepend(BENCHMARKS)
    monkeypatch.setattr(sys, "argv", ["diverging.py", "--trials", "30", "--seeds", "3"])
    importlib.import_module("diverging").main()
    rows = [line.strip("| ").split(" | ") for line in capsys.readouterr().out.splitlines()[2:]]
    diverged = {(top, name): float(mean.split()[0]) for top, name, mean, _ in rows}
    assert len(diverged) == 8
    assert diverged["0.65", "ours"] < 0.8 * diverged["0.65", "Optuna's"]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_every_number_of_workers_has_its_row_and_its_memory():
    command = [sys.executable, str(BENCHMARKS / "parallel.py"), "--workers", "0", "1", "--trials", "3", "--rows", "40"]
    command += ["--epochs", "2", "--encoder", "scratch:tiny", "--memory"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "120"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = [[cell.strip() for cell in line.strip("│ ").split("│")] for line in done.stdout.splitlines() if "│" in line]
    sides = {row[0]: [float(cell) for cell in row[1:]] for row in rows if row[0] in {"inline", "cpu:1"}}
    assert sides["inline"][2] == sides["inline"][4] == 1
    for seconds, an_hour, _, going, _, there in sides.values():
        assert 0 < there < seconds
        exact = 3600 * 3 / seconds  # of seconds that are printed with their tenths; the rate is printed whole
        assert an_hour == pytest.approx(exact, abs=0.5 + exact * 0.06 / seconds)
        assert going > 0
    held = {row[0]: [float(size) for cell in row[1:] for size in cell.split("/")] for row in rows if "/" in row[-1]}
    assert set(held) == {"1", "3"}
    for inline, no_worker, tuner, worker in held.values():
        assert no_worker == 0
        assert min(inline, tuner, worker) > 100


Overhead = dict[str, dict[str, dict[str, float]]]
"""Milliseconds a trial by table, part and side."""


@pytest.fixture(scope="module")
def overhead(tmp_path_factory: pytest.TempPathFactory) -> Overhead:
    folder = tmp_path_factory.mktemp("overhead")
    rows = [f"phone {number} is {word},{word}" for number in range(20) for word in ("good", "bad")]
    (folder / "train.csv").write_text("\n".join(["text,label", *rows, ""]), encoding="utf-8")
    study = {
        "objective": "sentiment.accuracy",
        "data": {"train": "train.csv", "validation": 0.25, "clean": {"near_leaks": None}},
        "model": {"encoder": "scratch:tiny", "max_length": 16},
        "tasks": {"sentiment": {"kind": "classification"}, "words": {"kind": "masked_lm"}},
        "training": {"epochs": 1, "precision": "fp32"},
    }
    (folder / "study.yaml").write_text(yaml.safe_dump(study), encoding="utf-8")
    command = [sys.executable, str(BENCHMARKS / "overhead.py"), "--study", str(folder / "study.yaml"), "--cpu"]
    command += ["--trials", "2", "--filled", "10", "1000", "--asked", "6"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "120"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    tables: Overhead = {}
    name = ""
    for line in done.stdout.splitlines():
        part, *cells = (cell.strip() for cell in line.strip("│ ").split("│"))
        name = line.strip() if "Milliseconds" in line else name
        if len(cells) == 2 and "%" not in cells[0]:
            times = (float(cell.replace(",", "")) for cell in cells)
            tables.setdefault(name, {})[part] = dict(zip(("plain", "ours"), times, strict=True))
    return tables


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_what_is_not_training_is_told_by_part(overhead: Overhead):
    trained, *filled = overhead.values()
    assert len(filled) == 2
    assert trained["training"]["ours"] > 0
    assert all(table["training"]["ours"] == 0 < table["sampler"]["ours"] for table in filled)
    for table in overhead.values():
        for side in ("plain", "ours"):
            parts = [each[side] for name, each in table.items() if name not in {"training", "not training"}]
            assert sum(parts) == pytest.approx(table["not training"][side], abs=0.6)
        assert table["claims"]["ours"] > table["claims"]["plain"] == 0


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_trial_among_a_thousand_costs_about_what_it_does_among_ten(overhead: Overhead):
    """Beyond what the sampler and the pruner themselves take, whose models grow with the trials."""

    def own(table: dict[str, dict[str, float]], side: str) -> float:
        return table["not training"][side] - table["sampler"][side] - table["pruner"][side]

    _, few, many = overhead.values()
    assert own(many, "ours") < 3 * own(few, "ours")
    assert own(many, "ours") < 3 * own(many, "plain")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_page_of_a_thousand_trials_is_small_and_soon_made(tmp_path: Path):
    """No more of the processor than Optuna alone, which has the same trials to read; at most 5 MB."""
    page, picture = tmp_path / "report.html", tmp_path / "page.webp"
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "120"}
    command = [sys.executable, str(BENCHMARKS / "report.py"), "--trials", "1000", "--repeats", "1", "--keep", str(page)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = [[cell.strip() for cell in line.strip("│ ").split("│")] for line in done.stdout.splitlines() if "│" in line]
    seconds = {row[0]: float(row[-1]) for row in rows}
    assert 0 < seconds["autotune study report --html"] < 1.2 * seconds["plain Optuna"]
    assert 50_000 < page.stat().st_size < 5_000_000
    text = page.read_text(encoding="utf-8")
    assert "335 complete, 665 pruned" in text
    if shutil.which("chromium"):
        command = [sys.executable, str(BENCHMARKS / "photograph.py"), str(page), str(picture), "--phone"]
        subprocess.run(command, capture_output=True, check=True)
        assert picture.read_bytes()[8:12] == b"WEBP"


def test_an_unknown_side_is_refused_by_name(run_throughput: Run):
    done = run_throughput("--sides", "peer-fp16")
    assert done.returncode == 2
    assert "peer-fp16" in done.stderr
    assert "autotune-bf16" in done.stderr


def test_the_real_study_is_a_valid_objective():
    study = yaml.safe_load((BENCHMARKS / "reviews1000.yaml").read_text(encoding="utf-8"))
    settings = ObjectiveSettings.model_validate({part: study[part] for part in ObjectiveSettings.model_fields})
    assert settings.objectives[0].partition(".")[0] == settings.main_task
    assert settings.auxiliary_tasks == ["restaurants", "films", "language"]
    SpaceSettings.model_validate(study["space"])
