"""L0: what may be searched, and one point of it as a value. Never imports torch."""
