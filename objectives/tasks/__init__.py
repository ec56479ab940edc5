"""Task kinds: their rows, heads, losses and metrics."""
