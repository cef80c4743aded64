"""Certificates: RFC 5280, as far as a router of a VPN needs them. They answer to `ports.pki`.

Takes the `crypto pki` lines, `CredentialsImported` and stored keys; gives `Credentials`. IKE, which verifies the
proofs, decides which peers to trust because of them.

    model       the typed configuration: trustpoints with their certificates, certificate maps
    config      their lines
    machine     credentials and pairs of keys, kept over restarts
    trustpoints the certificates of a trustpoint, with the key that fits; maps; the log of expired ones
    material    PEM, DER, PKCS #12, lines of a configuration
    show        `show crypto pki ...`; `crypto pki import`, `crypto pki authenticate`, `crypto key`
"""

from dmvpn.features.pki import config, messages
from dmvpn.ios import Feature, LateMachine, Later

FEATURE = Feature(
    name="pki",
    modes=config.MODES,
    config=config.LINES,
    commands=Later("dmvpn.features.pki.show:COMMANDS"),
    model=config.model,
    machine=LateMachine("dmvpn.features.pki.machine:PkiMachine"),
    messages=messages.MESSAGES,
    explanations=Later("dmvpn.features.pki.explain:GROUPS"),
    metrics=Later("dmvpn.features.pki.metrics:METRICS"),
)
