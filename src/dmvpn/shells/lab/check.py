"""`dmvpn lab check`: whether this machine can run a lab, and if not, the command that changes that.

Everything is tried for real, in a lab that is removed afterwards; the caller is unaffected.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from dmvpn.base.values import dataclass
from dmvpn.dataplane import sysctl
from dmvpn.dataplane.netlink import NetlinkError, NetlinkSocket, VethEnd, create_veth, netfilter
from dmvpn.dataplane.problems import HostProblem
from dmvpn.dataplane.sockets import IcmpSocket
from dmvpn.dataplane.tap import DEVICE, Tap, open_device
from dmvpn.shells.lab.forked import ChildFailed, Json
from dmvpn.shells.lab.namespaces import new_network, run_in_lab
from dmvpn.shells.lab.problems import MachineFacts
from dmvpn.shells.runtime.preflight import without_filters

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class LabRequirement:
    """One requirement of a lab.

    evidence: the observation.
    fix: one command, None if nothing is wrong.
    """

    what: str
    ok: bool
    evidence: str
    fix: str | None = None


def check() -> list[LabRequirement]:
    """Try everything that a lab needs. Takes some milliseconds, changes nothing, raises nothing."""
    try:
        answers = run_in_lab(_try_inside)
    except HostProblem as problem:
        return [LabRequirement("namespaces", False, problem.what, problem.fix)]
    except ChildFailed as failure:
        return [LabRequirement("namespaces", False, str(failure).strip().splitlines()[-1], "dmvpn lab up --simulated")]
    return [_users(), *_from_json(answers)]


def _users() -> LabRequirement:
    if MachineFacts.read().system_administrator:
        return LabRequirement("user namespace", True, "not needed: we have CAP_SYS_ADMIN")
    return LabRequirement("user namespace", True, f"user {os.geteuid()} is root in a namespace of its own")


def _try_inside() -> Json:
    findings = [_processes(), _network(), *_taps(), _raw_socket(), _settings(), _translation(), _filters()]
    return [[finding.what, finding.ok, finding.evidence, finding.fix] for finding in findings]


def _from_json(answers: Json) -> Iterator[LabRequirement]:
    for answer in answers if isinstance(answers, list) else []:
        match answer:
            case [str(what), bool(ok), str(evidence), str() | None as fix]:
                yield LabRequirement(what, ok, evidence, fix)


def _processes() -> LabRequirement:
    seen = os.readlink("/proc/self")
    evidence = "with its own /proc" if seen == "1" else "but /proc is masked and shows the pids outside"
    return LabRequirement("process namespace", True, f"the supervisor is process {os.getpid()}, {evidence}")


def _network() -> LabRequirement:
    what = "network namespace"
    try:
        descriptor = new_network()
    except HostProblem as problem:
        return LabRequirement(what, False, problem.what, problem.fix)
    try:
        with NetlinkSocket() as kernel:
            kernel.call(create_veth(VethEnd(name="check"), VethEnd(name="check", namespace=descriptor)))
    except NetlinkError as error:
        command = "sudo modprobe veth" if error.errno == errno.EOPNOTSUPP else "run it with sudo"
        return LabRequirement(what, False, str(error), command)
    finally:
        os.close(descriptor)
    return LabRequirement(what, True, "made one, and a cable (veth) into it")


def _taps() -> list[LabRequirement]:
    try:
        os.close(open_device())
    except HostProblem as problem:
        return [LabRequirement(DEVICE, False, problem.what, problem.fix)]
    device = LabRequirement(DEVICE, True, "can be opened")
    try:
        Tap("check-tap").close()
    except HostProblem as problem:
        return [device, LabRequirement("TAP interface", False, problem.what, problem.fix)]
    return [device, LabRequirement("TAP interface", True, "made one (NET_ADMIN)")]


def _raw_socket() -> LabRequirement:
    what = "raw socket for GRE"
    try:
        IcmpSocket().close()
    except HostProblem as problem:
        return LabRequirement(what, False, problem.what, problem.fix)
    return LabRequirement(what, True, "opened one (NET_RAW)")


def _settings() -> LabRequirement:
    # No reason to stop: settings for forwarding are set by netlink where this is refused.
    writable = sysctl.writable()
    return LabRequirement(
        "/proc/sys", True, "writable" if writable else "read-only: some settings keep the host's values"
    )


def _translation() -> LabRequirement:
    # No reason to stop either: only gateways, and routers with NAT, need it.
    what = "address translation"
    try:
        netfilter.install(netfilter.Masquerade("check"))
    except HostProblem as problem:
        return LabRequirement(
            what, True, f"not here, so scenarios with gateways or NAT need --simulated: {problem.what}"
        )
    return LabRequirement(what, True, "nf_tables masquerades (for gateways, and routers with NAT)")


def _filters() -> LabRequirement:
    # Nor is this: only ports with access lists need it.
    lacking = without_filters()
    if lacking is not None:
        return LabRequirement("packet filters", True, f"not here, so ports with lists stay down: {lacking.meaning}")
    return LabRequirement("packet filters", True, "nf_tables filters (for access lists on ports)")
