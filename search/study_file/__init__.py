"""The study file: what it may say (schema), how it is read (reading), and what is wrong with it (mistakes)."""
