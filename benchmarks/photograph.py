"""Takes a picture of a report's page, as a phone or a desk shows it, with the Chromium that is on the PATH.

python benchmarks/photograph.py report.html docs/report-phone.webp --phone --height 1500
"""

import argparse
import shutil
import subprocess
import tempfile
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome")
PHONE, DESK = 390, 1100
NARROWEST = 500
"""Pixels of the narrowest window; a phone's page is a frame in it."""
FRAME = """<!DOCTYPE html><body style="margin:0;background:#9aa3ad;display:grid;justify-content:center">
<iframe src="{address}" scrolling="no" style="border:0;width:{width}px;height:{height}px"></iframe>"""


def main() -> None:
    parser = argparse.ArgumentParser(description="A picture of a report's page.")
    parser.add_argument("page", type=Path)
    parser.add_argument("picture", type=Path, help="the file to write: .webp is the smallest, or .png")
    parser.add_argument("--phone", action="store_true", help=f"{PHONE} pixels wide instead of {DESK}")
    parser.add_argument("--height", type=int, default=1500, help="pixels")
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--from", dest="part", help="a part of the page to begin at, such as ablation")
    options = parser.parse_args()
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        raise SystemExit(f"no browser on the PATH: none of {', '.join(NAMES)}")
    width = PHONE if options.phone else DESK
    address = options.page.resolve().as_uri() + (f"#{options.part}" if options.part else "")
    with tempfile.TemporaryDirectory() as name:
        frame = Path(name, "frame.html")
        frame.write_text(FRAME.format(address=address, width=width, height=options.height), encoding="utf-8")
        command = [program, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        command += ["--force-color-profile=srgb", f"--user-data-dir={Path(name, 'profile')}"]
        command += [f"--window-size={max(width, NARROWEST)},{options.height}"]
        command += [f"--blink-settings=preferredColorScheme={0 if options.dark else 1}"]
        command += [f"--screenshot={options.picture.resolve()}", frame.as_uri()]
        subprocess.run(command, capture_output=True, check=True)
    print(f"{options.picture}: {options.picture.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
