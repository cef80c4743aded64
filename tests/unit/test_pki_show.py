"""What people read of certificates, to the octet.

`goldens` holds the outputs, named as tests/support/parse_check.py wants it: `make test-parsers` gives them to the
parsers of automation users. `UPDATE_GOLDENS=1` writes them again; read the difference before committing it.
"""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path

import pytest
from ntc_templates.parse import parse_output

from support.pki import Console, dialog

GOLDENS = Path(__file__).parent / "goldens"
#: Made once with `dmvpn pki`; the key is nobody's.
VECTORS = Path(__file__).parents[1] / "vectors" / "pki"


@cache
def router() -> Console:
    console = Console()
    assert console.type(*dialog(VECTORS, "R1"))[0] == 0
    return console


@pytest.mark.parametrize(
    "command",
    [
        "show crypto pki certificates",
        "show crypto pki certificates verbose LAB",
        "show crypto pki trustpoints",
        "show crypto pki trustpoints status",
        "show crypto pki crls",
    ],
)
def test_the_outputs_are_those_that_were_read(command: str) -> None:
    golden = GOLDENS / f"{command.replace(' ', '_')}__certified.txt"
    status, text = router().type(command)
    assert status == 0
    if os.environ.get("UPDATE_GOLDENS"):
        golden.write_text(text)
    assert text == golden.read_text()


@pytest.mark.lengthy
def test_a_template_of_automation_users_finds_both_certificates() -> None:
    rows = parse_output("cisco_ios", "show crypto pki certificates", router().type("show crypto pki certificates")[1])
    assert [(row["certificate_type"], row["subject_cn"], row["issuer_cn"]) for row in rows] == [
        ("Certificate", "R1", "Lab CA"),
        ("CA Certificate", "Lab CA", "Lab CA"),
    ]
    assert {row["associated_trustpoints"] for row in rows} == {"LAB"}


def test_json_has_the_same_and_no_key() -> None:
    told = json.loads(router().type("show crypto pki certificates | json")[1])
    assert [one["subject"][0] for one in told["certificates"]] == ["cn=R1", "cn=Lab CA"]
    key = "".join((VECTORS / "R1.key").read_text().splitlines()[1:-1])
    assert key[20:60] not in json.dumps(told)


def test_a_certificate_of_several_trustpoints_is_shown_once() -> None:
    console = Console()
    console.type(*dialog(VECTORS, "R1"))
    console.type(*dialog(VECTORS, "R1", "OTHER"))
    _, said = console.type("show crypto pki certificates")
    assert said.count("Certificate\n  Status") == 2
    assert said.count("Associated Trustpoints: LAB OTHER") == 2
    assert "OTHER" not in console.type("show crypto pki certificates LAB")[1]


def test_a_trustpoint_without_anything_says_so() -> None:
    console = Console("crypto pki trustpoint EMPTY\n enrollment terminal\n")
    assert console.type("show crypto pki trustpoints")[1] == "Trustpoint EMPTY:\n    Not authenticated.\n\n"
    assert console.type("show crypto pki certificates")[1] == ""
    assert "Issuing CA authenticated ....... No" in console.type("show crypto pki trustpoints status")[1]
