"""Several trials' models as one, whose layers hold the weights of all; no trial's numbers depend on another's."""
