"""The best few and the baseline, retrained on fresh seeds: the data of the verdict."""
