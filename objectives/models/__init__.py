"""Models: encoders, multi-task models, heads."""
