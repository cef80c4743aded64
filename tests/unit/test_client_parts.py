"""The parts of `dmvpn.client` that need no server: tables of shows, metrics, and when a stream is opened again."""

from __future__ import annotations

import contextlib
import inspect
import json
import os
from dataclasses import is_dataclass
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("httpx2")

import httpx2

from dmvpn.base.values import dataclass
from dmvpn.client import aio, exchange, frames, operations, sync, values
from dmvpn.client.exchange import Following
from dmvpn.client.frames import rows, tables
from dmvpn.client.operations import Asked
from dmvpn.face.language import exec_parser
from dmvpn.face.messages import News
from dmvpn.ios.shapes import evaluated
from dmvpn.router.features import FEATURES
from dmvpn.web import labs as web_labs
from dmvpn.web.metrics import escaped
from dmvpn.web.permission import resource_of
from support.command import lab_verbs

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Port:
    """Inside a row."""

    name: str
    up: bool


@dataclass(frozen=True, slots=True)
class Peer:
    """A row. inner: rows of its own kind."""

    address: IPv4Address
    port: Port | None = None
    inner: tuple[Peer, ...] = ()


@dataclass(frozen=True, slots=True)
class Tunnel:
    """A row with groups of rows."""

    name: str
    peers: tuple[tuple[Peer, ...], ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """A show."""

    tunnels: tuple[Tunnel, ...]
    words: tuple[str, ...] = ()


ONE, TWO = Peer(IPv4Address("10.0.0.1"), Port("Gi1", up=True)), Peer(IPv4Address("10.0.0.2"))
SHOWN = Shown((Tunnel("Tunnel1", ((ONE,), (TWO,))), Tunnel("Tunnel2", ())))


def test_rows_have_the_columns_of_the_rows_around_them() -> None:
    first = {"tunnels.name": "Tunnel1", "address": "10.0.0.1", "port.name": "Gi1", "port.up": True}
    second = {"tunnels.name": "Tunnel1", "address": "10.0.0.2"}
    assert rows(SHOWN, "tunnels.peers") == [first, second]
    assert rows(SHOWN, "tunnels") == [{"name": "Tunnel1"}, {"name": "Tunnel2"}]
    assert rows((ONE,)) == [{"address": "10.0.0.1", "port.name": "Gi1", "port.up": True}]


@pytest.mark.lengthy
def test_an_empty_table_has_its_columns() -> None:
    pytest.importorskip("pandas")
    empty = frames.frame(Shown(()), "tunnels.peers")
    assert list(empty.columns) == ["tunnels.name", "address", "port.name", "port.up"]
    assert len(empty) == 0


@pytest.mark.parametrize("value", [SHOWN, 1, "text", Port("Gi1", up=True)])
def test_a_value_without_the_one_table_says_which_it_has(value: object) -> None:
    with pytest.raises(values.UsageError, match=r"tunnels, tunnels\.peers|it has none"):
        rows(value)


@pytest.mark.lengthy
def test_the_tables_of_every_show_have_names_and_columns() -> None:
    pytest.importorskip("pandas")
    found = 0
    for command in exec_parser(FEATURES).commands:
        if command.query is None:
            continue
        kind = evaluated(command.query.__annotations__["return"], command.query.__module__)
        if isinstance(kind, type) and is_dataclass(kind):
            for name, row in tables(kind).items():
                assert list(frames.columns_of(row)), (command, name)
                found += 1
    assert found > 200


# ------------------------------------------------------------------------------------------------ fronts


@pytest.mark.parametrize(
    ("front", "other"), [(sync.Client, aio.Client), (sync.Router, aio.Router), (sync.RunningLab, aio.RunningLab)]
)
def test_both_fronts_offer_the_same(front: type, other: type) -> None:
    names = {name for name in vars(front) if not name.startswith("_")}
    assert names == {name for name in vars(other) if not name.startswith("_")}
    for name in names:
        one, two = vars(front)[name], vars(other)[name]
        assert inspect.getdoc(one) == inspect.getdoc(two), name
        if inspect.isfunction(one):
            assert inspect.signature(one).parameters == inspect.signature(two).parameters, name


def test_decorators_that_try_again_see_that_a_method_of_the_client_for_asyncio_is_awaited() -> None:
    for front, is_awaited in ((aio, True), (sync, False)):
        client = front.connect("http://127.0.0.1:1", token="x")
        for method in (client.labs, client.router("R31").run, client.lab("phase3").hint):
            assert inspect.iscoroutinefunction(method) is is_awaited


def test_an_order_to_a_lab_is_one_of_the_command_line_the_api_and_both_clients() -> None:
    """An order that is added to one of them and is missing in another fails here."""
    methods = {name: resource_of(method) for name, method in vars(web_labs.Labs).items()}
    of_web = {name.rstrip("_") for name, found in methods.items() if found and found.path.startswith(web_labs.LAB)}
    of_web -= {"up"}
    of_client = {name.rstrip("_") for name, each in vars(operations.Orders).items() if isinstance(each, Asked)}
    assert of_web == of_client
    assert of_client <= lab_verbs().keys()


# ------------------------------------------------------------------------------------------------ metrics


@pytest.mark.lengthy
@given(st.text(), st.sampled_from(["1", "0.5", "-3", "1e9", "NaN", "+Inf"]))
def test_every_value_of_a_label_is_read_as_it_was_written(text: str, number: str) -> None:
    written = escaped(text)
    metrics = frames.parse(f'# HELP a b\n# TYPE a gauge\na{{x="{written}",y="}} 1"}} {number}\nb 2\n')
    first, second = metrics.samples
    assert first.labels["y"] == "} 1"
    assert escaped(first.labels["x"]) == written
    assert (second.name, dict(second.labels), second.value) == ("b", {}, 2.0)


@given(st.text(alphabet='abc_{}="\\, 01\n#'))
def test_whatever_comes_as_metrics_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(values.AnswerError):
        frames.parse(text)


# ------------------------------------------------------------------------------------------------ streams


def event(kind: str, data: object, number: str = "") -> httpx2.ServerSentEvent:
    """An event as the server sends it."""
    return httpx2.ServerSentEvent(kind, json.dumps(data), number)


NEWS = {"lines": [], "now": 1.0, "missed": 0, "begins": True, "addresses": [], "log": []}


def following(patience: float = 60.0) -> Following[News]:
    """A reader that has read an event."""
    made = Following("/base", ("log",), "", patience, lambda news, _: news)
    assert "Last-Event-ID" not in dict(made.request().headers)
    assert isinstance(made.take(event("news", NEWS, "a.1.2")), News)
    return made


def test_the_next_request_names_the_last_event() -> None:
    stream = following()
    assert stream.take(event("gone", {"router": "R31"})) == values.Gone("R31")
    assert stream.take(event("of a newer server", 1)) is None
    assert dict(stream.request().headers)["Last-Event-ID"] == "a.1.2"
    assert stream.request().path == "/base/events?topics=log"
    stream.take(event("ended", {"router": "R31"}))
    assert stream.ended


def test_news_of_a_lab_have_the_name_of_their_router_and_the_place_in_the_stream_of_all() -> None:
    with pytest.raises(StopIteration) as found:
        next(operations.Orders.events(operations.Orders("x")))
    stream = found.value.value
    assert stream.request().path == "/api/v1/labs/x/events"
    news = stream.take(event("news", {**NEWS, "router": "R31"}, "abc"))
    assert isinstance(news, values.LabNews)
    assert (news.router, news.id, news.news.begins) == ("R31", "abc", True)
    assert dict(stream.request().headers)["Last-Event-ID"] == "abc"
    with pytest.raises(values.AnswerError):
        stream.take(event("news", NEWS, "def"))


def test_tries_become_rarer_and_end_with_the_patience() -> None:
    stream, error = following(), values.NotReachedError("away")
    assert [stream.lost(error, now) for now in range(7)] == [0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0]
    with pytest.raises(values.NotReachedError):
        stream.lost(error, 60.0)
    stream.take(event("news", NEWS, "a.1.3"))
    assert stream.lost(error, 100.0) == 0.5
    assert stream.lost(values.UnavailableError(503, "", "", retry_after=5.0), 101.0) == 5.0
    assert stream.lost(values.UnavailableError(503, "", "", retry_after=99999.0), 102.0) == 15.0


def test_the_patience_begins_again_with_each_connection_and_tries_stay_rare_until_an_event_comes() -> None:
    """A proxy broke idle connections twice a minute, and a minute later a quiet router was given up."""
    stream, error = following(), values.NotReachedError("broke")
    for broken, wait in zip(range(0, 300, 30), (0.5, 1.0, 2.0, 4.0, 8.0, *[15.0] * 5), strict=True):
        assert stream.lost(error, float(broken)) == wait
        stream.connected()
    assert stream.lost(error, 300.0) == 15.0
    with pytest.raises(values.NotReachedError):
        stream.lost(error, 360.0)


def test_a_connection_that_broke_before_its_first_event_is_opened_again() -> None:
    stream = Following("/base", (), "", 60.0, lambda news, _: news)
    stream.connected()
    assert stream.lost(values.NotReachedError("broke"), 0.0) == 0.5


@pytest.mark.parametrize(
    "error", [values.MissingError(404, "", ""), values.ProblemError(500, "", ""), values.ProblemError(418, "", "")]
)
def test_what_does_not_pass_ends_a_stream_at_once(error: values.ProblemError) -> None:
    with pytest.raises(values.ClientError):
        following().lost(error, 0.0)


def test_a_server_that_never_answered_is_not_tried_again() -> None:
    with pytest.raises(values.NotReachedError):
        Following("/base", (), "", 60.0, lambda news, _: news).lost(values.NotReachedError("away"), 0.0)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from([*NEWS, "id"]), inner),
        max_leaves=10,
    )
)
def test_an_event_of_any_kind_is_news_or_one_error(data: object) -> None:
    with contextlib.suppress(values.AnswerError):
        assert isinstance(following().take(event("news", data, "a.1.3")), News)


