"""The lines to change where pre-shared keys differ or are missing: in the existing keyring, without secrets."""

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING, Final

from dmvpn.base.placeholder import Placeholder
from dmvpn.base.values import dataclass
from dmvpn.features.ike.config.isakmp import KEY as OLD_KEY
from dmvpn.features.ike.config.profiles import ADDRESS, PEER, PRE_SHARED_KEY, RING
from dmvpn.ios.grammar import HIDDEN
from dmvpn.tools.doctor.configuration import read, texts
from dmvpn.tools.doctor.hidden_secrets import SecretPlace
from dmvpn.tools.doctor.verdicts import SECRET

if TYPE_CHECKING:
    from collections.abc import Sequence
    from ipaddress import IPv4Network, IPv6Network

    from dmvpn.base.facts import Address
    from dmvpn.ios import Args, ConfigTree, Section, Statement

_ADDRESS: Final = Placeholder("ADDRESS")
_PEER: Final = PEER.of(name=Placeholder("NAME"))
_KEY: Final = PRE_SHARED_KEY.of(key=SECRET)


@dataclass(frozen=True, slots=True)
class _Peer:
    """A peer of a keyring. ring: its name."""

    ring: str
    name: str
    section: Section

    def breadth(self, address: Address) -> int | None:
        """Return the number of wildcard bits of its address, or None: it does not match this address."""
        network = _network(self.section.get(ADDRESS))
        if network is None or network.version != address.version or address not in network:
            return None
        return address.max_prefixlen - network.prefixlen

    @property
    def opening(self) -> tuple[str, str]:
        """The lines that open its section."""
        return RING.of(name=self.ring), PEER.of(name=self.name)

    @property
    def keys(self) -> list[str]:
        """The lines of its keys, without their secrets."""
        return [_without_secret(line) for line in texts(self.section, PRE_SHARED_KEY)]


def key_lines(
    configuration: Sequence[str], peer: Address | None, *, missing: bool, other: Sequence[str] = ()
) -> tuple[str, ...]:
    """Return the lines to enter for this peer; the reader fills in `<secret>` and `NAME`.

    configuration: `show running-config` with secrets hidden; other: that of the other end, which may cover all peers by
        one line. missing: no key matches the peer.
    """
    tree = _tree(configuration)
    old, peers = tree.entries(OLD_KEY), _peers(tree)
    if old and not peers:
        own = next((one for one in old if _is_for(one, peer)), old[0])
        return (OLD_KEY.of(key=SECRET, address=peer or _ADDRESS),) if missing else (_without_secret(own.text),)
    if missing:
        return _added(tree, peers, peer, _wide(other, peer) or _address_line(peer))
    fitting = [(breadth, one) for one in peers if peer is not None and (breadth := one.breadth(peer)) is not None]
    chosen = min(fitting, key=lambda pair: pair[0])[1] if fitting else peers[0] if len(peers) == 1 else None
    if chosen is None:
        return (_ring(tree), _PEER, _KEY)
    return (*chosen.opening, *(chosen.keys or (_KEY,)))


def key_place(name: str, configuration: Sequence[str], peer: Address | None) -> SecretPlace | None:
    """Return the line with the key for a peer; None: the key is shown."""
    lines = key_lines(configuration, peer, missing=False)
    keys = [line for line in lines if SECRET in line]
    return SecretPlace(name, " / ".join(line for line in lines if SECRET not in line), keys[0]) if keys else None


def is_special(configuration: Sequence[str], peer: Address | None) -> bool:
    """Return whether this one peer has a key of its own, beside a key for several peers."""
    if peer is None:
        return False
    tree = _tree(configuration)
    found = [breadth for one in _peers(tree) if (breadth := one.breadth(peer)) is not None]
    old = tree.entries(OLD_KEY)
    by_old = any(_is_for(one, peer) for one in old) and any(_is_for_all(one) for one in old)
    return by_old or len(set(found)) > 1


def half_key(configuration: Sequence[str]) -> tuple[str, ...]:
    """Return the missing line of a keyring's peer that has the key for one direction alone; () if none is missing."""
    for peer in _peers(_tree(configuration)):
        kinds = {word for args in peer.section.all(PRE_SHARED_KEY) for word in ("local", "remote") if word in args}
        if len(kinds) == 1:
            lacking = next(word for word in ("local", "remote") if word not in kinds)
            return (*peer.opening, PRE_SHARED_KEY.of(key=SECRET, **{lacking: True}))
    return ()


def _tree(configuration: Sequence[str]) -> ConfigTree:
    return read("", tuple(configuration)).tree


def _peers(tree: ConfigTree) -> list[_Peer]:
    """Return the peers of all keyrings."""
    return [
        _Peer(ring.text("name"), args.text("name"), inner)
        for ring, section in tree.sections(RING)
        for args, inner in section.sections(PEER)
    ]


def _network(args: Args | None) -> IPv4Network | IPv6Network | None:
    """Return the addresses of an `address` line."""
    if args is None:
        return None
    if "address6" in args:
        return ip_network(args.text("address6"), strict=False)
    mask = args.get("mask", "255.255.255.255")
    return ip_network(f"{args['address']}/{mask}", strict=False)


def _is_for(key: Statement, peer: Address | None) -> bool:
    """Return whether a key of the old kind is for this peer, in a line of its own."""
    return peer is not None and str(key.args.get("address")) == str(peer)


def _is_for_all(key: Statement) -> bool:
    return str(key.args.get("address")) == "0.0.0.0"  # noqa: S104 - a wildcard of the configuration


def _without_secret(line: str) -> str:
    return line.replace(HIDDEN, SECRET)


def _address_line(peer: Address | None) -> str:
    if peer is not None and peer.version == 6:
        return ADDRESS.of(address6=Placeholder(peer))
    return ADDRESS.of(address=peer or _ADDRESS)


def _wide(configuration: Sequence[str], peer: Address | None) -> str:
    """Return the line of a keyring that matches several peers, including this one; "" if there is none."""
    for one in _peers(_tree(configuration)):
        if peer is not None and one.breadth(peer):
            return texts(one.section, ADDRESS)[0]
    return ""


def _added(tree: ConfigTree, peers: list[_Peer], peer: Address | None, whom: str) -> tuple[str, ...]:
    """Return the lines that add a peer to a keyring. whom: the line that identifies the peer."""
    if len(peers) == 1:
        one = peers[0]
        return (*one.opening, whom, *(() if one.keys else (_KEY,)))
    return (_ring(tree), _PEER, _address_line(peer), _KEY)


def _ring(tree: ConfigTree) -> str:
    """Return the line that opens the first keyring."""
    names = (args.text("name") for args, _ in tree.sections(RING))
    return RING.of(name=next(names, Placeholder("NAME")))
