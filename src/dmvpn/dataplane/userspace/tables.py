"""A table of nf_tables, from its first rules to its end: restored when another program changes it.

A table has a name that no living router of this network namespace has ("dmvpn-nat", then "dmvpn-nat-2" ...), and is in
the records: the table of a killed router stays in force until the next run replaces it in one step, begins without one,
or `dmvpn cleanup` removes it. nf_tables is not used before the first rules.

    its rules are many             put by transactions into chains that no packet passes; the last one switches
    another program changes it     restored at once, by the next reading of the kernel's notifications
    again and again                at growing intervals, reported once, and when it ends (as `keeper`)
    it cannot be restored          reported; put when its rules are ordered again

An owned table is changed by this process alone, since Linux 6.9: other programs cannot delete it, and `nft flush
ruleset` leaves it out. On older kernels it is like all other tables.
"""

from __future__ import annotations

import errno
import itertools
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from dmvpn.base.events import Event, KernelContested
from dmvpn.base.values import Value
from dmvpn.dataplane.netlink import nftables
from dmvpn.dataplane.netlink.nfsocket import Family, NetfilterMonitor, NetfilterSocket, RuleThere
from dmvpn.dataplane.userspace import keeper
from dmvpn.dataplane.userspace.differences import Difference
from dmvpn.dataplane.userspace.engine import Watch
from dmvpn.dataplane.userspace.keeper import Later, RouterTable, TablePurpose, words
from dmvpn.dataplane.userspace.records import Belongings, Ledger, Others, Records

#: The largest transaction in octets. A kernel with its default limits refuses one of 416 KiB (EMSGSIZE).
_OCTETS: Final = 1 << 17
#: Begins the end of a chain's name.
_MARK: Final = "."
_OWNED: Final = nftables.TableFlag.OWNER | nftables.TableFlag.PERSIST
_OURS: Final = re.compile(rf"dmvpn-(?P<purpose>{'|'.join(purpose.value for purpose in TablePurpose)})(?:-\d+)?")


class TableHost(Value):
    """What the tables of one network namespace share. others: the other routers here. later: see `Keeper`."""

    ledger: Ledger
    others: Callable[[], Others]
    report: Callable[[Event], None]
    watch: Watch | None = None
    later: Later | None = None


