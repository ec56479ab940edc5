"""The cost of a study, estimated from a few steps in advance."""
