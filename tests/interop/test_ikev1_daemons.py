"""IKEv1 with strongSwan's charon and libreswan's pluto, begun by either side; no packet of data involved."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from dmvpn.features.ike.v1.sa import OVERLAP
from support.ikev1_peers import Charon, Ours, Peer, Pluto, Wire, Wishes, missing_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PATIENCE = 20.0
IKEV2 = """
crypto ikev2 keyring ALL
 peer ANY
  address 0.0.0.0 0.0.0.0
  pre-shared-key between-us
crypto ikev2 profile ALIKE
 match identity remote any
 authentication local pre-share
 authentication remote pre-share
 keyring local ALL
"""
DAEMONS = [
    pytest.param(
        daemon, id=daemon.NAME, marks=pytest.mark.skipif(bool(missing_for(daemon)), reason=missing_for(daemon))
    )
    for daemon in (Charon, Pluto)
]
both = pytest.mark.parametrize("daemon", DAEMONS)
either = pytest.mark.parametrize("begins", ["we begin", "it begins"])


@dataclass
class Bed:
    """Our end and the other one."""

    ours: Ours
    theirs: Peer

    def begin(self, begins: str) -> None:
        """Let one of them begin, and wait until both have one pair and agree about it."""
        if begins == "we begin":
            self.ours.do("want")
        else:
            self.theirs.initiate()
        self.agree()

    def agree(self, *, other_than: set[tuple[str, str]] | None = None) -> set[tuple[str, str]]:
        """Wait until both ends send on the same pair, which is none of these, and return it.

        An older one may be there until its lifetime ends: nobody must delete it when it is replaced (RFC 2409 §5.5).
        """
        old = other_than or set()
        self.wait("the same pair", lambda: (now := self.ours.newest) and now == self.theirs.pairs() and not now & old)
        return self.ours.newest

    def wait(self, what: str, condition: Callable[[], object], seconds: float = PATIENCE) -> None:
        """Wait until something is so."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, (what, self.ours.state, self.theirs.pairs(), self.theirs.log[-3000:])
            time.sleep(0.1)


@contextmanager
def bed(
    daemon: type[Peer],
    wishes: Wishes | None = None,
    ours: Wishes | None = None,
    *,
    behind_nat: str = "",
    lines: str = "",
    **policy: object,
) -> Iterator[Bed]:
    """Both ends.

    ours: what our end agrees with, if not with the wishes of the other one.
    lines: more of our configuration.
    """
    wishes = wishes or Wishes()
    with Wire(behind_nat) as wire:
        yield Bed(Ours(wire, ours or wishes, lines, **policy), daemon(wire, wishes))


# ---------------------------------------------------------------------------------------------------------- coming up


@pytest.mark.conforms("ike1:5-main", "ike1:5.5-quick", "ike1:5.5-pfs")
@both
@either
@pytest.mark.parametrize("pfs", [False, True], ids=["without PFS", "with PFS"])
@pytest.mark.story("charon-ikev1", "libreswan-ikev1")
def test_main_and_quick_mode_come_up_and_both_ends_say_so(daemon: type[Peer], begins: str, *, pfs: bool) -> None:
    with bed(daemon, Wishes(pfs=pfs)) as it:
        it.begin(begins)
        state = it.ours.state
        (sa,), (pair,) = state["sas"], state["pairs"]
        assert (sa["version"], sa["phase"], sa["identity"]) == (1, "QM_IDLE", "10.77.0.1")
        assert (pair["tunnel"], pair["ports"], pair["group"]) == (False, [0, 0], 14 if pfs else 0)
        assert len(it.theirs.isakmp_sas()) == 1
        if isinstance(it.theirs, Charon):
            assert it.theirs.isakmp_sas() == it.ours.cookies


