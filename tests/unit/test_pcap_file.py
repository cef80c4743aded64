"""Capture files."""

from __future__ import annotations

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.errors import WireError
from dmvpn.net import pcap
from dmvpn.net.pcap import LinkType
from support.pcap import CAPTURES, Capture, CapturedFrame, network_layer, read
from support.wire import cuts, decoded_or_refused


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 999_999), st.binary(max_size=40)), max_size=5))
def test_what_is_written_is_read(records: list[tuple[int, int, bytes]]) -> None:
    times = [(seconds * 1_000_000 + microseconds) * 1000 for seconds, microseconds, _ in records]
    written = [pcap.record(data, time) for time, (_, _, data) in zip(times, records, strict=True)]
    frames = tuple(
        CapturedFrame(time_ns=time, data=data, original_length=len(data))
        for time, (_, _, data) in zip(times, records, strict=True)
    )
    assert read(pcap.file_header(LinkType.RAW) + b"".join(written)) == Capture(link_type=LinkType.RAW, frames=frames)


@pytest.mark.parametrize(
    ("order", "magic", "unit"), [("<", 0xA1B23C4D, 1), (">", 0xA1B2C3D4, 1000), (">", 0xA1B23C4D, 1)]
)
def test_other_byte_orders_and_nanoseconds_are_counted_and_read(order: str, magic: int, unit: int) -> None:
    file = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65535, 1) + struct.pack(order + "IIII", 7, 5, 1, 9) + b"x"
    assert _counted(file) == 1
    assert read(file) == Capture(
        link_type=LinkType.ETHERNET,
        frames=(CapturedFrame(time_ns=7_000_000_000 + 5 * unit, data=b"x", original_length=9),),
    )


def test_a_file_of_tcpdump_is_written_as_it_was_read() -> None:
    original = (CAPTURES / "nhrp-frr-hub.pcap").read_bytes()
    capture = read(original)
    written = pcap.file_header() + b"".join(pcap.record(frame.data, frame.time_ns) for frame in capture.frames)
    assert len(capture.frames) == 108
    assert written == original


def _counted(octets: bytes) -> int:
    return pcap.count(io.BytesIO(octets))


def test_every_cut_of_a_file_is_counted_or_refused() -> None:
    for octets in cuts((CAPTURES / "tcpdump" / "ios_nhrp.pcap").read_bytes()):
        decoded_or_refused(_counted, octets)


@given(st.binary(max_size=100))
def test_random_octets_are_counted_or_refused(octets: bytes) -> None:
    decoded_or_refused(_counted, octets)
    decoded_or_refused(_counted, pcap.file_header() + octets)


def test_what_is_not_a_capture_is_refused() -> None:
    with pytest.raises(WireError, match="not a capture file"):
        _counted(bytes(24))


@pytest.mark.parametrize(
    ("link_type", "before", "ether_type"),
    [
        (LinkType.ETHERNET, "00" * 12 + "0800", 0x0800),
        (LinkType.ETHERNET, "00" * 12 + "8100" + "0064" + "86dd", 0x86DD),
        (LinkType.LINUX_SLL, "00" * 14 + "2001", 0x2001),
        (LinkType.LINUX_SLL2, "0800" + "00" * 18, 0x0800),
        (LinkType.NULL, "02000000", 0x0800),
        (LinkType.RAW, "", 0x0800),
        (LinkType.IPV4, "", 0x0800),
    ],
)
def test_the_header_of_the_link_is_taken_off(link_type: LinkType, before: str, ether_type: int) -> None:
    assert network_layer(link_type, bytes.fromhex(before) + b"\x45packet") == (ether_type, b"\x45packet")


def test_a_raw_packet_tells_its_family() -> None:
    assert network_layer(LinkType.RAW, b"\x60") == (0x86DD, b"\x60")


@given(st.sampled_from([*LinkType, 999]), st.binary(max_size=30))
def test_no_frame_is_too_short_to_look_at(link_type: int, frame: bytes) -> None:
    layer = network_layer(link_type, frame)
    assert layer is None or len(layer[1]) <= len(frame)


@pytest.mark.parametrize("frames", [0, 1, 3])
def test_frames_are_counted_without_reading_them(frames: int) -> None:
    file = pcap.file_header() + b"".join(pcap.record(b"x" * 60 * number, 0) for number in range(frames))
    assert pcap.count(io.BytesIO(file)) == frames


def test_a_file_that_ends_inside_a_frame_has_those_before_it() -> None:
    whole = pcap.file_header() + pcap.record(b"x" * 60, 0) + pcap.record(b"y" * 60, 0)
    assert [pcap.count(io.BytesIO(whole[:size])) for size in (len(whole) - 1, len(whole) - 70, 24 + 16)] == [1, 1, 0]
    with pytest.raises(WireError):
        pcap.count(io.BytesIO(whole[:10]))
