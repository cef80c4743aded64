"""What all replies and forwarded packets have in common: which extensions they carry (RFC 2332 §5.3)."""

from __future__ import annotations

from dmvpn.features.nhrp.extensions import (
    Authentication,
    Extension,
    Extensions,
    NatAddress,
    VendorPrivate,
    find,
    put,
    remove,
)

#: Authentication stands before these, as IOS has it.
_BEHIND_AUTHENTICATION = (NatAddress, VendorPrivate)


def hop_by_hop(extensions: Extensions, own: tuple[Authentication, ...]) -> Extensions:
    """The extensions with our authentication in place of the received one: exactly one, or none if we have none.

    Two, or an empty one, make IOS answer "Incorrect Auth extn length 0" (FRR issue 16466).
    """
    if not own:
        return remove(extensions, Authentication)
    if find(extensions, Authentication) is not None:
        return put(extensions, own[0])
    before = tuple(extension for extension in extensions if not isinstance(extension, _BEHIND_AUTHENTICATION))
    behind = tuple(extension for extension in extensions if isinstance(extension, _BEHIND_AUTHENTICATION))
    return (*before, own[0], *behind)


def unknown_compulsory(extensions: Extensions, kind: type[Extension]) -> Extension | None:
    """The first extension of a class that we do not understand and must not ignore, RFC 2332 §5.3."""
    return next((e for e in extensions if e.compulsory and isinstance(e, kind)), None)
