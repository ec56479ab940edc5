"""The model of a trial: a shared encoder with the heads of its tasks, alone or stacked with those of other trials."""
