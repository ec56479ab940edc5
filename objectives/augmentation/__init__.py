"""Augmentation of training rows: operations on texts and on batches."""
