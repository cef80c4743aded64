"""What several of the shows of certificates need."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from dmvpn.features.pki.machine import PkiMachine

if TYPE_CHECKING:
    from dmvpn.features.pki.trustpoints import Holdings
    from dmvpn.ios import Args, ShowContext


def chosen(ctx: ShowContext, args: Args) -> list[Holdings]:
    """Return the trustpoint that a command names, or all."""
    name = args.text("name", "")
    return [held for held in ctx.machine(PkiMachine).holdings.values() if name in ("", held.trustpoint.name)]


def fingerprint(octets: bytes, kind: str) -> str:
    """Return the fingerprint of a certificate, in groups of eight hexadecimal digits."""
    return grouped(hashlib.new(kind, octets, usedforsecurity=False).digest())


def grouped(octets: bytes) -> str:
    """Return groups of eight hexadecimal digits."""
    return octets.hex(" ", -4).upper()
