"""The lines to change where pre-shared keys differ or are missing: those of the keyring that is there, no secrets."""

from __future__ import annotations

from dataclasses import field
from ipaddress import ip_network
from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dmvpn.base.facts import Address

#: What stands for a secret in a configuration that others may read, and what takes its place in advice.
_HIDDEN: Final = "<removed>"
_KEY: Final = "KEY"
_RING: Final = "crypto ikev2 keyring "
_OLD: Final = "crypto isakmp key "


@dataclass(slots=True)
class _Peer:
    """A peer of a keyring."""

    ring: str
    name: str
    lines: list[str] = field(default_factory=list)

    def breadth(self, address: Address) -> int | None:
        """Return how many bits of addresses like this one it leaves open, or None: it is not for this one."""
        found = [
            address.max_prefixlen - network.prefixlen
            for line in self.lines
            if line.startswith("address ")
            and (network := ip_network(line.removeprefix("address ").replace(" ", "/"), strict=False)).version
            == address.version
            and address in network
        ]
        return min(found, default=None)

    @property
    def keys(self) -> list[str]:
        return [line.replace(_HIDDEN, _KEY) for line in self.lines if line.startswith("pre-shared-key ")]


def key_lines(
    configuration: Sequence[str], peer: Address | None, *, missing: bool, other: Sequence[str] = ()
) -> tuple[str, ...]:
    """Return what to enter for this peer; `KEY` and `NAME` are for the reader to fill in.

    configuration: `show running-config` with secrets hidden; other: that of the other end, which may mean all peers by
    one line. missing: no key fits the peer.
    """
    old = [line for line in configuration if line.startswith(_OLD)]
    peers = _peers(configuration)
    if old and not peers:
        own = next((line for line in old if f" address {peer}" in line), old[0])
        return (f"{_OLD}{_KEY} address {peer}",) if missing else (own.replace(_HIDDEN, _KEY),)
    if missing:
        return _added(configuration, peers, peer, _wide(other, peer) or f"address {peer}")
    fitting = [(breadth, one) for one in peers if peer is not None and (breadth := one.breadth(peer)) is not None]
    chosen = min(fitting, key=lambda pair: pair[0])[1] if fitting else peers[0] if len(peers) == 1 else None
    if chosen is None:
        return (*_rings(configuration), "peer NAME", f"pre-shared-key {_KEY}")
    return (chosen.ring, f"peer {chosen.name}", *(chosen.keys or (f"pre-shared-key {_KEY}",)))


def is_special(configuration: Sequence[str], peer: Address | None) -> bool:
    """Return whether this one peer has a key of its own, beside one that is for it and others."""
    if peer is None:
        return False
    found = [breadth for one in _peers(configuration) if (breadth := one.breadth(peer)) is not None]
    old = [line for line in configuration if line.startswith(_OLD)]
    by_old = any(f" address {peer}" in line for line in old) and any(" address 0.0.0.0" in line for line in old)
    return by_old or len(set(found)) > 1


def half_key(configuration: Sequence[str]) -> tuple[str, ...]:
    """Return the line that is missing where a peer of a keyring has the key for one direction alone; () if none is."""
    for peer in _peers(configuration):
        kinds = {line.split()[1] for line in peer.keys}
        lacking = {"local", "remote"} - kinds
        if kinds & {"local", "remote"} and len(lacking) == 1:
            return (peer.ring, f"peer {peer.name}", f"pre-shared-key {lacking.pop()} {_KEY}")
    return ()


def _wide(configuration: Sequence[str], peer: Address | None) -> str:
    """Return the line by which a keyring means this peer and others; "" if there is none."""
    for one in _peers(configuration):
        if peer is not None and one.breadth(peer):
            return next(line for line in one.lines if line.startswith("address "))
    return ""


def _added(configuration: Sequence[str], peers: list[_Peer], peer: Address | None, whom: str) -> tuple[str, ...]:
    """Return a keyring with one peer means that one. whom: the line that says who the peer is."""
    if len(peers) == 1:
        one = peers[0]
        return (one.ring, f"peer {one.name}", whom, *(() if one.keys else (f"pre-shared-key {_KEY}",)))
    return (*_rings(configuration), "peer NAME", f"address {peer}", f"pre-shared-key {_KEY}")


def _rings(configuration: Sequence[str]) -> list[str]:
    return [line for line in configuration if line.startswith(_RING)][:1] or [f"{_RING}NAME"]


def _peers(configuration: Sequence[str]) -> list[_Peer]:
    """Return the peers of all keyrings, with their lines."""
    found: list[_Peer] = []
    ring, is_open = "", False
    for line in configuration:
        words = line.strip()
        if not line.startswith(" "):
            ring, is_open = (line if line.startswith(_RING) else ""), False
        elif ring and words.startswith("peer "):
            found.append(_Peer(ring, words.removeprefix("peer ")))
            is_open = True
        elif is_open:
            found[-1].lines.append(words)
    return found
