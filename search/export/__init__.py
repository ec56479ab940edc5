"""From a study to best.yaml: which configuration, with which figures; and reading such a file back."""
