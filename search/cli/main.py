"""The entry point. Whatever takes time to import is imported in its function, so that Ctrl-C ends that quietly too."""

import sys


def main() -> None:
    """Run the command; interrupted, it ends with exit code 130."""
    try:
        from .app import run

        run()
    except KeyboardInterrupt:
        sys.exit(130)
