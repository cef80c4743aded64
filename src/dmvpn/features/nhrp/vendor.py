"""Vendor private extensions (RFC 2332 §5.3.5): Cisco's group of a spoke, and our own `MappedPorts`.

The group (`nhrp group NAME`) names the policy of per-tunnel QoS that a hub is to apply to a spoke.

`MappedPorts` are the UDP ports by which stations behind NAT are reached. docs/reference/nhrp-vendor-extension.md
describes its format, too. IKE and ESP of a station behind NAT come from its UDP port 4500, which the NAT maps to
another one. Only a station that hears it knows that port: its server. So a Resolution Request carries this extension,
empty, and servers on the way add the port at which they hear the requester, and in the reply the port at which they
hear the responder:

    request   requester (empty) -> the server of the requester adds it   -> ... -> the responder reads it, copies it
    reply     responder         -> the server of the responder adds it   -> ... -> the requester reads it

It is vendor private (RFC 2332 §5.3.5) and not compulsory: a station that does not know it passes it on, or copies it.
Without an IEEE number of our own the vendor is a locally administered one (second digit 2, IEEE 802c), which another
vendor may have chosen as well; so four octets follow that identify ours: "VPN" and the version.
"""

from __future__ import annotations

import struct
from typing import Final

from dmvpn.base.addresses import IPAddress
from dmvpn.base.values import Value
from dmvpn.features.nhrp.parts import Extension, Extensions, VendorPrivate
from dmvpn.net.ipv4 import ip_address

_CISCO: Final = b"\x00\x00\x0c"
_NHRP_GROUP: Final = 1

VENDOR: Final = b"\x02DM"
_MAGIC: Final = b"VPN\x01"
_ITEM = struct.Struct("!BB")
_MAPPED_PORT: Final = 1
_PORT = struct.Struct("!HB")
_LENGTHS: Final = (4, 16)
#: Stations in one extension. There are two in a resolution.
LARGEST_NUMBER: Final = 4
#: A NAT maps ports above 1023 to ports above 1023 (RFC 4787 §4.2.2): a lower port would only mislead IKE.
LOWEST_PORT: Final = 1024


def group_extension(name: str) -> VendorPrivate:
    """Make the extension that names the group of a spoke: sub-type 1, length, name. Raises ValueError."""
    octets = name.encode("ascii")
    return VendorPrivate(vendor=_CISCO, data=bytes((_NHRP_GROUP, len(octets))) + octets)


def group_of(extension: VendorPrivate) -> str | None:
    """Return the group, if this extension carries one. Other sub-types (sub-type, length, value) are skipped."""
    if extension.vendor != _CISCO:
        return None
    position, data = 0, extension.data
    while position + 2 <= len(data):
        subtype, length = data[position], data[position + 1]
        value = data[position + 2 : position + 2 + length]
        if subtype == _NHRP_GROUP and len(value) == length and value.isascii() and value.decode().isprintable():
            return value.decode("ascii")
        position += 2 + length
    return None


class MappedPort(Value):
    """Where a station is heard: its tunnel address, its translated NBMA address, and the UDP port there."""

    protocol: IPAddress
    nbma: IPAddress
    port: int


class MappedPorts(Value):
    """The extension.

    other items: of types that later versions may define, kept unchanged.
    """

    entries: tuple[MappedPort, ...] = ()
    others: tuple[tuple[int, bytes], ...] = ()

    @classmethod
    def parse(cls, extension: Extension) -> MappedPorts | None:
        """Return the content of an extension, if it is ours and well-formed."""
        if not isinstance(extension, VendorPrivate) or extension.vendor != VENDOR:
            return None
        data, position = extension.data, len(_MAGIC)
        if data[:position] != _MAGIC:
            return None
        entries: list[MappedPort] = []
        others: list[tuple[int, bytes]] = []
        while position + _ITEM.size <= len(data):
            kind, length = _ITEM.unpack_from(data, position)
            position += _ITEM.size
            value = data[position : position + length]
            position += length
            if kind != _MAPPED_PORT:
                others.append((kind, value))
            elif (entry := _entry(value)) is not None:
                entries.append(entry)
            else:
                return None
        fits = position == len(data) and len(entries) + len(others) <= LARGEST_NUMBER
        return cls(tuple(entries), tuple(others)) if fits else None

    @property
    def extension(self) -> VendorPrivate:
        """The extension for a packet."""
        items = [(_MAPPED_PORT, _value(entry)) for entry in self.entries] + list(self.others)
        octets = b"".join(_ITEM.pack(kind, len(value)) + value for kind, value in items)
        return VendorPrivate(vendor=VENDOR, data=_MAGIC + octets)

    def port_of(self, protocol: IPAddress, nbma: IPAddress) -> int:
        """Return the port of this station at this address; 0: not listed, or impossible."""
        found = (entry.port for entry in self.entries if (entry.protocol, entry.nbma) == (protocol, nbma))
        return next((port for port in found if port >= LOWEST_PORT), 0)


def mapped_ports(extensions: Extensions) -> MappedPorts | None:
    """Return the (first) extension of ours in the list, or None."""
    for each in extensions:
        if type(each) is VendorPrivate and (ports := MappedPorts.parse(each)) is not None:
            return ports
    return None


def with_mapped_ports(extensions: Extensions, ports: MappedPorts) -> Extensions:
    """Return the list with this extension in place of the first one of ours; further ones are removed."""
    changed: list[Extension] = []
    placed = False
    for old in extensions:
        if MappedPorts.parse(old) is None:
            changed.append(old)
        elif not placed:
            changed.append(ports.extension)
            placed = True
    return tuple(changed)


def _entry(value: bytes) -> MappedPort | None:
    if len(value) < _PORT.size:
        return None
    port, length = _PORT.unpack_from(value)
    nbma, protocol = value[_PORT.size : _PORT.size + length], value[_PORT.size + length :]
    if length not in _LENGTHS or len(protocol) not in _LENGTHS:
        return None
    return MappedPort(ip_address(protocol), ip_address(nbma), port)


def _value(entry: MappedPort) -> bytes:
    nbma = entry.nbma.packed
    return _PORT.pack(entry.port, len(nbma)) + nbma + entry.protocol.packed