# ------------------------------------------------------------------------------------------------ orders

RUNNING = {
    "id": "7",
    "what": "up",
    "lab": "x",
    "by": "eve",
    "state": "running",
    "healthy": None,
    "begun": 1.0,
    "ended": None,
}
SERVER = operations.Server.__new__(operations.Server)
BEGUN = values.Job("7", "up", "x", "eve", "running", None, 1.0, None, (), None)


def answered(**fields: object) -> exchange.Reply:
    """The state of a job as the server says it."""
    job = {**RUNNING, "notes": ["R31 does not answer"], "result": None, **fields}
    return exchange.Reply(200, {}, json.dumps(job).encode())


def test_a_job_is_asked_more_and_more_seldom_until_it_has_ended() -> None:
    steps = operations.Server.wait(SERVER, BEGUN, patience=60.0, check=True)
    pauses = [next(steps).after]
    for _ in range(10):
        request = steps.send(answered())
        pauses.append(request.after)
    assert request.path == "/api/v1/jobs/7"
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (0.1, 2.0)
    with pytest.raises(StopIteration) as ended:
        steps.send(answered(state="done", ended=9, result={"missing": []}))
    assert (ended.value.value.state, ended.value.value.result) == ("done", {"missing": []})


def test_a_job_that_fails_is_an_error_with_its_last_note_unless_the_caller_wants_it() -> None:
    steps = operations.Server.wait(SERVER, BEGUN, patience=60.0, check=True)
    next(steps)
    with pytest.raises(values.JobError, match="up of x: R31 does not answer") as failed:
        steps.send(answered(state="failed", ended=2.0))
    assert failed.value.job.ended == 2.0
    unchecked = operations.Server.wait(SERVER, BEGUN, patience=60.0, check=False)
    next(unchecked)
    with pytest.raises(StopIteration):
        unchecked.send(answered(state="failed", ended=2.0))


