"""Random streams that depend on what they are for, and on nothing else."""

import hashlib

import torch


def derive_seed(*parts: object) -> int:
    """A 63-bit seed from a study's seed and the names of its use, the same on every machine and run."""
    digest = hashlib.blake2b("\0".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest) >> 1


def generator(*parts: object) -> torch.Generator:
    """A CPU generator of its own for one use: neither asked nor disturbed by any other."""
    return torch.Generator().manual_seed(derive_seed(*parts))
