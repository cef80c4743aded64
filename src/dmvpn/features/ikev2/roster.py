"""The peers of a keyring, as a handshake asks for them: a hub has thousands, and is asked by as many.

    named(identity)        the entry for this very identity: one look
    by_identity(identity)  that one, else the first that means it among others (any, a domain, a mask): few entries do
    at(address)            the entry with the longest mask around an address: one look for each mask

Of several entries that say the same the first counts.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from dmvpn.features.ikev2.identity import address_of, text_of
from dmvpn.features.ikev2.model import IdentityKind
from dmvpn.features.ikev2.wire.numbers import IdType

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.pages import Pages
    from dmvpn.features.ikev2.model import Identity, KeyringPeer
    from dmvpn.features.ikev2.wire.payloads import Identification

#: What an identity is that one peer alone has, in a form that can be looked up.
_Name = tuple[IdentityKind, int | str | bytes]


class Roster:
    """An index of the peers of one keyring; it belongs to these `peers` and is made again for others."""

    def __init__(self, peers: Pages[KeyringPeer]) -> None:
        self.peers = peers
        self._names: dict[_Name, KeyringPeer] = {}
        self._wide: list[KeyringPeer] = []
        self._hosts: dict[IPAddress, KeyringPeer] = {}
        networks: dict[int, dict[int, KeyringPeer]] = {}
        for peer in peers:
            if peer.identity is not None:
                name = _name_in(peer.identity)
                if name is None:
                    self._wide.append(peer)
                else:
                    self._names.setdefault(name, peer)
            elif peer.address is not None and is_host(peer.address, peer.mask):
                self._hosts.setdefault(peer.address, peer)
            if peer.address is not None:
                bits = _bits(peer.address, peer.mask)
                networks.setdefault(bits, {}).setdefault(int(peer.address) & bits, peer)
        self._networks = sorted(networks.items(), key=lambda item: item[0], reverse=True)

    def named(self, theirs: Identification) -> KeyringPeer | None:
        """Return the entry for this very identity: by its identity, or by an address without a mask, which it then
        is.
        """
        name, claimed = _name_of(theirs), address_of(theirs)
        found = None if name is None else self._names.get(name)
        return self._hosts.get(claimed) if found is None and claimed is not None else found

    def by_identity(self, theirs: Identification) -> KeyringPeer | None:
        """Return the entry for this identity, else the first whose identity means it among others."""
        wide = (peer for peer in self._wide if peer.identity is not None and matches(peer.identity, theirs))
        return self.named(theirs) or next(wide, None)

    def at(self, address: IPAddress) -> KeyringPeer | None:
        """Return the entry whose address and mask cover this address most closely."""
        if not isinstance(address, IPv4Address):
            return None
        number = int(address)
        found = (peers[number & bits] for bits, peers in self._networks if number & bits in peers)
        return next(found, None)


def names(wanted: Identity, given: Identification) -> bool:
    """Return whether an identity of the configuration is this one, and no other one too."""
    name = _name_in(wanted)
    return name is not None and name == _name_of(given)


def matches(wanted: Identity, given: Identification) -> bool:
    """Return whether an identity of the configuration means this one."""
    match wanted.kind:
        case IdentityKind.ANY:
            return True
        case IdentityKind.ADDRESS:
            address = address_of(given)
            return address is not None and _covers(wanted.address, wanted.mask, address)
        case IdentityKind.FQDN_DOMAIN:
            name = text_of(given).lower()
            return given.kind == IdType.FQDN and (
                name == wanted.text.lower() or name.endswith(f".{wanted.text.lower()}")
            )
        case IdentityKind.EMAIL_DOMAIN:
            return given.kind == IdType.RFC822_ADDR and text_of(given).lower().endswith(f"@{wanted.text.lower()}")
        case _:
            return names(wanted, given)


def is_host(address: IPv4Address | None, mask: IPv4Address | None) -> bool:
    """Return whether address and mask are one station."""
    return address is not None and _bits(address, mask) == 0xFFFFFFFF


def _name_in(wanted: Identity) -> _Name | None:
    """Return what one peer alone has; None for an identity that more than one may have."""
    match wanted.kind:
        case IdentityKind.ADDRESS if wanted.address is not None and is_host(wanted.address, wanted.mask):
            return wanted.kind, int(wanted.address)
        case IdentityKind.FQDN | IdentityKind.EMAIL:
            return wanted.kind, wanted.text.lower()
        case IdentityKind.KEY_ID:
            return wanted.kind, wanted.text.encode()
        case _:
            return None


def _name_of(given: Identification) -> _Name | None:
    """Return what `_name_in` returns, for the identity that a peer sent."""
    match given.kind:
        case IdType.IPV4_ADDR if len(given.data) == 4:
            return IdentityKind.ADDRESS, int.from_bytes(given.data, "big")
        case IdType.FQDN:
            return IdentityKind.FQDN, text_of(given).lower()
        case IdType.RFC822_ADDR:
            return IdentityKind.EMAIL, text_of(given).lower()
        case IdType.KEY_ID:
            return IdentityKind.KEY_ID, given.data
        case _:
            return None


def _bits(address: IPv4Address, mask: IPv4Address | None) -> int:
    """Return a mask as a number; of an address without one 0.0.0.0 is everybody, any other itself."""
    if mask is not None:
        return int(mask)
    return 0xFFFFFFFF if int(address) else 0


def _covers(address: IPv4Address | None, mask: IPv4Address | None, other: IPAddress) -> bool:
    if address is None or not isinstance(other, IPv4Address):
        return False
    bits = _bits(address, mask)
    return int(address) & bits == int(other) & bits
