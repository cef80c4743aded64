"""Why this machine refuses namespaces, and the one command that changes it.

The same EPERM has a handful of causes; /proc shows which one it is. `MachineFacts` holds the facts from there,
`diagnose` is a pure function of step, error and facts, so every case is tested without such a machine.
"""

from __future__ import annotations

import contextlib
import enum
import errno
import os
from pathlib import Path

from dmvpn.base.values import dataclass
from dmvpn.dataplane.host import Capability, HostProblem, has, in_container

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


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineFacts:
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