def test_a_job_that_takes_too_long_says_what_to_do() -> None:
    with pytest.raises(values.JobError, match="still runs after 0 seconds: wait for it again, or cancel it"):
        next(operations.Server.wait(SERVER, BEGUN, patience=0.0, check=True))


@pytest.mark.parametrize(("tag", "says"), [("", "needs tag="), ('"x"', "is the `tag`"), ("a\nb", "is the `tag`")])
def test_a_whole_configuration_is_not_sent_without_what_it_replaces(tag: str, says: str) -> None:
    place = operations.Configurable("R31", "x")
    steps = operations.Configurable.configure(place, ["end"], replace=True, dry_run=False, confirm_within=0, tag=tag)
    with pytest.raises(values.UsageError, match=says):
        next(steps)


@pytest.mark.parametrize(
    ("lines", "sent"),
    [
        ("interface Tunnel1\r\n mtu 1400\r\n", ["interface Tunnel1", " mtu 1400"]),
        ("interface Tunnel1\n mtu 1400", ["interface Tunnel1", " mtu 1400"]),
        ("end\r\n\r\n", ["end", ""]),
        (["end\r\n", "exit\n", "a\x0bb", "c\r"], ["end", "exit", "a\x0bb", "c"]),
        ("a\x0cb\u2028c\rd", ["a\x0cb\u2028c\rd"]),  # the router says that this is no line
    ],
)
def test_lines_of_a_file_of_windows_are_lines(lines: str | list[str], sent: list[str]) -> None:
    place = operations.Configurable("R31", "x")
    steps = operations.Configurable.configure(place, lines, replace=False, dry_run=False, confirm_within=0, tag="")
    body = next(steps).body
    assert isinstance(body, dict)
    assert body["lines"] == sent


def test_a_token_is_read_of_a_regular_file_of_this_user_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe was waited for without an end, and the file of another user was believed."""
    file, link, pipe = tmp_path / "token", tmp_path / "link", tmp_path / "pipe"
    file.write_text("secret\n")
    file.chmod(0o600)
    link.symlink_to(file)
    os.mkfifo(pipe, 0o600)
    with sync.connect(token_file=file):
        pass
    for path, says in ((pipe, "no regular file"), (link, "a link"), (tmp_path, "directory")):
        with pytest.raises(values.UsageError, match=says):
            sync.connect(token_file=path)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(values.UsageError, match="another user owns it"):
        sync.connect(token_file=file)


def test_a_number_that_json_does_not_have_is_not_sent() -> None:
    with pytest.raises(values.UsageError, match="JSON"):
        exchange.arguments(next(operations.Orders.clock(operations.Orders("x"), float("nan"))))
