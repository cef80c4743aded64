"""Values of every type: what is read, what is shown, what is refused; types of features."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest

from dmvpn.base.addresses import Prefix
from dmvpn.ios import ConfigLine, Configurator, ValueType, register_type


def read(kind: str, text: str) -> tuple[object, str] | None:
    """The value and the shown text of `x VALUE`, or None if it is refused."""
    line = ConfigLine("global", f"x {{v:{kind}}}", "")
    tree = Configurator([line], []).parse_text(f"x {text}").tree
    args = tree.get(line)
    return (args["v"], args.words[1]) if args else None


@pytest.mark.parametrize(
    ("kind", "text", "value", "shown"),
    [
        ("1-10", "010", 10, "10"),
        ("address", "10.0.0.1", IPv4Address("10.0.0.1"), "10.0.0.1"),
        ("address6", "2001:db8::1", IPv6Address("2001:db8::1"), "2001:DB8::1"),
        ("mask", "255.255.254.0", IPv4Address("255.255.254.0"), "255.255.254.0"),
        ("wildcard", "0.0.255.255", IPv4Address("0.0.255.255"), "0.0.255.255"),
        ("prefix", "10.1.2.3/8", Prefix.parse("10.0.0.0/8"), "10.0.0.0/8"),
        ("prefix", "10.1.2.3", Prefix.parse("10.1.2.3/32"), "10.1.2.3"),
        ("word", "Word!", "Word!", "Word!"),
        ("secret", "a!b?c|d", "a!b?c|d", "a!b?c|d"),
        ("line", "two  words | ! ", "two  words | !", "two  words | !"),
        ("interface", "gi 0/0/1", "GigabitEthernet0/0/1", "GigabitEthernet0/0/1"),
    ],
)
def test_a_value_is_read_and_shown_in_one_form(kind: str, text: str, value: object, shown: str) -> None:
    assert read(kind, text) == (value, shown)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("1-10", "0"),
        ("1-10", "11"),
        ("1-10", "-1"),
        ("1-10", "1.0"),
        ("1-10", "٣"),
        ("1-10", "9" * 5000),
        ("address", "10.0.0"),
        ("address", "10.0.0.256"),
        ("address", "10.0.0.1/24"),
        ("address6", "10.0.0.1"),
        ("address6", "fe80::1%eth0"),
        ("host6", "fe80::1%eth0/64"),
        ("mask", "255.0.255.0"),
        ("mask", "mask"),
        ("prefix", "10.0.0.0/33"),
        ("prefix", "10.0.0.0/"),
        ("prefix", "10.0.0.0/-1"),
        ("prefix", "x/8"),
        ("word", "two words"),
        ("interface", "nothing0"),
    ],
)
def test_what_is_no_such_value_is_refused(kind: str, text: str) -> None:
    assert read(kind, text) is None


def test_a_feature_may_add_a_type() -> None:
    def parse(text: str) -> tuple[int, str] | None:
        return (int(text, 16), text) if text.startswith("0x") and text[2:].isalnum() else None

    register_type(ValueType("test-hexadecimal", "0xHEX", parse))
    assert read("test-hexadecimal", "0x1f") == (31, "0x1f")
    assert read("test-hexadecimal", "31") is None
    with pytest.raises(ValueError, match="exists already"):
        register_type(ValueType("test-hexadecimal", "0xHEX", parse))
