"""A process as its parts see it: what its lines say now, and what it is called. Its parts never keep either."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ipaddress import IPv4Address

    from dmvpn.base.addresses import Prefix
    from dmvpn.base.context import Context
    from dmvpn.features.eigrp.metric import Vector
    from dmvpn.features.eigrp.model import EigrpConfig, ProcessSettings


class Surroundings(Protocol):
    """What all parts of a process share.

    config: with the key chains.
    router_id: our identity in routes that we bring in.
    """

    context: Context
    settings: ProcessSettings
    config: EigrpConfig
    router_id: IPv4Address

    def metric_in(self, process: str, prefix: Prefix) -> Vector | None:
        """Return the metric that another process of this router has for a prefix."""
        ...
