"""What tries are counted by."""

from __future__ import annotations

from billocr_assets.store.accounts import rates


def test_what_one_client_has_for_itself_is_an_ipv4_address_or_a_64_of_ipv6() -> None:
    same = {rates.network(each) for each in ("2001:db8::1", "2001:db8::ffff:1", "2001:DB8:0:0:1::")}
    assert len(same) == 1
    assert rates.network("::ffff:192.0.2.1") == rates.network("192.0.2.1") == "192.0.2.1"
    assert rates.network("::ffff:192.0.2.2") == "192.0.2.2"
    assert rates.network(None) == rates.network("no address") == "unknown"
