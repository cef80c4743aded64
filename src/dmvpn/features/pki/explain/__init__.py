"""What certificates make the router say, explained for `dmvpn explain`. Imported on first use."""

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
        "In the last weeks, and each day of the last one.",
        next=_CERTIFICATES,
        clause="RFC 5280 §4.1.2.5",
    ),
    log(
        messages.Expired,
        "At its end, and at a start after it.",
        next=_CERTIFICATES,
        clause="RFC 5280 §4.1.2.5",
    ),
    log(
        messages.NotYetValid,
        "At a start with a wrong clock.",
        next="show clock",
        clause="RFC 5280 §4.1.2.5",
    ),
    log(
        messages.ListStale,
        "When the list's next update is over.",
        next="show crypto pki crls",
        clause="RFC 5280 §5.1.2.5",
    ),
    log(
        messages.NoList,
        "When the configuration is read.",
        next="show crypto pki crls",
        clause="RFC 5280 §6.3",
    ),
    log(messages.NoKey, "When the configuration is read.", next="show crypto pki trustpoints status"),
    log(
        messages.Unreadable,
        "When the configuration, or the stored certificates, are read.",
        next=_CERTIFICATES,
    ),
    log(messages.NotKept, "At an import, when the disk is full or read-only.", next="show logging"),
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
        "Without its key the certificate is useless; both have to be made again.",
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
        "authority is fast. What it revokes is revoked; with `revocation-check crl` no other certificate is accepted "
        "yet.",
        next="show clock",
        clause="RFC 5280 §5.1.2.4",
    ),
    Word(
        "% Revocation list imported.", "From now on certificates on the list are refused.", next="show crypto pki crls"
    ),
    Word(
        "% Generating <bits> bit <kind> keys, keys will be non-exportable...",
        "A pair of keys is made, and kept outside of the configuration for its owner alone. SSH does not wait for it: "
        "the program that serves it has host keys of its own.",
        next="show crypto key mypubkey all",
    ),
    Word(
        "% You already have <kind> keys defined named <name>.",
        "With `yes` a new pair takes the place of the one of this name.",
        next="show crypto key mypubkey all",
    ),
    Word("% Do you really want to replace them? [yes/no]:", "The pair that there was cannot be had back."),
    Word("% Error: a modulus has <least> to <most> bits", "No pair was made: type a number of this range."),
    Word("% There are <most> pairs of keys; crypto key zeroize removes one", "No pair was made."),
    Word("% Key pair was generated at: <when>", "The pair is as old as that.", next="show clock"),
    Word("% No <kind> keys of this name; show crypto key mypubkey all lists the keys", "Nothing was removed."),
    Word("% All keys of this kind will be removed.", "With `yes`; a name behind the kind removes one pair."),
    Word("% Keys to be removed are named '<name>'.", "With `yes`, this pair."),
    next=_CERTIFICATES,
)

GROUPS: Final = (_ANSWERS, _LOGS, *labels.GROUPS)
