"""The sides of fused.py: each trains the same steps, in a process of its own that waits to be told when.

A side makes itself ready, says so with two zeros, and then answers every `True` with the seconds of one round and the
bytes that it takes. It ends with `False`.
"""

import csv
import random
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch
from autotune.objectives.data.batches import bucket_lengths
from autotune.objectives.models.borrowed import Encoded
from autotune.objectives.prepare import prepare
from autotune.objectives.prepared import PreparedObjective
from autotune.objectives.settings import ObjectiveSettings
from autotune.objectives.training.device import autocast, choose_device
from autotune.objectives.training.fused.trainer import FusedTrainer
from autotune.objectives.training.optimizer import make_optimizer
from autotune.objectives.training.plain import PlainTrainer
from autotune.objectives.training.trainer import Trainer
from autotune.spaces.augmentation import AugmentationSpace
from autotune.spaces.configuration import Configuration
from sides import encoder_folder
from throughput_peer import BertForTwoTasks, TwoTaskCollator
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader
from transformers import AutoTokenizer, get_linear_schedule_with_warmup

BATCH, MAX_LENGTH, HELD_OUT = 16, 64, 16
WORDS = ("the", "case", "phone", "screen", "battery", "works", "fails", "good", "bad", "really", "soon", "after", "use")
ROUNDS = 40
"""Epochs that trials are made for, so that no round finds them at their end."""


def serve(asked: Connection, options: dict[str, Any]) -> None:
    """Be a side: `options` are side, trials, steps, encoder, device, precision, threads, cores, cpu, data."""
    torch.set_num_threads(options["threads"])
    device = choose_device(options["device"])
    with tempfile.TemporaryDirectory() as folder:
        one_round = SIDES[options["side"]](write_rows(Path(folder), options), options, device)
        asked.send((0.0, 0))
        clock = time.process_time if options["cpu"] else time.perf_counter
        while asked.recv():
            began = clock()
            one_round()
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            asked.send((clock() - began, memory(device)))


