"""IKEv2 (RFC 7296): so far its configuration alone; nothing is negotiated.

Takes the `crypto ikev2`, `crypto isakmp` and `crypto keyring` lines. A tunnel with `tunnel protection` stays down until
there is an exchange that can protect it: the feature `tunnel` says so of the tunnel, the feature `ipsec` in the log.

    model       the typed configuration, with the IKEv1 lines that are read for the sake of migrations
    config      proposals and policies, keyrings, profiles, the IKEv1 lines

The protocol itself is here as values that no router uses yet:

    wire        messages and payloads
    crypto      groups, key schedule, sealing, signatures
    sas         all IKE SAs: for which of them a datagram is, who may begin one
    sa          one of them: windows, keys, children, time
    exchanges   what we ask; answers: what we are asked; responder: the first message of a stranger
    terms       what they ask the configuration
"""

from __future__ import annotations

from dmvpn.features.ikev2 import config
from dmvpn.ios import Feature

FEATURE = Feature(name="ikev2", modes=config.MODES, config=config.LINES, model=config.model, kept_only=True)
