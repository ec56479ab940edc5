"""The study files that ship with autotune, and their small data; no code. `quickstart` is the first one to run."""
