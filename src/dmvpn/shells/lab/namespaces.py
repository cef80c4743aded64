"""The namespaces of a lab: its own processes and networks, without root and without any binary. namespaces(7).

    caller ── fork ── keeper (new user, mount, process and network namespace; maps the caller to root inside)
                        └─ fork ── process 1 of the process namespace: the supervisor, given by the caller
                                     └─ routers and hosts, each in a network namespace made by `new_network`

The supervisor is process 1, so when it ends, however it ends, the kernel kills every process of the lab, and the
namespaces, interfaces and routes go with them. The keeper exists because a process cannot move itself into a new
process namespace, and to wait for the supervisor; a detached lab has none.

A process with CAP_SYS_ADMIN (root) needs no user namespace; everything else is the same. Problems are raised as
`NamespaceProblem` with their one remedy. A function that runs as process 1 should reap adopted processes, and must set
its own signal handlers: process 1 ignores signals that it does not handle (SIGTERM ends it here, unless the supervisor
decides otherwise).
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dmvpn.shells.descriptors import is_readable
from dmvpn.shells.lab.forked import Json, answer, end_with, fork, leave, read_answer
from dmvpn.shells.lab.problems import FailedStep, MachineFacts, diagnose
from dmvpn.shells.lab.syscalls import (
    NamespaceKind,
    die_with_parent,
    make_mounts_private,
    mount_proc,
    own_proc_files,
    setns,
    unshare,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_NETWORK_FILE: Final = "/proc/thread-self/ns/net"


class LabProcess:
    """A running lab as seen from outside. pid: of its process 1, in the caller's process namespace."""

    def __init__(self, pid: int, keeper: int | None) -> None:
        self.pid = pid
        self._keeper = keeper
        self._pidfd = os.pidfd_open(pid)

    def fileno(self) -> int:
        """Return a descriptor that becomes readable when the lab ends."""
        return self._pidfd

    def wait(self, timeout: float | None = None) -> int | None:
        """Wait until the lab has ended, at most `timeout` seconds. Returns the supervisor's exit code; None: it still
        runs.

        The exit code of a detached lab is unknown: 0.
        """
        if not is_readable(self._pidfd, timeout):
            return None
        if self._keeper is None:
            return 0
        _, status = os.waitpid(self._keeper, 0)
        return os.waitstatus_to_exitcode(status)

    def terminate(self) -> None:
        """Send the supervisor SIGTERM. No error if it has ended already."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End every process of the lab at once."""
        self._signal(signal.SIGKILL)

    def close(self) -> None:
        """Forget the lab; it lives on unless it was started to die with its caller."""
        os.close(self._pidfd)

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, number)


def start(supervisor: Callable[[], int | None], *, detached: bool = False) -> LabProcess:
    """Start a lab: call `supervisor` as process 1 of new namespaces, and return at once. Raises NamespaceProblem.

    Without `detached` the lab dies with the calling thread, and `LabProcess.wait` has the supervisor's result as
    exit code. A detached lab is a session of its own and stays. Either way it inherits standard output and error.
    """
    facts = MachineFacts.read()
    report_reader, report_writer = os.pipe()
    gate_reader, gate_writer = os.pipe()
    keeper = fork()
    if keeper == 0:
        os.close(report_reader)
        os.close(gate_writer)
        end_with(lambda: _keep(supervisor, (report_writer, gate_reader), facts, detached))
    os.close(report_writer)
    os.close(gate_reader)
    try:
        with os.fdopen(report_reader, "rb") as pipe:
            report = json.loads(pipe.readline() or b"{}")
        if "pid" not in report:
            os.waitpid(keeper, 0)
            raise diagnose(FailedStep[report.get("step", "UNSHARE")], report.get("errno", 0), facts)
        if detached:
            os.waitpid(keeper, 0)
        lab = LabProcess(report["pid"], None if detached else keeper)
        os.write(gate_writer, b".")
        return lab
    finally:
        os.close(gate_writer)


def run_in_lab(function: Callable[[], Json]) -> Json:
    """Call `function` as process 1 of a lab of its own and return its result. Raises as `start`, ChildFailed."""
    reader, writer = os.pipe()
    try:
        lab = start(lambda: answer(function, writer))
    except BaseException:
        os.close(reader)
        raise
    finally:
        os.close(writer)
    try:
        return read_answer(reader)
    finally:
        lab.kill()
        lab.wait()
        lab.close()


def _keep(
    supervisor: Callable[[], int | None], pipes: tuple[int, int], facts: MachineFacts, detached: bool
) -> int | None:
    """Run as keeper: make the namespaces, fork process 1, report its pid, and wait for it."""
    report_writer, gate_reader = pipes
    if detached:
        os.setsid()
    else:
        die_with_parent()
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the supervisor gets it too, and decides
    try:
        step = FailedStep.PROC
        os.stat("/proc" if facts.system_administrator else "/proc/self")  # the former mounts it where it is a folder
        step = FailedStep.UNSHARE
        if facts.system_administrator:
            unshare(NamespaceKind.MOUNT | NamespaceKind.PROCESS | NamespaceKind.NETWORK)
            step = FailedStep.MOUNT
            make_mounts_private()  # in a user namespace they are already private: it cannot affect the outer ones
        else:
            identity = os.geteuid(), os.getegid()
            unshare(NamespaceKind.USER | NamespaceKind.MOUNT | NamespaceKind.PROCESS | NamespaceKind.NETWORK)
            step = FailedStep.MAP
            map_identity(*identity)
    except OSError as error:
        _report(report_writer, {"step": step.name, "errno": error.errno or 0})
        return 1
    first = fork()
    if first == 0:
        os.close(report_writer)
        end_with(lambda: _be_first(supervisor, gate_reader, detached))
    _report(report_writer, {"pid": first})
    os.close(gate_reader)
    return 0 if detached else _mirror(first)


