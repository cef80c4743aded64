"""The boots of user-mode Linux that these tests look at: two at a time, each once, only those that a chosen test needs.

A test that fails is tried once more by a boot of its own: what the first boot left would only fail it again. That one
does not wait for the boots that other tests need. On a busy machine all of them have more time.

With REFLAB_AGAIN=1 in the environment they look once more at what the last boots left.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from interop.evidence import NBMA, Run
from support.interop_page import tables

if TYPE_CHECKING:
    from collections.abc import Iterator

_HERE = Path(__file__).parent
_ROOT = _HERE.parent.parent
_BED = _HERE / "uml"
_OUT = _BED / "out"
#: Seconds; a boot takes one to three minutes on an idle machine.
_PATIENCE = 400
#: Times as long that a boot may take on a busy one.
_SLOWEST = 4
#: A boot runs in real time beside others; one that does not come to its end is begun again, so many times in all.
_TRIES = 3
#: By the name of their fixture: the scenario in uml/scen, and the nodes that run our router in it.
_SCENARIOS = {
    "spoke": ("smoke-spoke", ("spoke1",)),
    "hub": ("smoke-hub", ("hub",)),
    "six_hub": ("six-hub", ("hub",)),
    "six_spoke": ("six-spoke", ("spoke1",)),
    "our_hub": ("mixed-our-hub", ("hub", "spoke1")),
    "frr_hub": ("mixed-frr-hub", ("spoke1",)),
    "frr_behind_nat": ("nat-frr", ("hub", "spoke2")),
    "ours_behind_nat": ("nat-ours", ("spoke1",)),
    "eigrp": ("eigrp-mixed", ("hub", "spoke1")),
    "our_protected_hub": ("ipsec-our-hub", ("hub", "spoke2")),
    "foreign_protected_hub": ("ipsec-foreign-hub", ("spoke1",)),
    "spoke_cases": ("ipsec-spoke-cases", ("hub",)),
    "hub_cases": ("ipsec-hub-cases", ("spoke1",)),
    "foreign_behind_nat": ("ipsec-nat-foreign", ("hub", "spoke2")),
    "ours_behind_protected_nat": ("ipsec-nat-ours", ("spoke1",)),
    "isakmp_hub": ("isakmp-our-hub", ("hub", "spoke2")),
    "isakmp_nat": ("isakmp-nat", ("hub", "spoke2")),
    "isakmp_foreign_hub": ("isakmp-foreign-hub", ("spoke1",)),
    "isakmp_nat_ours": ("isakmp-nat-ours", ("spoke1",)),
    "libreswan_our_hub": ("libreswan-our-hub", ("hub", "spoke2")),
    "libreswan_our_spoke": ("libreswan-our-spoke", ("spoke1",)),
    "libreswan_isakmp_our_hub": ("libreswan-isakmp-our-hub", ("hub", "spoke2")),
    "libreswan_isakmp_our_spoke": ("libreswan-isakmp-our-spoke", ("spoke1",)),
    "openiked_our_hub": ("openiked-our-hub", ("hub", "spoke2")),
    "openiked_our_spoke": ("openiked-our-spoke", ("spoke1",)),
    "linux_gre": ("gre-options", ("spoke1",)),
    "older_kernel": ("older-kernel", ()),
    "front_door": ("front-door", ("hub", "spoke1", "spoke2")),
    "inside_vrf": ("inside-vrf", ("hub", "spoke1", "spoke2")),
}
#: What docs/reference/interop.md says of FRR's limits is true of these versions; another one may have none of them.
_KNOWN_FRR = [table.version for table in tables() if table.title.startswith("FRR")]
_NEEDED = {"linux.uml": "user-mode Linux", "/usr/lib/frr/nhrpd": "FRR"}
#: Where libreswan and OpenIKED are unpacked; scenarios that begin so need them.
_PEERS = _BED / "peers" / "complete"
_UNPACKED = ("libreswan", "openiked")


@dataclass
class Boots:
    """Boots that have begun, or wait for their turn."""

    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(max_workers=2))
    #: Second boots, each of which a test waits for.
    _again: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(max_workers=1))
    _begun: dict[str, Future[str]] = field(default_factory=dict)
    _repeated: set[str] = field(default_factory=set)
    _running: list[subprocess.Popen[str]] = field(default_factory=list)
    _ended: bool = False

    def begin(self, fixture: str) -> Future[str]:
        """Queue the boot of a fixture, if it is not there yet. Its result is what is wrong with it, if anything."""
        if fixture not in self._begun:
            pool = self._again if fixture in self._repeated else self._pool
            self._begun[fixture] = pool.submit(self._boot, _SCENARIOS[fixture][0])
        return self._begun[fixture]

    def run_of(self, fixture: str, test: pytest.Item) -> Run:
        """What the boot left, when it is over. The second try of a test boots it again, once for all.

        Fails or skips the test where there is no boot to look at.
        """
        scenario, ours = _SCENARIOS[fixture]
        if getattr(test, "execution_count", 1) > 1 and fixture not in self._repeated:  # pytest-rerunfailures counts
            if not self.begin(fixture).result():
                self._begun.pop(fixture)
                self._keep(scenario, "looked-wrong")
            self._repeated.add(fixture)
        if scenario.startswith(_UNPACKED) and not _PEERS.exists():
            pytest.skip("libreswan and OpenIKED are not unpacked. Run: scripts/debian-packages interop")
        problem = self.begin(fixture).result()
        if problem:
            pytest.fail(problem, pytrace=False)
        return Run(_OUT / scenario, ours)

    def end(self) -> None:
        """Let nothing of them run on."""
        self._ended = True
        for process in self._running:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
        for pool in (self._pool, self._again):
            pool.shutdown(cancel_futures=True)

    def _boot(self, scenario: str) -> str:
        """What is wrong with it, if anything, after its last try. The tries before are kept."""
        problem = self._try(scenario)
        for number in range(1, _TRIES):
            if not problem or not (_OUT / scenario).exists() or self._ended:
                break
            print(f"\ntry {number}: {problem}", file=sys.__stderr__, flush=True)
            self._keep(scenario, f"try-{number}")
            problem = self._try(scenario)
        return problem

    def _keep(self, scenario: str, name: str) -> None:
        """Put what a boot left aside, for those that look for the fault."""
        aside = _OUT / f"{scenario}-{name}"
        shutil.rmtree(aside, ignore_errors=True)
        (_OUT / scenario).rename(aside)

    def _try(self, scenario: str) -> str:
        if self._ended or (scenario.startswith(_UNPACKED) and not _PEERS.exists()):
            return f"{scenario} was not begun"
        if os.environ.get("REFLAB_AGAIN") and (_OUT / scenario / "RESULT").exists():
            return ""
        # How many times as long a boot, and each wait in it, may take now: programs that want a processor, for each
        load = min(_SLOWEST, max(1, round(os.getloadavg()[0] / (os.cpu_count() or 1))))
        settings = {
            "OURS_DIR": str(_ROOT),
            "OURS_PYTHON": sys.executable,
            "REFLAB_OUT": str(_OUT),
            "REFLAB_TIMEOUT": str(_PATIENCE * load),
            "REFLAB_LOAD": str(load),
        }
        process = subprocess.Popen(
            [str(_BED / "reflab.sh"), scenario],
            env={**os.environ, **settings},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # all its processes are one group
        )
        self._running.append(process)
        try:
            printed, _ = process.communicate(timeout=_PATIENCE * load + 20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGTERM)
            printed, _ = process.communicate()
        good = process.returncode == 0 and "rc=0" in printed
        return "" if good else f"{scenario} did not end well: {printed.strip()}\n{_last_words(_OUT / scenario)}"


def _last_words(left: Path) -> str:
    """Where a boot was when it ended: the last lines of its logs, and its processes if it never came to its end."""
    said = []
    for name, lines in (("console.log", 10), ("run.log", 15), ("stuck.txt", 60)):
        if (left / name).exists():
            said += [f"{left / name}:", *(left / name).read_text("utf-8", "replace").splitlines()[-lines:]]
    return "\n".join(said)


@pytest.fixture(scope="session")
def boots(request: pytest.FixtureRequest) -> Iterator[Boots]:
    """All boots that the chosen tests need, begun in the order of the tests."""
    for program, what in _NEEDED.items():
        if shutil.which(program) is None:
            pytest.skip(f"{what} is not installed. Run: scripts/debian-packages interop")
    all_boots = Boots()
    try:
        for item in request.session.items:
            if isinstance(item, pytest.Function):
                parameters = item.callspec.params if hasattr(item, "callspec") else {}
                # Not what a test calls "hub" itself, or the node of that name, whose capture it looks at.
                fixtures = [name for name in item.fixturenames if name not in parameters]
                chosen = [value for value in parameters.values() if isinstance(value, str) and value not in NBMA]
                for name in (*fixtures, *chosen):
                    if name in _SCENARIOS:
                        all_boots.begin(name)
        yield all_boots
    finally:
        all_boots.end()


def _known_frr(run: Run) -> None:
    """Skip what shows a limit of FRR where another version of it ran."""
    if run.frr not in _KNOWN_FRR:
        pytest.skip(f"a limit of FRR {' and '.join(_KNOWN_FRR)}; this is {run.frr}")


@pytest.fixture
def run(boots: Boots, request: pytest.FixtureRequest) -> Run:
    """One of the boots below, by its name: a fixture, so that the time of a test does not count the wait for it."""
    return boots.run_of(request.param, request.node)


@pytest.fixture
def limited_hub(frr_hub: Run) -> Run:
    """`frr_hub`, for a limit of FRR that it shows."""
    _known_frr(frr_hub)
    return frr_hub


@pytest.fixture
def limited_eigrp(eigrp: Run) -> Run:
    """`eigrp`, for a limit of FRR that it shows."""
    _known_frr(eigrp)
    return eigrp


def _of(name: str, whose: str) -> object:
    """Return the fixture of a boot. whose: its routers are."""

    def run(boots: Boots, request: pytest.FixtureRequest) -> Run:
        return boots.run_of(name, request.node)

    run.__doc__ = whose
    return pytest.fixture(name=name)(run)


spoke = _of("spoke", "Our router is spoke1; hub and spoke2 are FRR.")
hub = _of("hub", "Our router is the hub; both spokes are FRR.")
six_hub = _of("six_hub", "An overlay of IPv6: our router is the hub; both spokes are FRR.")
six_spoke = _of("six_spoke", "An overlay of IPv6: our router is spoke1; hub and spoke2 are FRR.")
our_hub = _of("our_hub", "Our routers are hub and spoke1; spoke2 is FRR. Each dies and comes back.")
frr_hub = _of("frr_hub", "Our router is spoke1; hub and spoke2 are FRR, which die and come back.")
frr_behind_nat = _of("frr_behind_nat", "Our routers are hub and spoke2; spoke1 is FRR and behind a NAT.")
ours_behind_nat = _of("ours_behind_nat", "Our router is spoke1 and behind a NAT; hub and spoke2 are FRR.")
eigrp = _of("eigrp", "EIGRP over the tunnel: our routers are hub and spoke1; spoke2 is FRR.")
our_protected_hub = _of(
    "our_protected_hub", "Our router is the hub and spoke2; spoke1 is FRR with strongSwan. Everything in ESP."
)
foreign_protected_hub = _of(
    "foreign_protected_hub", "FRR with strongSwan is the hub and spoke2; our router is spoke1. Everything in ESP."
)
spoke_cases = _of("spoke_cases", "Our router is the hub, spoke1 is FRR with strongSwan, again for each case.")
hub_cases = _of("hub_cases", "FRR with strongSwan is the hub, spoke1 is our router, again for each case.")
foreign_behind_nat = _of(
    "foreign_behind_nat", "Our routers are hub and spoke2; spoke1 is FRR with strongSwan and behind a NAT."
)
ours_behind_protected_nat = _of(
    "ours_behind_protected_nat", "Our router is spoke1 and behind a NAT; hub and spoke2 are FRR with strongSwan."
)
linux_gre = _of("linux_gre", "Our router is spoke1; the hub is Linux alone, but for FRR's nhrpd on one tunnel.")
front_door = _of("front_door", "All routers are ours, and have VRF devices.")
inside_vrf = _of("inside_vrf", "Likewise, and the tunnel with the LANs is in a VRF of its own.")
older_kernel = _of("older_kernel", "No network of the test bed, but a lab of ours.")
