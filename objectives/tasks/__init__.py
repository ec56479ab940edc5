"""Kinds of tasks: their rows, heads, losses, normalisers and metrics, a kind a file, behind the contract of task.py."""
