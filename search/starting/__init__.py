"""Generating a study file from data: analysing columns, choosing tasks, writing the file."""
