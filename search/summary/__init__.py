"""The facts of a study as a value: what reports, exports and commands say of it."""
