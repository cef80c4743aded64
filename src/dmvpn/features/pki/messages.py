"""Log messages of this feature, each with what it means."""

from __future__ import annotations

from typing import Final, Self

from dmvpn.base.notices import Log, log_messages


class Expiring(Log, name="PKI-4-CERTIFICATE_EXPIRY_WARN"):
    """A certificate of a trustpoint ends soon. Tunnels that prove themselves with it go down when it has: renew it."""

    @classmethod
    def of(cls, trustpoint: str, whose: str, days: int, end: str) -> Self:
        """Return the message; days: until it ends. end: the moment."""
        left = "today" if days == 0 else "in 1 day" if days == 1 else f"in {days} days"
        return cls(f"{whose} of trustpoint {trustpoint} expires {left}, at {end}")


class Expired(Log, name="PKI-3-CERTIFICATE_EXPIRED"):
    """A certificate of a trustpoint has expired: it proves neither us nor our peers."""

    @classmethod
    def of(cls, trustpoint: str, whose: str, end: str) -> Self:
        """Return the message; end: the moment when it did."""
        return cls(f"{whose} of trustpoint {trustpoint} expired at {end}")


class NotYetValid(Log, name="PKI-3-CERTIFICATE_NOT_YET_VALID"):
    """A certificate begins in the future. Usually the clock of this router is wrong: `show clock`."""

    @classmethod
    def of(cls, trustpoint: str, whose: str, begin: str, now: str) -> Self:
        """Return the message; begin: when it will count; now: what our clock says."""
        text = f"{whose} of trustpoint {trustpoint} is valid only from {begin}; the clock says {now}"
        return cls(text)


class ListStale(Log, name="PKI-4-CRL_STALE"):
    """A revocation list has expired. With `revocation-check crl` alone no peer is accepted until it is."""

    @classmethod
    def of(cls, trustpoint: str, end: str) -> Self:
        """Return the message; end: when the next one was due."""
        return cls(f"The revocation list of trustpoint {trustpoint} was due to be renewed at {end}")


class NoList(Log, name="PKI-4-NO_CRL"):
    """`revocation-check crl` is set and there is no revocation list, so that no peer is accepted.

    Import one (`crypto pki import NAME crl terminal`), or say `revocation-check crl none` to do without.
    """

    @classmethod
    def of(cls, trustpoint: str) -> Self:
        """Return the message for this trustpoint."""
        text = (
            f"Trustpoint {trustpoint} has no revocation list and revocation-check crl: no certificate will be believed"
        )
        return cls(text)


class NoKey(Log, name="PKI-3-NO_KEY"):
    """A trustpoint has a certificate of ours and no private key that fits: we cannot prove ourselves with it.

    Keys are not in a configuration; a configuration copied from another router comes without. Import both again.
    """

    @classmethod
    def of(cls, trustpoint: str) -> Self:
        """Return the message for this trustpoint."""
        return cls(f"Trustpoint {trustpoint} has a certificate and no private key that fits it")


class Unreadable(Log, name="PKI-3-UNREADABLE"):
    """A certificate in the configuration, or something that was kept, cannot be read and counts for nothing."""

    @classmethod
    def of(cls, trustpoint: str, what: str) -> Self:
        """Return the message; what: "certificate 01", "private key"."""
        return cls(f"Trustpoint {trustpoint}: the {what} cannot be read")


class NotKept(Log, name="PKI-3-NOT_KEPT"):
    """A private key or a revocation list could not be written to disk: it is gone after a restart."""

    @classmethod
    def of(cls, what: str, why: str) -> Self:
        """Return the message; what: the name under which it should be kept."""
        return cls(f"{what} is not kept over a restart: {why}")


MESSAGES: Final = log_messages(vars())
