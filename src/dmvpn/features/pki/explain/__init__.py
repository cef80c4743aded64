"""What certificates make the router say, explained for `dmvpn explain`. Imported when somebody asks."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import Explanation as Word
from dmvpn.base.explanations import answer_group, log, log_group
from dmvpn.features.pki import messages
from dmvpn.features.pki.explain import labels

_CERTIFICATES = "show crypto pki certificates"

_LOGS = log_group(
    "certificates",
    log(
        messages.Expiring,
        "PKI-4-CERTIFICATE_EXPIRY_WARN",
        "In the last weeks, and each day of the last one.",
        next=_CERTIFICATES,
        clause="RFC 5280 §4.1.2.5",
    ),
    log(
        messages.Expired,
        "PKI-3-CERTIFICATE_EXPIRED",
        "At its end, and at a start after it.",
        next=_CERTIFICATES,
        clause="RFC 5280 §4.1.2.5",
    ),
    log(
        messages.NotYetValid,
        "PKI-3-CERTIFICATE_NOT_YET_VALID",
        "At a start with a wrong clock.",
        next="show clock",
        clause="RFC 5280 §4.1.2.5",
    ),
    log(
        messages.ListStale,
        "PKI-4-CRL_STALE",
        "When the list's next update is over.",
        next="show crypto pki crls",
        clause="RFC 5280 §5.1.2.5",
    ),
    log(
        messages.NoList,
        "PKI-4-NO_CRL",
        "When the configuration is read.",
        next="show crypto pki crls",
        clause="RFC 5280 §6.3",
    ),
    log(messages.NoKey, "PKI-3-NO_KEY", "When the configuration is read.", next="show crypto pki trustpoints status"),
    log(
        messages.Unreadable,
        "PKI-3-UNREADABLE",
        "When the configuration, or what was kept, is read.",
        next=_CERTIFICATES,
    ),
    log(messages.NotKept, "PKI-3-NOT_KEPT", "At an import, when the disk is full or read-only.", next="show logging"),
)

_ANSWERS = answer_group(
    "certificates",
    Word(
        '% End with a blank line or "quit" on a line by itself.', "Paste the PEM text; then an empty line, or `quit`."
    ),
    Word("% Enter PEM-formatted General Purpose certificate.", "Now this router's own certificate is to be pasted."),
    Word(
        "% Enter PEM-formatted encrypted private General Purpose key.",
        "Now this router's own key is to be pasted; it is kept outside of the configuration.",
    ),
    Word("% Enter PEM-formatted CA certificate.", "Now the certificate of the authority is to be pasted."),
    Word(
        "% PEM files import succeeded.",
        "Certificate, key and authority are there and fit together.",
        next="show crypto pki trustpoints status",
    ),
    Word(
        "% Do you accept this certificate? [yes/no]:",
        "Compare the fingerprint with what the authority says, by another way than this one, before `yes`.",
        clause="RFC 5280 §6.1",
    ),
    Word(
        "% The private key of trustpoint <name> will be removed; its certificate is useless then.",
        "Without its key nobody can prove himself with the certificate; both have to be made again.",
    ),
    Word(
        "% Warning: <name>: a certificate for <use>, not for IKE: peers refuse it",
        "Its extended key usage leaves out IKE. Have one made with ipsecIKE, or without any; or say "
        "`extended-key-usage ignore` in the trustpoint of every peer.",
        clause="RFC 4945 §5.1.3.12",
    ),
    Word(
        "% Warning: <name>: <reason>: nobody is believed by it",
        "Its key is too short, or costs too much to check with, or it has name constraints, which are not processed.",
        clause="RFC 8247 §4.1",
    ),
    Word(
        "% Warning: this revocation list is current only from <moment>",
        "The list begins in the future, by more than five minutes: the clock of this router is slow, or that of the "
        "authority is fast. What it revokes is revoked; with `revocation-check crl` nobody else is believed by it yet.",
        next="show clock",
        clause="RFC 5280 §5.1.2.4",
    ),
    Word(
        "% Revocation list imported.", "From now on certificates on the list are refused.", next="show crypto pki crls"
    ),
    next=_CERTIFICATES,
)

GROUPS: Final = (_ANSWERS, _LOGS, *labels.GROUPS)
