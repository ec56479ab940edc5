"""The encoder that a trial's tasks share, and transformers' own head for each. Safetensors only, never remote code."""
