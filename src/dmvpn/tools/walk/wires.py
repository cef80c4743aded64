"""The effect of a bad wire on a packet: the words of `LinkFacts.bad`, as in `lab impair` ("block esp from R31")."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.net.ipv4 import IpProtocol

if TYPE_CHECKING:
    from dmvpn.shells.facts import LinkFacts
    from dmvpn.tools.walk.packet import Packet

_PROTOCOLS = {
    "gre": (IpProtocol.GRE,),
    "esp": (IpProtocol.ESP,),
    "icmp": (IpProtocol.ICMP,),
}
_FROM = " from "


def stopped(link: LinkFacts, sender: str, packet: Packet) -> str:
    """Return why a packet of this sender is certain to be lost on the wire, "" if it may pass."""
    if link.cut:
        return "cut, nothing passes"
    for text in _about(link, sender):
        word, _, rest = text.partition(" ")
        if word == "cut":
            return f"cut for what {sender} sends"
        if word == "block" and _is_blocked(rest, packet):
            return f"it lets no {rest} through"
        if word == "loss" and float(rest) >= 100:
            return f"it loses everything that {sender} sends"
        if word == "mtu" and packet.octets > float(rest):
            return f"{packet.octets} octets are more than the {rest} that pass it, and nobody is told"
    return ""


def remark(link: LinkFacts, sender: str) -> str:
    """Return the other impairments of a wire that a packet may pass, "" if there are none."""
    return ", ".join(text for text in _about(link, sender) if not text.startswith(("cut", "block", "mtu")))


def _about(link: LinkFacts, sender: str) -> list[str]:
    """Return the impairments for packets of this sender."""
    about = [text.partition(_FROM) for text in link.bad]
    return [what for what, _, whose in about if whose in ("", sender)]


def _is_blocked(name: str, packet: Packet) -> bool:
    if packet.destination.version != 4:
        return False
    if name == "fragments":
        return packet.is_cut
    if name.startswith("udp-"):
        return packet.protocol == IpProtocol.UDP and int(name.removeprefix("udp-")) in packet.ports
    return packet.protocol in _PROTOCOLS.get(name, ())
