"""A real browser without a window: what it shows, says and asks for when it opens a page."""

import json
import re
import shutil
import socketserver
import subprocess
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
# No sandbox, as root has none; nothing of the browser's own may ask for anything.
OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
    "--enable-logging=stderr",
    "--allow-file-access-from-files",
    "--virtual-time-budget=10000",
)
ITS_OWN = (".googleapis.com", ".google.com", ".gvt1.com")
"""Whom Chromium asks on its own, for updates, whatever page is open."""
FRAME = """<!DOCTYPE html><meta charset="utf-8"><body style="margin:0">
<iframe src="{address}" style="border:0;width:{width}px;height:{height}px"></iframe><pre id="facts"></pre>
<script>
const frame = document.querySelector("iframe");
frame.onload = () => {{
  const page = frame.contentDocument, inside = frame.contentWindow;
  const isCut = element => element.closest(".scroll") || element.closest("svg");
  document.querySelector("#facts").textContent = JSON.stringify({{
    width: page.documentElement.scrollWidth,
    wide: [...page.body.querySelectorAll("*")].filter(
      element => !isCut(element) && element.getBoundingClientRect().right > {width} + 1
    ).map(element => element.outerHTML.slice(0, 200)),
    outside: [...page.querySelectorAll("svg.figure text")].filter(label => {{
      const text = label.getBoundingClientRect(), picture = label.closest("svg").getBoundingClientRect();
      return text.left < picture.left - 2 || text.right > picture.right + 2 || text.bottom > picture.bottom + 2;
    }}).map(label => label.textContent),
    small: [...page.querySelectorAll("svg.figure text")].filter(
      label => label.getBoundingClientRect().height < 11
    ).length,
    text: page.body.innerText,
    labels: [...page.querySelectorAll("svg text")].map(label => label.textContent),
    scripts: page.scripts.length,
    images: page.images.length,
    sections: [...page.querySelectorAll("section")].map(section => section.id),
    figures: [...page.querySelectorAll("svg.figure > title")].map(title => title.textContent),
    resources: inside.performance.getEntriesByType("resource").map(entry => entry.name),
  }});
}};
</script>
"""


@dataclass(frozen=True)
class Seen:
    """What a browser saw: facts of the page, what it said on its console, and whom it asked for something."""

    facts: dict[str, Any]
    console: list[str]
    asked: list[str]


class Browser:
    """Chromium, started anew for each page."""

    def __init__(self, program: str, folder: Path) -> None:
        self._program = program
        self._folder = folder

    def look(self, page: Path, width: int, height: int = 900, *options: str) -> Seen:
        """Open a page in a frame of so many pixels, and let a script look at it from outside."""
        frame = self._folder / "frame.html"
        frame.write_text(FRAME.format(address=page.as_uri(), width=width, height=height), encoding="utf-8")
        with listening() as (port, asked):
            proxy = (f"--proxy-server=127.0.0.1:{port}", "--proxy-bypass-list=<-loopback>")
            done = self._run(frame, "--dump-dom", *proxy, *options)
        (facts,) = re.findall(r'<pre id="facts">(.*?)</pre>', done.stdout, re.DOTALL)
        console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
        others = [line for line in asked if not any(host in line for host in ITS_OWN)]
        return Seen(json.loads(unescape(facts)), console, others)

    def photograph(self, page: Path, picture: Path, width: int, height: int, *options: str) -> None:
        """A picture of the window; it is no narrower than 500 pixels."""
        self._run(page, f"--window-size={width},{height}", f"--screenshot={picture}", *options)

    def print(self, page: Path, pdf: Path) -> None:
        """The page as it comes out of a printer."""
        self._run(page, "--no-pdf-header-footer", f"--print-to-pdf={pdf}")

    def _run(self, page: Path, *options: str) -> subprocess.CompletedProcess[str]:
        profile = f"--user-data-dir={self._folder / 'profile'}"
        command = [self._program, *OPTIONS, profile, *options, page.as_uri()]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        return done


@contextmanager
def listening() -> Generator[tuple[int, list[str]]]:
    """A proxy that lets nothing through and notes the first line of every request."""
    asked: list[str] = []

    class Refusal(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            asked.append(self.rfile.readline().decode("latin-1").strip())
            self.wfile.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Refusal) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1], asked
        server.shutdown()


@pytest.fixture
def browser(tmp_path: Path) -> Browser:
    """Chromium; skips where none is installed."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip(f"no browser on the PATH: none of {', '.join(NAMES)}")
    folder = tmp_path / "browser"
    folder.mkdir()
    return Browser(program, folder)
