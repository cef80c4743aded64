"""Which keys of a chain OSPF uses, by their lifetimes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from dmvpn.base.keychains import Lifetime
from dmvpn.features.ospf.auth import AuthenticationSettings, DigestKey
from dmvpn.features.ospf.model import AuthenticationType

BEGIN = datetime(2026, 11, 20, 6)


class TwoHoursEast:
    """The clock of a router: 12:00 UTC, 14:00 in its own time zone."""

    def wall(self, now: float) -> datetime:
        return datetime(2026, 11, 20, 12, tzinfo=UTC) + timedelta(seconds=now)

    def local(self, now: float) -> datetime:
        return self.wall(now).astimezone(timezone(timedelta(hours=2)))


def test_when_all_keys_are_over_the_one_that_ended_last_goes_on_whatever_zone_its_line_has() -> None:
    by_local_time = Lifetime(BEGIN, datetime(2026, 11, 20, 10), local=True)  # 08:00 UTC
    in_utc = Lifetime(BEGIN, datetime(2026, 11, 20, 9))
    keys = (DigestKey(1, b"later", send=in_utc), DigestKey(2, b"earlier", send=by_local_time))
    ours = AuthenticationSettings(AuthenticationType.CRYPTOGRAPHIC, keys=keys)
    assert ours.sending(TwoHoursEast(), 0.0) == keys[0]
