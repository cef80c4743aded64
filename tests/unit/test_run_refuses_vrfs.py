"""`dmvpn run` refuses by name what the kernel of its host lacks, before it changes anything."""

from __future__ import annotations

import errno
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dmvpn.app.config import startable
from dmvpn.base.errors import UserError
from dmvpn.dataplane import netlink
from dmvpn.dataplane.host import HostProblem
from dmvpn.dataplane.netlink.nfsocket import NetfilterSocket
from dmvpn.dataplane.userspace import records
from dmvpn.dataplane.userspace.records import Ledger, Records
from dmvpn.dataplane.userspace.vrf_devices import are_missing
from dmvpn.ios import ConfigSession, ConfigTree
from dmvpn.shells.lab.namespaces import FailedStep, FailureCause, MachineFacts, diagnose
from dmvpn.shells.runtime import preflight
from dmvpn.shells.runtime.preflight import language, problems_of_vrfs, refuse_what_cannot_run

if TYPE_CHECKING:
    from collections.abc import Iterator

IN_USE = [
    "interface Tunnel0",
    " tunnel vrf WAN",
    " vrf forwarding RED",
    "interface Loopback0",
    " ip vrf forwarding RED",
]


def test_a_port_in_a_vrf_is_refused_by_the_name_of_the_vrf() -> None:
    if not are_missing():
        pytest.skip("this kernel has VRF devices, or refuses to say so to this user")
    lines = ["vrf definition WAN", "interface GigabitEthernet0/1", " vrf forwarding WAN"]
    with pytest.raises(HostProblem, match="VRF WAN is in use, and the kernel of this host has no VRF devices"):
        refuse_what_cannot_run(lines)


def test_the_question_for_vrf_devices_makes_none() -> None:
    are_missing()
    with netlink.NetlinkSocket() as kernel:
        assert [link.name for link in kernel.links() if link.name.startswith("dmvpn-")] == []


def test_all_vrfs_in_use_are_named_once() -> None:
    (problem,) = problems_of_vrfs(IN_USE, missing=lambda: True)
    assert "the VRFs WAN, RED are in use" in str(problem)


def test_a_kernel_with_vrf_devices_takes_them() -> None:
    assert problems_of_vrfs(IN_USE, missing=lambda: False) == []


def test_a_vrf_whose_name_is_too_long_for_an_interface_of_linux_is_refused() -> None:
    (problem,) = problems_of_vrfs([" vrf forwarding PROVIDER-OF-THE-NORTH"], missing=lambda: False)
    assert "VRF PROVIDER-OF-THE-NORTH" in str(problem)
    assert "at most 15 octets" in str(problem)


@pytest.mark.parametrize("name", ["default", "all", "VRF%d", "65000:1", "a/b", ".."])
def test_a_vrf_whose_name_no_interface_of_linux_can_have_is_refused(name: str) -> None:
    """Of `VRF%d` Linux made an interface VRF0, which stayed; of `default` the router said "invalid argument"."""
    (problem,) = problems_of_vrfs([f" vrf forwarding {name}"], missing=lambda: False)
    assert str(problem).startswith(f"VRF {name}: '{name}' is no Linux interface name")


def test_a_vrf_that_nothing_is_in_stops_no_router() -> None:
    assert problems_of_vrfs(["vrf definition Mgmt-intf", " address-family ipv4"], missing=lambda: True) == []


PORT = "interface GigabitEthernet0/1"
FILTERED = f"""\
hostname BRANCH
ip access-list extended WAN-IN
 permit esp any any
{PORT}
 ip address dhcp
 ip access-group WAN-IN in
 ip verify unicast source reachable-via any
ip nat inside source list WAN-IN interface GigabitEthernet0/1 overload
end
"""


class Kernel:
    """A kernel that answers each transaction with this error."""

    def __init__(self, code: int) -> None:
        self.code, self.port = code, 1

    def __enter__(self) -> Kernel:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def transact(self, parts: object) -> None:
        if self.code:
            raise OSError(self.code, "refused")


@pytest.fixture
def no_nf_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "NetfilterSocket", lambda family: Kernel(errno.EPROTONOSUPPORT))


