"""The lines to change where pre-shared keys differ or are missing: in the existing keyring, without secrets."""

from __future__ import annotations

from ipaddress import IPv4Address, ip_network
from typing import TYPE_CHECKING, Final

from dmvpn.base.placeholder import SECRET, Blank, Placeholder
from dmvpn.base.values import dataclass
from dmvpn.features.ike.config import isakmp, profiles
from dmvpn.features.ike.config.profiles import ADDRESS, HOSTNAME, IDENTITY, PEER, PRE_SHARED_KEY, RING
from dmvpn.ios.grammar import HIDDEN
from dmvpn.ios.hidden_secrets import SecretPlace
from dmvpn.tools.doctor.configuration import read, texts

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence
    from ipaddress import IPv4Network, IPv6Network

    from dmvpn.base.facts import Address
    from dmvpn.ios import Args, ConfigTree, Section, Statement

_ADDRESS: Final = Blank("address")
_ANYBODY: Final = ADDRESS.of(address=IPv4Address(0), mask=IPv4Address(0))
_PEER: Final = PEER.of(name=Blank("name"))
#: The lines that say whose key the section of a peer has.
_WHOSE: Final = (ADDRESS, HOSTNAME, IDENTITY)
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


@dataclass(frozen=True, slots=True)
class _OldKey:
    """A key of IKEv1. opening: the line that opens its keyring; (): it is global."""

    opening: tuple[str, ...]
    statement: Statement

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines of the key, without its secret."""
        return (*self.opening, _without_secret(self.statement.text))

    @property
    def is_for_all(self) -> bool:
        """It is the key for all addresses."""
        return str(self.statement.args.get("address")) == "0.0.0.0"  # noqa: S104 - a wildcard of the configuration

    def is_for(self, peer: Address | None) -> bool:
        """Return whether it is for this peer alone."""
        return peer is not None and str(self.statement.args.get("address")) == str(peer)


@dataclass(frozen=True, slots=True)
class _Needs:
    """The needs of a keyring. every: the peers that need a key. wide: the peer of the other end's keyring whose address
    covers several routers, or None.
    """

    every: tuple[Address, ...]
    wide: _Peer | None

    def may_replace(self, one: _Peer) -> bool:
        """Return whether a peer may get another address: every router that has its key keeps it."""
        served = [address for address in self.every if one.breadth(address) is not None]
        return all(self.wide is not None and self.wide.breadth(address) is not None for address in served)

    def address_line(self, peers: Sequence[_Peer], peer: Address | None) -> str:
        """Return the line of an address for a peer, and for all others without a key: a section has one address."""
        others = [one for one in self.every if peer is not None and one.version == peer.version and one != peer]
        if self.wide is not None:
            return texts(self.wide.section, ADDRESS)[0]
        if peer is None or all(any(known.breadth(one) is not None for known in peers) for one in others):
            return _address_line(peer)
        return ADDRESS.of(address6=Placeholder("::/0")) if peer.version == 6 else _ANYBODY


def key_lines(
    configuration: Sequence[str],
    peer: Address | None,
    *,
    missing: bool,
    other: Sequence[str] = (),
    front: str = "",
    every: Sequence[Address] = (),
) -> tuple[str, ...]:
    """Return the lines to enter for this peer; the reader fills in `<secret>` and `NAME`.

    configuration: `show running-config` with secrets hidden; other: that of the other end, which may cover all peers by
        one line. missing: no key matches the peer. front: the VRF of the peer, "": the global table. every: the peers
        with which the router needs a key.
    """
    tree = _tree(configuration)
    old, peers = _old_keys(tree, front), _peers(tree, front)
    if not peers and (old or tree.sections(isakmp.POLICY)):
        return _added_old(old, peer, _old_keys(_tree(other))) if missing or not old else _of(old, peer).lines
    if missing:
        return _added(tree, peers, peer, _Needs(tuple(every), _wide(other, peer)))
    fitting = [(breadth, one) for one in peers if peer is not None and (breadth := one.breadth(peer)) is not None]
    chosen = min(fitting, key=lambda pair: pair[0])[1] if fitting else peers[0] if len(peers) == 1 else None
    if chosen is None:
        return (_ring(tree), _PEER, _KEY)
    return (*chosen.opening, *(chosen.keys or (_KEY,)))


def key_place(name: str, configuration: Sequence[str], peer: Address | None, front: str = "") -> SecretPlace | None:
    """Return the line with the key for a peer in a VRF; None: the key is shown."""
    lines = key_lines(configuration, peer, missing=False, front=front)
    keys = [line for line in lines if SECRET in line]
    return SecretPlace(name, " / ".join(line for line in lines if SECRET not in line), keys[0]) if keys else None


def is_special(configuration: Sequence[str], peer: Address | None, front: str = "") -> bool:
    """Return whether this one peer has a key of its own, beside a key for several peers in its VRF."""
    if peer is None:
        return False
    tree = _tree(configuration)
    found = [breadth for one in _peers(tree, front) if (breadth := one.breadth(peer)) is not None]
    old = _old_keys(tree, front)
    by_old = any(one.is_for(peer) for one in old) and any(one.is_for_all for one in old)
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


def _peers(tree: ConfigTree, front: str | None = None) -> list[_Peer]:
    """Return the peers of the keyrings for a VRF. If no profile says which these are, or front is None: of all."""
    every = _all_peers(tree)
    named = {name for name, fvrf in _rings_of_profiles(tree) if front is not None and fvrf in ("any", front)}
    return [one for one in every if one.ring in named] or every


def _rings_of_profiles(tree: ConfigTree) -> Iterator[tuple[str, str]]:
    """Yield the keyring of each IKEv2 profile, with the VRF of its peers: "any", a name, or "" for the global table."""
    for _, section in tree.sections(profiles.PROFILE):
        fvrf = section.get(profiles.MATCH_FVRF)
        for ring in section.all(profiles.KEYRING):
            yield ring.text("name"), fvrf.text("vrf", "any") if fvrf is not None else ""


def _all_peers(tree: ConfigTree) -> list[_Peer]:
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


def _old_keys(tree: ConfigTree, front: str | None = None) -> list[_OldKey]:
    """Return the keys of IKEv1 for a VRF: the global ones, then those of keyrings. Without any, or None: all keys."""
    every = [("", _OldKey((), one)) for one in tree.entries(isakmp.KEY)]
    every += [
        (args.text("vrf", ""), _OldKey((isakmp.KEYRING.text(args),), one))
        for args, section in tree.sections(isakmp.KEYRING)
        for one in section.entries(isakmp.KEYRING_KEY)
    ]
    return [key for vrf, key in every if vrf == front] or [key for _, key in every]


def _of(old: list[_OldKey], peer: Address | None) -> _OldKey:
    """Return the key of IKEv1 for a peer: its own, else the key for all addresses, else the first."""
    own = next((one for one in old if one.is_for(peer)), None)
    return own or next((one for one in old if one.is_for_all), old[0])


def _added_old(old: list[_OldKey], peer: Address | None, theirs: list[_OldKey]) -> tuple[str, ...]:
    """Return the lines of a further key of IKEv1, in the keyring of the first one.

    theirs: the keys of the other end. A router without keys gets a key for all addresses if the other end has one.
    """
    opening = old[0].opening if old else ()
    wide = next((one.statement.args for one in theirs if one.is_for_all), None) if not old else None
    whom: dict[str, Hashable] = {"address": peer or _ADDRESS}
    if wide is not None:
        whom = {name: wide[name] for name in ("address", "mask") if name in wide}
    line = isakmp.KEYRING_KEY if opening else isakmp.KEY
    return (*opening, line.of(key=SECRET, **whom))


def _without_secret(line: str) -> str:
    return line.replace(HIDDEN, SECRET)


def _address_line(peer: Address | None) -> str:
    if peer is not None and peer.version == 6:
        return ADDRESS.of(address6=Placeholder(peer))
    return ADDRESS.of(address=peer or _ADDRESS)


def _wide(configuration: Sequence[str], peer: Address | None) -> _Peer | None:
    """Return the first peer of a keyring whose address covers several routers, including this one; else None."""
    return next((one for one in _peers(_tree(configuration)) if peer is not None and one.breadth(peer)), None)


def _added(tree: ConfigTree, peers: list[_Peer], peer: Address | None, needs: _Needs) -> tuple[str, ...]:
    """Return the lines that add a peer to a keyring: an address in a section without one, else a new section."""
    bare = [one for one in peers if all(one.section.get(line) is None for line in _WHOSE)]
    only = peers[0] if len(peers) == 1 and needs.may_replace(peers[0]) else None
    one = bare[0] if len(bare) == 1 else only
    if one is None:
        return (_ring(tree), _PEER, _address_line(peer), _KEY)
    return (*one.opening, needs.address_line(peers, peer), *(() if one.keys else (_KEY,)))


def _ring(tree: ConfigTree) -> str:
    """Return the line that opens the first keyring."""
    names = (args.text("name") for args, _ in tree.sections(RING))
    return RING.of(name=next(names, Blank("name")))
