"""The study file: its schema (schema), its parser (reading), and its error messages (mistakes)."""
