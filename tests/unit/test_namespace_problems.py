"""Why a machine refuses namespaces: every cause is told apart and has one remedy."""

from __future__ import annotations

import errno

import pytest

from dmvpn.shells.lab.problems import FailedStep, FailureCause, MachineFacts, diagnose

USER = MachineFacts(system_administrator=False)
ROOT = MachineFacts(system_administrator=True, real_root=True)


@pytest.mark.parametrize(
    ("step", "number", "facts", "cause", "fix"),
    [
        (
            FailedStep.UNSHARE,
            errno.ENOSPC,
            MachineFacts(system_administrator=False, max_user_namespaces=0),
            FailureCause.SWITCHED_OFF,
            "sudo sysctl user.max_user_namespaces=15000",
        ),
        (
            FailedStep.UNSHARE,
            errno.ENOSPC,
            MachineFacts(system_administrator=True, max_user_namespaces=96365, max_net_namespaces=10),
            FailureCause.LIMIT,
            "sudo sysctl user.max_net_namespaces=15000",
        ),
        (
            FailedStep.UNSHARE,
            errno.ENOSPC,
            MachineFacts(system_administrator=False, max_user_namespaces=96365, max_net_namespaces=96365),
            FailureCause.LIMIT,
            "sudo sysctl user.max_user_namespaces=100000 user.max_net_namespaces=100000",
        ),
        (
            FailedStep.MAP,
            errno.EPERM,
            MachineFacts(system_administrator=False, apparmor_restricted=True),
            FailureCause.APPARMOR,
            "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0",
        ),
        (
            # Ubuntu: unshare and maps succeed, the first privileged act inside fails
            FailedStep.MOUNT,
            errno.EACCES,
            MachineFacts(system_administrator=True, real_root=False, apparmor_restricted=True),
            FailureCause.APPARMOR,
            "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0",
        ),
        (
            FailedStep.UNSHARE,
            errno.EPERM,
            MachineFacts(system_administrator=False, userns_clone=0),
            FailureCause.SWITCHED_OFF,
            "sudo sysctl kernel.unprivileged_userns_clone=1",
        ),
        (
            FailedStep.UNSHARE,
            errno.EPERM,
            MachineFacts(system_administrator=False, seccomp=True),
            FailureCause.SECCOMP,
            "run it outside that sandbox, or: dmvpn lab up --simulated",
        ),
        (
            FailedStep.UNSHARE,
            errno.EPERM,
            MachineFacts(system_administrator=False, seccomp=True, container=True, apparmor_restricted=True),
            FailureCause.CONTAINER,
            "start the container with --security-opt seccomp=unconfined --security-opt apparmor=unconfined"
            " --device /dev/net/tun",
        ),
        (
            FailedStep.UNSHARE,
            errno.EPERM,
            MachineFacts(system_administrator=False, chroot=True, seccomp=True),
            FailureCause.CHROOT,
            "run it as root, or: dmvpn lab up --simulated",
        ),
        (
            FailedStep.PROC,
            errno.ENOENT,
            USER,
            FailureCause.NO_PROC,
            "sudo mkdir -p /proc && sudo mount -t proc proc /proc",
        ),
        (FailedStep.UNSHARE, errno.EPERM, ROOT, FailureCause.UNKNOWN, "run it with sudo, or: dmvpn lab up --simulated"),
        (FailedStep.UNSHARE, errno.EINVAL, USER, FailureCause.NOT_BUILT, "dmvpn lab up --simulated"),
        (FailedStep.ENTER, errno.EINVAL, USER, FailureCause.THREADS, "enter before any thread is started"),
        (
            FailedStep.ENTER,
            errno.EACCES,
            USER,
            FailureCause.OTHER_USER,
            "work as the user who started the lab, or with sudo",
        ),
        (FailedStep.ENTER, errno.ESRCH, USER, FailureCause.GONE, "dmvpn lab up"),
        (FailedStep.UNSHARE, errno.EIO, USER, FailureCause.UNKNOWN, "dmvpn lab up --simulated"),
    ],
)
def test_each_cause_is_told_apart_and_has_one_remedy(
    step: FailedStep, number: int, facts: MachineFacts, cause: FailureCause, fix: str
) -> None:
    problem = diagnose(step, number, facts)
    assert (problem.cause, problem.fix) == (cause, fix)
    assert str(problem).endswith(f"(try: {fix})")


def test_the_facts_of_this_machine_can_be_read() -> None:
    facts = MachineFacts.read()
    assert facts.system_administrator or not facts.real_root