@pytest.mark.skipif(bool(missing_for(Pluto)), reason=missing_for(Pluto))
@pytest.mark.story("libreswan-ikev1")
def test_messages_that_pluto_fills_up_with_zeros_are_read() -> None:
    """It does so by default (`ikepad`), and whether anything came up depended on the lengths of names."""
    with bed(Pluto, Wishes(padded=True)) as it:
        it.begin("it begins")
        assert "PAYLOAD_MALFORMED" not in it.theirs.log


@pytest.mark.conforms("ike1:5.1-signatures", "ike1:5.1-raw", "isakmp:3.9-certificates", "isakmp:3.10-request")
@both
@either
@pytest.mark.parametrize("hash_name", ["sha1", "sha256"])
@pytest.mark.story("charon-ikev1-signatures", "libreswan-ikev1-signatures")
def test_both_ends_prove_themselves_by_certificates(daemon: type[Peer], begins: str, hash_name: str) -> None:
    with bed(daemon, Wishes(signs=True, hash=hash_name)) as it:
        it.begin(begins)
        (sa,) = it.ours.state["sas"]
        identity = "cn=theirs" if isinstance(it.theirs, Charon) else "10.77.0.1"
        assert (sa["version"], sa["phase"], sa["identity"]) == (1, "QM_IDLE", identity)
        before = it.ours.pairs
        it.ours.do("renew")
        it.agree(other_than=before)


@both
@either
@pytest.mark.story("charon-ikev1-signatures", "libreswan-ikev1-signatures")
def test_certificates_go_in_fragments_to_a_peer_that_takes_them(daemon: type[Peer], begins: str) -> None:
    wishes = Wishes(signs=True, fragment=400 if daemon is Charon else 0)
    with bed(daemon, wishes, lines="crypto isakmp fragmentation mtu 300") as it:
        it.begin(begins)
        assert [sa["fragments"] for sa in it.ours.state["sas"]] == [True]
        assert it.ours.state["largest"] <= 300 - 28


@both
@either
@pytest.mark.parametrize(
    ("encryption", "hash_name", "group"),
    [("aes128", "sha1", 2048), ("aes256", "sha512", 3072), ("aes128", "sha1", 1536)],
)
@pytest.mark.story("charon-ikev1", "libreswan-ikev1")
def test_suites(daemon: type[Peer], begins: str, encryption: str, hash_name: str, group: int) -> None:
    wishes = Wishes(encryption=encryption, hash=hash_name, group=group, pfs=True)
    with bed(daemon, wishes, lines="crypto engine compliance shield disable") as it:
        it.begin(begins)


@both
@either
@pytest.mark.story("charon-ikev1-nat", "libreswan-ikev1-nat")
def test_a_peer_that_pretends_to_be_behind_a_nat_gets_esp_in_udp(daemon: type[Peer], begins: str) -> None:
    with bed(daemon, Wishes(encapsulate=True)) as it:
        it.begin(begins)
        assert [pair["ports"] for pair in it.ours.state["pairs"]] == [[4500, 4500]]
        assert not any(pair["tunnel"] for pair in it.ours.state["pairs"])


@both
@pytest.mark.story("charon-ikev1-nat", "libreswan-ikev1-nat")
def test_we_pretend_to_be_behind_a_nat_and_it_follows(daemon: type[Peer]) -> None:
    with bed(daemon, encapsulation="FORCE") as it:
        it.begin("we begin")
        assert [pair["ports"] for pair in it.ours.state["pairs"]] == [[4500, 4500]]


@pytest.mark.conforms("nat:4-float")
@both
@pytest.mark.parametrize("behind", ["ours", "theirs"])
@pytest.mark.story("charon-ikev1-nat", "libreswan-ikev1-nat")
def test_through_a_nat_both_go_to_port_4500_and_replace_their_pairs_there(daemon: type[Peer], behind: str) -> None:
    with bed(daemon, behind_nat=behind) as it:
        it.begin("we begin" if behind == "ours" else "it begins")
        (sa,) = it.ours.state["sas"]
        assert sa["nat"] == ([True, False] if behind == "ours" else [False, True])
        assert [pair["ports"][0] for pair in it.ours.state["pairs"]] == [4500]
        before = it.ours.pairs
        it.ours.do("renew")
        it.agree(other_than=before)


