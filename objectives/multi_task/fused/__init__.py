"""The models of several trials as one, whose layers hold the weights of all; trials do not affect each other."""
