"""Files that commands write: what they may replace."""

import os
from pathlib import Path

import pytest
from autotune.search.writing import check_replaced, write_text
from autotune.spaces.errors import InputError


def check(path: Path) -> None:
    check_replaced(path, "--output", "an export", lambda beginning: beginning.startswith("ours"))


def test_a_pipe_is_not_replaced(tmp_path: Path) -> None:
    """Nor would a device be: as root, /dev/null would be gone."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path(os.devnull)):
        with pytest.raises(InputError, match="is a device or a pipe, which a file would replace"):
            check(path)


def test_where_a_link_leads_is_replaced_and_not_the_link(tmp_path: Path) -> None:
    (tmp_path / "real.yaml").write_text("ours", encoding="utf-8")
    (tmp_path / "link.yaml").symlink_to(tmp_path / "real.yaml")
    check(tmp_path / "link.yaml")
    write_text(tmp_path / "link.yaml", "ours, newer")
    assert (tmp_path / "link.yaml").is_symlink()
    assert (tmp_path / "real.yaml").read_text(encoding="utf-8") == "ours, newer"


def test_links_in_a_circle_are_said(tmp_path: Path) -> None:
    (tmp_path / "one").symlink_to(tmp_path / "two")
    (tmp_path / "two").symlink_to(tmp_path / "one")
    with pytest.raises(InputError, match="one: cannot be written"):
        write_text(tmp_path / "one", "ours")


def test_a_name_that_is_too_long_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written: File name too long"):
        check(tmp_path / ("x" * 300))
