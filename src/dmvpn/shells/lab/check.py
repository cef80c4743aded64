"""`dmvpn lab check`: whether this machine can run a lab, and if not, the command that changes that.

Everything is tried for real, in a lab that is removed afterwards; the caller is unaffected.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator

from dmvpn.base.values import Value
from dmvpn.dataplane import host
from dmvpn.dataplane.host import HostProblem
from dmvpn.dataplane.netlink import NetlinkError, NetlinkSocket, VethEnd, create_veth
from dmvpn.dataplane.sockets import IcmpSocket
from dmvpn.dataplane.tap import DEVICE, Tap, open_device
from dmvpn.shells.lab.forked import ChildFailed, Json
from dmvpn.shells.lab.namespaces import MachineFacts, new_network, run_in_lab
from dmvpn.shells.runtime.preflight import without_filters, without_translation


class LabRequirement(Value):
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
    # No reason to stop: only ports with access lists need it.
    lacking, evidence = without_filters(), "nf_tables filters (for access lists on ports)"
    if lacking is not None:
        evidence = f"not here, so ports with lists stay down: {lacking.meaning}"
    findings = [
        _processes(),
        _network(),
        *_taps(),
        _tried("raw socket for GRE", lambda: IcmpSocket().close(), "opened one (NET_RAW)"),
        _settings(),
        _translation(),
        LabRequirement("packet filters", True, evidence),
    ]
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
    device = _tried(DEVICE, lambda: os.close(open_device()), "can be opened")
    if not device.ok:
        return [device]
    return [device, _tried("TAP interface", lambda: Tap("check-tap").close(), "made one (NET_ADMIN)")]


def _tried(what: str, attempt: Callable[[], None], evidence: str) -> LabRequirement:
    try:
        attempt()
    except HostProblem as problem:
        return LabRequirement(what, False, problem.what, problem.fix)
    return LabRequirement(what, True, evidence)


def _settings() -> LabRequirement:
    # No reason to stop: settings for forwarding are set by netlink where this is refused.
    writable = host.writable()
    return LabRequirement(
        "/proc/sys", True, "writable" if writable else "read-only: some settings keep the host's values"
    )


def _translation() -> LabRequirement:
    # No reason to stop either: only gateways, and routers with NAT, need it.
    lacking, evidence = without_translation(), "nf_tables masquerades (for gateways, and routers with NAT)"
    if lacking is not None:
        evidence = f"not here, so scenarios with gateways or NAT need --simulated: {lacking.meaning}"
    return LabRequirement("address translation", True, evidence)
