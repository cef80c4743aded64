"""What the kernel is told so that it translates, and what people are told where it cannot."""

from __future__ import annotations

import errno

import pytest

from dmvpn.dataplane.host import HostProblem
from dmvpn.dataplane.netlink import netfilter
from dmvpn.dataplane.netlink.nfsocket import NetfilterSocket, forward_drops
from dmvpn.dataplane.netlink.wire import parse_messages

_NFTABLES = 10 << 8


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What would go to the kernel."""
    datagrams: list[bytes] = []
    monkeypatch.setattr(NetfilterSocket, "_ask", lambda self, octets, first, last: datagrams.append(octets))
    return datagrams


def test_the_ruleset_is_one_transaction(sent: list[bytes]) -> None:
    netfilter.install(netfilter.Masquerade("outside"))
    (datagram,) = sent
    kinds = [message.kind for message in parse_messages(memoryview(datagram))]
    assert kinds == [0x10, *(_NFTABLES | number for number in (0, 3, 3, 6, 6)), 0x11]


def test_only_a_symmetric_translator_asks_for_random_ports(sent: list[bytes]) -> None:
    """The flags of `masquerade random,fully-random`, 4 and 16."""
    for random in (False, True):
        netfilter.install(netfilter.Masquerade("outside", random=random))
    plain, symmetric = sent
    assert b"masq\0" in plain
    assert len(symmetric) - len(plain) == 8
    assert bytes.fromhex("00000014") in symmetric[symmetric.index(b"masq\0") :]


@pytest.mark.parametrize("number", [errno.EOPNOTSUPP, errno.ENOENT, errno.EPROTONOSUPPORT])
def test_a_kernel_without_it_is_named_in_one_line_with_what_helps(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def refuse(self: NetfilterSocket, octets: bytes, first: int, last: int) -> None:
        raise OSError(number, "refused")

    monkeypatch.setattr(NetfilterSocket, "_ask", refuse)
    with pytest.raises(HostProblem) as problem:
        netfilter.install(netfilter.Masquerade("outside"))
    text = str(problem.value)
    assert "\n" not in text
    assert text.startswith("this kernel cannot translate addresses")
    assert "sudo modprobe -a nf_tables" in text
    assert "--simulated" in text


@pytest.mark.parametrize("refusal", [errno.EPERM, errno.EINVAL, errno.EPROTONOSUPPORT])
def test_where_the_kernel_does_not_say_which_chains_there_are_nothing_is_told(
    monkeypatch: pytest.MonkeyPatch, refusal: int
) -> None:
    """Without the capability, or without nf_tables."""

    def refuse(self: NetfilterSocket, kind: int, body: bytes) -> None:
        raise OSError(refusal, "refused")

    monkeypatch.setattr(NetfilterSocket, "dump", refuse)
    assert forward_drops() == []
