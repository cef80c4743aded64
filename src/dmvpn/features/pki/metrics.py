"""Certificates in numbers: until when each is good."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.breath import breathing
from dmvpn.base.values import collected
from dmvpn.features.pki.machine import PkiMachine
from dmvpn.ios import Measured, ShowContext
from dmvpn.ios.measured import measured

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cryptography import x509

    from dmvpn.base.metrics import MetricRow
    from dmvpn.features.pki.trustpoints import Holdings


@measured("certificates", "trustpoint", "kind", "serial")("""
    gauge dmvpn_certificate_not_before_timestamp_seconds :: When the certificate begins to be good.
    gauge dmvpn_certificate_not_after_timestamp_seconds :: When the certificate expires.
    """)
def _dates(ctx: ShowContext) -> Iterator[MetricRow]:
    for held in breathing(tuple(ctx.machine(PkiMachine).holdings.values())):
        found = {(kind, f"{one.serial_number:X}"): one for kind, one in _all(held)}
        for (kind, serial), one in found.items():
            begin, end = one.not_valid_before_utc.timestamp(), one.not_valid_after_utc.timestamp()
            yield (held.trustpoint.name, kind, serial, begin, end)


def _all(held: Holdings) -> Iterator[tuple[str, x509.Certificate]]:
    yield from (("router", one) for one in ((held.own,) if held.own else held.stray))
    yield from (("authority", one) for one in held.authorities)


@measured("revocations", "trustpoint", "number")("""
    gauge dmvpn_revocation_list_next_update_timestamp_seconds :: When the revocation list is too old.
    """)
def _lists(ctx: ShowContext) -> Iterator[MetricRow]:
    for held in breathing(tuple(ctx.machine(PkiMachine).holdings.values())):
        for number, one in enumerate(held.lists, 1):
            if one.next_update_utc is not None:
                yield (held.trustpoint.name, str(number), one.next_update_utc.timestamp())


METRICS: Final = collected(Measured, vars())
