"""NHRP packets for hypothesis: every one that can be written, and those of given addresses."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from dmvpn.features.nhrp import parts
from dmvpn.features.nhrp.packet import (
    ErrorIndication,
    NhrpPacket,
    PurgeFlag,
    PurgeReply,
    PurgeRequest,
    RegistrationFlag,
    RegistrationReply,
    RegistrationRequest,
    ResolutionFlag,
    ResolutionReply,
    ResolutionRequest,
    TrafficIndication,
)

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress

bits16 = st.integers(0, 0xFFFF)
octets8 = st.integers(0, 255)
ipv4_addresses = st.integers(0, 2**32 - 1).map(IPv4Address)
ipv6_addresses = st.integers(0, 2**128 - 1).map(IPv6Address)


def cies(
    nbma: st.SearchStrategy[IPAddress], protocol: st.SearchStrategy[IPAddress]
) -> st.SearchStrategy[parts.ClientInfo]:
    return st.builds(
        parts.ClientInfo,
        code=octets8,
        prefix_length=octets8,
        mtu=bits16,
        holding_time=bits16,
        preference=octets8,
        nbma=st.none() | nbma,
        nbma_subaddress=st.binary(max_size=4),
        protocol=st.none() | protocol,
    )


def extensions(entries: st.SearchStrategy[parts.ClientInfo]) -> st.SearchStrategy[parts.Extension]:
    lists = st.lists(entries, max_size=3).map(tuple)
    addressed = st.sampled_from(
        [parts.ResponderAddress, parts.ForwardTransitRecord, parts.ReverseTransitRecord, parts.NatAddress]
    )
    return st.one_of(
        st.builds(lambda kind, bit, list_: kind(compulsory=bit, entries=list_), addressed, st.booleans(), lists),
        st.builds(parts.Authentication, compulsory=st.booleans(), spi=bits16, data=st.binary(max_size=12)),
        st.builds(parts.VendorPrivate, vendor=st.binary(min_size=3, max_size=3), data=st.binary(max_size=12)),
        st.builds(
            parts.UnknownExtension,
            compulsory=st.booleans(),
            type=st.sampled_from([1, 2, 6, 10, 0x3FFF]),
            value=st.binary(max_size=12),
        ),
    )


@st.composite
def nhrp_packets(draw: st.DrawFn) -> NhrpPacket:
    """Any packet that can be written, over and under IPv4 and IPv6."""
    nbma: st.SearchStrategy[IPAddress] = draw(st.sampled_from([ipv4_addresses, ipv6_addresses]))
    protocol: st.SearchStrategy[IPAddress] = draw(st.sampled_from([ipv4_addresses, ipv6_addresses]))
    return draw(packets_of(nbma, protocol))


@st.composite
def packets_of(
    draw: st.DrawFn, nbma: st.SearchStrategy[IPAddress], protocol: st.SearchStrategy[IPAddress]
) -> NhrpPacket:
    """Any packet with these NBMA and protocol addresses."""
    entries = cies(nbma, protocol)
    list_ = draw(st.lists(extensions(entries), max_size=4).map(tuple))
    common = {
        "hop_count": octets8,
        "source_nbma": nbma,
        "source_nbma_subaddress": st.binary(max_size=4),
        "source_protocol": protocol,
        "destination_protocol": protocol,
        "extensions": st.just(list_),
        "end": st.sampled_from([parts.END, parts.END + bytes(16)] if list_ else [b"", parts.END]),
    }
    if draw(st.booleans()):
        common |= {"source_nbma": nbma.map(lambda some: type(some)(0)), "without_nbma": st.just(True)}
    client = common | {"request_id": st.integers(0, 2**32 - 1), "cies": st.lists(entries, max_size=3).map(tuple)}
    kinds = [
        st.builds(kind, flags=bits16.map(flag), **client)
        for kind, flag in (
            (ResolutionRequest, ResolutionFlag),
            (ResolutionReply, ResolutionFlag),
            (RegistrationRequest, RegistrationFlag),
            (RegistrationReply, RegistrationFlag),
            (PurgeRequest, PurgeFlag),
            (PurgeReply, PurgeFlag),
        )
    ]
    error = st.builds(
        ErrorIndication, unused=bits16, error_code=bits16, error_offset=bits16, packet=st.binary(max_size=40), **common
    )
    redirect = st.builds(TrafficIndication, traffic_code=bits16, packet=st.binary(max_size=40), **common)
    packet: NhrpPacket = draw(st.one_of(*kinds, error, redirect))
    return packet
