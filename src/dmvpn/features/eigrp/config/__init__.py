"""The configuration lines of EIGRP, and the typed model built from them.

Classic mode has everything under `router eigrp 100` and, for an interface, in the interface's own section. Named mode
has `router eigrp NAME` with address families, each with interfaces (`af-interface`) and a topology. The lines of an
interface's own section apply to a named process too, unless `af-interface` overrides them: routers in operation mix
both.
"""

from typing import Final

from dmvpn.features.eigrp.config import interfaces, processes
from dmvpn.features.eigrp.config.tree import model

MODES: Final = processes.MODES
LINES: Final = (*interfaces.LINES, *processes.LINES)

__all__ = ["LINES", "MODES", "model"]
