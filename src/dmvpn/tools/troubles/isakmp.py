"""Troubles of IKEv1: keys and policies of `crypto isakmp` lines. Those of transform sets are in `protection`."""

from __future__ import annotations

from typing import Final

from dmvpn.base.causes import Cause
from dmvpn.features.ike.config import isakmp
from dmvpn.tools.troubles import pieces

_ANY: Final = "0.0.0.0"  # noqa: S104 - no binding: a key for every address

ISAKMP: Final = (
    pieces.unproved(
        "isakmp-key",
        "The isakmp key of a spoke differs",
        ("no {isakmp_key}", isakmp.KEY.of(key="not-our-key", address=_ANY)),
        (
            "Main mode comes as far as MM_KEY_EXCH. What do both ends say in their logs?",
            "`crypto isakmp key` of {spoke.name} and of {hub.name} are not the same.",
        ),
        Cause.PSK,
    ),
    pieces.unproved(
        "isakmp-key-missing",
        "The isakmp key of a spoke is for another address than the hub's",
        ("no {isakmp_key}", isakmp.KEY.of(key="not-our-key", address="10.99.99.99")),
        (
            "Does the spoke begin with IKE at all? Read its log.",
            "The `crypto isakmp key` of {spoke.name} is for an address without a router.",
        ),
        Cause.PSK_MISSING,
        Cause.PSK,
    ),
    pieces.unproved(
        "isakmp-policy",
        "A spoke's isakmp policy has a group that the hub's policies lack",
        ("{isakmp_policy}", isakmp.GROUP.of(group="20")),
        (
            "The first message of main mode is refused. Look into it with `debug crypto isakmp`.",
            "`show crypto isakmp policy` of {spoke.name} has nothing in common with the hub's.",
        ),
        Cause.IKE_PROPOSAL,
    ),
    pieces.unproved(
        "isakmp-hash",
        "A spoke's isakmp policy has a hash that the hub's policies lack",
        ("{isakmp_policy}", isakmp.HASH.of(sha512=True)),
        (
            "The first message of main mode is refused. Which algorithms does it offer?",
            "Compare line by line what both ends print of `show crypto isakmp policy`.",
        ),
        Cause.IKE_PROPOSAL,
    ),
)
