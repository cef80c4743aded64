"""The lines of pre-shared keys: lines that an end has for a peer, and lines to enter, in the keyring that is there.

Lines have `<secret>` in the place of each secret; the reader fills it in.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from ipaddress import IPv4Address, ip_network
from typing import Final

from dmvpn.base.addresses import IPAddress
from dmvpn.base.placeholder import SECRET, Blank, Placeholder
from dmvpn.base.values import Value
from dmvpn.features.ike.config import isakmp
from dmvpn.features.ike.config.profiles import ADDRESS, HOSTNAME, IDENTITY, PEER, PRE_SHARED_KEY, RING
from dmvpn.ios import Args, ConfigLine, Section, Statement
from dmvpn.ios.hidden_secrets import SecretPlace
from dmvpn.network.device import Device

_ADDRESS: Final = Blank("address")
_ANYBODY: Final = IPv4Address(0)
_PEER: Final = PEER.line(name=Blank("name"))
#: The lines that say whose key the section of a peer has.
_WHOSE: Final = (ADDRESS, HOSTNAME, IDENTITY)
_KEY: Final = PRE_SHARED_KEY.line(key=SECRET)


class _Entry(Value):
    """Keys for some peers. opening: the lines that open their section. keys: their lines, without secrets.

    whom: the address of these peers, None: it has none. is_bare: no line says whose keys they are.
    """

    opening: tuple[str, ...]
    keys: tuple[str, ...]
    whom: Args | None
    is_bare: bool = False

    def breadth(self, peer: IPAddress | None) -> int | None:
        """Return the number of wildcard bits of its address, or None: it does not match this peer."""
        if self.whom is None or peer is None:
            return None
        address = self.whom.get("address6") or self.whom.get("address")
        mask = self.whom.get("mask") or (_ANYBODY if address == _ANYBODY else None)
        network = (
            ip_network(f"{address}/{mask}" if mask is not None else str(address), strict=False) if address else None
        )
        return network.max_prefixlen - network.prefixlen if network is not None and peer in network else None


def key_lines(
    device: Device,
    peer: IPAddress | None,
    *,
    missing: bool,
    other: Device | None = None,
    front: str = "",
    profile: str = "",
    every: Sequence[IPAddress] = (),
    routers: Sequence[IPAddress] = (),
    by_v1: bool = False,
) -> tuple[str, ...]:
    """Return the lines to enter for this peer.

    other: the other end, which may cover all peers by one line. missing: no key matches the peer. front: the VRF of the
        peer, "": the global table. profile: the IKEv2 profile of the tunnel, "": any. every: the peers with which the
        router needs a key. routers: the addresses of all routers. by_v1: by IKEv1, if the router has lines of it.
    """
    own = [one.keyring for one in device.ikev2.profiles if one.name == profile]
    ring = next((one.name for one in device.ikev2.keyrings if one.name in own), None)
    old, peers = _isakmp_keys(device, front), _ring_peers(device, front, ring)
    if (by_v1 or not (peers or ring)) and (old or device.ikev2.isakmp.policies):
        if missing or not old:
            # A further key is in the keyring of the first one in its VRF. A router without keys gets the key of the
            # other end, if that is for all addresses.
            alone = _isakmp_keys(device, front, alone=True)
            of_vrf = (isakmp.KEYRING.line(name=f"FOR-{front}", vrf=front),) if front else ()
            opening = alone[0].opening if alone else of_vrf
            wide = _wide(_isakmp_keys(other), peer) if other is not None and not old else None
            whom: dict[str, Hashable] = {"address": peer or _ADDRESS}
            if wide is not None and wide.whom is not None and "address6" not in wide.whom:
                whom = {name: wide.whom[name] for name in ("address", "mask") if name in wide.whom}
            line = isakmp.KEYRING_KEY if opening else isakmp.KEY
            return (*opening, line.line(key=SECRET, **whom))
        return _joined(_closest(old, peer) or old[0])
    if missing:
        return _further_peer(peers, peer, every, routers, other, _ring(device, ring))
    chosen = _closest(peers, peer) or (peers[0] if len(peers) == 1 else None)
    return _joined(chosen) if chosen is not None else (_ring(device, ring), _PEER, _KEY)


def key_place(name: str, device: Device, peer: IPAddress | None, front: str = "") -> SecretPlace | None:
    """Return the line with the key for a peer in a VRF; None: there is none."""
    lines = key_lines(device, peer, missing=False, front=front)
    keys = [line for line in lines if SECRET in line]
    opening = " / ".join(line for line in lines if SECRET not in line)
    return SecretPlace(name, opening, keys[0]) if keys else None


def is_special(device: Device, peer: IPAddress | None, front: str = "") -> bool:
    """Return whether this one peer has a key of its own, beside a key for several peers in its VRF."""
    every = (_ring_peers(device, front), _isakmp_keys(device, front))
    return any(len({one.breadth(peer) for one in entries} - {None}) > 1 for entries in every)


def half_key(device: Device) -> tuple[str, ...]:
    """Return the missing line of a keyring's peer that has the key for one direction alone; () if none is missing."""
    for one in _ring_peers(device):
        lacking = [word for word in ("local", "remote") if not any(word in key.split() for key in one.keys)]
        if len(lacking) == 1:
            return (*one.opening, PRE_SHARED_KEY.line(key=SECRET, **{lacking[0]: True}))
    return ()


