"""IPsec: ESP (RFC 4303) and its security associations. So far its configuration alone; nothing is encrypted.

Takes the `crypto ipsec` and `crypto pki` lines and `TunnelChanged`; makes a line in the log for each tunnel that stays
down for the lack of it.

    model     the typed configuration: transform sets, profiles, trustpoints
    config    their lines
    machine   the log; `show` says the same to those who ask for SAs
"""

from __future__ import annotations

from dmvpn.features.ipsec import config, messages, show
from dmvpn.features.ipsec.machine import ProtectionReporter
from dmvpn.ios import Feature

FEATURE = Feature(
    name="ipsec",
    modes=config.MODES,
    config=config.LINES,
    commands=show.COMMANDS,
    model=config.model,
    machine=ProtectionReporter,
    messages=messages.MESSAGES,
    kept_only=True,
)
