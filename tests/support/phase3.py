"""What tests of notes-phase3 have in common: lines more in its configurations, and what is asked of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from support.world import World


def logging(_router: str, text: str) -> str:
    """Return the configuration with `logging dmvpn` on all routers."""
    return text.replace("!\n", "!\nlogging dmvpn\n!\n", 1)


def short_lived(router: str, text: str) -> str:
    """Return the configuration with a holding time of a minute."""
    return logging(router, text).replace(" ip nhrp network-id", " ip nhrp holdtime 60\n ip nhrp network-id")


def nbma_on_the_hub(world: World) -> str:
    """Return the NBMA address of R31 in the hub's cache."""
    match = re.search(r"192\.168\.100\.31/32 via .*\n.*\n.*\n   NBMA address: (\S+) ", world.show("R11", "ip nhrp"))
    return match[1] if match else ""
