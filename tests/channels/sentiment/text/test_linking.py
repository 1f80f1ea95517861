"""A text is linked to the assets it names, and to no others."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_channels.sentiment.text.linking import ALIASES, Linker, base_asset, link


@pytest.mark.parametrize(
    ("text", "assets"),
    [
        ("Bitcoin's price", ["BTC"]),
        ("bitcoin-backed loans", ["BTC"]),
        ("$btc #ETH", ["BTC", "ETH"]),
        ("#bitcoin", ["BTC"]),
        ("XBT and btc", ["BTC"]),
        ("BTCUSDT, BTC/USD, BTC-PERP", ["BTC"]),
        ("ether and Ethereum", ["ETH"]),
        ("Ripple wins, XRPL grows", ["XRP"]),
        ("a ripple effect, an avalanche of news", []),
        ("Avalanche rises", ["AVAX"]),
        ("bitcoin cash is not Bitcoin", ["BCH", "BTC"]),
        ("ETHUSDT", ["ETH"]),
        ("Tether mints USDT", ["USDT"]),
        ("betcoin, bitcoiner, BTCs, WBTC, ethereal", []),
        ("@bitcoin wrote on https://example.org/bitcoin about bitcoin.org", []),
        ("SOL rises as NEAR falls", ["SOL", "NEAR"]),
        ("a link near the sol", []),
        ("CLICK THE LINK NEAR YOU RIGHT NOW", []),
        ("$link and #near", ["LINK", "NEAR"]),
        ("LINK", ["LINK"]),
        ("SOLUSDT IS UP AGAIN TODAY", ["SOL"]),
        ("The ONE thing OP said", []),
        ("$ONE and $op, ONE/USDT", ["ONE", "OP"]),
        ("DOGE to the moon", ["DOGE"]),
        ("", []),
    ],
)
def test_assets_of_a_text(text, assets):
    assert list(Linker().link(text)) == assets


@pytest.mark.parametrize(
    ("text", "relevance"),
    [
        ("BTC", {"BTC": 1.0}),
        ("BTC BTC ETH", {"BTC": 3 / 4, "ETH": 1 / 4}),
        ("ETH BTC BTC BTC", {"BTC": 3 / 5, "ETH": 2 / 5}),
        ("ETH BTC BTC", {"ETH": 2 / 4, "BTC": 2 / 4}),
    ],
)
def test_relevance_is_a_share_of_the_mentions(text, relevance):
    found = Linker().link(text)
    assert found == relevance
    assert list(found) == list(relevance)


WORDS = st.lists(
    st.sampled_from(["BTC", "$eth", "bitcoin", "Solana", "SOL", "one", "the", "RISES", "@eth", "#ada", "$"]),
    max_size=15,
)


@settings(max_examples=100)
@given(text=st.one_of(WORDS.map(" ".join), st.text(max_size=200)))
def test_a_text_has_one_vote(text):
    found = Linker().link(text)
    assert list(found.values()) == sorted(found.values(), reverse=True)
    assert all(0 < share <= 1 for share in found.values())
    assert not found or sum(found.values()) == pytest.approx(1)


def test_aliases_of_ones_own():
    assert link("Apple and $aapl beat", {"AAPL": ("$AAPL", "apple")}) == {"AAPL": 1.0}
    assert link("Bitcoin", {"AAPL": ["apple"]}) == {}
    assert link("Bitcoin", {}) == {}
    linker = Linker({**ALIASES, "FOO": ("FOO", "foo coin")}, words=frozenset({"FOO"}))
    assert linker.link("FOO up, foo down, Foo  Coin flat") == {"FOO": 1.0}


@pytest.mark.parametrize(
    ("aliases", "problem"),
    [
        ({"BTC": ("Bitcoin",)}, "BTC: the alias 'Bitcoin' must be a ticker in capitals"),
        ({"BTC": ("",)}, "BTC: the alias ''"),
        ({"BTC": ("bit  coin",)}, "BTC: the alias 'bit  coin'"),
        ({"BTC": ("BTC",), "ETH": ("btc",)}, "the alias 'btc' names BTC and ETH; keep one of them"),
    ],
)
def test_aliases_that_cannot_be_meant_are_refused(aliases, problem):
    with pytest.raises(ValueError, match=problem):
        Linker(aliases)


def test_every_asset_is_found_by_each_of_its_names():
    for asset, names in ALIASES.items():
        for name in names:
            assert list(Linker().link(name.title() if name.islower() else name)) == [asset], name


@pytest.mark.parametrize(
    ("symbol", "asset"),
    [
        ("BTCUSDT", "BTC"),
        ("btcusdt", "BTC"),
        ("BTC-PERPETUAL", "BTC"),
        ("BTC/USDT", "BTC"),
        ("ETH/USDT:USDT", "ETH"),
        ("BTC-USD-SWAP", "BTC"),
        ("BTC_USDC-PERPETUAL", "BTC"),
        ("BTCUSDT_250926", "BTC"),
        ("BTC-27DEC24-100000-C", "BTC"),
        ("XBTUSD", "BTC"),
        ("ETHBTC", "ETH"),
        ("OPUSDT", "OP"),
        ("SUSDT", "S"),
        ("SOLFDUSD", "SOL"),
        ("BTCTUSD", "BTC"),
        ("LITUSD", "LIT"),
        ("WBTC", "WBTC"),
        ("STETH", "STETH"),
        ("1000PEPEUSDT", "PEPE"),
        ("1MBABYDOGEUSDT", "BABYDOGE"),
        ("1INCHUSDT", "1INCH"),
        ("USDT", "USDT"),
        ("FDUSDUSDT", "FDUSD"),
        ("BTC", "BTC"),
        ("AAPL", "AAPL"),
        ("MATICUSDT", "POL"),
    ],
)
def test_base_asset_of_a_symbol(symbol, asset):
    assert base_asset(symbol) == asset


@given(st.text(max_size=30))
def test_any_symbol_has_some_base(symbol):
    assert isinstance(base_asset(symbol), str)
