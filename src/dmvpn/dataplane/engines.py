"""Which engine moves the packets: the Rust engine if it is installed, otherwise Python."""

from __future__ import annotations

import importlib.util

from dmvpn.base.errors import UserError
from dmvpn.dataplane.python import PythonEngine
from dmvpn.dataplane.userspace.plane import MakeEngine


def choose(wanted: str) -> MakeEngine:
    """Return the engine that is asked for: "auto", "rust" or "python". Raises UserError if it is not installed."""
    if wanted != "python" and importlib.util.find_spec("dmvpn_engine") is not None:
        from dmvpn.dataplane.engine import RustEngine

        return RustEngine
    if wanted == "rust":
        raise UserError("the Rust engine is not installed; with cargo at hand 'make setup' builds it")
    return PythonEngine
