"""The lab's house: what runs in it, how it ends, and who may enter, as root and as an ordinary user."""

from __future__ import annotations

import os
import signal
import socket
import tempfile
import threading
from ipaddress import IPv4Address

import pytest

from dmvpn.dataplane.host import HostProblem
from dmvpn.dataplane.netlink import NetlinkSocket, VethEnd, create_veth
from dmvpn.dataplane.sockets import GreSocket
from dmvpn.dataplane.tap import Tap
from dmvpn.shells.lab.check import check
from dmvpn.shells.lab.forked import ChildFailed, Json, run_forked
from dmvpn.shells.lab.namespaces import (
    FailureCause,
    LabProcess,
    NamespaceProblem,
    enter_network,
    enter_process,
    inside_network,
    new_network,
    start,
)
from dmvpn.shells.lab.syscalls import peer_credentials
from support.namespaces import NOBODY, ROOT, USERS, run_as, run_in_lab_as, wait_readable

pytestmark = pytest.mark.lab


@pytest.fixture(params=USERS)
def user(request: pytest.FixtureRequest) -> str:
    """Root and an ordinary user; skipped where no lab can run."""
    name = str(request.param)
    run_in_lab_as(name, lambda: None)
    return name


def namespaces() -> list[str]:
    """The namespaces of this process."""
    return [os.readlink(f"/proc/self/ns/{kind}") for kind in ("user", "mnt", "pid", "net")]


def interfaces(kernel: NetlinkSocket) -> list[Json]:
    """Their names, without those that every namespace gets where the module `gre` is loaded."""
    return [link.name for link in kernel.links() if not link.name.startswith(("gre", "erspan"))]


def sleep_for_ever() -> None:
    while True:
        signal.pause()


# --------------------------------------------------------------------------------------------- what runs in a lab


def test_the_supervisor_is_process_1_and_root_of_a_network_of_its_own(user: str) -> None:
    def look_around() -> Json:
        with NetlinkSocket() as kernel:
            return [os.getpid(), os.geteuid(), interfaces(kernel)]

    assert run_in_lab_as(user, look_around) == [1, 0, ["lo"]]


def test_starting_a_lab_moves_the_caller_nowhere(user: str) -> None:
    def start_one() -> Json:
        before = namespaces()
        lab = start(lambda: 7)
        code = lab.wait(5)
        lab.close()
        return [before == namespaces(), code]

    assert run_as(user, start_one) == [True, 7]