def _be_first(supervisor: Callable[[], int | None], gate_reader: int, detached: bool) -> int | None:
    """Process 1, before it becomes the supervisor."""
    if not detached:
        die_with_parent()
    signal.signal(signal.SIGTERM, leave)
    # Until the caller has our pid it could not end us; if it died before that, there is nothing to do.
    if not os.read(gate_reader, 1):
        return 1
    os.close(gate_reader)
    with contextlib.suppress(OSError):  # masked in containers: pids in /proc are then those outside
        mount_proc()
    return supervisor()


def _mirror(child: int) -> int:
    """Wait for process 1 and exit likewise: with its exit code, or with a shell's code for a signal."""
    signal.signal(signal.SIGTERM, lambda number, frame: os.kill(child, number))
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _report(writer: int, report: dict[str, str | int]) -> None:
    with contextlib.suppress(BrokenPipeError):  # the caller was interrupted: the lab ends by itself
        os.write(writer, json.dumps(report).encode() + b"\n")
    os.close(writer)


def map_identity(uid: int, gid: int) -> None:
    """Map identities in a new user namespace: this user and group (numbers outside) are root inside. Raises OSError.

    Groups cannot be dropped afterwards ("deny"): that is the price of mapping without privileges (user_namespaces(7)).
    """
    own_proc_files()
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
    Path("/proc/self/gid_map").write_text(f"0 {gid} 1")


# ------------------------------------------------------------------------------------------- network namespaces


def new_network() -> int:
    """Make a network namespace and return a descriptor that holds it. Raises NamespaceProblem.

    The calling thread is inside for a moment: a fork for each would take most of the time in which a large lab comes
    up. It has only a loopback interface, down, and lives as long as a descriptor, a process or a socket is in it.
    """
    here = os.open(_NETWORK_FILE, os.O_RDONLY | os.O_CLOEXEC)
    try:
        unshare(NamespaceKind.NETWORK)
        try:
            return os.open(_NETWORK_FILE, os.O_RDONLY | os.O_CLOEXEC)
        finally:
            setns(here, NamespaceKind.NETWORK)
    except OSError as error:
        raise diagnose(FailedStep.UNSHARE, error.errno or 0, MachineFacts.read()) from error
    finally:
        os.close(here)


def enter_network(descriptor: int) -> None:
    """Move this thread into a network namespace for good: what a router's process does first. Raises OSError."""
    setns(descriptor, NamespaceKind.NETWORK)


@contextlib.contextmanager
def inside_network(descriptor: int) -> Iterator[None]:
    """Enter a network namespace for a moment. Sockets and TAPs made there stay there. Raises OSError."""
    here = os.open(_NETWORK_FILE, os.O_RDONLY | os.O_CLOEXEC)
    try:
        setns(descriptor, NamespaceKind.NETWORK)
        try:
            yield
        finally:
            setns(here, NamespaceKind.NETWORK)
    finally:
        os.close(here)


def enter_process(pid: int) -> None:
    """Enter the namespaces of a process, from outside its lab. Raises NamespaceProblem.

    For the same user or root; a process with threads cannot, so do it first, or in a forked child. The pid is best
    learned from the lab's control socket (`syscalls.peer_credentials`). Afterwards /proc is the lab's, in which only
    our children are processes: `run_program` runs one. The working directory is the root.
    """
    facts = MachineFacts.read()
    kinds = NamespaceKind.MOUNT | NamespaceKind.PROCESS | NamespaceKind.NETWORK
    try:
        if not facts.system_administrator and not _same_user_namespace(pid):
            kinds |= NamespaceKind.USER
        pidfd = os.pidfd_open(pid)
        try:
            setns(pidfd, kinds)
        finally:
            os.close(pidfd)
    except OSError as error:
        raise diagnose(FailedStep.ENTER, error.errno or 0, facts) from error


def run_program(words: Sequence[str]) -> int:
    """Run a program as a process of the entered lab, with our terminal, and wait. Returns its exit code.

    It ends with the lab, and with us. As in shells: 127 for a program that does not exist, 126 for a program that
    cannot be run, 128 plus the number of the fatal signal.
    """
    child = fork()
    if child == 0:
        end_with(lambda: _become(words))
    # Signals of the terminal are for the program, which is in our process group.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGQUIT, signal.SIG_IGN)
    return _mirror(child)


def _become(words: Sequence[str]) -> int:
    die_with_parent()
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        os.execvp(words[0], list(words))  # noqa: S606 - that is what was asked for
    except OSError as error:
        print(f"dmvpn: {words[0]}: {error.strerror}", file=sys.stderr)
        return 127 if isinstance(error, FileNotFoundError) else 126


def _same_user_namespace(pid: int) -> bool:
    return os.path.samestat(os.stat(f"/proc/{pid}/ns/user"), os.stat("/proc/self/ns/user"))
