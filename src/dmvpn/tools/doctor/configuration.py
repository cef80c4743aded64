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
    from dmvpn.ios import ConfigLine, Section, Statement
    from dmvpn.network.overlay import TunnelEnd
    from dmvpn.router.facts import RouterFacts


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


@lru_cache(maxsize=1024)
def _ends(device: Device) -> tuple[TunnelEnd, ...]:
    return tuple(tunnel_ends(device))


def tunnel_end(facts: RouterFacts, name: str, version: int) -> TunnelEnd | None:
    """Return a tunnel of a router for this version of IP, or for the version that it has."""
    found = [end for end in _ends(device(facts)) if end.name == name]
    return next((end for end in found if end.nhrp.version == version), found[0] if found else None)


def statements(section: Section | None, *lines: ConfigLine) -> list[Statement]:
    """Return the statements of these lines in a section, including lines that are kept as `no`."""
    return section.entries(*lines) if section is not None else []


def texts(section: Section | None, *lines: ConfigLine) -> tuple[str, ...]:
    """Return the lines of these kinds in a section, as the running configuration shows them, without indentation."""
    return tuple(one.text for one in statements(section, *lines))