def _ring_peers(device: Device, front: str | None = None, only: str | None = None) -> list[_Entry]:
    """Return the peers of keyrings of IKEv2 for a VRF, or of one keyring. If no profile says which these are, or
    without VRF: of all.
    """
    named = {one.keyring for one in device.ikev2.profiles if front is not None and one.fvrf in ("any", front)}
    every = [
        (ring.text("name"), _ring_peer((RING.text(ring), PEER.text(args)), inner))
        for ring, section in device.tree.sections(RING)
        for args, inner in section.sections(PEER)
    ]
    if only is not None:
        return [one for ring, one in every if ring == only]
    return [one for ring, one in every if ring in named] or [one for _, one in every]


def _ring_peer(opening: tuple[str, ...], section: Section) -> _Entry:
    keys = tuple(_without_secret(PRE_SHARED_KEY, one) for one in section.entries(PRE_SHARED_KEY))
    return _Entry(opening, keys, section.get(ADDRESS), all(section.get(line) is None for line in _WHOSE))


def _isakmp_keys(device: Device, front: str | None = None, *, alone: bool = False) -> list[_Entry]:
    """Return the keys of IKEv1 for a VRF: the global ones, then those of keyrings. Without VRF: all; unless `alone`,
    also if the VRF has none.
    """
    every = [("", _Entry((), (_without_secret(isakmp.KEY, one),), one.args)) for one in device.tree.entries(isakmp.KEY)]
    every += [
        (
            args.text("vrf", ""),
            _Entry((isakmp.KEYRING.text(args),), (_without_secret(isakmp.KEYRING_KEY, one),), one.args),
        )
        for args, section in device.tree.sections(isakmp.KEYRING)
        for one in section.entries(isakmp.KEYRING_KEY)
    ]
    return [key for vrf, key in every if vrf == front] or ([] if alone else [key for _, key in every])


def _without_secret(line: ConfigLine, one: Statement) -> str:
    return line.line(**{**one.args, "key": SECRET})


def _joined(one: _Entry) -> tuple[str, ...]:
    return (*one.opening, *(one.keys or (_KEY,)))


def _closest(entries: list[_Entry], peer: IPAddress | None) -> _Entry | None:
    """Return the entry that a router uses for a peer."""
    fitting = [(breadth, one) for one in entries if (breadth := one.breadth(peer)) is not None]
    return min(fitting, key=lambda pair: pair[0])[1] if fitting else None


def _wide(entries: list[_Entry], peer: IPAddress | None) -> _Entry | None:
    """Return the first entry whose address covers several routers, including this one."""
    return next((one for one in entries if one.breadth(peer)), None)


def _further_peer(
    peers: list[_Entry],
    peer: IPAddress | None,
    every: Sequence[IPAddress],
    routers: Sequence[IPAddress],
    other: Device | None,
    ring: str,
) -> tuple[str, ...]:
    """Return the lines that add a peer to a keyring: in a section without an address, in the only one, or in that with
    its name, if no router needs the address there; else in a new section of `ring`.
    """
    wide = _wide(_ring_peers(other), peer) if other is not None else None
    bare = [one for one in peers if one.is_bare]
    name = PEER.line(name="-".join(other.hostname.split())) if other is not None else _PEER
    named = next((known for known in peers if name in known.opening), None)
    one = bare[0] if len(bare) == 1 else peers[0] if len(peers) == 1 else named
    taken = every if one is named else (*every, *routers)
    served = (address for address in taken if one is not None and one.breadth(address) is not None)
    if one is None or not all(wide is not None and wide.breadth(address) is not None for address in served):
        return (ring, name if named is None else _PEER, _address_line(peer), _KEY)
    lacking = [address for address in every if all(known.breadth(address) is None for known in peers)]
    is_alone = all(peer is None or address == peer or address.version != peer.version for address in lacking)
    line = _address_line(peer)
    if wide is not None and wide.whom is not None:
        line = ADDRESS.text(wide.whom)
    elif not is_alone:
        line = _address_line(peer, for_all=True)
    return (*one.opening, line, *(() if one.keys else (_KEY,)))


def _address_line(peer: IPAddress | None, *, for_all: bool = False) -> str:
    """Return the line with the address of a peer: a section has one address, which may be for all of its version."""
    if peer is not None and peer.version == 6:
        return ADDRESS.line(address6=Placeholder("::/0" if for_all else peer))
    return ADDRESS.line(address=_ANYBODY, mask=_ANYBODY) if for_all else ADDRESS.line(address=peer or _ADDRESS)


def _ring(device: Device, name: str | None) -> str:
    """Return the line that opens a keyring; None: the first one."""
    return RING.line(name=name or (device.ikev2.keyrings[0].name if device.ikev2.keyrings else Blank("name")))
