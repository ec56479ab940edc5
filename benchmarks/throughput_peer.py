"""The peer: the same trials as a good engineer runs them with Hugging Face's own `Trainer.hyperparameter_search`.

A BERT encoder with the two heads of transformers' own classes, sequence classification and masked language
modelling; dynamic padding; fused AdamW, transformers' default; an evaluation an epoch; Optuna as the backend.
"""

import math
import tempfile
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna
import torch
from datasets import DatasetDict, disable_progress_bars, load_dataset
from sides import SideResult, Spec, main, peak_memory_bytes
from sklearn.metrics import accuracy_score
from torch import Tensor, nn
from transformers import (
    AutoTokenizer,
    BertConfig,
    BertModel,
    BertPreTrainedModel,
    DataCollatorForLanguageModeling,
    DataCollatorWithPadding,
    EvalPrediction,
    PreTrainedTokenizerBase,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)
from transformers.models.bert.modeling_bert import BertOnlyMLMHead
from transformers.utils import logging
from transformers.utils.generic import ModelOutput


@dataclass
class TwoTaskOutput(ModelOutput):
    loss: Tensor | None = None
    logits: Tensor | None = None
    """(rows, labels)"""
    masked_lm_loss: Tensor | None = None


class BertForTwoTasks(BertPreTrainedModel):
    """BertForSequenceClassification and BertForMaskedLM over one shared encoder."""

    _tied_weights_keys = {  # noqa: RUF012 - as transformers declares it
        "cls.predictions.decoder.weight": "bert.embeddings.word_embeddings.weight",
        "cls.predictions.decoder.bias": "cls.predictions.bias",
    }

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config)
        self.bert = BertModel(config)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)
        self.classifier = nn.Linear(config.hidden_size, config.num_labels or 2)
        self.cls = BertOnlyMLMHead(config)
        self.post_init()

    def get_output_embeddings(self) -> nn.Module:
        return self.cls.predictions.decoder

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        labels: Tensor,
        masked_input_ids: Tensor,
        masked_labels: Tensor,
    ) -> TwoTaskOutput:
        """Classify `input_ids` (rows, length); in training, fill in `masked_input_ids` of the same shape too."""
        pooled = self.bert(input_ids, attention_mask=attention_mask).pooler_output
        logits = self.classifier(self.dropout(pooled))
        loss = nn.functional.cross_entropy(logits, labels)
        if not self.training:
            return TwoTaskOutput(loss, logits)
        hidden = self.bert(masked_input_ids, attention_mask=attention_mask).last_hidden_state
        scores = self.cls(hidden)
        return TwoTaskOutput(loss, logits, nn.functional.cross_entropy(scores.flatten(0, 1), masked_labels.flatten()))


