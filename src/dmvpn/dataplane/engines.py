"""Which engine moves the packets: the Rust engine if it is installed and carries IPv6 where that is needed, otherwise
Python.
"""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

from dmvpn.base.errors import UserError
from dmvpn.dataplane.python import PythonEngine

if TYPE_CHECKING:
    from dmvpn.dataplane.userspace.plane import MakeEngine


def choose(wanted: str, *, ipv6: bool = False) -> MakeEngine:
    """Return the engine that is asked for: "auto", "rust" or "python". ipv6: it must carry IPv6. Raises UserError if it
    cannot be had.
    """
    if wanted == "rust" and ipv6:
        raise UserError("the Rust engine carries no IPv6 yet: leave the choice of the engine out, or take python")
    if wanted != "python" and not ipv6 and importlib.util.find_spec("dmvpn_engine") is not None:
        from dmvpn.dataplane.engine import RustEngine

        return RustEngine
    if wanted == "rust":
        raise UserError("the Rust engine is not installed; with cargo at hand 'make setup' builds it")
    return PythonEngine
