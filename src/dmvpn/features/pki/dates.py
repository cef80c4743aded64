"""Log messages about a trustpoint: missing, damaged, expired or soon expiring certificates."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from dmvpn.base.certificates import serial_number
from dmvpn.base.values import dataclass
from dmvpn.features.pki import messages
from dmvpn.features.pki.material import moment, serial_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from cryptography import x509

    from dmvpn.base.notices import Log
    from dmvpn.features.pki.trustpoints import Holdings

#: Days before its end at which a certificate is spoken of.
WARNINGS: Final = (30, 14, 7, 3, 1, 0)


@dataclass(frozen=True, slots=True)
class DateFinding:
    """about: what; state: how it is; the log has it when that changes."""

    about: str
    state: str
    log: Log


def findings(held: Holdings, wall: datetime) -> Iterator[DateFinding]:
    """Yield everything worth a message about one trustpoint, at this wall time (UTC)."""
    name = held.trustpoint.name
    for what in held.unreadable:
        yield DateFinding(f"{name} {what}", "unreadable", messages.Unreadable.of(name, what))
    if held.stray:
        yield DateFinding(f"{name} key", "missing", messages.NoKey.of(name))
    if held.own is not None:
        yield from _dates(name, "The certificate", held.own, wall)
    for authority in held.authorities:
        yield from _dates(name, "The CA certificate", authority, wall)
    yield from _list(held, wall)


def next_change(held: Holdings, wall: datetime) -> datetime | None:
    """Return when something else will be worth a message."""
    certificates = (*((held.own,) if held.own else ()), *held.authorities)
    moments = [one.not_valid_before_utc for one in certificates]
    for one in certificates:
        moments += [one.not_valid_after_utc - timedelta(days=step + 1) for step in WARNINGS]
        moments.append(one.not_valid_after_utc)
    moments += [one.next_update_utc for one in held.lists if one.next_update_utc is not None]
    return min((moment for moment in moments if moment >= wall), default=None)


def _list(held: Holdings, wall: datetime) -> Iterator[DateFinding]:
    name = held.trustpoint.name
    if held.trustpoint.asks_nobody:
        return
    if not held.lists and held.trustpoint.must_ask and held.authorities:
        yield DateFinding(f"{name} list", "missing", messages.NoList.of(name))
    for one in held.lists:
        if one.next_update_utc is not None and one.next_update_utc < wall:
            about = f"{name} list {one.issuer.rfc4514_string()}"
            yield DateFinding(about, "stale", messages.ListStale.of(name, moment(one.next_update_utc)))


def _dates(name: str, whose: str, certificate: x509.Certificate, wall: datetime) -> Iterator[DateFinding]:
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    about = f"{name} {serial_of(serial_number(certificate))} {certificate.issuer.rfc4514_string()}"
    if wall < begin:
        yield DateFinding(about, "early", messages.NotYetValid.of(name, whose, moment(begin), moment(wall)))
    elif wall > end:
        yield DateFinding(about, "expired", messages.Expired.of(name, whose, moment(end)))
    elif (days := (end - wall).days) <= WARNINGS[0]:
        step = min(step for step in WARNINGS if days <= step)
        yield DateFinding(about, f"expires within {step}", messages.Expiring.of(name, whose, days, moment(end)))
