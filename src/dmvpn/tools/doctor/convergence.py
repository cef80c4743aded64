"""Time that protocols still need: a tunnel that came up, or a router that was restarted or configured, a moment ago."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.features.nhrp.messages import NhcUp, NhsUp
from dmvpn.features.system.messages import Configured, Restarted

if TYPE_CHECKING:
    from dmvpn.tools.doctor.scene import Client

#: Log messages after which the routing protocols of the two ends start again.
_BEGINS: Final = (NhsUp, NhcUp, Restarted, Configured)


def not_before(client: Client, seconds: float) -> str:
    """Return when two ends will have found each other, if one of them started less than `seconds` ago; else ""."""
    ends = (client.facts, client.hub_facts)
    ages = [line.age for facts in ends if facts is not None for line in facts.log if line.is_one(*_BEGINS)]
    if (client.server is not None and not client.server.responding) or min(ages, default=seconds) >= seconds:
        return ""
    return (
        f"not known before {client.name} and {client.hub} had {seconds:.0f} s to find each other, "
        f"in {seconds - min(ages):.0f} s"
    )
