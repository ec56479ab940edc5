"""Operations that change training rows: texts ahead of training, tensors in a batch. The same seed, the same rows."""
