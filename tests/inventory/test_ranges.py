from __future__ import annotations

import pytest
from provision.errors import InventoryError
from provision.inventory.ranges import expand_hosts, split_port


@pytest.mark.parametrize(
    ("pattern", "names", "port"),
    [
        ("gpu1", ["gpu1"], None),
        ("gpu1:2222", ["gpu1"], 2222),
        ("gpu[08:11]", ["gpu08", "gpu09", "gpu10", "gpu11"], None),
        ("gpu[8:11]", ["gpu8", "gpu9", "gpu10", "gpu11"], None),
        ("gpu[0:10:5].x", ["gpu0.x", "gpu5.x", "gpu10.x"], None),
        ("gpu[:2]", ["gpu0", "gpu1", "gpu2"], None),
        ("n[a:e:2]:22", ["na", "nc", "ne"], 22),
        ("r[1:2]n[a:b]", ["r1na", "r1nb", "r2na", "r2nb"], None),
        ("10.0.0.[1:2]", ["10.0.0.1", "10.0.0.2"], None),
        ("2001:db8::1", ["2001:db8::1"], None),
        ("[2001:db8::1]:2222", ["2001:db8::1"], 2222),
        ("[2001:db8::1]", ["2001:db8::1"], None),
    ],
)
def test_names_that_a_pattern_stands_for(pattern: str, names: list[str], port: int | None) -> None:
    assert expand_hosts(pattern) == (names, port)


@pytest.mark.parametrize(
    ("pattern", "what"),
    [
        ("gpu[5:1]", "range [5:1] ends before it starts in 'gpu[5:1]'"),
        ("gpu[z:a]", "range [z:a] ends before it starts in 'gpu[z:a]'"),
        ("gpu[01:100]", "range [01:100] has bounds of different lengths in 'gpu[01:100]'"),
        ("gpu[1:]", "range [1:] has no end in 'gpu[1:]'"),
        ("gpu[1]", "[1] is not a range in 'gpu[1]'"),
        ("gpu[1:x]", "range [1:x] is neither of numbers nor of letters in 'gpu[1:x]'"),
        ("gpu[1:9:0]", "the step of a range must be 1 or more in 'gpu[1:9:0]'"),
        ("gpu[1:9:b]", "step 'b' is not a whole number in 'gpu[1:9:b]'"),
        ("gpu[1:2", "unbalanced brackets in host name 'gpu[1:2'"),
        ("gpu[0:99999999]", "range [0:99999999] has more than 1000000 hosts in 'gpu[0:99999999]'"),
        ("a[0:9999]b[0:9999]", "'a[0:9999]b[0:9999]' has more than 1000000 hosts"),
        ("gpu:70000", "port 70000 in 'gpu:70000' is above 65535"),
    ],
)
def test_ranges_that_cannot_be_read(pattern: str, what: str) -> None:
    with pytest.raises(InventoryError) as caught:
        expand_hosts(pattern)
    assert caught.value.what == what


def test_an_ipv6_address_alone_has_no_port() -> None:
    assert split_port("::1") == ("::1", None)
