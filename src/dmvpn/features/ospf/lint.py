"""Rules about the OSPF lines of one router. Rules about agreement with its neighbors are in `tools/lint`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dmvpn.base.findings import Concern, Severity, rule
from dmvpn.features.ospf.config.interfaces import DEAD_INTERVAL
from dmvpn.features.ospf.config.version3 import ON_INTERFACES
from dmvpn.features.ospf.model import OspfConfig
from dmvpn.features.ospf.settings import default_network, timers
from dmvpn.ios import ConfigLine

DEAD: Final = rule(Severity.ERROR)(r"""
    ospf-dead-interval-short: The dead interval is not longer than the interval between Hellos
    A neighbor that is silent for the dead interval is gone (RFC 2328 §C.3: some multiple of the Hello interval). With
    one or less the adjacency comes and goes.
    bad: interface Tunnel0\n ip ospf hello-interval 30\n ip ospf dead-interval 20
    fix: interface Tunnel0\n ip ospf dead-interval 120
    """)
RULES: Final = (DEAD,)


def check(config: OspfConfig) -> Iterator[Concern]:
    """Yield findings, interface by interface."""
    yield from _check(config, "ip", DEAD_INTERVAL)
    if config.ipv6 is not None:
        yield from _check(config.ipv6, "ipv6", ON_INTERFACES.twin(DEAD_INTERVAL))


def _check(config: OspfConfig, word: str, line: ConfigLine) -> Iterator[Concern]:
    for interface in config.interfaces:
        section = f"interface {interface.name}"
        hello, dead = timers(interface, default_network(interface.name))
        if interface.hello_multiplier is None and dead <= hello:
            yield Concern(
                rule=DEAD,
                at=(section, f"{word} ospf dead-interval"),
                what=f"{interface.name}: Hellos every {hello} s, and a neighbor is dead after {dead} s",
                fix=f"{section}\n {line.line(seconds=min(4 * hello, 65535))}",
            )
