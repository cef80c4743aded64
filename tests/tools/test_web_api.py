"""The description of the web API in the hands of strangers: schemathesis asks by it, openapi-python-client reads it."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from typing import TYPE_CHECKING

import pytest

from support.served import Served, dmvpn, new_token, serving
from support.tool_lab import API, environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.tools, pytest.mark.slow]

LAB, DESCRIPTION = "notes-phase3", "/api/v1/openapi.json"
#: Seconds, and examples of each operation.
BUDGET, EXAMPLES = 60, 2
CHECKS = (
    *("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance"),
    *("response_schema_conformance", "unsupported_method", "allow_header_conformance", "negative_data_rejection"),
)
#: Streams that do not end, and what would end the lab, a router of it, or the token.
LEFT_OUT = (
    *("post_labs_lab_routers_router_terminals", "get_labs_lab_routers_router_events", "get_labs_lab_events"),
    *("delete_labs_lab", "post_labs_lab_routers_router_kill", "delete_session"),
)


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Served, str]]:
    """A server, and a token for its lab alone."""
    with tempfile.TemporaryDirectory() as folder:
        variables = {**os.environ, "XDG_RUNTIME_DIR": folder, "XDG_STATE_HOME": folder}
        dmvpn(variables, "lab", "up", LAB, "--simulated")
        try:
            with serving(variables) as web:
                yield web, new_token(variables, "stranger", "configure", "--labs", LAB)
        finally:
            dmvpn(variables, "lab", "down")


def without_tuples(schema: object) -> object:
    """The same without the items of arrays of fixed length, which schemathesis 4.32 rewrites, and refuses then."""
    if isinstance(schema, list):
        return [without_tuples(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {name: without_tuples(part) for name, part in schema.items() if name != "prefixItems"}


def run(folder: Path, program: str, *words: str) -> str:
    """What a program of the environment prints; it must succeed."""
    place = environment(API) / "bin"
    variables = {**os.environ, "HOME": str(folder), "PATH": f"{place}:{os.environ['PATH']}"}
    variables.pop("PYTHONPATH", None)
    done = subprocess.run(
        [str(place / program), *words],
        cwd=folder,
        env=variables,
        capture_output=True,
        text=True,
        timeout=BUDGET + 240,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def test_schemathesis_finds_no_answer_that_the_description_does_not_promise(
    served: tuple[Served, str], tmp_path: Path
) -> None:
    web, token = served
    (tmp_path / "openapi.json").write_text(json.dumps(without_tuples(web.ask(DESCRIPTION, token=token).value)))
    (tmp_path / "schemathesis.toml").write_text(
        f'[parameters]\n"path.lab" = "{LAB}"\n"path.router" = "R31"\n"path.host" = "H3"\n'
    )
    run(
        tmp_path,
        "st",
        *("--config-file", "schemathesis.toml", "run", "openapi.json", "--url", f"http://127.0.0.1:{web.port}"),
        *("--header", f"Authorization: Bearer {token}"),
        *("--max-time", str(BUDGET), "--max-examples", str(EXAMPLES), "--phases", "coverage,fuzzing", "--seed", "1"),
        *("--generation-database", "none", "--request-timeout", "20", "--max-redirects", "0", "--max-failures", "20"),
        *("--warnings", "off", "--no-color", "--checks", ",".join(CHECKS)),
        *(word for name in LEFT_OUT for word in ("--exclude-operation-id", name)),
    )


ASKS = """\
import json, sys
from made import AuthenticatedClient
from made.api.labs import get_labs, get_labs_lab_routers
from made.api.show import get_labs_lab_routers_router_show_dmvpn as dmvpn
from made.api.show import get_labs_lab_routers_router_show_ip_route_arguments as routes

base, token, lab = sys.argv[1:]
client = AuthenticatedClient(base_url=base, token=token)
found = {
    "labs": [one.to_dict()["name"] for one in get_labs.sync(client=client)],
    "routers": [one.to_dict()["name"] for one in get_labs_lab_routers.sync(lab, client=client, limit=2)],
    "tunnels": [one.name for one in dmvpn.sync(lab, "R31", client=client).tunnels],
    "routes": [one.prefix for one in routes.sync(lab, "R31", "10.3.3.0/24 longer-prefixes", client=client).entries],
    "refused": routes.sync(lab, "R31", "no/words", client=client).status,
}
print(json.dumps(found))
"""


def test_a_client_that_is_made_from_the_description_works(served: tuple[Served, str], tmp_path: Path) -> None:
    web, token = served
    (tmp_path / "openapi.json").write_text(web.ask(DESCRIPTION, token=token).text)
    words = ("generate", "--path", "openapi.json", "--output-path", "made", "--meta", "none", "--overwrite")
    said = run(tmp_path, "openapi-python-client", *words)
    warnings = [line for line in said.splitlines() if line.startswith("WARNING")]
    paths = ("/api/v1/labs/{lab}/links/{link}/capture", "/api/v1/labs/{lab}/saved")  # it knows no pcap and no ZIP files
    assert sorted(warnings) == [f"WARNING parsing GET {path} within labs." for path in paths]
    (tmp_path / "asks.py").write_text(ASKS)
    found = json.loads(run(tmp_path, "python", "asks.py", f"http://127.0.0.1:{web.port}", token, LAB))
    assert found == {
        "labs": [LAB],
        "routers": ["R11", "R31"],
        "tunnels": ["Tunnel100"],
        "routes": ["10.3.3.0/24", "10.3.3.1/32"],
        "refused": 400,
    }