@pytest.mark.usefixtures("no_nf_tables")
def test_without_nf_tables_an_access_list_on_a_port_keeps_a_router_from_starting() -> None:
    """All packets passed, and the log said that none did."""
    with pytest.raises(UserError) as refused:
        startable("branch.cfg", FILTERED, (), language())
    assert str(refused.value).startswith("branch.cfg:6: ip access-group WAN-IN in: not supported (packet")
    assert "the kernel of this host has no nf_tables" in str(refused.value)
    assert "--without 'ip access-group WAN-IN in' (all of this kind: --without 'packet filters')" in str(refused.value)


@pytest.mark.usefixtures("no_nf_tables")
@pytest.mark.parametrize("named", ["WAN-IN", "ip access-group WAN-IN in"])
def test_a_user_who_names_the_lists_goes_without_them(named: str) -> None:
    with pytest.raises(UserError, match="ip verify unicast source reachable-via any: not supported"):
        startable("branch.cfg", FILTERED, (named,), language())
    with pytest.raises(UserError, match=r"ip nat inside source list WAN-IN .*: not supported .address transl"):
        startable("branch.cfg", FILTERED, ("packet filters",), language())
    entered = startable("branch.cfg", FILTERED, ("packet filters", "address translation"), language())
    assert "access-group" not in entered.text
    assert "ip verify" not in entered.text
    assert "permit esp any any" in entered.text


@pytest.mark.usefixtures("no_nf_tables")
def test_without_nf_tables_a_list_that_is_typed_later_is_refused_with_a_sentence() -> None:
    session = ConfigSession(language(), ConfigTree())
    session.enter(PORT)
    result = session.enter("ip access-group WAN-IN in")
    assert result.refused
    (said,) = result.output_lines
    assert said.startswith("% Error: no packet filters here; the line was refused, because the kernel of this host")
    assert not session.enter("no ip access-group WAN-IN in").refused
    assert not session.enter("no ip unreachables").refused


@pytest.mark.parametrize("code", [errno.EPERM, 0])
def test_a_user_who_may_not_ask_the_kernel_and_a_kernel_that_filters_are_refused_nothing(
    monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    monkeypatch.setattr(preflight, "NetfilterSocket", lambda family: Kernel(code))
    entered = startable("branch.cfg", FILTERED.replace("permit esp", "permit ip"), (), language())
    assert entered.text == FILTERED.replace("permit esp", "permit ip")


def test_the_question_for_packet_filters_and_translation_makes_no_table() -> None:
    for ask in preflight.BEYOND.values():
        ask()
    try:
        with NetfilterSocket() as kernel:
            assert [name for name in kernel.tables() if "probe" in name] == []
    except OSError:
        pytest.skip("this kernel has no nf_tables, or refuses to say so to this user")


# Why a machine refuses namespaces: every cause is told apart and has one remedy.

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


# Records of a namespace, while routers of this and of other namespaces begin and end at the same moment.


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(records, "_root", lambda: tmp_path)
    return tmp_path


def test_records_are_on_disk_though_another_namespace_tidies_its_own_away_meanwhile(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They were in memory then: two routers of one namespace did not know of each other."""
    listed = Path.iterdir

    def with_one_that_goes(folder: Path) -> Iterator[Path]:
        yield from listed(folder)
        if folder == root:
            yield root / f"{records.boot_id()}-1-1"

    monkeypatch.setattr(Path, "iterdir", with_one_that_goes)
    assert Records.here().folder is not None


def test_whoever_waited_for_a_folder_that_is_tidied_away_makes_it_again(root: Path) -> None:
    """It held the lock of a folder that was gone, and its records were nowhere."""
    here = Records.here()
    begun = threading.Event()

    def begin() -> None:
        begun.set()
        with Records(here.folder).locked():
            ledgers.append(Ledger(here.folder))

    ledgers: list[Ledger] = []
    waiting = threading.Thread(target=begin)
    with here.locked():
        waiting.start()
        begun.wait()
        waiting.join(0.1)  # it waits for the lock
        assert not ledgers
        here.tidy()
    waiting.join()
    assert ledgers[0].path is not None
    assert here.others().living
    ledgers[0].close()