@pytest.mark.parametrize("daemon", DAEMONS[:1])
@either
@pytest.mark.story("charon-ikev1-fragments")
def test_messages_in_ciscos_fragments(daemon: type[Peer], begins: str) -> None:
    with bed(daemon, Wishes(fragment=300)) as it:
        it.begin(begins)
        assert "fragment" in it.theirs.log


# ------------------------------------------------------------------------------------------------------------- rekeys


@pytest.mark.conforms("ike1:5.5-several")
@both
@either
@pytest.mark.story("charon-ikev1-life", "libreswan-ikev1-life")
def test_each_end_replaces_the_pair_and_both_send_on_the_new_one(daemon: type[Peer], begins: str) -> None:
    with bed(daemon, Wishes(pfs=True)) as it:
        it.begin(begins)
        for replace_pair in (lambda: it.ours.do("renew"), it.theirs.replace_pair, lambda: it.ours.do("renew")):
            before = it.ours.pairs
            replace_pair()
            it.agree(other_than=before)
        assert len(it.ours.cookies) == 1


@both
@either
@pytest.mark.story("charon-ikev1-life", "libreswan-ikev1-life")
@pytest.mark.slow
def test_we_replace_the_isakmp_sa_and_no_pair_is_lost(daemon: type[Peer], begins: str) -> None:
    with bed(daemon) as it:
        it.begin(begins)
        pairs, cookies = it.ours.pairs, it.ours.cookies
        it.ours.do("replace")
        it.wait("another ISAKMP SA", lambda: len(now := it.ours.cookies) == 1 and not now & cookies)
        it.wait("one at the other end", lambda: len(it.theirs.isakmp_sas()) == 1)
        assert it.agree() == pairs
        it.ours.do("renew")
        it.agree(other_than=pairs)


@both
@either
@pytest.mark.story("charon-ikev1-life", "libreswan-ikev1-life")
@pytest.mark.slow
def test_it_replaces_the_isakmp_sa_and_a_pair_is_always_there(daemon: type[Peer], begins: str) -> None:
    with bed(daemon, Wishes(ike_seconds=20)) as it:
        it.begin(begins)
        cookies = it.ours.cookies
        end = time.monotonic() + 45
        while time.monotonic() < end and it.ours.cookies <= cookies:
            assert it.ours.pairs
            time.sleep(0.2)
        it.wait("another ISAKMP SA", lambda: len(now := it.ours.cookies) == 1 and not now & cookies)
        it.agree()


@both
@either
@pytest.mark.slow
@pytest.mark.timeout(150)
@pytest.mark.story("charon-ikev1-life", "libreswan-ikev1-life")
def test_short_lifetimes_of_both_phases_at_both_ends_leave_no_moment_without_a_pair(
    daemon: type[Peer], begins: str
) -> None:
    with bed(daemon, Wishes(ike_seconds=25, child_seconds=20), seconds=20.0) as it:
        it.begin(begins)
        seen, end = set(it.ours.pairs), time.monotonic() + 80
        while time.monotonic() < end:
            it.wait("a pair of both", lambda: it.ours.pairs & it.theirs.pairs(), seconds=1)
            seen |= it.ours.pairs
            time.sleep(0.5)
        assert len(seen) >= 4
        it.agree()
        # Main modes of both ends may cross: then the replaced one stays beside both for its overlap.
        it.wait("at most two ISAKMP SAs", lambda: len(it.ours.cookies) <= 2, seconds=OVERLAP + 5)


# ------------------------------------------------------------------------------------------------------ deletes, DPD


