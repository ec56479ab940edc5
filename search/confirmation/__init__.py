"""The best few trained again on fresh seeds, beside the baseline: what the verdict is made from."""
