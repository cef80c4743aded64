"""Metrics as text: hostile names come back as they went in, and each client gets the format that it asks for."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dmvpn.base.metrics import families
from dmvpn.face.messages import Counts
from dmvpn.web.exposition import Exposition, Format, escaped, labels_of
from dmvpn.web.problems import Problem
from dmvpn.web.scraping import PEERS, Wish

PEER = Counts(
    "peers",
    1.0,
    2,
    ("interface", "peer", "dmvpn_peer_sent_bytes_total", "dmvpn_peer_up"),
    (("Tunnel0", "10.0.0.1", 7, 1), ("Tunnel0", "10.0.0.2", 8, 0.5)),
    (("counter", 'Octets to a "peer" \\ of ours.'), ("gauge", "Whether it is up.")),
)
ENDS = Counts("ends", 1.0, 1, ("source", "dmvpn_tunnel_info"), (("192.0.2.1", 1),), (("info", "Ends."),))
MORE = Counts("peers", 1.0, 2, PEER.columns, (("Tunnel1", "10.1.0.1", 9, 1),))

PROMETHEUS = """\
# HELP dmvpn_peer_sent_bytes_total Octets to a "peer" \\\\ of ours.
# TYPE dmvpn_peer_sent_bytes_total counter
dmvpn_peer_sent_bytes_total{lab="l",router="R1",interface="Tunnel0",peer="10.0.0.1"} 7
dmvpn_peer_sent_bytes_total{lab="l",router="R1",interface="Tunnel0",peer="10.0.0.2"} 8
dmvpn_peer_sent_bytes_total{lab="l",router="R1",interface="Tunnel1",peer="10.1.0.1"} 9
# HELP dmvpn_peer_up Whether it is up.
# TYPE dmvpn_peer_up gauge
dmvpn_peer_up{lab="l",router="R1",interface="Tunnel0",peer="10.0.0.1"} 1
dmvpn_peer_up{lab="l",router="R1",interface="Tunnel0",peer="10.0.0.2"} 0.5
dmvpn_peer_up{lab="l",router="R1",interface="Tunnel1",peer="10.1.0.1"} 1
# HELP dmvpn_tunnel_info Ends.
# TYPE dmvpn_tunnel_info gauge
dmvpn_tunnel_info{lab="l",router="R1",source="192.0.2.1"} 1
"""
OPENMETRICS = """\
# TYPE dmvpn_peer_sent_bytes counter
# UNIT dmvpn_peer_sent_bytes bytes
# HELP dmvpn_peer_sent_bytes Octets to a \\"peer\\" \\\\ of ours.
dmvpn_peer_sent_bytes_total{lab="l",router="R1",interface="Tunnel0",peer="10.0.0.1"} 7
dmvpn_peer_sent_bytes_total{lab="l",router="R1",interface="Tunnel0",peer="10.0.0.2"} 8
dmvpn_peer_sent_bytes_total{lab="l",router="R1",interface="Tunnel1",peer="10.1.0.1"} 9
# TYPE dmvpn_peer_up gauge
# HELP dmvpn_peer_up Whether it is up.
dmvpn_peer_up{lab="l",router="R1",interface="Tunnel0",peer="10.0.0.1"} 1
dmvpn_peer_up{lab="l",router="R1",interface="Tunnel0",peer="10.0.0.2"} 0.5
dmvpn_peer_up{lab="l",router="R1",interface="Tunnel1",peer="10.1.0.1"} 1
# TYPE dmvpn_tunnel info
# HELP dmvpn_tunnel Ends.
dmvpn_tunnel_info{lab="l",router="R1",source="192.0.2.1"} 1
# EOF
"""


@pytest.mark.parametrize(("form", "text"), [(Format.PROMETHEUS, PROMETHEUS), (Format.OPENMETRICS, OPENMETRICS)])
def test_all_numbers_of_a_name_are_together_behind_what_they_mean(form: Format, text: str) -> None:
    written = Exposition(form)
    for table in (PEER, ENDS, MORE):
        written.put(table, labels_of(lab="l", router="R1"))
    assert written.text() == text


def test_routers_that_are_written_apart_are_one_text() -> None:
    whole, apart = Exposition(Format.OPENMETRICS), Exposition(Format.OPENMETRICS)
    for router in ("R1", "R2"):
        part = Exposition(Format.OPENMETRICS)
        for each in (whole, part):
            each.put_one(families("gauge dmvpn_up :: It answers.")[0], labels_of(router=router), 1)
            each.put(PEER, labels_of(router=router))
        apart.add(part)
    assert apart.text() == whole.text()


#: A value of a label as Prometheus reads it.
_VALUE = re.compile(r'hostile="((?:[^"\\\n]|\\["\\n])*)"\} 1\n')


@given(st.text(), st.text())
@example('10.0.0.1"} 1\nfake_metric 7', "%s %d %")
@example("\\", "\\n\n\0\ud800")
def test_a_hostile_name_is_a_value_and_nothing_else(hostile: str, lab: str) -> None:
    written = Exposition(Format.PROMETHEUS)
    written.put(Counts("x", 1.0, 1, ("hostile", "dmvpn_x"), ((hostile, 1),), (("gauge", "X."),)), labels_of(lab=lab))
    text = written.text().encode().decode()
    assert text.count("\n") == 3
    found = _VALUE.search(text)
    assert found
    read = re.sub(r"\\(.)", lambda pair: {"n": "\n"}.get(pair[1], pair[1]), found[1])
    assert read == "".join(one if one.isprintable() or one == "\n" else "\ufffd" for one in hostile)
    assert f'lab="{escaped(lab)}"' in text


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is missing: scripts/debian-packages interop")
def test_promtool_finds_nothing_wrong_with_hostile_names() -> None:
    written = Exposition(Format.PROMETHEUS)
    names = ('a"b', "c\\d", "e\nf", "g\0h", "\u202e", "ä%s", "", "\ud83d")
    rows = tuple((name, 1) for name in names)
    written.put(Counts("x", 1.0, 1, ("hostile", "dmvpn_x"), rows, (("gauge", "X."),)), labels_of(lab='"\n'))
    promtool = ["promtool", "check", "metrics"]
    run = subprocess.run(promtool, input=written.text().encode(), capture_output=True, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, b"", b"")


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", Format.PROMETHEUS),
        ("*/*", Format.PROMETHEUS),
        ("text/html", Format.PROMETHEUS),
        ("text/plain;version=0.0.4", Format.PROMETHEUS),
        ("application/openmetrics-text", Format.OPENMETRICS),
        # As Prometheus 2.42 asks.
        (
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
            "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            Format.OPENMETRICS,
        ),
        ("application/openmetrics-text;q=0.2, text/plain;q=0.5", Format.PROMETHEUS),
        ("Application/OpenMetrics-Text; Q=1", Format.OPENMETRICS),
        ("application/openmetrics-text;q=0", Format.PROMETHEUS),
        ("application/openmetrics-text;q=x", Format.PROMETHEUS),
        (";;;,,;q=,", Format.PROMETHEUS),
    ],
)
def test_a_client_gets_the_format_that_it_asks_for(accept: str, form: Format) -> None:
    assert Format.accepted(accept) is form


@given(st.text())
def test_no_accept_header_is_a_crash(accept: str) -> None:
    assert Format.accepted(accept) in Format


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ({"peers": "many"}, "peers is a number from 0 to 100000"),
        ({"peers": "-1"}, "peers is a number"),
        ({"peers": "100001"}, "peers is a number"),
        ({"peers": "9" * 5000}, "peers is a number"),
        ({"peers": "٣"}, "peers is a number"),
        ({"peer": "3"}, "metrics take lab, router and peers"),
    ],
)
def test_a_wrong_parameter_is_one_error(query: dict[str, str], why: str) -> None:
    with pytest.raises(Problem, match=why):
        Wish.of(query, {})


@pytest.mark.parametrize(
    ("header", "seconds"), [("10", 9.5), ("0.4", 0.2), ("1e9", 60.0), ("-1", 9.0), ("nan", 9.0), ("soon", 9.0)]
)
def test_a_scrape_gives_up_before_the_scraper_does(header: str, seconds: float) -> None:
    wish = Wish.of({}, {"x-prometheus-scrape-timeout-seconds": header})
    assert wish.patience == seconds
    assert wish.peers == PEERS
