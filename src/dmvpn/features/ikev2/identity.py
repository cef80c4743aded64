"""Identities on the wire and for people, RFC 7296 §3.5."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING

from dmvpn.features.ikev2.distinguished import text_of_name
from dmvpn.features.ikev2.wire.numbers import IdType
from dmvpn.features.ikev2.wire.payloads import Identification

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress


def of_address(address: IPAddress) -> Identification:
    """An address as an identity."""
    return Identification(IdType.IPV4_ADDR if address.version == 4 else IdType.IPV6_ADDR, address.packed)


def address_of(identity: Identification) -> IPAddress | None:
    """The address that an identity is, or None."""
    if identity.kind == IdType.IPV4_ADDR and len(identity.data) == 4:
        return IPv4Address(identity.data)
    if identity.kind == IdType.IPV6_ADDR and len(identity.data) == 16:
        return IPv6Address(identity.data)
    return None


def text_of(identity: Identification) -> str:
    """The name in an FQDN, e-mail or key-id identity.

    It goes into logs, and NHRP binds addresses to it: what is not printable ASCII is escaped, and so is the backslash,
    so that no two names look alike.
    """
    return identity.data.decode("latin-1").encode("unicode_escape").decode()


def name_of(identity: Identification) -> str:
    """An identity for people."""
    address = address_of(identity)
    if address is not None:
        return str(address)
    if identity.kind in (IdType.FQDN, IdType.RFC822_ADDR, IdType.KEY_ID):
        return text_of(identity)
    if identity.kind == IdType.DER_ASN1_DN and (name := text_of_name(identity.data)):
        return name
    return f"identity of type {identity.kind}: {identity.data.hex()}"
