"""Uses of a best.yaml: checked against the data, trained for production, or verified."""
