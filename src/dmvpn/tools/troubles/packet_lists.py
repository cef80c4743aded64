"""Troubles of packet filters: an entry too early, a wrong mask, an answer forgotten, a list at the wrong port or side.

They are a list of their own, drawn in clouds with lists (`setup`): one more in `TROUBLES` would change every draw.
The clouds' lists have the same entries at all routers, but for the networks of their LANs.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from dmvpn.base.findings import Cause
from dmvpn.tools.troubles.model import Act, Command, Configure, Need, Role, Trouble, without_story
from dmvpn.tools.troubles.setup import GROUP, GROUP_MEMBER, LAN_IN, LAN_OUT, TUNNEL_IN, WAN_IN

_COMPANY: Final = "10.20.0.0 0.0.255.255"
_OWN: Final = "{lan_network} {lan_wildcard}"
#: What a network needs for a name in a line.
_NEEDS: Final = {
    LAN_IN: Need.LAN_LISTS,
    LAN_OUT: Need.LAN_LISTS,
    TUNNEL_IN: Need.TUNNEL_LISTS,
    WAN_IN: Need.WAN_LISTS,
    GROUP: Need.GROUPS,
}
_one: Final = partial(
    without_story,
    hints=("Which list decides about the packet, and where? `show ip interface`", "Read its entries in their order."),
)


def _named(name: str, *lines: str) -> tuple[str, ...]:
    """Return lines of a list."""
    return f"ip access-list extended {name}", *lines


def _port(word: str, *lines: str) -> tuple[str, ...]:
    """Return lines of a port. word: of the actor, that names it."""
    return f"interface {{{word}}}", *lines


def _lists(
    heading: str,
    lines: tuple[str, ...],
    *needs: Need,
    hub: bool = False,
    cause: Cause = Cause.PACKET_FILTER,
    again: tuple[str, ...] = (),
) -> Trouble:
    """Return a trouble of the lists of a spoke, or of a hub. needs: besides the lists in its lines.

    again: commands there afterwards.
    """
    part = Role.HUB if hub else Role.SPOKE
    lists = [need for name, need in _NEEDS.items() if any(name in line for line in lines)]
    acts: tuple[Act, ...] = (Configure(part, lines), *((Command(part, again),) if again else ()))
    return _one(heading, acts, (cause,), parts=(part,), needs=(*lists, *needs))


_cuts: Final = partial(_lists, cause=Cause.LIST_CUTS_TUNNEL, again=("clear crypto session",))
_verifies: Final = partial(_lists, cause=Cause.REVERSE_PATH, again=("clear crypto session",))
_LAN: Final = (
    _lists(
        "entry-too-early: A denial of a LAN's list precedes the permission that it is no exception of",
        _named(LAN_OUT, "5 deny udp any any"),
    ),
    _lists("deny-all-first: A LAN's list begins with its end", _named(LAN_OUT, "1 deny ip any any log")),
    _lists("answers-forgotten: A LAN's list has no entry for answers", _named(LAN_OUT, "no 10")),
    _lists(
        "tcp-for-udp: An entry of a LAN's list is about TCP, and UDP is meant",
        _named(LAN_OUT, "no 30", f"30 permit tcp {_COMPANY} {_OWN}"),
    ),
    _lists(
        "ports-swapped: An entry of a LAN's list has the service as source port",
        _named(LAN_OUT, "no 40", f"40 permit tcp {_COMPANY} eq 443 {_OWN}"),
    ),
    _lists(
        "established-service: An entry of a LAN's list permits a service only to connections that exist",
        _named(LAN_OUT, "no 40", f"40 permit tcp {_COMPANY} {_OWN} eq 443 established"),
    ),
    _lists(
        "lan-of-another: An entry of a LAN's list has the network of another site",
        _named(LAN_IN, "no 20", f"20 permit ip {{other.lan_network}} {{other.lan_wildcard}} {_COMPANY}"),
    ),
    _lists(
        "mask-inverted: An entry of a LAN's list has a mask in the place of a wildcard",
        _named(LAN_IN, "no 20", f"20 permit ip {{lan_network}} {{lan_mask}} {_COMPANY}"),
    ),
    _lists(
        "ends-swapped: An entry of a LAN's list has source and destination in each other's place",
        _named(LAN_OUT, "no 30", f"30 permit udp {_OWN} {_COMPANY}"),
    ),
    _lists("no-permit: A LAN's list only denies", _named(LAN_IN, "no 20", "no 30")),
    _lists(
        "lan-lists-swapped: The two lists of a LAN are on each other's side",
        _port("lan", f"ip access-group {LAN_IN} out", f"ip access-group {LAN_OUT} in"),
    ),
    _lists(
        "time-over: An entry of a LAN's list counted until last year",
        (
            "time-range OFFICE",
            "absolute end 12:00 1 January 2020",
            *_named(LAN_IN, "no 20", f"20 permit ip {_OWN} {_COMPANY} time-range OFFICE"),
        ),
    ),
    _lists(
        "resequenced: An entry of a LAN's list was removed by a number that it had before the list was numbered again",
        (f"ip access-list resequence {LAN_OUT} 5 5", *_named(LAN_OUT, "no 15")),
    ),
    _lists("fragments-denied: A LAN's list denies fragments", _named(LAN_OUT, "1 deny ip any any fragments")),
    _lists("icmp-denied: A LAN's list denies ICMP", _named(LAN_OUT, "1 deny icmp any any")),
    _lists(
        "list-missing: A LAN's list has another name where it is applied, so that all passes",
        _port("lan", "ip access-group LAN-1N in"),
        Need.LAN_LISTS,
        cause=Cause.LIST_MISSING,
    ),
    _lists(
        "telnet-alone: A list that is to keep Telnet out denies all",
        (*_named("NO-TELNET", "deny tcp any any eq telnet"), *_port("lan", "ip access-group NO-TELNET out")),
        Need.NO_LISTS,
    ),
    _lists(
        "standard-alone: A numbered list that is to keep one network out denies all",
        ("access-list 10 deny {other.lan_network} {other.lan_wildcard}", *_port("lan", "ip access-group 10 out")),
        Need.NO_LISTS,
    ),
)
_TUNNEL: Final = (
    _lists("eigrp-forgotten: A tunnel's list has no entry for EIGRP", _named(TUNNEL_IN, "no 10"), Need.EIGRP),
    _lists("ospf-denied: A tunnel's list denies OSPF", _named(TUNNEL_IN, "5 deny ospf any any"), Need.OSPF),
    _lists(
        "rip-as-tcp: A tunnel's list has an entry for RIP over TCP",
        _named(TUNNEL_IN, "no 10", "10 permit tcp any any eq 520"),
        Need.RIP,
    ),
    _lists(
        "bgp-denied: A tunnel's list denies BGP",
        _named(TUNNEL_IN, "1 deny tcp any any eq bgp", "2 deny tcp any eq bgp any"),
        Need.BGP,
        again=("clear ip bgp *",),
    ),
    _lists(
        "hub-eigrp-denied: A hub's list denies EIGRP", _named(TUNNEL_IN, "5 deny eigrp any any"), Need.EIGRP, hub=True
    ),
    _lists(
        "tunnel-list-out: A tunnel's list looks at what leaves",
        _port("tunnel", f"no ip access-group {TUNNEL_IN} in", f"ip access-group {TUNNEL_IN} out"),
    ),
    _lists(
        "wan-list-on-tunnel: The provider's list is on the tunnel",
        _port("tunnel", f"ip access-group {WAN_IN} in"),
        Need.TUNNEL_LISTS,
    ),
    _lists(
        "hub-one-lan: A hub's list permits one LAN of several",
        _named(TUNNEL_IN, "no 30", f"30 permit ip {{spoke.lan_network}} {{spoke.lan_wildcard}} {_COMPANY}"),
        hub=True,
    ),
    _lists(
        "group-member: The object group of the company has a wrong network",
        (f"object-group network {GROUP}", "10.21.0.0 255.255.0.0", f"no {GROUP_MEMBER}"),
    ),
)
_WAN: Final = (
    _lists(
        "gre-denied: The provider's list has no entry for GRE",
        _named(WAN_IN, "no 10"),
        Need.CLEAR,
        cause=Cause.LIST_CUTS_TUNNEL,
    ),
    _cuts(
        "tunnel-list-on-wan: The tunnel's list is on the port to the provider",
        _port("wan", f"ip access-group {TUNNEL_IN} in"),
        Need.WAN_LISTS,
    ),
    _cuts(
        "isakmp-denied: The provider's list denies ISAKMP",
        _named(WAN_IN, "1 deny udp any any eq isakmp", "2 deny udp any any eq non500-isakmp"),
        Need.PROTECTED,
    ),
    _cuts(
        "isakmp-as-tcp: The provider's list has entries for ISAKMP over TCP",
        _named(WAN_IN, "no 10", "10 permit tcp any any eq 500", "no 20", "20 permit tcp any any eq 4500"),
        Need.PROTECTED,
    ),
    _cuts(
        "esp-denied: The provider's list denies ESP, in UDP and without",
        _named(WAN_IN, "no 20", "no 30"),
        Need.PROTECTED,
    ),
    _verifies(
        "verify-without-default: The port to the provider verifies senders, and the default route does not count",
        _port("wan", "ip verify unicast source reachable-via any"),
        Need.PROVIDER,
    ),
    _verifies(
        "verify-strictly-without-default: The port to the provider verifies strictly, and the default route does not "
        "count",
        _port("wan", "ip verify unicast source reachable-via rx"),
        Need.PROVIDER,
    ),
    _lists(
        "verify-asymmetric: A tunnel verifies senders strictly, and routes to them lead into another tunnel",
        _port("tunnel", "delay 500000", "ip verify unicast source reachable-via rx"),
        Need.TWO_TUNNELS,
        Need.EIGRP,
        cause=Cause.REVERSE_PATH,
    ),
)
LISTS: Final = (*_LAN, *_TUNNEL, *_WAN)
