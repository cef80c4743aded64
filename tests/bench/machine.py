"""Where and when it was measured: without that a figure says nothing."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import sysconfig
import time
from pathlib import Path
from typing import TYPE_CHECKING

import dmvpn

if TYPE_CHECKING:
    from bench.figures import Json


def describe() -> dict[str, Json]:
    """The machine, and what else it does at present."""
    return {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "dmvpn": f"{dmvpn.__version__}{_commit()}",
        "processor": _processor(),
        "processors": os.cpu_count() or 0,
        "memory_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20,
        "system": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_version()} built {'with' if _is_profiled() else 'without'} a profile",
        "user": "root" if os.geteuid() == 0 else "an ordinary user",
        "priority": "raised" if os.nice(0) < 0 else "normal",
        "load": load(),
    }


def load() -> float:
    """Processes that ran or waited to, mean of the last minute."""
    return round(os.getloadavg()[0], 1)


def sentence(machine: dict[str, Json]) -> str:
    """The same in words."""
    return (
        f"{machine['date']}, dmvpn {machine['dmvpn']}, {machine['processors']} x {machine['processor']}, "
        f"{machine['memory_mb']} MB, {machine['system']}, Python {machine['python']}, as {machine['user']}, "
        f"priority {machine['priority']}"
    )


def is_changed() -> bool:
    """Return whether files differ from the commit that is measured."""
    return bool(_git("status", "--porcelain", "--untracked-files=no"))


def _is_profiled() -> bool:
    """Return whether the interpreter was built with a profile: it is up to a third quicker. See scripts/find-python."""
    options = sysconfig.get_config_var("CONFIG_ARGS") or ""
    return sys.base_prefix == "/usr" or "--enable-optimizations" in options


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith(("model name", "Model")):
            return line.partition(":")[2].strip()
    return platform.machine()


def _commit() -> str:
    """ " (COMMIT)", if this is a clone with git at hand."""
    commit = _git("rev-parse", "--short", "HEAD")
    return f" ({commit})" if commit else ""


def _git(*words: str) -> str:
    """What git says; "" if this is no clone, or without git."""
    root = Path(__file__).parents[2]
    try:
        run = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return run.stdout.strip() if run.returncode == 0 else ""
