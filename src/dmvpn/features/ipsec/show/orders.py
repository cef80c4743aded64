"""`clear crypto ...`: SAs are deleted, with a word to the peer, and made again where they are wanted."""

from __future__ import annotations

from typing import Final

from dmvpn.features.ipsec.events import ClearCrypto
from dmvpn.ios import Args, ExecCommand, ShowContext


def clear(_: ShowContext, args: Args) -> ClearCrypto:
    """IKE SAs and what they protect."""
    return ClearCrypto(args.any_address("remote", None))


def clear_sas(_: ShowContext, args: Args) -> ClearCrypto:
    """The SAs of ESP alone."""
    return ClearCrypto(args.any_address("remote", None), sas_only=True)


_ADDRESS: Final = "( {remote:address} | {remote:address6} )"
_HELP: Final = {
    "crypto": "Security associations",
    "session": "All of a peer",
    "sa": "Security associations",
    "ikev2": "IKE version 2",
    "isakmp": "The same as `clear crypto ikev2 sa`",
    "remote": "With one peer, by its address",
    "peer": "With one peer, by its address",
}
COMMANDS: Final = (
    ExecCommand(f"clear crypto session [ remote {_ADDRESS} ]", _HELP, action=clear, privilege=15),
    ExecCommand(f"clear crypto ikev2 sa [ remote {_ADDRESS} ]", _HELP, action=clear, privilege=15),
    ExecCommand("clear crypto isakmp", _HELP, action=clear, privilege=15),
    ExecCommand(f"clear crypto sa [ peer {_ADDRESS} ]", _HELP, action=clear_sas, privilege=15),
)
