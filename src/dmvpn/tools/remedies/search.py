"""The search by trial: which configuration change restores the traffic, where no rule of the doctor finds the cause.

    unchanged copy        if no pair of LANs suffers there (`affected_pairs`), the configurations are not the cause
    proposals             for the routers on the paths of these pairs: remove lines that only one router of its role
                          has; add lines that the other routers of the role have; remove each other line; switch
                          options of the language; add lines that other routers have in no section
    trial                 a fresh copy with the change, brought up: which pairs still suffer, and whether any is worse
    groups                all proposals of one kind for one router together, halved while they help; then one by one
    the remaining pairs   if a change restores some of the pairs, the search continues for the rest

Each trial is a network of its own, from its first packet on: no trial influences the next, and the same configurations
give the same answer. A search is bounded by a number of trials, and by the time that its caller has.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from dmvpn.base.errors import UserError, surely
from dmvpn.base.values import Value
from dmvpn.shells.scenario import Scenario
from dmvpn.tools.diff.behavior import LanPair, Talk
from dmvpn.tools.diff.measuring import Rows, Subject, choose_pairs, converge, sample, talk_of, warm_up, worse
from dmvpn.tools.doctor.verdicts import takes_security
from dmvpn.tools.remedies.affected_pairs import (
    AffectedPairs,
    KeptApart,
    Kinds,
    affected_pairs,
    harmed,
    hunks,
    in_order,
    kept_apart,
    left,
    taken_back,
    without_others,
)
from dmvpn.tools.remedies.changes import Names, Proposals, RouterChange, command_of, with_changes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from dmvpn.tools.remedies.trial import Copy

#: Trials of one search, pairs of LANs that the first look covers, and pairs that a trial measures.
MOST_TRIALS, PAIRS, WATCHED = 160, 40, 16
#: Changes that together may be needed, each restoring some of the pairs; trials for further cures of the same size.
MOST_CHANGES, MOST_OTHERS = 3, 12
#: The largest number of routers with which each trial has all of them; in larger networks: sites that suffer, and
#: sites that do not.
FEW, _AFFECTED, _WELL = 12, 4, 4
#: Commands that reset protocols of a router, the least disruptive first.
_AGAIN: Final = ("clear ip nhrp", "clear ip eigrp neighbors", "clear ip ospf process", "clear ip bgp *")
#: Virtual seconds until the timers of a copy have acted, and until it has recovered after lines were typed; packets of
#: each pair that are counted.
SETTLED, HEALED, PACKETS = 40.0, 130.0, 8


class SearchResult(Value):
    """The result of a search. changes: () if none helps. before, after: the measured traffic. tried: trials made.

    alternatives: as many changes of other lines that restore as much. again: the `clear` command that each changed
    router needs as well, if the changes are typed into running routers. restart: True if they take effect only after a
    restart. apart: LANs that access lists keep apart.
    """

    affected: AffectedPairs
    changes: tuple[RouterChange, ...] = ()
    alternatives: tuple[RouterChange, ...] = ()
    before: Rows | None = None
    after: Rows | None = None
    tried: int = 0
    again: str = ""
    restart: bool = False
    apart: tuple[KeptApart, ...] = ()

    @property
    def restores(self) -> bool:
        """Return whether no pair suffers any more."""
        return self.after is not None and not left(self.affected, self.after.talks).pairs

    @property
    def is_since(self) -> bool:
        """Whether the changes take back what differs from the last good configurations."""
        return _is_since(self.changes)


class Search:
    """One search.

    build: makes a copy of a scenario. earlier: configurations of these routers that were good, the newest first.
    is_over: True once the caller's time is spent. The last argument prints the progress.
    """

    def __init__(
        self,
        scenario: Scenario,
        build: Callable[[Scenario], Copy],
        *,
        earlier: Iterable[Mapping[str, str]] = (),
        is_over: Callable[[], bool] = lambda: False,
        tell: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._scenario = scenario
        self._build = build
        self._earlier = earlier
        self._is_over = is_over
        self._tell = tell
        self._tried = 0
        self._affected = AffectedPairs({})
        self._kind = ""
        self._apart: tuple[KeptApart, ...] = ()
        self._talks: Mapping[LanPair, Talk] = {}
        self._good: Mapping[LanPair, Talk] = {}
        self._results: dict[tuple[RouterChange, ...], Rows | None] = {}

    def run(self, about: Sequence[str] = (), *, strict: bool, deep: bool = True) -> SearchResult:
        """Return the pairs that suffer, and the smallest change found that restores them.

        about: each pair must involve one of these routers; (): any pair. strict: a pair that is cut off counts as
        suffering only if other pairs of its kind are not cut off. deep: search on where the earlier configurations show
        nothing.
        """
        pairs = self._looked_at(about, strict=strict)
        for good in self._earlier:
            if self._is_over():
                break
            since = self._since(good, pairs, about)
            if since is not None:
                return since
        if not deep:
            return SearchResult(self._affected, tried=self._tried)
        if self._affected.pairs and len(self._overlay) > FEW:
            self._confine()
            pairs = self._looked_at(about, strict=False)
        if not self._affected.pairs:
            return SearchResult(self._affected, apart=self._apart)
        self._watch(pairs)
        if self._is_spent:
            return SearchResult(self._affected, tried=self._tried, apart=self._apart)
        self._proposed = Proposals(self._scenario.configurations, Names(self._scenario))
        found = self._searched()
        return self._result(found, self._alike(found))

    def _result(self, changes: tuple[RouterChange, ...], others: tuple[RouterChange, ...]) -> SearchResult:
        again = self._typed(changes) if changes else ""
        likely = self._routers()
        return SearchResult(
            self._affected,
            tuple(sorted(changes, key=lambda one: likely.index(one.router))),
            others,
            self._before,
            self._results.get(changes),
            self._tried,
            again or "",
            restart=again is None,
            apart=self._apart,
        )

    def _since(self, good: Mapping[str, str], pairs: Sequence[LanPair], about: Sequence[str]) -> SearchResult | None:
        """Return the smallest part of the difference to earlier configurations that has to be taken back.

        None: no pair does worse than with them, or no part of it helps.
        """
        one = self._scenario
        of_sites = {name: one.configurations[name] for name in self._overlay}  # the provider's are its own
        # Protection that came is meant, and not taken away.
        known = [one for one in hunks(of_sites, good) if not any(map(takes_security, one.typed))]
        retyped = [*in_order(of_sites, good, known)]
        if not known and not retyped:
            return None
        texts = {name: good.get(name, text) for name, text in one.configurations.items()}
        copy = self._build(Scenario(one.name, one.lab, texts, one.certificates))
        pairs = tuple(dict.fromkeys((*pairs, *_pairs(copy.subject, about, of_all=True))))
        pairs = tuple(pair for pair in pairs if {*pair} <= {*copy.subject.lans} & {*self._kinds.lans})
        _bring_up(copy, pairs)
        if not {*pairs} <= {*self._talks}:
            now = self._build(one)
            _bring_up(now, pairs)
            self._talks = talk_of(now.subject, pairs, PACKETS)
        self._good = talk_of(copy.subject, pairs, PACKETS)
        harm = harmed(self._talks, self._good)
        if not harm.pairs:
            return None
        kept, self._affected = self._affected, harm
        self._watch(pairs)
        for changes in (known, [*known, *retyped]):
            found = self._part_of(changes)
            if found:
                rest = tuple(each for each in changes if each not in found)
                others = tuple(self._halved((), rest)) if rest and self._left(rest) <= self._left(found) else ()
                return self._result(found, others if len(others) == len(found) else ())
        self._affected = kept
        return None

    def _part_of(self, changes: Sequence[RouterChange]) -> tuple[RouterChange, ...]:
        """Return the smallest part of a difference that helps; () for none."""
        least = len(self._affected.pairs)
        if self._left(tuple(changes)) >= least:  # one that cannot be taken back spoils the whole
            changes = [each for each in changes if self._left((each,)) < least]
        found = tuple(self._halved((), changes)) if changes else ()
        return found if found and self._left(found) < least else ()

    def _watch(self, pairs: Sequence[LanPair]) -> None:
        """Choose the pairs that each trial measures: some that suffer, and some that do not."""
        well = [pair for pair in pairs if pair not in self._affected.pairs]
        self._pairs = (*sample(list(self._affected.pairs), WATCHED // 2), *sample(well, WATCHED // 2))
        watched = {pair: self._affected.pairs[pair] for pair in self._pairs if pair not in well}
        self._affected = replace(self._affected, pairs=watched)
        self._before = surely(self._measured(()))

    def _looked_at(self, about: Sequence[str], *, strict: bool) -> tuple[LanPair, ...]:
        """Let all pairs of a copy talk, and note which of them suffer."""
        copy = self._build(self._scenario)
        pairs = _pairs(copy.subject, about)
        _bring_up(copy, pairs)
        self._kinds = Kinds.of(copy.facts(), copy.subject.lans)
        self._talks = talk_of(copy.subject, pairs, PACKETS)
        self._affected = affected_pairs(self._talks, self._kinds, strict=strict)
        self._apart = tuple(kept_apart(self._kinds, self._affected.denied))
        return pairs

    @property
    def _overlay(self) -> list[str]:
        one = self._scenario
        return [name for name in one.configurations if one.role(name) != "provider"]

    def _confine(self) -> None:
        """Go on with a smaller network: servers, providers, some sites that suffer, and some that do not."""
        lans = self._kinds.lans
        affected = list(dict.fromkeys(lans[end].site for pair in self._affected.pairs for end in pair))[:_AFFECTED]
        servers = {name for name, _ in self._kinds.scene.servers()}
        well = [name for name in self._overlay if name not in affected and name not in servers][:_WELL]
        providers = [name for name in self._scenario.configurations if name not in self._overlay]
        self._scenario = without_others(self._scenario, {*affected, *servers, *well, *providers})

    # ------------------------------------------------------------------------------------------------ the search

    def _searched(self) -> tuple[RouterChange, ...]:
        """Return changes that together restore most; () for none."""
        kept: tuple[RouterChange, ...] = ()
        for _ in range(MOST_CHANGES):
            better = self._next(kept)
            if better is None:
                return kept
            kept = better
            if not self._left(kept):
                return self._smallest(kept)
        return kept

    def _next(self, kept: tuple[RouterChange, ...]) -> tuple[RouterChange, ...] | None:
        """Return the changes with further ones that leave fewer affected pairs; None if no further change helps.

        A change that restores only some of the pairs is taken if no change of its kind restores all.
        """
        least, best = self._left(kept), None
        for groups in self._proposals():
            for group in groups:
                fresh = [one for one in group if one not in kept]
                for candidate in self._of_group(kept, fresh):
                    if self._left(candidate) < least:
                        best = candidate
                        # And others that do the same elsewhere, as far as these help further.
                        for one in self._proposed.likewise(candidate[-1]):
                            if self._left((*best, one)) < self._left(best):
                                best = (*best, one)
                        least = self._left(best)
                    if least == 0 or self._is_spent:
                        return best
            if best is not None:
                return best
        return best

    def _of_group(
        self, kept: tuple[RouterChange, ...], group: Sequence[RouterChange]
    ) -> Iterator[tuple[RouterChange, ...]]:
        """Yield the proposals of a group: all compatible ones together, then one by one."""
        # The changes that can be made together: none of them touches a line that an earlier one touches
        found: list[RouterChange] = []
        touched: set[tuple[str, tuple[str, ...], str]] = set()
        for change in group:
            if touched.isdisjoint(_touched(change)):
                found.append(change)
                touched |= _touched(change)
        together = tuple(found)
        if len(together) > 1 and self._left((*kept, *together)) < self._left(kept):
            yield (*kept, *self._halved(kept, together))
            return
        for one in group:
            yield (*kept, one)

    def _halved(self, kept: tuple[RouterChange, ...], group: Sequence[RouterChange]) -> Sequence[RouterChange]:
        """Return as few of a group that helps as still help as much."""
        goal = self._left((*kept, *group))
        size = max(1, len(group) // 2)
        while len(group) > 1:
            parts = [group[start : start + size] for start in range(0, len(group), size)]
            smaller = next((part for part in parts if self._left((*kept, *part)) <= goal), None)
            if smaller is None and len(parts) > 2:
                rest = ([one for one in group if one not in part] for part in parts)
                smaller = next((part for part in rest if self._left((*kept, *part)) <= goal), None)
            if smaller is not None:
                group, size = smaller, max(1, len(smaller) // 2)
            elif size == 1:
                break
            else:
                size = max(1, size // 2)
        return group

    def _alike(self, found: tuple[RouterChange, ...]) -> tuple[RouterChange, ...]:
        """Return another change that restores as much as a single one, of the same kind and elsewhere; () for none."""
        if len(found) != 1:
            return ()
        mine = _touched(found[0])
        groups = next((some for some in self._proposals() if any(found[0] in group for group in some)), [])
        fresh = [one for group in groups for one in group if mine.isdisjoint(_touched(one))]
        commands = {beginning for _, _, beginning in mine}
        fresh.sort(key=lambda one: commands.isdisjoint(beginning for _, _, beginning in _touched(one)))
        return next(((one,) for one in fresh[:MOST_OTHERS] if self._left((one,)) <= self._left(found)), ())

    def _smallest(self, kept: tuple[RouterChange, ...]) -> tuple[RouterChange, ...]:
        """Return the smallest part of the changes that is still enough."""
        for one in kept:
            fewer = tuple(other for other in kept if other != one)
            if fewer and not self._left(fewer):
                kept = fewer
        return kept

    def _proposals(self) -> Iterator[list[list[RouterChange]]]:
        """Yield groups of proposals kind by kind, the more plausible first; in a kind a group for each router."""
        known, routers = self._proposed, self._routers()
        for kind, propose in (
            ("lines that one router alone has", known.odd),
            ("lines that its fellows have", known.missing),
            ("lines of other sections", known.elsewhere),
        ):
            self._kind = kind
            yield [propose(router) for router in routers]
        self._kind = "removal of each other line"
        yield [[one] for router in routers for one in known.gone(router)]
        for kind, propose in (("options of the language", known.switched), ("lines of no section", known.outermost)):
            self._kind = kind
            yield [propose(router) for router in routers]

    def _routers(self) -> list[str]:
        """Return all routers, ordered by how strongly affected pairs point to them (Ochiai's measure)."""
        passed = {pair: self._passed(pair) for pair in self._pairs}
        affected = [pair for pair in self._pairs if pair in self._affected.pairs]

        def likely(router: str) -> float:
            here = sum(router in passed[pair] for pair in affected)
            total = sum(router in names for names in passed.values())
            return here / (len(affected) * total) ** 0.5 if total else 0.0

        names = [one for one in self._scenario.configurations if self._scenario.role(one) != "provider"]
        providers = [one for one in self._scenario.configurations if one not in names]
        return [*sorted(names, key=likely, reverse=True), *providers]

    def _passed(self, pair: LanPair) -> set[str]:
        """Return the ends of a pair, their servers, and the routers that forwarded its packets."""
        sites = [self._kinds.lans[name].site for name in pair]
        talk = self._before.talks.get(pair)
        return {*sites, *(hub for name in sites for hub in self._servers(name)), *(talk.way if talk else ())}

    def _servers(self, name: str) -> Iterator[str]:
        """Yield the servers of a router, and those of these."""
        scene = self._kinds.scene
        known = [name]
        for here in known:
            known += [one.hub for one in scene.clients(here) if one.hub and one.hub not in known]
        yield from known[1:]

    # ------------------------------------------------------------------------------------------------ trials

    def lan(self, name: str) -> tuple[str, str]:
        """Return the router of a LAN, and its port."""
        return self._kinds.lans[name].site, self._kinds.lans[name].port

    @property
    def vain(self) -> str:
        """The number of copies that helped nothing, and where the search ended, in words."""
        ended = f"; it ended in the middle of: {self._kind}" if self._is_spent else ""
        return f"of changes in {self._tried} copies none restores what packets suffer from{ended}"

    @property
    def tried(self) -> int:
        """How many copies there were so far."""
        return self._tried

    @property
    def _is_spent(self) -> bool:
        return self._tried >= MOST_TRIALS or self._is_over()

    def _left(self, changes: tuple[RouterChange, ...] | list[RouterChange]) -> int:
        """Return how many pairs suffer with these changes; more than all if they make any row worse."""
        changes = tuple(changes)
        if changes not in self._results:
            if self._is_spent:
                return len(self._affected.pairs) + 1
            self._results[changes] = self._measured(changes)
        rows = self._results[changes]
        most = len(self._affected.pairs)
        if not changes:
            return most
        if rows is None:
            return most + 1
        if _is_since(changes):  # where something is taken back, a row that was good before it came
            is_worse = any(pair not in self._affected.pairs for pair in harmed(rows.talks, self._good).pairs)
        else:
            is_worse = bool(worse(rows, self._before))
        if is_worse:
            return most + 1
        return len(left(self._affected, rows.talks).pairs)

    def _typed(self, changes: tuple[RouterChange, ...]) -> str | None:
        """Return the command that is needed besides, "" for none, when the changes are typed into a copy that runs;
        None if no command helps.
        """
        goal = self._left(changes)
        for command in ("", *_AGAIN, *_again_in_vrfs(changes)):
            copy = self._build(self._scenario)
            _bring_up(copy, self._pairs)
            try:
                for change in changes:
                    copy.configure(change.router, change.lines)
            except UserError:
                return None
            copy.ask([(one.router, command) for one in changes if command])
            copy.wait(HEALED)
            warm_up(copy.subject, self._pairs)
            if len(left(self._affected, talk_of(copy.subject, self._pairs, PACKETS)).pairs) <= goal:
                return command
        return None

    def _measured(self, changes: tuple[RouterChange, ...]) -> Rows | None:
        """Return the measurements in a copy with these changes; None if a router refuses them."""
        try:
            known = self._scenario.configurations
            texts = taken_back(known, changes) if _is_since(changes) else with_changes(known, changes)
        except UserError:
            return None
        self._tried += 1
        self._tell(f"trial {self._tried}: {'; '.join(one.summary for one in changes[:2]) or 'as it is'}")
        one = self._scenario
        copy = self._build(Scenario(one.name, one.lab, texts, one.certificates))
        _bring_up(copy, self._pairs)
        return Rows(talk_of(copy.subject, self._pairs, PACKETS), ())


def _is_since(changes: Sequence[RouterChange]) -> bool:
    """Return whether the changes are of the difference to the last good configurations."""
    return any(one.typed for one in changes)


def _again_in_vrfs(changes: Sequence[RouterChange]) -> Iterator[str]:
    """Yield the commands that reset the protocols of the VRFs that the changes are in."""
    words = [word for one in changes for line in (*one.gone, *one.new) for head in line.path for word in head.split()]
    for vrf in dict.fromkeys(name for word, name in pairwise(words) if word == "vrf"):
        yield from (f"clear ip eigrp vrf {vrf} neighbors", f"clear ip bgp vrf {vrf} *")


def _bring_up(copy: Copy, pairs: Sequence[LanPair]) -> None:
    """Bring a copy up, as far as possible, and let its LANs talk until their paths are the final ones."""
    converge(copy.subject, pairs)
    copy.wait(SETTLED)
    warm_up(copy.subject, pairs)


def _pairs(subject: Subject, about: Sequence[str], *, of_all: bool = False) -> tuple[LanPair, ...]:
    """Return the pairs that are looked at: both directions of as many as fit. of_all: of several customers, too."""
    near = [name for name, lan in subject.lans.items() if lan.site in about] if about else None
    lans = {name: replace(lan, customer="" if of_all else lan.customer) for name, lan in subject.lans.items()}
    some = choose_pairs(lans, 1, max(PAIRS, 2 * len(lans)), about=near)
    return tuple(dict.fromkeys(pair for one in some for pair in (one, LanPair(one.destination, one.source))))


def _touched(change: RouterChange) -> set[tuple[str, tuple[str, ...], str]]:
    """Return the places of a change: router, section, and the beginning of the line."""
    lines = (*change.gone, *change.new)
    return {(change.router, line.path, command_of(line.text.removeprefix("no "))) for line in lines}
