"""Why a machine refuses namespaces: every cause is told apart and has one remedy."""

from __future__ import annotations

import errno

import pytest

from dmvpn.shells.lab.problems import Cause, MachineFacts, Step, diagnose

USER = MachineFacts(system_administrator=False)
ROOT = MachineFacts(system_administrator=True, real_root=True)


@pytest.mark.parametrize(
    ("step", "number", "facts", "cause", "fix"),
    [
        (
            Step.UNSHARE,
            errno.ENOSPC,
            MachineFacts(system_administrator=False, max_user_namespaces=0),
            Cause.SWITCHED_OFF,
            "sudo sysctl user.max_user_namespaces=15000",
        ),
        (
            Step.UNSHARE,
            errno.ENOSPC,
            MachineFacts(system_administrator=True, max_user_namespaces=96365, max_net_namespaces=10),
            Cause.LIMIT,
            "sudo sysctl user.max_net_namespaces=15000",
        ),
        (
            Step.UNSHARE,
            errno.ENOSPC,
            MachineFacts(system_administrator=False, max_user_namespaces=96365, max_net_namespaces=96365),
            Cause.LIMIT,
            "sudo sysctl user.max_user_namespaces=100000 user.max_net_namespaces=100000",
        ),
        (
            Step.MAP,
            errno.EPERM,
            MachineFacts(system_administrator=False, apparmor_restricted=True),
            Cause.APPARMOR,
            "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0",
        ),
        (
            # Ubuntu: unshare and maps succeed, the first privileged act inside fails
            Step.MOUNT,
            errno.EACCES,
            MachineFacts(system_administrator=True, real_root=False, apparmor_restricted=True),
            Cause.APPARMOR,
            "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0",
        ),
        (
            Step.UNSHARE,
            errno.EPERM,
            MachineFacts(system_administrator=False, userns_clone=0),
            Cause.SWITCHED_OFF,
            "sudo sysctl kernel.unprivileged_userns_clone=1",
        ),
        (
            Step.UNSHARE,
            errno.EPERM,
            MachineFacts(system_administrator=False, seccomp=True),
            Cause.SECCOMP,
            "run it outside that sandbox, or: dmvpn lab up --simulated",
        ),
        (
            Step.UNSHARE,
            errno.EPERM,
            MachineFacts(system_administrator=False, seccomp=True, container=True, apparmor_restricted=True),
            Cause.CONTAINER,
            "start the container with --security-opt seccomp=unconfined --security-opt apparmor=unconfined"
            " --device /dev/net/tun",
        ),
        (Step.UNSHARE, errno.EPERM, ROOT, Cause.UNKNOWN, "run it with sudo, or: dmvpn lab up --simulated"),
        (Step.UNSHARE, errno.EINVAL, USER, Cause.NOT_BUILT, "dmvpn lab up --simulated"),
        (Step.ENTER, errno.EINVAL, USER, Cause.THREADS, "enter before any thread is started"),
        (Step.ENTER, errno.EACCES, USER, Cause.OTHER_USER, "work as the user who started the lab, or with sudo"),
        (Step.ENTER, errno.ESRCH, USER, Cause.GONE, "dmvpn lab up"),
        (Step.UNSHARE, errno.EIO, USER, Cause.UNKNOWN, "dmvpn lab up --simulated"),
    ],
)
def test_each_cause_is_told_apart_and_has_one_remedy(
    step: Step, number: int, facts: MachineFacts, cause: Cause, fix: str
) -> None:
    problem = diagnose(step, number, facts)
    assert (problem.cause, problem.fix) == (cause, fix)
    assert str(problem).endswith(f"(try: {fix})")


def test_the_facts_of_this_machine_can_be_read() -> None:
    facts = MachineFacts.read()
    assert facts.system_administrator or not facts.real_root
