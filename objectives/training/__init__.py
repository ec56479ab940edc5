"""From configurations to evaluations. Trainers decide nothing; what goes wrong in a trial is a value."""
