"""The configuration lines of EIGRP, and the typed model that is made of them.

Classic mode has everything under `router eigrp 100` and, for an interface, in the interface's own section. Named mode
has `router eigrp NAME` with address families, each with interfaces (`af-interface`) and a topology. The lines of an
interface's own section count for a named process too, where `af-interface` says nothing else: working routers mix them.
"""

from __future__ import annotations

from typing import Final

from dmvpn.features.eigrp.config import interfaces, processes
from dmvpn.features.eigrp.config.tree import model

MODES: Final = processes.MODES
LINES: Final = (*interfaces.LINES, *processes.LINES)

__all__ = ["LINES", "MODES", "model"]