def test_a_supervisor_that_fails_says_so_with_its_exit_code(user: str, capfd: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise RuntimeError("no such scenario")

    def start_it() -> Json:
        return start(fail).wait(5)

    assert run_as(user, start_it) == 1
    assert "no such scenario" in capfd.readouterr().err


def test_a_made_network_is_empty_and_the_maker_stays_where_it_is(user: str) -> None:
    def make() -> Json:
        home = os.readlink("/proc/self/ns/net")
        network = new_network()
        with NetlinkSocket() as kernel:
            kernel.call(create_veth(VethEnd(name="here"), VethEnd(name="there", namespace=network)))
        with inside_network(network), NetlinkSocket() as kernel:
            inside = interfaces(kernel)
        return [os.readlink("/proc/self/ns/net") == home, inside]

    assert run_in_lab_as(user, make) == [True, ["lo", "there"]]


# --------------------------------------------------------------------------------------------------- how it ends


def orphans(pipe: int) -> None:
    """A supervisor that leaves a process of the second generation behind, which holds the pipe open."""
    if os.fork() == 0:
        if os.fork() == 0:
            os.setsid()
            os.write(pipe, b"!")
            sleep_for_ever()
        os._exit(0)
    os.wait()
    sleep_for_ever()


def test_killing_the_supervisor_ends_every_process_of_the_lab(user: str) -> None:
    def kill() -> Json:
        reader, writer = os.pipe()
        lab = start(lambda: orphans(writer))
        os.close(writer)
        assert os.read(reader, 1) == b"!"
        lab.kill()
        assert wait_readable(reader, 5), "somebody still holds the pipe"
        return [os.read(reader, 1).decode(), lab.wait(5)]

    assert run_as(user, kill) == ["", 128 + signal.SIGKILL]


def test_a_lab_dies_with_the_process_that_started_it(user: str) -> None:
    def start_and_die() -> Json:
        reader, writer = os.pipe()
        starter = os.fork()
        if starter == 0:
            start(lambda: orphans(writer))
            sleep_for_ever()
        os.close(writer)
        assert os.read(reader, 1) == b"!"
        os.kill(starter, signal.SIGKILL)
        os.waitpid(starter, 0)
        return wait_readable(reader, 5) and os.read(reader, 1) == b""

    assert run_as(user, start_and_die) is True


def test_a_detached_lab_outlives_its_starter_and_ends_when_asked(user: str) -> None:
    def start_detached() -> Json:
        def starter() -> Json:
            return start(sleep_for_ever, detached=True).pid

        pid = run_forked(starter)
        assert isinstance(pid, int)
        lab = LabProcess(pid, None)
        try:
            running = lab.wait(0.05)
            lab.terminate()
            return [running, lab.wait(5)]
        finally:
            lab.kill()

    assert run_as(user, start_detached) == [None, 0]


# ------------------------------------------------------------------------------------------------- who may enter


def test_the_same_user_enters_by_the_pid_of_the_control_socket_and_makes_a_tap(user: str) -> None:
    def enter() -> Json:
        with tempfile.TemporaryDirectory() as directory, socket.socket(socket.AF_UNIX) as client:
            path = f"{directory}/control"
            ready, writer = os.pipe()

            def listen() -> None:
                with socket.socket(socket.AF_UNIX) as server:
                    server.bind(path)
                    server.listen()
                    os.write(writer, b"!")
                    sleep_for_ever()

            lab = start(listen)
            os.close(writer)
            assert os.read(ready, 1) == b"!"
            client.connect(path)
            pid = peer_credentials(client).pid
        enter_process(pid)
        with Tap("Tunnel100"), NetlinkSocket() as kernel:
            return [pid == lab.pid, interfaces(kernel)]

    assert run_as(user, enter) == [True, ["lo", "Tunnel100"]]


def test_an_ordinary_user_with_threads_is_told_to_enter_first() -> None:
    run_in_lab_as(NOBODY, lambda: None)

    def enter_late() -> Json:
        lab = start(sleep_for_ever)
        stop = threading.Event()
        thread = threading.Thread(target=stop.wait)
        thread.start()
        try:
            with pytest.raises(NamespaceProblem) as caught:
                enter_process(lab.pid)
        finally:
            stop.set()
            thread.join()
        return caught.value.cause.name

    assert run_as(NOBODY, enter_late) == FailureCause.THREADS.name


def test_a_lab_that_has_ended_is_reported_as_gone(user: str) -> None:
    def enter_late() -> Json:
        lab = start(lambda: 0)
        lab.wait(5)
        with pytest.raises(NamespaceProblem) as caught:
            enter_process(lab.pid)
        return caught.value.cause.name

    assert run_as(user, enter_late) == FailureCause.GONE.name


def test_another_users_lab_is_closed() -> None:
    run_in_lab_as(ROOT, lambda: None)
    run_in_lab_as(NOBODY, lambda: None)
    lab = start(sleep_for_ever)

    def enter() -> Json:
        with pytest.raises(NamespaceProblem) as caught:
            enter_process(lab.pid)
        return caught.value.cause.name

    try:
        assert run_as(NOBODY, enter) == FailureCause.OTHER_USER.name
    finally:
        lab.kill()
        lab.wait(5)
        lab.close()


# ------------------------------------------------------------------------------------------ what the machine says


def test_the_check_finds_everything_a_lab_needs_and_leaves_the_caller_alone(user: str) -> None:
    def look() -> Json:
        before = namespaces()
        findings = check()
        return [before == namespaces(), all(f.ok and f.fix is None for f in findings), [f.what for f in findings]]

    assert run_as(user, look) == [
        True,
        True,
        [
            "user namespace",
            "process namespace",
            "network namespace",
            "/dev/net/tun",
            "TAP interface",
            "raw socket for GRE",
            "/proc/sys",
            "address translation",
            "packet filters",
        ],
    ]


def test_the_limit_of_network_namespaces_is_named_with_the_command_that_raises_it(user: str) -> None:
    def exhaust() -> Json:
        with open("/proc/sys/user/max_net_namespaces", "w") as limit:
            limit.write("0")
        with pytest.raises(NamespaceProblem) as caught:
            new_network()
        return [caught.value.cause.name, caught.value.fix]

    if user == ROOT:
        pytest.skip("in the initial user namespace this limit is the whole machine's")
    assert run_in_lab_as(user, exhaust) == [FailureCause.LIMIT.name, "sudo sysctl user.max_net_namespaces=15000"]


def test_outside_a_lab_an_ordinary_user_is_told_which_privilege_is_missing() -> None:
    run_in_lab_as(NOBODY, lambda: None)

    def try_outside() -> Json:
        with pytest.raises(HostProblem, match="NET_ADMIN"):
            Tap("Tunnel100")
        with pytest.raises(HostProblem, match="NET_RAW"):
            GreSocket(IPv4Address("127.0.0.1"))
        return True

    assert run_as(NOBODY, try_outside) is True


def test_what_fails_in_a_child_is_raised_in_the_caller_with_its_traceback() -> None:
    def fail() -> Json:
        raise RuntimeError("in the child")

    with pytest.raises(ChildFailed, match="RuntimeError: in the child"):
        run_forked(fail)


def test_a_child_that_is_killed_is_reported() -> None:
    with pytest.raises(ChildFailed, match="without an answer"):
        run_forked(lambda: os.kill(os.getpid(), signal.SIGKILL))


def test_a_process_can_move_into_a_network_for_good(user: str) -> None:
    def move() -> Json:
        network = new_network()
        enter_network(network)
        return os.stat("/proc/self/ns/net").st_ino == os.fstat(network).st_ino

    assert run_in_lab_as(user, move) is True
