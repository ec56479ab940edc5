"""The Hugging Face Hub without a network: a cache on disk, laid out as `huggingface_hub` lays it out."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

NAME = "owner/encoder"
TEXTS = ("The battery is superb.", "The screen is awful.", "The price is great.", "The speaker is poor.")


@dataclass
class Hub:
    """The cache; `folder` is what HF_HUB_CACHE names."""

    folder: Path
    commits: int = 0

    @property
    def _repository(self) -> Path:
        return self.folder / f"models--{NAME.replace('/', '--')}"

    def push(self, *refs: str, seed: int = 0) -> str:
        """Another small encoder under the one name, with weights of its own. Returns its commit, where `refs` are."""
        import torch
        from autotune.objectives.models.scratch import scratch_config, scratch_tokenizer
        from transformers import AutoModelForMaskedLM

        self.commits += 1
        commit = hashlib.sha1(str(self.commits).encode(), usedforsecurity=False).hexdigest()
        snapshot = self._repository / "snapshots" / commit
        tokenizer = scratch_tokenizer(TEXTS)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            AutoModelForMaskedLM.from_config(scratch_config("scratch:tiny", tokenizer, 32)).save_pretrained(snapshot)
        tokenizer.save_pretrained(snapshot)
        for ref in refs:
            self.move(ref, commit)
        return commit

    def move(self, ref: str, commit: str) -> None:
        """Let a branch or tag stand for a commit."""
        place = self._repository / "refs" / ref
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(commit, encoding="utf-8")

    def spoil(self, commit: str) -> None:
        """Take a commit's files away, so that nothing can be opened from it."""
        for file in (self._repository / "snapshots" / commit).iterdir():
            file.unlink()
