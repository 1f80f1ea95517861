"""Says of a text whether it was seen before, and by which rule: same address, same words, nearly the same."""

from __future__ import annotations

import hashlib
import math
import re
from collections import OrderedDict, deque
from collections.abc import Iterable, Sequence
from typing import Final, Literal, TypeAlias
from urllib.parse import unquote, urlsplit

import msgspec
import numpy as np

from quant_channels.sentiment.text.cleaning import clean
from quant_contracts.units import DAY, Nanos

TRACKING: Final = re.compile(
    r"utm_.*|(?:fb|g|dc|tw|ms|y|li_fat_)clid|gbraid|wbraid|gclsrc|igshid|igsh|mc_[ce]id|_ga|_gl|_hs(?:enc|mi)|"
    r"mkt_tok|ref_src|ref_url|cmpid|ncid|sr_share|s_cid|spm|share_id|rdt|guccounter|guce_referrer(?:_sig)?"
)
"""Parameters of an address that say how a reader came to it."""
TRAILING: Final = re.compile(r"[\s/]+\Z")
PORTS: Final = {"http": 80, "https": 443}
TOKEN: Final = re.compile(r"\$?\w+(?:[.,'’]\w+)*%?")
BITS: Final = 64
BAND: Final = 16
"""Two hashes at most 3 bits apart are the same in one of their four bands of 16 bits."""


def canonical_url(url: str) -> str:
    """`url` as one address is always written; what is no address comes back without spaces at its ends.

    Scheme and host in small letters; without default port, fragment, tracking parameters and trailing
    slash; parameters sorted. Nothing is decoded: two addresses never become one by accident.

    >>> canonical_url("HTTPS://News.Example:443/a/?utm_source=x&b=2&a=1#top")
    'https://news.example/a?a=1&b=2'
    """
    url = url.strip()
    try:
        parts = urlsplit(url.partition("#")[0].strip())
        port = parts.port
    except ValueError:
        return url
    if not parts.scheme or not parts.hostname:
        return url
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    user = parts.netloc.rpartition("@")[0]
    place = (f"{user}@" if user else "") + host
    if port is not None and port != PORTS.get(parts.scheme):
        place += f":{port}"
    pairs = map(str.strip, parts.query.split("&"))
    kept = sorted(pair for pair in pairs if pair and not _is_tracking(pair))
    query = "?" + "&".join(kept) if kept else ""
    return f"{parts.scheme}://{place}{TRAILING.sub('', parts.path)}{query}"


def _is_tracking(pair: str) -> bool:
    return TRACKING.fullmatch(unquote(pair.partition("=")[0]).lower()) is not None


def words_of(text: str) -> list[str]:
    """The words of a text as texts are compared: cleaned, without case, numbers with their unit.

    >>> words_of("Bitcoin’s price: $1.2M, up 5%!")
    ["bitcoin's", 'price', '$1.2m', 'up', '5%']
    """
    return TOKEN.findall(clean(text).casefold())


def text_hash(text: str) -> str:
    """SHA-256 of the words of a text, or of the cleaned text where it has none, such as emoji."""
    return hashlib.sha256((" ".join(words_of(text)) or clean(text)).encode()).hexdigest()


