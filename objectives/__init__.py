"""L1: what one trial does: data, augmentation, tasks, model, training, metrics. Knows no Optuna and no terminal."""
