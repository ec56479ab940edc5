"""Task kinds: their rows, heads, losses, normalisers and metrics; one file each, behind the contract of task.py."""
