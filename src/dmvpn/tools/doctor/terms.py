"""Terms and duties of a client and its server: the same tables as in lint, on the configurations of running routers.

Where values do not decide, because a secret is hidden, the routers do: the pair works, or one end refuses the other
because of this term. Where they do not decide either, the user is asked whether two secrets are the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from dmvpn.base.placeholder import SECRET
from dmvpn.base.terms import Likeness
from dmvpn.ios.hidden_secrets import SecretPlace, question
from dmvpn.network.terms.table import Disagreement
from dmvpn.tools.doctor.verdicts import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dmvpn.base.facts import ReasonFacts
    from dmvpn.base.terms import Term
    from dmvpn.network.overlay import EndPair
    from dmvpn.network.terms.table import Failure, Table
    from dmvpn.tools.doctor.scene import Client, Scene
    from dmvpn.tools.doctor.verdicts import Step

    #: Whether a client and its server work together, and the reasons of both why not.
    State: TypeAlias = Callable[[Client], tuple[bool, tuple[ReasonFacts, ...]]]


def registration_state(client: Client) -> tuple[bool, tuple[ReasonFacts, ...]]:
    """Return whether a client is registered, and why not."""
    return client.works, (client.server.reason,) if client.server is not None else ()


def failed(client: Client, one: Failure[Any], step: Step, evidence: tuple[str, ...] = ()) -> Finding:
    """Return a duty that fails at a client or its server."""
    router = client.hub if one.of_server else client.name
    return Finding(step=step, cause=one.duty.cause, router=router, what=one.what, evidence=evidence, fix=one.fix)


def differences(
    scene: Scene,
    client: Client,
    table: Table[Any],
    step: Step,
    state: State = lambda _: (False, ()),
    evidence: tuple[str, ...] = (),
    *,
    doubts: bool = False,
    counted: bool = True,
) -> Iterator[Finding]:
    """Yield the terms of a table on which a client and its server do not agree, and the duties that fail.

    state: for terms with secrets. doubts: packets were not believed, so hidden secrets of two ends that do not work
    together differ; the user is asked whether they do, where no other client shows it. counted: a counter shows that
    packets were not believed; without one the user is asked whatever other clients show.
    """
    mine = client.pair
    if mine is None:
        return
    clients = {mine: client}

    def refuses(term: Term[Any, Any], one: Client) -> bool:
        return term.refuses is not None and any(map(term.refuses, state(one)[1]))

    def witness(term: Term[Any, Any], pair: EndPair) -> Likeness:
        one = clients[pair]
        if state(one)[0]:
            return Likeness.SAME
        return Likeness.DIFFERENT if refuses(term, one) or doubts else Likeness.UNKNOWN

    for term in table.differing(mine, witness):
        if (key := (term, mine.there)) not in scene.verdicts:
            clients |= {pair: one for one in scene.fellows(client) if (pair := one.pair) is not None}
            scene.verdicts[key] = table.odd(term, clients, witness)
        found = Disagreement.of(table, term, mine, scene.verdicts[key])
        names = (client.hub, client.name) if found.of_server else (client.name, client.hub)
        decide = "" if (found.decided and counted) or not doubts or refuses(term, client) else _question(found, names)
        yield Finding(
            step=step,
            cause=term.cause,
            router=names[0],
            what=f"{' and '.join(names)} may have different {term.name}s" if decide else found.sentence(*names),
            evidence=evidence,
            fix=found.fix,
            others=() if found.decided else (names[1],),
            decide=decide,
        )
    yield from (failed(client, one, step, evidence) for one in table.failures(mine))


def _question(found: Disagreement[Any], names: tuple[str, str]) -> str:
    """Return the question whether the secrets of two ends are the same; "": they are no hidden secrets."""
    views = found.table.views(found.pair)
    here, there = reversed(views) if found.of_server else views
    if here is None or there is None or found.term.compare(here, there) is not Likeness.UNKNOWN:
        return ""
    ends = zip(names, (found.fix, found.term.fix(there, here)), strict=True)
    places = [
        SecretPlace(name, " / ".join(lines[:at]), line)
        for name, lines in ends
        for at, line in enumerate(lines)
        if SECRET in line
    ]
    return question(*places) if len(places) == len(names) else ""