def simhash(words: Sequence[str]) -> int:
    """64 bits that change little when few words do (Charikar 2002): each is what most words vote for.

    A word's votes are the bits of its BLAKE2b digest; a word that comes twice votes twice; a tie is 0.
    """
    if not words:
        return 0
    digests = b"".join(hashlib.blake2b(word.encode(), digest_size=BITS // 8).digest() for word in words)
    votes = np.unpackbits(np.frombuffer(digests, np.uint8)).reshape(-1, BITS).sum(axis=0, dtype=np.int64)
    return int.from_bytes(np.packbits(2 * votes > len(words)).tobytes(), "big")


def hamming(first: int, second: int) -> int:
    """Bits in which two hashes differ."""
    return (first ^ second).bit_count()


def jaccard(first: frozenset[str], second: frozenset[str]) -> float:
    """Share of the words of both that both have; 0 where neither has any."""
    together = len(first & second)
    return together / (len(first) + len(second) - together or 1)


_Key: TypeAlias = tuple[Literal["url", "text"], str]


class Duplicate(msgspec.Struct, frozen=True):
    """That a document says what another said before, and why that is believed."""

    of: str
    """The document that was first seen; never itself a duplicate."""
    rule: Literal["url", "text", "simhash", "jaccard"]
    measure: float
    """Share of words for jaccard, bits apart for simhash, 1 for what is the same."""


class _Seen(msgspec.Struct, frozen=True):
    """What is remembered of a document to find what is nearly the same."""

    name: str
    ts: Nanos
    hash: int
    words: frozenset[str]
    numbers: frozenset[str]
    places: tuple[str | tuple[int, int], ...]
    """What it has in common with whatever is nearly the same."""


class DuplicateIndex(msgspec.Struct, dict=True, forbid_unknown_fields=True):
    """Remembers documents and recognises those that come again; the first seen wins.

    Rules, in this order:

    1. url: the same canonical address, within `exact_window`
    2. text: the same words in the same order, within `exact_window`
    3. simhash: hashes at most `simhash_bits` apart, within `near_window`; finds long texts with a few words
       changed, and next to nothing among headlines
    4. jaccard: at least `jaccard_share` of the words of both in common and the same numbers, within
       `near_window`; of several, the one that was seen first

    A window begins when an address or a text was first seen. Documents come in the order in which they were
    first seen; one that comes late is looked at as of the latest time. The words of at most `limit`
    documents are kept, and twice as many addresses and texts; the oldest go first, so that memory has a
    bound. A document is no duplicate of itself: what comes again under its own name is a revision.

    >>> index = DuplicateIndex()
    >>> index.add("a", 0, "https://x.example/1", "Coinbase applies for a national trust charter")
    >>> index.add("b", 1, "https://y.example/2", "COINBASE applies for a national trust charter!")
    Duplicate(of='a', rule='text', measure=1.0)
    """

    exact_window: Nanos = 7 * DAY
    near_window: Nanos = DAY
    simhash_bits: int = 3
    """0 to 3."""
    jaccard_share: float = 0.75
    """Above 0.5 to 1."""
    limit: int = 20_000
    """Documents, at least 1."""

    def __post_init__(self) -> None:
        if not 0 < self.near_window <= self.exact_window:
            raise ValueError(
                f"need 0 < near_window <= exact_window, not {self.near_window} and {self.exact_window} ns"
            )
        if not 0 <= self.simhash_bits <= 3:
            raise ValueError(f"simhash_bits must be 0 to 3, not {self.simhash_bits}")
        if not 0.5 < self.jaccard_share <= 1:
            raise ValueError(f"jaccard_share must be above 0.5 and at most 1, not {self.jaccard_share}")
        if self.limit < 1:
            raise ValueError(f"limit must be at least 1, not {self.limit}")
        self._now: Nanos | None = None
        self._exact: OrderedDict[_Key, tuple[str, Nanos]] = OrderedDict()
        self._near: OrderedDict[int, _Seen] = OrderedDict()
        # Numbers of documents in rising order, so that the one that goes first is the leftmost.
        self._places: dict[str | tuple[int, int], deque[int]] = {}
        self._count = 0

    def __len__(self) -> int:
        """Documents that near-duplicates are looked for among."""
        return len(self._near)

    def add(self, name: str, ts: Nanos, url: str, text: str) -> Duplicate | None:
        """What the document `name`, first seen at `ts`, is a duplicate of; None if it is new.

        `url` may be empty. A text that is empty once cleaned has only its address.
        """
        self._now = ts = ts if self._now is None else max(ts, self._now)
        self._forget(ts)
        keys: list[_Key] = [("url", canonical_url(url))] if url.strip() else []
        if clean(text):
            keys.append(("text", text_hash(text)))
        seen = self._describe(name, ts, words_of(text))
        found = self._same(keys) or self._alike(seen)
        if found is not None and found.of == name:
            found = None
        for key in keys:
            # Whoever repeats a repetition repeats the original.
            self._exact.setdefault(key, (name if found is None else found.of, ts))
        if found is None and seen.words:
            self._remember(seen)
        return found

    def _same(self, keys: Iterable[_Key]) -> Duplicate | None:
        for key in keys:
            if key in self._exact:
                return Duplicate(self._exact[key][0], key[0], 1.0)
        return None

    def _alike(self, new: _Seen) -> Duplicate | None:
        numbers = sorted({number for place in new.places for number in self._places.get(place, ())})
        ahead = [self._near[number] for number in numbers]
        for seen in ahead:
            if (bits := hamming(new.hash, seen.hash)) <= self.simhash_bits:
                return Duplicate(seen.name, "simhash", float(bits))
        for seen in ahead:
            # "tops $120K" and "tops $125K" are two pieces of news.
            if (
                new.numbers == seen.numbers
                and (share := jaccard(new.words, seen.words)) >= self.jaccard_share
            ):
                return Duplicate(seen.name, "jaccard", share)
        return None

    def _describe(self, name: str, ts: Nanos, words: Sequence[str]) -> _Seen:
        distinct = frozenset(words)
        bits = simhash(words)
        bands = [(place, bits >> place & 0xFFFF) for place in range(0, BITS, BAND)]
        # In any fixed order of words, two sets that share so many share one of their first few. Long words
        # first: they are rare.
        first = len(distinct) - math.ceil(self.jaccard_share * len(distinct)) + 1
        rare = sorted(distinct, key=lambda word: (-len(word), word))[:first]
        numbers = frozenset(word for word in distinct if any(map(str.isdigit, word)))
        return _Seen(name, ts, bits, distinct, numbers, (*bands, *rare))

    def _remember(self, seen: _Seen) -> None:
        self._near[self._count] = seen
        for place in seen.places:
            self._places.setdefault(place, deque()).append(self._count)
        self._count += 1

    def _forget(self, now: Nanos) -> None:
        # One free place is left for what comes.
        while self._near and (
            len(self._near) >= self.limit or next(iter(self._near.values())).ts < now - self.near_window
        ):
            _, gone = self._near.popitem(last=False)
            for place in gone.places:
                numbers = self._places[place]
                numbers.popleft()
                if not numbers:
                    del self._places[place]
        while self._exact and (
            len(self._exact) >= 2 * self.limit - 1
            or next(iter(self._exact.values()))[1] < now - self.exact_window
        ):
            self._exact.popitem(last=False)
