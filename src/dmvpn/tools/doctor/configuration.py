"""A router's configuration as models, for checks of settings that are not in the facts. It is parsed once.

    device        the models of all features
    tunnel_end    a tunnel with its settings of all features
    texts         lines of a section, found by what they are and not by how they begin

Facts have a mark in the place of each secret. The models keep the mark, so a secret of a model may be unknown:
`hidden_secrets` compares secrets.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from dmvpn.ios.grammar import HIDDEN
from dmvpn.network.device import Device
from dmvpn.network.overlay import tunnel_ends

if TYPE_CHECKING:
    from dmvpn.base.facts import Address
    from dmvpn.ios import ConfigLine, Section, Statement
    from dmvpn.network.overlay import TunnelEnd
    from dmvpn.router.facts import RouterFacts, TunnelFacts


@lru_cache(maxsize=1024)  # some 60 kB each: a fault of a hub is compared with each of its clients
def read(name: str, lines: tuple[str, ...], vrf: str = "") -> Device:
    """Return the models of a router's running configuration. vrf: see `Device`."""
    if vrf:
        return replace(read(name, lines), vrf=vrf)
    text = "\n".join([*lines, "end", ""])
    return Device.read(name, text.replace(f" hex {HIDDEN}", f" {HIDDEN}"))  # the mark is no number


def device(facts: RouterFacts) -> Device:
    """Return the models of a router by its facts."""
    return read(facts.hostname, facts.configuration, facts.vrf)


def tunnel_end(facts: RouterFacts, tunnel: TunnelFacts, version: int) -> TunnelEnd | None:
    """Return a tunnel of a router for this version of IP, or for the version that it has."""
    return _tunnel_end(device(facts), tunnel.name, version, tunnel.source)


@lru_cache(maxsize=1024)
def _tunnel_end(device: Device, name: str, version: int, source: Address | None) -> TunnelEnd | None:
    """Return the same. source: by the facts, for a tunnel whose lines do not show it, because of DHCP."""
    found = [end for end in tunnel_ends(device) if end.name == name]
    end = next((end for end in found if end.nhrp.version == version), found[0] if found else None)
    return replace(end, source=source) if end is not None and end.source is None else end


def statements(section: Section | None, *lines: ConfigLine) -> list[Statement]:
    """Return the statements of these lines in a section, including lines that are kept as `no`."""
    return section.entries(*lines) if section is not None else []


def texts(section: Section | None, *lines: ConfigLine) -> tuple[str, ...]:
    """Return the lines of these kinds in a section, as the running configuration shows them, without indentation."""
    return tuple(one.text for one in statements(section, *lines))
