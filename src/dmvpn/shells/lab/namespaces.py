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

A machine may refuse namespaces, and one command changes that. The same EPERM has a handful of causes; /proc shows which
one it is. `MachineFacts` holds the facts from there, `diagnose` is a pure function of step, error and facts, so every
case is tested without such a machine.
"""

from __future__ import annotations

import contextlib
import enum
import errno
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from dmvpn.base.values import Value
from dmvpn.dataplane.host import Capability, HostProblem, has, in_container
from dmvpn.shells.descriptors import is_readable
from dmvpn.shells.lab.forked import Json, answer, end_with, fork, leave, read_answer
from dmvpn.shells.lab.syscalls import (
    NamespaceKind,
    die_with_parent,
    make_mounts_private,
    mount_proc,
    own_proc_files,
    setns,
    unshare,
)

# ------------------------------------------------------------------------------------------------ refusals


_APPARMOR = "kernel.apparmor_restrict_unprivileged_userns"
_CONTAINER_OPTIONS = "--security-opt seccomp=unconfined --security-opt apparmor=unconfined --device /dev/net/tun"


class FailedStep(enum.Enum):
    """The step that failed."""

    PROC = "reading /proc"
    UNSHARE = "making namespaces"
    MAP = "mapping the user into the namespace"
    MOUNT = "mounting in the namespace"
    ENTER = "entering the namespace"


class FailureCause(enum.Enum):
    """The cause of the failure."""

    LIMIT = "limit of namespaces"
    SWITCHED_OFF = "user namespaces switched off"
    APPARMOR = "AppArmor restriction"
    SECCOMP = "system call filter"
    CHROOT = "chroot"
    NO_PROC = "no /proc"
    CONTAINER = "container"
    NOT_BUILT = "kernel without namespaces"
    OTHER_USER = "another user's namespace"
    THREADS = "process with threads"
    GONE = "process ended"
    UNKNOWN = "unknown"


class MachineFacts(Value, kw_only=True):
    """Settings that decide about namespaces on this machine; None: the kernel has no such setting.

    system_administrator: we have CAP_SYS_ADMIN here, thus need no user namespace.
    real_root: we are root, and not in a user namespace already.
    seccomp: mode 2, a filter is in force.
    chroot: our root is a folder of another one, as far as /proc shows that to a user.
    """

    system_administrator: bool
    real_root: bool = False
    container: bool = False
    seccomp: bool = False
    chroot: bool = False
    apparmor_restricted: bool = False
    userns_clone: int | None = None
    max_user_namespaces: int | None = None
    max_net_namespaces: int | None = None

    @classmethod
    def read(cls) -> MachineFacts:
        """Read the facts of this machine and this process."""
        status = _process_status()
        capable = has(Capability.SYS_ADMIN)
        return cls(
            system_administrator=capable,
            real_root=capable and _in_initial_user_namespace(),
            container=in_container(),
            seccomp=status.get("Seccomp") == "2",
            chroot=_in_chroot(),
            apparmor_restricted=_number("kernel/apparmor_restrict_unprivileged_userns") == 1,
            userns_clone=_number("kernel/unprivileged_userns_clone"),
            max_user_namespaces=_number("user/max_user_namespaces"),
            max_net_namespaces=_number("user/max_net_namespaces"),
        )


class NamespaceProblem(HostProblem):
    """Namespaces cannot be made or entered here."""

    def __init__(self, cause: FailureCause, what: str, *, fix: str) -> None:
        super().__init__(what, fix=fix)
        self.cause = cause


def diagnose(step: FailedStep, number: int, facts: MachineFacts) -> NamespaceProblem:
    """Return the problem behind an error number (errno) in this step."""
    text = f"{step.value}: {os.strerror(number)}"
    match number:
        case _ if step is FailedStep.PROC:
            what = f"{text}: it is not mounted here, as in a bare chroot, and labs need it"
            return NamespaceProblem(
                FailureCause.NO_PROC, what, fix="sudo mkdir -p /proc && sudo mount -t proc proc /proc"
            )
        case errno.ENOSPC | errno.EUSERS:
            return _limit(text, facts)
        case errno.EPERM | errno.EACCES if step is FailedStep.ENTER:
            what = f"{text}: it belongs to another user"
            return NamespaceProblem(
                FailureCause.OTHER_USER, what, fix="work as the user who started the lab, or with sudo"
            )
        case errno.EPERM | errno.EACCES:
            return _forbidden(step, text, facts)
        case errno.EINVAL if step is FailedStep.ENTER:
            what = f"{text}: a process with threads cannot enter a user namespace"
            return NamespaceProblem(FailureCause.THREADS, what, fix="enter before any thread is started")
        case errno.ESRCH | errno.ENOENT if step is FailedStep.ENTER:
            return NamespaceProblem(FailureCause.GONE, f"{text}: that lab has ended", fix="dmvpn lab up")
        case errno.EINVAL | errno.ENOSYS:
            what = f"{text}: this kernel was built without user, process or network namespaces"
            return NamespaceProblem(FailureCause.NOT_BUILT, what, fix="dmvpn lab up --simulated")
        case _:
            return NamespaceProblem(FailureCause.UNKNOWN, text, fix="dmvpn lab up --simulated")


def _limit(text: str, facts: MachineFacts) -> NamespaceProblem:
    if facts.max_user_namespaces == 0 and not facts.real_root:
        what = f"{text}: user.max_user_namespaces is 0"
        return NamespaceProblem(FailureCause.SWITCHED_OFF, what, fix="sudo sysctl user.max_user_namespaces=15000")
    if facts.max_net_namespaces is not None and facts.max_net_namespaces < 1000:
        what = f"{text}: user.max_net_namespaces is {facts.max_net_namespaces}"
        return NamespaceProblem(FailureCause.LIMIT, what, fix="sudo sysctl user.max_net_namespaces=15000")
    what = f"{text}: the limit of namespaces is reached (user.max_user_namespaces, user.max_net_namespaces)"
    command = "sudo sysctl user.max_user_namespaces=100000 user.max_net_namespaces=100000"
    return NamespaceProblem(FailureCause.LIMIT, what, fix=command)


def _forbidden(step: FailedStep, text: str, facts: MachineFacts) -> NamespaceProblem:
    if facts.container:
        what = f"{text}: this container may not make namespaces"
        return NamespaceProblem(FailureCause.CONTAINER, what, fix=f"start the container with {_CONTAINER_OPTIONS}")
    if facts.chroot and step is FailedStep.UNSHARE and not facts.system_administrator:
        what = f"{text}: this is a chroot, and in one the kernel makes no user namespaces (unshare(2))"
        return NamespaceProblem(FailureCause.CHROOT, what, fix="run it as root, or: dmvpn lab up --simulated")
    if facts.apparmor_restricted and not facts.real_root:
        what = f"{text}: AppArmor takes all privileges from user namespaces ({_APPARMOR} is 1)"
        return NamespaceProblem(FailureCause.APPARMOR, what, fix=f"sudo sysctl {_APPARMOR}=0")
    if facts.userns_clone == 0 and not facts.real_root:
        what = f"{text}: kernel.unprivileged_userns_clone is 0"
        return NamespaceProblem(FailureCause.SWITCHED_OFF, what, fix="sudo sysctl kernel.unprivileged_userns_clone=1")
    if facts.seccomp:
        what = f"{text}: a system call filter (seccomp) of the service or sandbox around us forbids it"
        return NamespaceProblem(
            FailureCause.SECCOMP, what, fix="run it outside that sandbox, or: dmvpn lab up --simulated"
        )
    return NamespaceProblem(FailureCause.UNKNOWN, text, fix="run it with sudo, or: dmvpn lab up --simulated")


def _process_status() -> dict[str, str]:
    with contextlib.suppress(OSError):
        lines = Path("/proc/self/status").read_text().splitlines()
        return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return {}


def _in_chroot() -> bool:
    """Return whether our root is no mount, or a mounted folder; a subvolume of btrfs looks like one, and is none."""
    with contextlib.suppress(OSError):
        mounts = [line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines()]
        roots = [mount[3] for mount in mounts if mount[4] == "/" and mount[mount.index("-") + 1] != "btrfs"]
        return not any(mount[4] == "/" for mount in mounts) or any(root != "/" for root in roots)
    return False


def _in_initial_user_namespace() -> bool:
    """Return whether every user is mapped to itself, as only there."""
    with contextlib.suppress(OSError):
        return Path("/proc/self/uid_map").read_text().split() == ["0", "0", "4294967295"]
    return True


def _number(path: str) -> int | None:
    with contextlib.suppress(OSError, ValueError):
        return int((Path("/proc/sys") / path).read_text())
    return None


# ------------------------------------------------------------------------------------------------ namespaces


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
        if not facts.system_administrator and not os.path.samestat(
            os.stat(f"/proc/{pid}/ns/user"), os.stat("/proc/self/ns/user")
        ):
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


#: The command that installs a program for looking at networks.
_INSTALLED_BY: Final = {
    name: f". On Debian: sudo apt-get install {package}"
    for name, package in (("ping", "iputils-ping"), ("tcpdump", "tcpdump"), ("traceroute", "traceroute"))
}


def _become(words: Sequence[str]) -> int:
    die_with_parent()
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        os.execvp(words[0], list(words))  # noqa: S606 - that is what was asked for
    except OSError as error:
        why, name = error.strerror, words[0]
        if isinstance(error, FileNotFoundError) and "/" not in name:
            why = f"not installed{_INSTALLED_BY.get(name, '')}"
        print(f"dmvpn: {name}: {why}", file=sys.stderr)
        return 127 if isinstance(error, FileNotFoundError) else 126
