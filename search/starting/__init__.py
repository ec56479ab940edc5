"""A study file made from the data: what its columns hold, which tasks that makes, and how it is written."""
