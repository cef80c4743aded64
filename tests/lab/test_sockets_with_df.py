"""Sockets of one address in pairs, with DF and without, against the real kernel: who is told, and who is believed."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import select
import signal
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias
from unittest.mock import patch

import pytest

from dmvpn.base.errors import surely
from dmvpn.dataplane import sockets
from dmvpn.dataplane.host import HostProblem
from dmvpn.dataplane.sockets import GreSocket, UdpSocket, bind
from dmvpn.shells.lab.namespaces import inside_network
from support.links import FAR, HERE, THERE, cable, narrow_path, path_mtu
from support.namespaces import wait_readable

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.lab

Lab: TypeAlias = "Callable[[Callable[[], None]], None]"


@pytest.mark.parametrize("of_udp", [False, True], ids=["raw", "udp"])
def test_what_a_router_says_of_a_packet_with_df_holds_for_the_next_one(in_lab: Lab, of_udp: bool) -> None:
    def send() -> None:
        with narrow_path(), GreSocket(HERE) as gre, UdpSocket(HERE, 4500) as udp:
            for opened in (gre, udp):
                opened.mind_paths(True)

            def send_whole(octets: int) -> None:
                if of_udp:
                    udp.send(bytes(octets), str(FAR), 4500, df=True)
                else:
                    gre.send(bytes(octets), str(FAR), df=True)

            def refused() -> bool:
                try:
                    send_whole(1400)
                except OSError as error:
                    return error.errno == errno.EMSGSIZE
                return False

            assert path_mtu(HERE, FAR) == 1500
            deadline = time.monotonic() + 5
            while not refused():
                assert time.monotonic() < deadline
                time.sleep(0.01)
            assert path_mtu(HERE, FAR) == 1300
            send_whole(1200)
            gre.send(bytes(1400), str(FAR))
            udp.send(bytes(1400), str(FAR), 4500)

    in_lab(send)


def test_everything_comes_to_the_socket_that_is_read_and_nothing_to_the_one_for_packets_with_df(in_lab: Lab) -> None:
    def receive() -> None:
        with cable() as far, GreSocket(HERE) as gre, UdpSocket(HERE, 4500) as udp:
            with inside_network(far):
                others = [UdpSocket(THERE, port) for port in (4500, 61000)]
                other_gre = GreSocket(THERE)
            for df in (False, True):
                gre.send(b"gre", str(THERE), df=df)  # whoever was sent to is no closer to us than others
                udp.send(b"udp", str(THERE), 4500, df=df)
                for other in others:
                    other.send(b"datagram", str(HERE), 4500, df=df)
                    assert wait_readable(udp.fileno())
                    arrived = udp.receive()
                    assert arrived is not None
                    assert arrived.octets == b"datagram"
                other_gre.send(b"in gre", str(HERE), df=df)
                assert wait_readable(gre.fileno())
                assert gre.receive(bytearray(100)) == 20 + len(b"in gre")
            for quiet in (surely(gre.whole_fileno()), surely(udp.whole_fileno())):
                assert select.select([quiet], [], [], 0) == ([], [], [])
            for far_end in (*others, other_gre):
                far_end.close()

    in_lab(receive)


def test_who_minds_no_paths_is_not_told_of_any_and_cuts_nothing_for_those_that_others_know(in_lab: Lab) -> None:
    """One ICMP message that anybody may forge is enough for the kernel, unless it is told to take no notice."""

    def send() -> None:
        with narrow_path() as network:
            udp = UdpSocket(HERE, 4500)
            with inside_network(network):
                far = [GreSocket(FAR), UdpSocket(FAR, 4500), UdpSocket(FAR, 500)]
            with udp, GreSocket(HERE) as gre, UdpSocket(HERE, 500, df=False) as ike:

                def send_all(*, df: bool) -> None:
                    gre.send(bytes(1400), str(FAR), df=df)
                    udp.send(bytes(1400), str(FAR), 4500, df=df)
                    ike.send(bytes(1400), str(FAR), 500)

                for _ in range(3):
                    send_all(df=True)
                    time.sleep(0.05)
                assert path_mtu(HERE, FAR) == 1500, "nobody has been believed"
                with GreSocket(HERE) as other:
                    other.mind_paths(True)
                    for _ in range(100):
                        with contextlib.suppress(OSError):
                            other.send(bytes(1400), str(FAR), df=True)
                        time.sleep(0.01)
                    assert path_mtu(HERE, FAR) == 1300
                before = fragments_made()
                send_all(df=False)
                assert fragments_made() == before
                gre.mind_paths(True)
                gre.send(bytes(1400), str(FAR))
                assert fragments_made() == before + 2
            for far_end in far:
                far_end.close()

    in_lab(send)


def fragments_made() -> int:
    """How many the kernel of this namespace has cut packets into."""
    names, values = (
        line.split() for line in Path("/proc/thread-self/net/snmp").read_text().splitlines() if line.startswith("Ip:")
    )
    return int(dict(zip(names, values, strict=True))["FragCreates"])


def test_what_comes_while_sockets_are_opened_is_not_taken_by_those_that_only_send(in_lab: Lab) -> None:
    """For a moment the second socket was bound like the first and not yet connected: it was given ESP, and kept it."""

    def flood(far: int) -> None:
        with inside_network(far):
            udp, gre = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), GreSocket(THERE)
            udp.bind((str(THERE), 4500))
        while True:
            for _ in range(20):
                with contextlib.suppress(OSError):
                    udp.sendto(bytes(100), (str(HERE), 4500))
                gre.send(bytes(100), str(HERE))
            time.sleep(0.001)

    def queued(descriptor: int) -> bool:
        return bool(select.select([descriptor], [], [], 0)[0])

    def open_them() -> None:
        with cable() as far:
            stranger = os.fork()
            if stranger == 0:
                flood(far)
            try:
                for _ in range(100):
                    with UdpSocket(HERE, 4500) as udp, GreSocket(HERE) as gre:
                        time.sleep(0.002)
                        assert not queued(surely(udp.whole_fileno()))
                        assert not queued(surely(gre.whole_fileno()))
            finally:
                os.kill(stranger, signal.SIGKILL)
                os.waitpid(stranger, 0)
            with UdpSocket(HERE, 4500) as udp, GreSocket(HERE) as gre:
                gre.send(b"gre", str(HERE))  # to ourselves: whom the second ones are connected to
                udp.send(b"udp", str(HERE), 4500)
                assert not queued(surely(gre.whole_fileno()))
                assert not queued(surely(udp.whole_fileno()))

    in_lab(open_them)


def test_whatever_comes_once_the_first_socket_is_bound_is_given_to_it(in_lab: Lab) -> None:
    def open_it() -> None:
        with cable() as far:
            with inside_network(far):
                other = UdpSocket(THERE, 4500)

            sent = itertools.count(1)

            def bind_and_hear(*of_a_socket: object) -> None:
                bind(*of_a_socket)  # type: ignore[arg-type]
                other.send(b"%d" % next(sent), str(HERE), 4500)

            with patch.object(sockets, "bind", bind_and_hear), UdpSocket(HERE, 4500) as udp:
                assert wait_readable(udp.fileno())
                arrived = udp.receive()
                assert arrived is not None
                assert arrived.octets == b"2", "the first socket is the second one that is bound"
            other.close()

    in_lab(open_it)


def test_a_port_has_one_owner_though_it_has_two_sockets(in_lab: Lab) -> None:
    def bind() -> None:
        with cable(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
            daemon.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            daemon.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            with UdpSocket(HERE, 4500):
                for address in (str(HERE), "0.0.0.0"):
                    with pytest.raises(OSError, match="already in use"):
                        daemon.bind((address, 4500))
            daemon.bind((str(HERE), 4500))
            with pytest.raises(HostProblem, match="another program has this port"):
                UdpSocket(HERE, 4500)

    in_lab(bind)
