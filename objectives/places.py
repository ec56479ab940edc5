"""Where the paths of a study file and of an export lead."""

from pathlib import Path


def place_of(text: str, base: Path) -> Path:
    """The place that `text` names: from `~` on in a home folder, else relative to the folder `base` or absolute."""
    if not text.startswith("~"):  # ./~ is a folder of that name
        return base / text
    try:
        return base / Path(text).expanduser()
    except RuntimeError:  # nobody is called so: the name begins with a ~
        return base / text
