"""The statistics of the verdict: pure functions over scores, without training, storage or words on a terminal."""
