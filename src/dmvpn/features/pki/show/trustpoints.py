"""`show crypto pki trustpoints` and `show crypto pki crls`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.serialization import Encoding

from dmvpn.base.certificates import serial_number
from dmvpn.base.values import dataclass
from dmvpn.features.pki.machine import LARGEST
from dmvpn.features.pki.material import moment, parts, serial_of
from dmvpn.features.pki.show.common import chosen, fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cryptography import x509

    from dmvpn.features.pki.trustpoints import Holdings
    from dmvpn.ios import Args, ShowContext


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustpointView:
    """One trustpoint. authority, own: the parts of the subject; empty without such a certificate."""

    name: str
    authority: tuple[str, ...] = ()
    serial: str = ""
    authority_md5: str = ""
    authority_sha1: str = ""
    own: tuple[str, ...] = ()
    own_md5: str = ""
    own_sha1: str = ""
    has_key: bool = False


@dataclass(frozen=True, slots=True)
class Trustpoints:
    """`show crypto pki trustpoints`."""

    trustpoints: tuple[TrustpointView, ...]
    status: bool


def trustpoints(ctx: ShowContext, args: Args) -> Trustpoints:
    """Return one, or all."""
    return Trustpoints(tuple(_trustpoint(held) for held in chosen(ctx, args)), "status" in args)


def _trustpoint(held: Holdings) -> TrustpointView:
    authority = held.authorities[0] if held.authorities else None
    own = held.own or next(iter(held.stray), None)
    ca, mine = (one.public_bytes(Encoding.DER) if one else b"" for one in (authority, own))
    return TrustpointView(
        name=held.trustpoint.name,
        authority=tuple(parts(authority.subject)) if authority else (),
        serial=serial_of(serial_number(authority)) if authority else "",
        authority_md5=fingerprint(ca, "md5") if ca else "",
        authority_sha1=fingerprint(ca, "sha1") if ca else "",
        own=tuple(parts(own.subject)) if own else (),
        own_md5=fingerprint(mine, "md5") if mine else "",
        own_sha1=fingerprint(mine, "sha1") if mine else "",
        has_key=held.own is not None,
    )


def render_trustpoints(report: Trustpoints) -> Iterator[str]:
    """Yield a block for each, with an empty line behind it."""
    for view in report.trustpoints:
        yield f"Trustpoint {view.name}:"
        yield from _state(view) if report.status else _summary(view)
        yield ""


def _summary(view: TrustpointView) -> Iterator[str]:
    if not view.authority:
        yield "    Not authenticated."
        return
    yield "    Subject Name:"
    yield from (f"    {part}" for part in view.authority)
    yield f"          Serial Number (hex): {view.serial}"
    yield "    Certificate configured."


def _state(view: TrustpointView) -> Iterator[str]:
    if view.authority:
        yield "  Issuing CA certificate configured:"
        yield from _subject(view.authority, view.authority_md5, view.authority_sha1)
    if view.own:
        yield "  Router General Purpose certificate configured:"
        yield from _subject(view.own, view.own_md5, view.own_sha1)
        yield "  Last enrollment status: Granted"
    yield "  State:"
    yield f"    Keys generated ............. {'Yes (General Purpose, non-exportable)' if view.has_key else 'No'}"
    yield f"    Issuing CA authenticated ....... {'Yes' if view.authority else 'No'}"
    yield f"    Certificate request(s) ..... {'Yes' if view.own else 'None'}"


def _subject(subject: tuple[str, ...], md5: str, sha1: str) -> Iterator[str]:
    yield "    Subject Name:"
    yield f"     {','.join(subject)}"
    yield f"    Fingerprint MD5: {md5}"
    yield f"    Fingerprint SHA1: {sha1}"


# ------------------------------------------------------------------------------------------------ revocation lists


@dataclass(frozen=True, slots=True, kw_only=True)
class ListView:
    """One revocation list.

    size: octets.
    revoked: how many certificates.
    """

    issuer: tuple[str, ...]
    last: str
    next: str
    size: int
    revoked: int


@dataclass(frozen=True, slots=True)
class Lists:
    """`show crypto pki crls`."""

    lists: tuple[ListView, ...]


def lists(ctx: ShowContext, args: Args) -> Lists:
    """Return the newest list of each issuer; a list in several trustpoints is shown once."""
    found = (one for held in chosen(ctx, args) for one in held.lists)
    by_octets = {one.public_bytes(Encoding.DER): one for one in found}
    return Lists(tuple(_list(one) for one in by_octets.values()))


def _list(one: x509.CertificateRevocationList) -> ListView:
    return ListView(
        issuer=tuple(parts(one.issuer)),
        last=moment(one.last_update_utc),
        next=moment(one.next_update_utc) if one.next_update_utc else "",
        size=len(one.public_bytes(Encoding.DER)),
        revoked=len(one),
    )


def render_lists(report: Lists) -> Iterator[str]:
    """Yield a block for each, and how much room they take together."""
    for view in report.lists:
        yield "CRL Issuer Name:"
        yield f"    {','.join(view.issuer)}"
        yield f"    LastUpdate: {view.last}"
        if view.next:
            yield f"    NextUpdate: {view.next}"
        yield "    CRL downloaded at: never"
        yield "    Retrieved from CRL Distribution Point:"
        yield "      ** CDP Not Published - Imported"
        yield f"    Revoked certificates: {view.revoked}"
        yield f"    CRL DER is {view.size} bytes"
        yield "    CRL is stored in parsed CRL cache"
        yield ""
    if report.lists:
        yield f"Parsed CRL cache current size is {sum(view.size for view in report.lists)} bytes"
        yield f"Parsed CRL cache maximum size is {LARGEST} bytes"