class TwoTaskCollator:
    """Pads rows to the longest of their batch, and adds a masked copy of them."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self.padding = DataCollatorWithPadding(tokenizer)
        self.masking = DataCollatorForLanguageModeling(tokenizer)

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, Tensor]:
        batch = dict(self.padding(rows))
        masked_input_ids, masked_labels = self.masking.torch_mask_tokens(batch["input_ids"].clone())
        return {**batch, "masked_input_ids": masked_input_ids, "masked_labels": masked_labels}


@dataclass
class TwoTaskArguments(TrainingArguments):
    masked_lm_weight: float = 0.0
    """Searched: hyperparameter_search sets any field of the arguments."""


class TwoTaskTrainer(Trainer):
    args: TwoTaskArguments

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """Weigh the two losses; the number of items only matters where gradients are accumulated."""
        output = model(**inputs)
        loss = output.loss
        if output.masked_lm_loss is not None:
            loss = loss + self.args.masked_lm_weight * output.masked_lm_loss
        return (loss, output) if return_outputs else loss


class BestAccuracy(TrainerCallback):
    """Keeps the best evaluation of each trial: hyperparameter_search itself reports the last one."""

    def __init__(self) -> None:
        self.scores: list[float] = []

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        self.scores.append(0.0)

    def on_evaluate(self, *_: Any, metrics: dict[str, float], **__: Any) -> None:
        self.scores[-1] = max(self.scores[-1], metrics["eval_accuracy"])


def tokenised_rows(spec: Spec, tokenizer: PreTrainedTokenizerBase) -> tuple[DatasetDict, list[str]]:
    """Return the rows as token ids and label ids, and the label names."""
    rows = load_dataset("csv", data_files={"train": spec.train, "validation": spec.validation})
    names = sorted(set(rows["train"]["label"]))

    def tokenise(row: dict[str, Any]) -> dict[str, Any]:
        tokens = tokenizer(row["text"], truncation=True, max_length=spec.max_length)
        return {**tokens, "labels": [names.index(label) for label in row["label"]]}

    return rows.map(tokenise, batched=True, remove_columns=["text", "label"]), names


def training_arguments(spec: Spec, folder: str) -> TwoTaskArguments:
    return TwoTaskArguments(
        output_dir=folder,
        num_train_epochs=spec.epochs,
        per_device_train_batch_size=spec.batch_size,
        per_device_eval_batch_size=2 * spec.batch_size,
        label_names=["labels"],
        warmup_steps=spec.warmup,
        weight_decay=spec.weight_decay,
        bf16=spec.precision == "bf16",
        eval_strategy="epoch",
        save_strategy="no",
        logging_strategy="no",
        disable_tqdm=True,
        dataloader_pin_memory=torch.cuda.is_available(),
        use_cpu=not torch.cuda.is_available(),
        seed=spec.seed,
    )


def queue_of_trials(spec: Spec, normaliser: float) -> dict[str, Any]:
    """Return how `hyperparameter_search` opens a study that has the spec's configurations in its queue.

    Its losses are not normalised: `normaliser` turns a ratio of normalised losses into a weight of the raw one.
    """
    opened: dict[str, Any] = {
        "storage": optuna.storages.InMemoryStorage(),
        "study_name": "peer",
        "load_if_exists": True,
    }
    study = optuna.create_study(direction="maximize", **opened)
    for trial in spec.trials:
        study.enqueue_trial({"learning_rate": trial.learning_rate, "masked_lm_weight": trial.ratio * normaliser})
    return opened


def search_space(trial: optuna.Trial) -> dict[str, float]:
    return {
        "learning_rate": trial.suggest_float("learning_rate", 1e-5, 5e-4, log=True),
        "masked_lm_weight": trial.suggest_float("masked_lm_weight", 1e-4, 10.0, log=True),
    }


def accuracy(prediction: EvalPrediction) -> dict[str, float]:
    return {"accuracy": float(accuracy_score(prediction.label_ids, np.argmax(prediction.predictions, axis=-1)))}


def peer_trainer(
    spec: Spec, tokenizer: PreTrainedTokenizerBase, rows: DatasetDict, names: list[str], folder: str
) -> TwoTaskTrainer:
    def fresh_model() -> BertForTwoTasks:
        return BertForTwoTasks.from_pretrained(spec.encoder, num_labels=len(names), dtype=torch.float32)

    return TwoTaskTrainer(
        model_init=fresh_model,
        args=training_arguments(spec, folder),
        train_dataset=rows["train"],
        eval_dataset=rows["validation"],
        data_collator=TwoTaskCollator(tokenizer),
        compute_metrics=accuracy,
    )


def run_peer(spec: Spec) -> SideResult:
    """Train all trials of the spec, without pruning: the sides must do equal work."""
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    disable_progress_bars()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    started_s = time.perf_counter()
    tokenizer = AutoTokenizer.from_pretrained(spec.encoder)
    rows, names = tokenised_rows(spec, tokenizer)
    opened = queue_of_trials(spec, normaliser=math.log(len(names)) / math.log(len(tokenizer)))
    best = BestAccuracy()
    with tempfile.TemporaryDirectory() as folder:
        trainer = peer_trainer(spec, tokenizer, rows, names, folder)
        trainer.add_callback(best)
        start_seconds = time.perf_counter() - started_s
        trainer.hyperparameter_search(
            hp_space=search_space,
            compute_objective=lambda metrics: metrics["eval_accuracy"],
            n_trials=len(spec.trials),
            direction="maximize",
            backend="optuna",
            pruner=optuna.pruners.NopPruner(),
            **opened,
        )
    trials = optuna.load_study(storage=opened["storage"], study_name=opened["study_name"]).trials
    seconds = [trial.duration.total_seconds() for trial in trials if trial.duration is not None]
    return SideResult(seconds, best.scores, start_seconds, peak_memory_bytes())


if __name__ == "__main__":
    main(run_peer)
