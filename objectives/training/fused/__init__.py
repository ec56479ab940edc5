"""Many trials as one program: the trainer whose trials share every step of a stacked model (docs/fused.md)."""
