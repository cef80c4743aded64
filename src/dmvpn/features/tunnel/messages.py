"""What the tunnel feature writes into the log, and what `debug tunnel` prints."""

from __future__ import annotations

from typing import Final

from dmvpn.base.addresses import IPAddress
from dmvpn.base.notices import log_kind, log_messages
from dmvpn.base.reasons import Reason

#: The names of the debug flags.
TUNNEL = "tunnel"
KEEPALIVE = "tunnel keepalive"


@log_kind("TUN-5-RECURDOWN")
def recursive_routing(tunnel: str) -> str:
    """The route to the tunnel's destination leads through the tunnel itself: keep that prefix out of the overlay."""
    return f"{tunnel} temporarily disabled due to recursive routing"


MESSAGES: Final = log_messages(vars())


def keepalive_sent(tunnel: str, source: IPAddress, destination: IPAddress, counter: int) -> str:
    """Return the line of `debug tunnel keepalive`: one went out."""
    return f"{tunnel}: sending keepalive, {destination}->{source} (len=24 ttl=255), counter={counter}"


def keepalive_received(tunnel: str, source: IPAddress, destination: IPAddress) -> str:
    """Return the line of `debug tunnel keepalive`: one came back."""
    return f"{tunnel}: keepalive received, {destination}->{source} (len=24 ttl=255), resetting counter"


def line_state(tunnel: str, reason: Reason | None) -> str:
    """Return the line of `debug tunnel`: the outcome of an evaluation."""
    return f"{tunnel}: linestate evaluation {'up' if reason is None else f'down - {reason}'}"
