"""From configurations to evaluations. A trainer decides nothing, and what goes wrong in a trial is a value."""
