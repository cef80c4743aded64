"""What a plane says of SAs stands in recordings, and is read from them as it was."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from dmvpn.base.effects import InstallSa
from dmvpn.base.events import EffectFailed, Event, SasCounted
from dmvpn.base.protection import EspCipher, EspHash, EspSa, EspTransform, SaCount
from dmvpn.base.recording import RecordedEvent, Recorder, load

SA = EspSa(
    connection=1,
    spi_in=2,
    spi_out=3,
    transform=EspTransform(EspCipher.AES_CBC, 128, EspHash.SHA256),
    key_in=bytes(16),
    key_out=bytes(16),
    local=IPv4Address("192.0.2.1"),
    remote=IPv4Address("198.51.100.1"),
)


@pytest.mark.parametrize(
    "event", [SasCounted((SaCount(spi_in=2, sent=5),)), EffectFailed(InstallSa(SA, True), 22, "no such cipher")]
)
def test_what_was_recorded_of_sas_can_be_replayed(event: Event) -> None:
    lines: list[str] = []
    Recorder("R1", lines.append).event(event, 1.5)
    assert load(lines[0]) == RecordedEvent(1.5, "R1", event)


def test_keys_do_not_stand_in_what_is_printed_of_an_order() -> None:
    order = InstallSa(replace(SA, key_in=b"in a secret place"), eager=True)
    assert "secret" not in f"{order} {EffectFailed(order, 22, 'no')}"
