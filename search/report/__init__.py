"""Reports: terminal, page, live view."""