@both
@either
@pytest.mark.story("charon-ikev1-life", "libreswan-ikev1-life")
def test_we_end_it_and_the_other_end_has_nothing_of_it_left(daemon: type[Peer], begins: str) -> None:
    with bed(daemon) as it:
        it.begin(begins)
        pairs, sas = it.theirs.pairs(), it.theirs.isakmp_sas()
        it.ours.do("unwant")
        it.ours.do("close")  # pluto begins again at once, if it began
        it.wait("none of them there", lambda: not it.theirs.pairs() & pairs and not it.theirs.isakmp_sas() & sas)


@pytest.mark.conforms("isakmp:5.15-delete")
@both
@either
@pytest.mark.story("charon-ikev1-life", "libreswan-ikev1-life")
def test_it_ends_it_and_nothing_is_left_here(daemon: type[Peer], begins: str) -> None:
    with bed(daemon) as it:
        it.begin(begins)
        it.ours.do("unwant")
        it.theirs.end()
        it.wait("nothing here", lambda: not it.ours.pairs and not it.ours.cookies)


@both
@pytest.mark.story("charon-ikev1-life", "libreswan-ikev1-life")
def test_it_deletes_the_pair_alone_and_another_comes_on_the_same_isakmp_sa(daemon: type[Peer]) -> None:
    with bed(daemon) as it:
        it.begin("it begins")
        cookies = it.ours.cookies
        it.theirs.end_pair()
        it.wait("no pair here", lambda: not it.ours.pairs)
        it.begin("we begin")
        assert it.ours.cookies == cookies


@pytest.mark.conforms("dpd:5.2-answer")
@both
@either
@pytest.mark.story("charon-ikev1-life", "libreswan-ikev1-life")
def test_its_questions_whether_we_live_are_answered(daemon: type[Peer], begins: str) -> None:
    with bed(daemon, Wishes(dpd=1)) as it:
        it.begin(begins)
        pairs = it.ours.pairs
        time.sleep(6)
        assert it.agree() == pairs


@both
@pytest.mark.story("charon-ikev1-life", "libreswan-ikev1-life")
def test_it_gives_us_up_when_we_are_deaf_and_takes_us_again(daemon: type[Peer]) -> None:
    with bed(daemon, Wishes(dpd=1)) as it:
        it.begin("it begins")
        it.ours.do("deafen")
        it.wait("nothing there", lambda: not it.theirs.pairs())
        it.ours.do("hear")
        before = it.ours.pairs
        it.theirs.initiate()
        it.agree(other_than=before)


@pytest.mark.conforms("dpd:5.4-silence")
@both
@either
@pytest.mark.story("charon-ikev1-life", "libreswan-ikev1-life")
@pytest.mark.slow
def test_we_ask_whether_it_lives_and_give_it_up_when_it_does_not(daemon: type[Peer], begins: str) -> None:
    with bed(daemon) as it:
        it.begin(begins)
        heard = it.ours.state["sas"][0]["heard"]
        it.ours.do("ask")
        it.wait("an answer", lambda: it.ours.state["sas"][0]["heard"] > heard)
        it.theirs.kill()
        it.ours.do("ask")
        it.wait("nothing here", lambda: not it.ours.pairs and not it.ours.cookies, seconds=40)


@pytest.mark.conforms("doi:4.6.3.3-forget")
@both
@pytest.mark.story("charon-ikev1-life", "libreswan-ikev1-life")
def test_one_that_has_started_again_replaces_what_was_there(daemon: type[Peer]) -> None:
    with bed(daemon) as it:
        it.begin("it begins")
        before = it.ours.pairs
        it.theirs.kill()
        it.theirs.start_again()
        it.theirs.initiate()
        it.wait("the new pair", lambda: it.theirs.pairs() and it.theirs.pairs() <= it.ours.pairs)
        if isinstance(it.theirs, Charon):  # pluto says INITIAL-CONTACT only if it is configured so
            it.agree(other_than=before)


