"""Certificates as lines of a configuration."""

from __future__ import annotations

import textwrap
from typing import Final

from dmvpn.base.certificates import certificate_of, serial_number
from dmvpn.features.pki.names import serial_of

#: Digits of a group, and groups of a line.
_GROUP: Final = 8
_GROUPS: Final = 8


def chain_lines(trustpoint: str, own: bytes, authorities: tuple[bytes, ...]) -> list[str]:
    """Return the whole chain of a trustpoint again. own: our certificate in DER, b"" without one."""
    lines = [f"no crypto pki certificate chain {trustpoint}", f"crypto pki certificate chain {trustpoint}"]
    if own:
        lines += _certificate("", own)
    for authority in authorities:
        lines += _certificate("ca ", authority)
    return [*lines, "exit"]


def trustpoint_lines(name: str, enrollment: str) -> list[str]:
    """Return a new trustpoint. enrollment: "pkcs12", "terminal pem"."""
    return [f"crypto pki trustpoint {name}", f" enrollment {enrollment}", " revocation-check crl", "exit"]


def _certificate(kind: str, octets: bytes) -> list[str]:
    serial = serial_of(serial_number(certificate_of(octets)))
    groups = textwrap.wrap(octets.hex().upper(), _GROUP)
    rows = (groups[start : start + _GROUPS] for start in range(0, len(groups), _GROUPS))
    return [f" certificate {kind}{serial}", *(f"  {' '.join(row)}" for row in rows), "  quit"]
