"""Training: trainers, checkpoints, evaluation."""