@pytest.mark.conforms("doi:4.6.3.3-forget", "nat:6-identity")
@pytest.mark.parametrize("daemon", DAEMONS[:1])
@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.story("charon-ikev1-nat")
def test_two_with_one_identity_behind_one_nat_live_beside_each_other(daemon: type[Peer], version: int) -> None:
    """The INITIAL_CONTACT of the second one ended the SAs of the first one, which believed that it was up."""
    wishes = Wishes(identity="alike.example", version=version)
    with Wire("theirs", beside=True) as wire:
        ours = Ours(wire, wishes, IKEV2 if version == 2 else "")
        first = Bed(ours, daemon(wire, wishes))
        first.begin("it begins")
        one = ours.pairs
        second = Bed(ours, daemon(wire, wishes, "beside"))
        second.begin("it begins")
        assert one < ours.pairs
        second.theirs.kill()
        second.theirs.start_again()
        second.theirs.initiate()
        second.wait("the new pair", lambda: second.theirs.pairs() and second.theirs.pairs() <= ours.pairs)
        assert len({pair["ports"][1] for pair in ours.state["pairs"]}) == 2
        time.sleep(7)
        assert one == first.theirs.pairs()
        assert one < ours.pairs
        if version == 2:  # in IKEv1 charon does not say INITIAL-CONTACT
            assert ours.pairs == one | second.theirs.pairs()


# ----------------------------------------------------------------------------------------------------------- refusals


@both
@either
@pytest.mark.story("charon-ikev1-refusals", "libreswan-ikev1-refusals")
@pytest.mark.slow
def test_another_key_is_named_at_our_end(daemon: type[Peer], begins: str) -> None:
    with bed(daemon, Wishes(secret="another")) as it:
        _ = it.ours.do("want") if begins == "we begin" else it.theirs.initiate()
        it.wait("the reason", lambda: any("pre-shared key" in line for line in reasons(it.ours)), seconds=45)
        assert not it.ours.pairs


@both
@pytest.mark.story("charon-ikev1-refusals", "libreswan-ikev1-refusals")
def test_a_refusal_instead_of_message_6_is_named_at_once(daemon: type[Peer]) -> None:
    wishes = Wishes(secret="another") if daemon is Charon else Wishes()
    lines = "" if daemon is Charon else "hostname elsewhere\ncrypto isakmp identity hostname"
    why = "another pre-shared key" if daemon is Charon else "the peer refuses our identity elsewhere"
    with bed(daemon, wishes, lines=lines) as it:
        it.ours.do("want")
        it.wait("the reason", lambda: any(why in line for line in reasons(it.ours)), seconds=5)


@pytest.mark.conforms("isakmp:5.5-no-proposal")
@both
@either
@pytest.mark.story("charon-ikev1-refusals", "libreswan-ikev1-refusals")
def test_no_common_policy_is_named_at_our_end(daemon: type[Peer], begins: str) -> None:
    with bed(daemon, Wishes(hash="sha1"), ours=Wishes()) as it:
        _ = it.ours.do("want") if begins == "we begin" else it.theirs.initiate()
        it.wait("the reason", lambda: any("SHA1" in line or "NO_PROPOSAL_CHOSEN" in line for line in reasons(it.ours)))
        assert not it.ours.pairs


@pytest.mark.conforms("isakmp:5.5-no-proposal")
@both
@either
@pytest.mark.story("charon-ikev1-refusals", "libreswan-ikev1-refusals")
def test_no_common_transform_set_is_named_at_our_end(daemon: type[Peer], begins: str) -> None:
    with bed(daemon, transforms=[["AES_GCM", 256]]) as it:
        _ = it.ours.do("want") if begins == "we begin" else it.theirs.initiate()
        it.wait(
            "the reason", lambda: any("AES_GCM" in line or "NO_PROPOSAL_CHOSEN" in line for line in reasons(it.ours))
        )
        assert not it.ours.pairs


def reasons(ours: Ours) -> list[str]:
    """Return what our end says in its log and in its shows."""
    state = ours.state
    return [*state["logs"], *state["refused"].values()]
