"""Timeouts of the database, in seconds."""

OPENING_S = 5.0
"""Someone waits at the terminal: say soon who holds the file."""
RUNNING_S = 60.0
"""How long one statement waits for whoever holds a SQLite file: a backup or a dashboard takes half a minute."""
SILENCE_S = 60.0
"""A connection to a server that acknowledges nothing for so long is lost."""
RECONNECT_S = 300.0
"""A run waits so long for a server that restarts, with its recovery, or for a file that is still held."""
