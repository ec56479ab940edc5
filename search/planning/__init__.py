"""What a study will take, estimated from a few steps before anything is spent."""