class KernelTable:
    """The table for one purpose in the network namespace in which it gets its first rules."""

    def __init__(
        self,
        purpose: TablePurpose,
        host: TableHost,
        contents: Callable[[str, str], nftables.Ruleset],
        lost: Callable[[OSError], None],
        *,
        owned: bool = False,
        after: Callable[[], None] | None = None,
    ) -> None:
        """contents: for the name of a table, and the end of the names of its chains. lost: called when it is gone and
        the kernel does not take it again: then its rules must be ordered again.

        owned: no other program may change it; it is put beside a table that a killed router left.

        after: called when the table was put, before its rules are compared.
        """
        self._owned, self._gone = owned, lost
        self._flags: nftables.TableFlag | None = None
        self._after = after
        self._purpose = purpose
        self._host = host
        self._contents = contents
        self._kernel: NetfilterSocket | None = None
        self._monitor: NetfilterMonitor | None = None
        self._name = ""
        self._is_wanted = False
        #: Our rules with the numbers that the kernel gave them.
        self._there: list[tuple[str, int]] = []
        self._inherited: tuple[str, ...] = ()
        self._losses = 0
        self._lost_at = float("-inf")
        self._contested = False
        self._waiting = False

    @property
    def kernel(self) -> NetfilterSocket | None:
        """The socket to nf_tables; None before the first rules."""
        return self._kernel

    @property
    def name(self) -> str:
        """The name of the table, "" before the first rules."""
        return self._name

    @property
    def is_put(self) -> bool:
        """Whether the table is in the kernel, as far as we know."""
        return self._is_wanted and bool(self._there)

    @property
    def inherited(self) -> tuple[str, ...]:
        """The tables of killed routers that are still in force."""
        return self._inherited

    def change(self, parts: Sequence[nftables.Part], switch: Sequence[nftables.Part]) -> None:
        """Add parts that no packet passes, in as many transactions as they need, then switch to them in one step.

        The switch has a transaction of its own: sets of boxes are empty until the kernel has done the rest of theirs.
        Raises OSError.
        """
        if self._kernel is not None:
            for some in (*nftables.in_transactions(parts, _OCTETS), switch):
                self._kernel.transact(some)

    def changed(self) -> None:
        """Take in that the rules are as they shall be. Raises OSError."""
        if self._kernel is not None:
            self._there = self._handles(self._kernel)

    def put(self) -> None:
        """Replace all its rules in one step, and keep them from now on. Raises OSError; a repeated call tries again."""
        self._is_wanted = True
        kernel = self.open()
        self._put(kernel)

    def remove(self) -> None:
        """Remove it, until new rules are put."""
        self._is_wanted = False
        if self._kernel is not None and self._name:
            self._there = []
            try:
                self._kernel.transact(_removal(self._name, self._flags))
            except OSError:
                return  # it stays in the records, for a later cleanup
            self._host.ledger.released(self._name)

    def close(self) -> None:
        """Remove it, and stop watching."""
        self.age()
        if self._monitor is not None and self._host.watch is not None:
            self._host.watch.remove(self._monitor.fileno())
            self._monitor.close()
            self._monitor = None
        if self._kernel is not None:
            self.remove()
            self._kernel.close()
            self._kernel = None

    def inherit(self, others: Others) -> None:
        """Let tables of killed routers stay in force until this one has put its own (`age`)."""
        names = {name for dead in others.dead for name in dead.tables}  # sorted below
        self._inherited = tuple(sorted(name for name in names if purpose_of(name) is self._purpose))

    def age(self) -> None:
        """Remove inherited tables that were not taken over."""
        inherited, self._inherited = self._inherited, ()
        if any(name != self._name for name in inherited):
            remove_tables(self._host.others(), self._purpose, but=self._name)

    def rules(self) -> list[RuleThere]:
        """Return the rules that were put, with their counters; none before that. Raises OSError."""
        return self._kernel.rules(self._name) if self._kernel is not None and self._there else []

    def differences(self) -> list[Difference]:
        """Return the differences between the table and its rules. Raises OSError."""
        if self._kernel is None or not self._is_wanted:
            return []
        there = self._handles(self._kernel)
        if there == self._there:
            return []
        return [Difference(self._words(), "other rules are in it" if there else "missing")]

    # ------------------------------------------------------------------------------------------------ restoring

    def open(self) -> NetfilterSocket:
        """Return the socket, with which the table is made. Raises OSError."""
        if self._kernel is None:
            self._kernel = NetfilterSocket(self._purpose.family)
            if self._host.watch is not None:
                self._monitor = NetfilterMonitor()
                self._host.watch.add(self._monitor.fileno(), self._heard)
        if not self._name:
            taken = {name for other in self._host.others().living for name in other.tables}  # looked up, never iterated
            if self._owned:
                taken |= set(self._kernel.tables())
                self._flags = _OWNED if self._can_own(self._kernel) else None
            first = f"dmvpn-{self._purpose.value}"
            names = itertools.chain((first,), (f"{first}-{number}" for number in itertools.count(2)))
            self._name = next(name for name in names if name not in taken)
        return self._kernel

    def _can_own(self, kernel: NetfilterSocket) -> bool:
        """Return whether the kernel knows tables with an owner that stay. Raises OSError: it has no nf_tables."""
        probe = f"dmvpn-probe-{kernel.port}"
        try:
            kernel.transact([nftables.new_table(probe, _OWNED), nftables.delete_table(probe)])
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
                raise
            return False
        return True

    def _put(self, kernel: NetfilterSocket) -> None:
        self._host.ledger.holds(self._name)
        former = kernel.chains(self._name)
        # An end for names of chains that none of these has: new chains are built beside them
        taken = dict.fromkeys(name.partition(_MARK)[2].partition("-")[0] for name in former)
        contents = self._contents(
            self._name, next(f"{_MARK}{number}" for number in itertools.count(1) if str(number) not in taken)
        )
        parts = [*contents.chains, *contents.bases]
        if len(list(nftables.in_transactions(parts, _OCTETS))) <= 1:
            kernel.transact([*_removal(self._name, self._flags), nftables.new_table(self._name, self._flags), *parts])
        else:
            kernel.transact([nftables.new_table(self._name, self._flags)])
            for some in nftables.in_transactions(contents.chains, _OCTETS):
                kernel.transact(some)
            ends = [end(self._name, name) for end in (nftables.empty_chain, nftables.delete_chain) for name in former]
            kernel.transact([*ends, *contents.bases])
        if self._after is not None:
            self._after()
        self._there = self._handles(kernel)

    def _heard(self) -> None:
        if self._monitor is None or self._kernel is None:
            return
        # Rules are read only if need be: a host's other programs may change their tables all the time.
        if self._monitor.read_notifications(self._name, self._kernel.port):
            self._restore()

    def _restore(self) -> None:
        """Restore the table if it was changed: at once, and at growing intervals if another program insists."""
        if self._kernel is None or not self._is_wanted or self._waiting:
            return
        try:
            if self._handles(self._kernel) == self._there:
                return
            delay = self._lost()
            if delay and self._host.later is not None:
                self._waiting = True
                self._host.later(delay, self._restore_late)
            else:
                self._put(self._kernel)
        except OSError as error:  # it was refused, or an answer is lost
            self._refused(error)

    def _restore_late(self) -> None:
        self._waiting = False
        try:
            if self._kernel is not None and self._is_wanted and self._handles(self._kernel) != self._there:
                self._put(self._kernel)
        except OSError as error:
            self._refused(error)

    def _refused(self, error: OSError) -> None:
        """Take in that the kernel does not take the table again."""
        self._there = []
        self._gone(error)

    def _lost(self) -> float:
        """Count a loss or change of the table. Returns the seconds until it is restored."""
        now = time.monotonic()
        self._losses = self._losses + 1 if now - self._lost_at < keeper.CALM else 1
        self._lost_at = now
        if self._losses >= keeper.FIGHT and not self._contested and self._host.later is not None:
            self._contested = True
            self._host.report(KernelContested(self._words(), ended=False))
            self._host.later(keeper.CALM, self._calm)
        later = self._losses - keeper.AT_ONCE
        return min(keeper.FIRST_DELAY * 2**later, keeper.LONGEST_DELAY) if later > 0 else 0.0

    def _calm(self) -> None:
        """Take in that the conflict may be over."""
        left = self._lost_at + keeper.CALM - time.monotonic()
        if left > 0 and self._host.later is not None:
            self._host.later(left, self._calm)
        elif self._kernel is not None:
            self._contested = False
            self._host.report(KernelContested(self._words(), ended=True))

    def _words(self) -> str:
        return words(RouterTable(self._name, self._purpose), str)

    def _handles(self, kernel: NetfilterSocket) -> list[tuple[str, int]]:
        """Return the chains and numbers of all rules. An owned table is not read: it is ours, or it is gone."""
        if self._flags is not None:
            return [(self._name, 0)] if self._name in kernel.tables() else []
        return [(one.chain, one.handle) for one in kernel.rules(self._name)]


