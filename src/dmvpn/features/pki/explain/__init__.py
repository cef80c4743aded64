"""What certificates make the router say, explained for `dmvpn explain`. Imported on first use."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import WordKind, groups, words
from dmvpn.features.pki import messages
from dmvpn.features.pki.explain import labels

_ANSWERS = words(WordKind.ANSWER)("""
    ## answers to lines of certificates :: the prompt next: show crypto pki certificates
    % End with a blank line or "quit" on a line by itself. :: Paste the PEM text; then an empty line, or `quit`.
    % Enter PEM-formatted General Purpose certificate. :: Now this router's own certificate is to be pasted.
    % Enter PEM-formatted encrypted private General Purpose key. :: Now this router's own key is to be pasted; it is
        kept outside of the configuration.
    % Enter PEM-formatted CA certificate. :: Now the certificate of the authority is to be pasted.
    % PEM files import succeeded. :: Certificate, key and authority are there and fit together.
        next: show crypto pki trustpoints status
    % Do you accept this certificate? [yes/no]: :: Compare the fingerprint with what the authority says, by another way
        than this one, before `yes`. [RFC 5280 §6.1]
    % The private key of trustpoint <name> will be removed; its certificate is useless then. :: Without its key the
        certificate is useless; both have to be made again.
    % Warning: <name>: a certificate for <use>, not for IKE: peers refuse it :: Its extended key usage leaves out IKE.
        Have one made with ipsecIKE, or without any; or say `extended-key-usage ignore` in the trustpoint of every peer.
        [RFC 4945 §5.1.3.12]
    % Warning: <name>: <reason>: nobody is believed by it :: Its key is too short, or costs too much to check with, or
        it has name constraints, which are not processed. [RFC 8247 §4.1]
    % Warning: this revocation list is current only from <moment> :: The list begins in the future, by more than five
        minutes: the clock of this router is slow, or that of the authority is fast. What it revokes is revoked; with
        `revocation-check crl` no other certificate is accepted yet. [RFC 5280 §5.1.2.4]
        next: show clock
    % Revocation list imported. :: From now on certificates on the list are refused. next: show crypto pki crls
    % Generating <bits> bit <kind> keys, keys will be non-exportable... :: A pair of keys is made, and kept outside of
        the configuration for its owner alone. SSH does not wait for it: the program that serves it has host keys of its
        own.
        next: show crypto key mypubkey all
    % You already have <kind> keys defined named <name>. :: With `yes` a new pair takes the place of the one of this
        name.
        next: show crypto key mypubkey all
    % Do you really want to replace them? [yes/no]: :: The pair that there was cannot be had back.
    % Error: a modulus has <least> to <most> bits :: No pair was made: type a number of this range.
    % There are <most> pairs of keys; crypto key zeroize removes one :: No pair was made.
    % Key pair was generated at: <when> :: The pair is as old as that. next: show clock
    % No <kind> keys of this name; show crypto key mypubkey all lists the keys :: Nothing was removed.
    % All keys of this kind will be removed. :: With `yes`; a name behind the kind removes one pair.
    % Keys to be removed are named '<name>'. :: With `yes`, this pair.
    """)
_LOGS = words(WordKind.LOG, *messages.MESSAGES)("""
    ## log messages of certificates :: show logging next: show logging
    %PKI-4-CERTIFICATE_EXPIRY_WARN :: In the last weeks, and each day of the last one. [RFC 5280 §4.1.2.5]
        next: show crypto pki certificates
    %PKI-3-CERTIFICATE_EXPIRED :: At its end, and at a start after it. [RFC 5280 §4.1.2.5]
        next: show crypto pki certificates
    %PKI-3-CERTIFICATE_NOT_YET_VALID :: At a start with a wrong clock. [RFC 5280 §4.1.2.5] next: show clock
    %PKI-4-CRL_STALE :: When the list's next update is over. [RFC 5280 §5.1.2.5] next: show crypto pki crls
    %PKI-4-NO_CRL :: When the configuration is read. [RFC 5280 §6.3] next: show crypto pki crls
    %PKI-3-NO_KEY :: When the configuration is read. next: show crypto pki trustpoints status
    %PKI-3-UNREADABLE :: When the configuration, or the stored certificates, are read.
        next: show crypto pki certificates
    %PKI-3-NOT_KEPT :: At an import, when the disk is full or read-only.
    """)

GROUPS: Final = (*groups(vars()), *labels.GROUPS)
