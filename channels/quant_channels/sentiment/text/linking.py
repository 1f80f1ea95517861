"""Which assets a text is about, and how much of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from quant_channels.sentiment.text.cleaning import LIMIT, SPACES, URL

ALIASES: Final[dict[str, tuple[str, ...]]] = {
    "BTC": ("BTC", "XBT", "bitcoin", "bitcoins"),
    "ETH": ("ETH", "ether", "ethereum"),
    "SOL": ("SOL", "solana"),
    "XRP": ("XRP", "ripple", "xrpl", "xrp ledger"),
    "BNB": ("BNB", "bnb chain", "binance coin"),
    "DOGE": ("DOGE", "dogecoin", "dogecoins"),
    "ADA": ("ADA", "cardano"),
    "TRX": ("TRX", "tron"),
    "AVAX": ("AVAX", "avalanche"),
    "LINK": ("LINK", "chainlink"),
    "DOT": ("DOT", "polkadot"),
    "POL": ("POL", "MATIC", "polygon"),
    "LTC": ("LTC", "litecoin"),
    "BCH": ("BCH", "bitcoin cash"),
    "ETC": ("ETC", "ethereum classic"),
    "BSV": ("BSV", "bitcoin sv"),
    "SHIB": ("SHIB", "shiba inu"),
    "PEPE": ("PEPE", "pepecoin"),
    "NEAR": ("NEAR", "near protocol"),
    "ONE": ("$ONE", "harmony one"),
    "UNI": ("UNI", "uniswap"),
    "AAVE": ("AAVE", "aave"),
    "ATOM": ("ATOM", "cosmos hub"),
    "XMR": ("XMR", "monero"),
    "ZEC": ("ZEC", "zcash"),
    "XLM": ("XLM", "stellar lumens"),
    "HBAR": ("HBAR", "hedera"),
    "APT": ("APT", "aptos"),
    "ARB": ("ARB", "arbitrum"),
    "OP": ("$OP",),
    "SUI": ("SUI",),
    "TON": ("TON", "toncoin"),
    "ICP": ("ICP", "internet computer"),
    "FIL": ("FIL", "filecoin"),
    "ALGO": ("ALGO", "algorand"),
    "LUNA": ("LUNA", "terra luna"),
    "USDT": ("USDT", "tether"),
    "USDC": ("USDC", "usd coin"),
}
"""Names of assets: in capitals a ticker, with $ a ticker that needs its mark, in small letters a name. The
longest wins ("bitcoin cash"). To redditors OP is who began the thread."""

WORDS: Final = frozenset(
    "ALGO APE APT ARB ATOM BAND BAT DOT ETC FIL FLOW FUN GAS GALA HIGH HOT ICE ICP JUST KEY LINK LUNA MASK "  # noqa: SIM905 - read as a line
    "MOVE NEAR ONE OP PEOPLE POL PUMP ROSE RUNE SAFE SAND SOL STORY STX SUI SUN TIME TON TRUMP UNI WIN "
    "avalanche polygon ripple tether".split()
)
"""Tickers and names that are words, or names of people, in some language."""
QUOTES: Final = tuple(
    "FDUSD USDT USDC BUSD USDE USD1 USD EUR GBP JPY TRY BRL KRW AUD PERP TUSD DAI BTC ETH BNB".split()  # noqa: SIM905 - ditto
)
"""What a symbol without a divider may end with."""
AMBIGUOUS: Final = frozenset({"TUSD", "DAI", "BTC", "ETH", "BNB"})
"""Taken off a known asset only: WBTC and STETH are assets, LITUSD is LIT in dollars."""
SYNONYMS: Final = {"XBT": "BTC", "XXBT": "BTC", "XETH": "ETH", "MATIC": "POL"}
SCALED: Final = re.compile(r"(?:1000000|100000|10000|1000)(?=[A-Z]{3})|1M(?=[A-Z]{3})")
"""Venues quote coins of little worth by the thousand: 1000PEPEUSDT."""
DIVIDER: Final = re.compile(r"[/_:\-]")
ALIAS: Final = re.compile(r"\$?[A-Z0-9]{1,15}|(?=.*[^\W\d_])[^\WA-Z_]+(?:[ .'-][^\WA-Z_]+)*")
LETTERS: Final = re.compile(r"[^\W\d_]{2,}")
SHOUTED: Final = 0.6
"""Share of words in capitals beyond which capitals tell nothing."""


class Linker(msgspec.Struct, dict=True, forbid_unknown_fields=True):
    """Finds the assets a text names, as it was published or cleaned.

    What names BTC, whose aliases are the ticker BTC and the name bitcoin:

    - `$BTC`, `#BTC` and `#bitcoin` in any case
    - the name in any case: Bitcoin, bitcoin's, Bitcoin-backed; never inside another word, a @handle or an
      address
    - the ticker in capitals, alone or in a pair: BTC, BTCUSDT, BTC/USD, BTC-PERP; btc too

    What is among `words` needs more: a ticker such as NEAR or SOL stands in capitals in a text that is not
    in capitals itself (at most six of ten of its other words are), a name such as Ripple has a capital.

    The relevance of an asset is its share of all mentions, the first mention of the text counted twice:
    a text has one vote, which its assets divide. An asset that a text does not name is not in the result.

    >>> Linker().link("Bitcoin and $ETH rise, bitcoin more")
    {'BTC': 0.75, 'ETH': 0.25}
    """

    aliases: dict[str, tuple[str, ...]] = msgspec.field(default_factory=ALIASES.copy)
    """Names of each base asset: in capitals a ticker, with $ one that needs its mark, in small letters a
    name."""
    words: frozenset[str] = WORDS
    """Aliases that need more than their letters to be meant."""

    def __post_init__(self) -> None:
        self._owner: dict[str, tuple[str, str]] = {}
        for asset, names in self.aliases.items():
            for name in names:
                if not ALIAS.fullmatch(name):
                    raise ValueError(
                        f"{asset}: the alias {name!r} must be a ticker in capitals (BTC, $OP) or a name in "
                        "small letters (bitcoin cash)"
                    )
                key = name.removeprefix("$").lower()
                owner, _ = self._owner.setdefault(key, (asset, name))
                if owner != asset:
                    raise ValueError(f"the alias {name!r} names {owner} and {asset}; keep one of them")
        longest_first = sorted(self._owner, key=lambda name: (-len(name), name))
        ways = "|".join(re.escape(name).replace(r"\ ", r"\s+") for name in longest_first) or "(?!)"
        self._pattern = re.compile(
            rf"(?<![\w@])([$#]?)({ways})([-/_]?(?:{'|'.join(QUOTES)}))?(?!\w|\.(?:com|org|net|io)\b)",
            re.IGNORECASE,
        )

    def link(self, text: str) -> dict[str, float]:
        """Relevance of each asset named, above 0 to 1, the most relevant first, then by first mention."""
        text = URL.sub(" ", text[:LIMIT])
        shouted = self._shouted(text)
        found: list[str] = []
        for mention in self._pattern.finditer(text):
            asset, alias = self._owner[SPACES.sub(" ", mention[2].lower())]
            if self._is_meant(mention, alias, shouted):
                found.append(asset)
        weights: dict[str, int] = {}
        for place, asset in enumerate(found):
            weights[asset] = weights.get(asset, 0) + (2 if place == 0 else 1)
        ranked = sorted(weights.items(), key=lambda item: item[1], reverse=True)
        return {asset: weight / (len(found) + 1) for asset, weight in ranked}

    def _is_meant(self, mention: re.Match[str], alias: str, shouted: bool) -> bool:
        mark, written, quote = mention.groups()
        if mark:
            return True
        if alias.startswith("$"):
            return quote is not None and written.isupper()
        if alias not in self.words:
            return True
        if alias.isupper():
            return written.isupper() and (quote is not None or not shouted)
        return written[0].isupper()

    def _shouted(self, text: str) -> bool:
        """Whether capitals tell nothing, because words that are no tickers have them too."""
        others = [word for word in LETTERS.findall(text) if word.lower() not in self._owner]
        return sum(map(str.isupper, others)) > SHOUTED * len(others)


def link(text: str, aliases: Mapping[str, Sequence[str]] = ALIASES) -> dict[str, float]:
    """Relevance of each asset that `text` names; for many texts make one `Linker`."""
    return Linker({asset: tuple(names) for asset, names in aliases.items()}).link(text)


def base_asset(symbol: str) -> str:
    """The asset that a trading symbol is about, as the keys of `ALIASES` name it.

    >>> [base_asset(symbol) for symbol in ("BTCUSDT", "BTC-PERPETUAL", "ETH/USDT:USDT", "XBTUSD")]
    ['BTC', 'BTC', 'ETH', 'BTC']
    >>> [base_asset(symbol) for symbol in ("1000PEPEUSDT", "BTC-27DEC24-100000-C", "USDT", "AAPL")]
    ['PEPE', 'BTC', 'USDT', 'AAPL']
    """
    first = DIVIDER.split(symbol.strip().upper())[0]
    if first not in QUOTES and first not in ALIASES:
        bases = {quote: first.removesuffix(quote) for quote in QUOTES if first.endswith(quote)}
        known = [base for base in bases.values() if base in ALIASES or base in SYNONYMS]
        sure = [base for quote, base in bases.items() if quote not in AMBIGUOUS]
        first = next(iter(known + sure), first)
    first = SCALED.sub("", first)
    return SYNONYMS.get(first, first)