def memory(device: torch.device) -> int:
    """The highest resident bytes; on a GPU the highest reserved ones."""
    if device.type == "cuda":
        return torch.cuda.max_memory_reserved(device)
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def write_rows(folder: Path, options: dict[str, Any]) -> Path:
    """So many rows that an epoch has the steps that are asked for, and some to hold out."""
    draws, count = random.Random(0), BATCH * options["steps"] + HELD_OUT
    if options["data"]:
        with Path(options["data"]).open(encoding="utf-8", newline="") as stream:
            rows = draws.sample([(row["text"], row["label"]) for row in csv.DictReader(stream)], count)
    else:
        texts = [" ".join(draws.choices(WORDS, k=draws.randint(4, 58))) for _ in range(count)]
        rows = [(f"{text} {place}", ("yes", "no")[place % 2]) for place, text in enumerate(texts)]
    with (folder / "rows.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([("text", "label"), *rows])
    return folder


def objective(folder: Path, options: dict[str, Any]) -> PreparedObjective:
    settings = ObjectiveSettings.model_validate(
        {
            "objective": "main.accuracy",
            "data": {
                "train": "rows.csv",
                "validation": HELD_OUT / (BATCH * options["steps"] + HELD_OUT),
                "clean": {"deduplicate": False, "drop_conflicting_labels": False, "drop_leaks": False},
            },
            "model": {"encoder": _absolute(options["encoder"]), "max_length": MAX_LENGTH},
            "tasks": {"main": {"kind": "classification"}, "words": {"kind": "masked_lm"}},
            "training": {
                "epochs": ROUNDS,
                "batch_size": BATCH,
                "evaluations_per_epoch": 1,
                "precision": options["precision"],
            },
        }
    )
    return prepare(settings, AugmentationSpace(), folder, 0)


def _absolute(encoder: str) -> str:
    return str(Path(encoder).absolute()) if Path(encoder).is_dir() else encoder


def plain(folder: Path, options: dict[str, Any], device: torch.device) -> Callable[[], None]:
    return rounds_of(PlainTrainer(objective(folder, options), device, options["trials"]))


def fused(folder: Path, options: dict[str, Any], device: torch.device) -> Callable[[], None]:
    return rounds_of(FusedTrainer(objective(folder, options), device, options["trials"], options["cores"]))


def rounds_of(trainer: Trainer) -> Callable[[], None]:
    """All trials to their next rung, an epoch on, where 16 rows are evaluated."""
    for number in range(trainer.capacity):
        trainer.admit(number, Configuration(learning_rate=1e-5 * (number + 1), ratios={"words": 0.5}))
    return lambda: to_rung(trainer, trainer.capacity)


def to_rung(trainer: Trainer, trials: int) -> None:
    told = 0
    while told < trials:
        evaluations = trainer.advance()
        if failures := [evaluation.failure for evaluation in evaluations if evaluation.failure]:
            raise SystemExit(f"a trial failed: {failures[0]}")
        told += len(evaluations)


def hugging_face(folder: Path, options: dict[str, Any], device: torch.device) -> Callable[[], None]:
    """The usual loop around transformers' own classes: one trial, dynamic padding, clipping, a schedule, AdamW."""
    place = encoder_folder(options["encoder"])
    tokenizer = AutoTokenizer.from_pretrained(place)
    with (folder / "rows.csv").open(encoding="utf-8", newline="") as stream:
        rows = [*csv.DictReader(stream)][: BATCH * options["steps"]]
    names = sorted({row["label"] for row in rows})
    examples: Any = [
        {
            "input_ids": tokenizer(row["text"], truncation=True, max_length=MAX_LENGTH)["input_ids"],
            "labels": names.index(row["label"]),
        }
        for row in rows
    ]
    loader = DataLoader(examples, BATCH, shuffle=True, collate_fn=TwoTaskCollator(tokenizer))
    model = BertForTwoTasks.from_pretrained(place, dtype=torch.float32).train()
    nn.Module.to(model, device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, fused=True)
    schedule = get_linear_schedule_with_warmup(optimizer, 0, ROUNDS * options["steps"])

    def one_round() -> None:
        for batch in loader:
            with autocast(device, options["precision"]):
                found = model(**{name: part.to(device, non_blocking=True) for name, part in batch.items()})
                loss = found.loss + 0.5 * found.masked_lm_loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()

    return one_round


def graphed(folder: Path, options: dict[str, Any], device: torch.device) -> Callable[[], None]:
    """Our own model and batches, one trial, its whole step captured as a CUDA graph for each length of a batch."""
    prepared = objective(folder, options)
    configuration = Configuration(learning_rate=1e-5, ratios={"words": 0.5})
    training = prepared.training_of(configuration)
    model = prepared.models.build(["main", "words"], training).to(device).train()
    optimizer = make_optimizer(model, 1e-5, training, depths={}, balance=())
    for group in optimizer.param_groups:
        group["capturable"], group["lr"] = True, torch.tensor(1e-5, device=device)
    batches = [*padded(prepared, options["steps"])]
    first = {ids.shape[1]: ids for ids, *_ in batches}
    captured = {length: captured_step(model, optimizer, ids.to(device), device) for length, ids in first.items()}

    def one_round() -> None:
        for parts in batches:
            graph, places = captured[parts[0].shape[1]]
            for place, part in zip(places, parts, strict=False):  # the last one never changes
                place.copy_(part, non_blocking=True)
            graph.replay()

    return one_round


def padded(prepared: PreparedObjective, steps: int) -> Iterator[tuple[torch.Tensor, ...]]:
    """Ids of both tasks' rows (2 · rows, length), their mask, labels (rows,), and hidden tokens (rows, length)."""
    rows = prepared.train["main"]
    buckets = bucket_lengths(rows.tokens.lengths, MAX_LENGTH)
    for chosen in rows.tokens.lengths.argsort().split(BATCH)[:steps]:
        length = min(bucket for bucket in buckets if bucket >= int(rows.tokens.lengths[chosen].max()))
        parts = rows.tokens.gather(chosen, length, prepared.pad)
        hidden = torch.where((torch.rand(parts["ids"].shape) < 0.15) & parts["mask"], parts["ids"], -100)
        mask = parts["mask"].repeat(2, 1)[:, None, None, :]
        yield torch.cat([parts["ids"]] * 2), mask, rows.targets[chosen], hidden


def captured_step(model: Any, optimizer: torch.optim.Optimizer, ids: torch.Tensor, device: torch.device) -> Any:
    """A graph of one step, and the tensors that it reads."""
    places = (
        ids,
        torch.ones(len(ids), 1, 1, ids.shape[1], dtype=torch.bool, device=device),
        torch.zeros(len(ids) // 2, dtype=torch.int64, device=device),
        ids[len(ids) // 2 :].clone(),
        torch.zeros_like(ids),
    )

    def step() -> None:
        with torch.autocast("cuda", torch.bfloat16, cache_enabled=False):
            out = model.encoder(input_ids=places[0], attention_mask=places[1], token_type_ids=places[4])
            states, pools = out.last_hidden_state.chunk(2), out.pooler_output.chunk(2)
            answers = model.head("main")(Encoded(states[0], pools[0]))
            words = model.head("words")(Encoded(states[1], pools[1]))
        hidden = functional.cross_entropy(words.float().flatten(0, 1), places[3].flatten(), ignore_index=-100)
        (functional.cross_entropy(answers.float(), places[2].flatten()) + 0.5 * hidden).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0, foreach=True)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph, places


SIDES = {"hugging_face": hugging_face, "plain": plain, "graph": graphed, "fused": fused}
