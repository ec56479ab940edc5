"""What is done with a best.yaml: it is checked against the data, trained for production, or verified."""
