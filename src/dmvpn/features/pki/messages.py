"""Log messages of this feature, each with what it means."""

from __future__ import annotations

from typing import Final

from dmvpn.base.notices import log_kind, log_messages


@log_kind("PKI-4-CERTIFICATE_EXPIRY_WARN")
def expiring(trustpoint: str, whose: str, days: int, end: str) -> str:
    """A certificate of a trustpoint ends soon. Tunnels that prove themselves with it go down when it has: renew it."""
    # days: until it ends. end: the moment.
    left = "today" if days == 0 else "in 1 day" if days == 1 else f"in {days} days"
    return f"{whose} of trustpoint {trustpoint} expires {left}, at {end}"


@log_kind("PKI-3-CERTIFICATE_EXPIRED")
def expired(trustpoint: str, whose: str, end: str) -> str:
    """A certificate of a trustpoint has expired: it proves neither us nor our peers."""
    # end: the moment when it did.
    return f"{whose} of trustpoint {trustpoint} expired at {end}"


@log_kind("PKI-3-CERTIFICATE_NOT_YET_VALID")
def not_yet_valid(trustpoint: str, whose: str, begin: str, now: str) -> str:
    """A certificate begins in the future. Usually the clock of this router is wrong: `show clock`."""
    # begin: when it will count; now: what our clock says.
    return f"{whose} of trustpoint {trustpoint} is valid only from {begin}; the clock says {now}"


@log_kind("PKI-4-CRL_STALE")
def list_stale(trustpoint: str, end: str) -> str:
    """A revocation list has expired. With `revocation-check crl` alone no peer is accepted until it is."""
    # end: when the next one was due.
    return f"The revocation list of trustpoint {trustpoint} was due to be renewed at {end}"


@log_kind("PKI-4-NO_CRL")
def no_list(trustpoint: str) -> str:
    """`revocation-check crl` is set and there is no revocation list, so that no peer is accepted.

    Import one (`crypto pki import NAME crl terminal`), or say `revocation-check crl none` to do without.
    """
    return f"Trustpoint {trustpoint} has no revocation list and revocation-check crl: no certificate will be believed"


@log_kind("PKI-3-NO_KEY")
def no_key(trustpoint: str) -> str:
    """A trustpoint has a certificate of ours and no private key that fits: we cannot prove ourselves with it.

    Keys are not in a configuration; a configuration copied from another router comes without. Import both again.
    """
    return f"Trustpoint {trustpoint} has a certificate and no private key that fits it"


@log_kind("PKI-3-UNREADABLE")
def unreadable(trustpoint: str, what: str) -> str:
    """A certificate in the configuration, or something that was kept, cannot be read and counts for nothing."""
    # what: "certificate 01", "private key".
    return f"Trustpoint {trustpoint}: the {what} cannot be read"


@log_kind("PKI-3-NOT_KEPT")
def not_kept(what: str, why: str) -> str:
    """A private key or a revocation list could not be written to disk: it is gone after a restart."""
    # what: the name under which it should be kept.
    return f"{what} is not kept over a restart: {why}"


MESSAGES: Final = log_messages(vars())
