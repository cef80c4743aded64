"""Chromium without a window, for what only a browser can say about a page."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

#: Its program; None: it is not installed (`scripts/debian-packages interop`).
CHROMIUM: Final = shutil.which("chromium") or shutil.which("chromium-browser")
#: No sandbox: tests run as root, and open only pages of their own. The rest stops what a browser does by itself.
OPTIONS: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
)


def dumped(address: str, folder: Path, *more: str) -> str:
    """Return a page as it is after its scripts have run. folder: for the browser's own files."""
    ran = subprocess.run(
        [str(CHROMIUM), *OPTIONS, f"--user-data-dir={folder / 'browser'}", *more, "--dump-dom", address],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return ran.stdout
