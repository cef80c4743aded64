"""Show and import commands of certificates: `show crypto pki ...`, `crypto pki import`.

No private key is in any answer.
"""

from typing import Final

from dmvpn.features.pki.show import importing
from dmvpn.features.pki.show.certificates import (
    certificates,
    lists,
    render_certificates,
    render_lists,
    render_trustpoints,
    trustpoints,
)
from dmvpn.ios import ExecCommand

_HELP: Final = {
    "pki": "Certificates",
    "certificates": "Configured certificates",
    "trustpoints": "Trusted authorities, and our certificates",
    "crls": "Revocation lists",
    "verbose": "With all particulars",
    "status": "What each one lacks",
    "name": "Of this trustpoint",
}
COMMANDS: Final = (
    *importing.COMMANDS,
    ExecCommand(
        "show crypto pki certificates [ verbose ] [ {name:word} ]",
        _HELP,
        query=certificates,
        render=render_certificates,
    ),
    ExecCommand(
        "show crypto pki certificates {name:word} verbose", _HELP, query=certificates, render=render_certificates
    ),
    ExecCommand("show crypto pki trustpoints [ status ]", _HELP, query=trustpoints, render=render_trustpoints),
    ExecCommand(
        "show crypto pki trustpoints {name:word} [ status ]", _HELP, query=trustpoints, render=render_trustpoints
    ),
    ExecCommand("show crypto pki crls", _HELP, query=lists, render=render_lists),
)
