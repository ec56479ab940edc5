"""Data: reading, cleaning, splitting, batching."""
