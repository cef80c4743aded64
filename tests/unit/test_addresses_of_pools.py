"""Which clusters a campaign may use: Dask lets in every caller, so only this machine, or TLS."""

from __future__ import annotations

import sys

import pytest

from dmvpn.app.main import main
from dmvpn.base.errors import UserError
from dmvpn.tools.pool.addresses import checked, is_closed

CAMPAIGN = ["simulate", "--campaign", "1", "--hours", "0.1"]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("tcp://127.0.0.1:8786", "tcp://127.0.0.1:8786"),
        ("127.0.0.2:1", "tcp://127.0.0.2:1"),
        ("localhost:8786", "tcp://localhost:8786"),
        ("tcp://[::1]:8786", "tcp://[::1]:8786"),
        ("tls://cluster.example:8786", "tls://cluster.example:8786"),
        ("tls://10.0.0.1:8786", "tls://10.0.0.1:8786"),
    ],
)
def test_loopback_and_tls_are_taken(text: str, address: str) -> None:
    assert checked(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "tcp://10.0.0.1:8786",
        "10.0.0.1:8786",
        "0.0.0.0:8786",
        "tcp://[2001:db8::1]:8786",
        "tcp://[::]:8786",
        "tcp://cluster.example:8786",
        "tcp://localhost.example:8786",
        "tcp://127.0.0.1.example:8786",
    ],
)
def test_an_address_that_other_machines_reach_is_refused_without_tls(text: str) -> None:
    with pytest.raises(UserError, match="use tls://"):
        checked(text)
    assert not is_closed(text if "//" in text else f"tcp://{text}")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "8786",
        "127.0.0.1",
        "127.0.0.1:0",
        "127.0.0.1:99999",
        "ws://127.0.0.1:8786",
        "inproc://1",
        "tcp://a@127.0.0.1:1",
    ],
)
def test_anything_else_is_no_address(text: str) -> None:
    with pytest.raises(UserError):
        checked(text)


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        (["--on", "tcp://192.0.2.1:8786"], "use tls://"),
        (["--on", "127.0.0.1:8786", "--jobs", "2"], "choose one"),
        (["--tls-ca", "ca.pem"], "go with --on tls://"),
        (["--on", "tls://192.0.2.1:8786", "--tls-ca", "ca.pem"], "go together"),
        (["--jobs", "0"], "--jobs is a positive number"),
    ],
)
def test_the_command_refuses_options_that_contradict(
    more: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*CAMPAIGN, *more]) == 1
    assert problem in capsys.readouterr().err


def test_without_the_extra_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    monkeypatch.delitem(sys.modules, "dmvpn.tools.pool.on_dask", raising=False)
    assert main([*CAMPAIGN, "--on", "127.0.0.1:8786"]) == 1
    assert "pip install 'dmvpn[pool]'" in capsys.readouterr().err