def purpose_of(table: str) -> TablePurpose | None:
    """Return what a table of ours is for; None: the name is not of ours."""
    found = _OURS.fullmatch(table)
    return None if found is None else TablePurpose(found["purpose"])


def our_tables(kernel: NetfilterSocket) -> list[RouterTable]:
    """Return the tables of all routers of ours here, living or dead. Raises OSError."""
    names = kernel.tables(Family.IP, Family.IP6)
    return [RouterTable(name, purpose) for name in names if (purpose := purpose_of(name)) is not None]


def remove_tables(others: Others, purpose: TablePurpose | None = None, *, but: str = "") -> list[RouterTable]:
    """Remove tables of dead routers in the network namespace of the calling thread, all but one; returns them.

    purpose: only tables for this.
    """
    living = {name for other in others.living for name in other.tables}  # looked up, never iterated
    try:
        with NetfilterSocket() as kernel:
            found = [one for one in our_tables(kernel) if one.name not in living and one.name != but]
            found = [one for one in found if purpose in (None, one.purpose)]
            for one in found:
                kernel.transact([nftables.delete_table(one.name)], one.purpose.family)
            return found
    except OSError:  # a kernel without nf_tables has none
        return []


class RecordsInside(Records):
    """The records of a network namespace of this router alone, in memory.

    All tables of ours there are those of a killed one.
    """

    def __init__(self) -> None:
        super().__init__(None)

    def others(self, own: Path | None = None) -> Others:
        """Return our tables there as those of a killed router."""
        try:
            with NetfilterSocket() as kernel:
                return Others(dead=(Belongings(tables={one.name for one in our_tables(kernel)}),))
        except OSError:  # a kernel without nf_tables has none
            return Others()


def _removal(table: str, flags: nftables.TableFlag | None) -> list[nftables.Part]:
    """Return the transaction that removes a table, whether it exists or not."""
    return [nftables.new_table(table, flags), nftables.delete_table(table)]
