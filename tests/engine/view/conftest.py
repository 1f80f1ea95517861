"""A day of a synthetic market with all streams, and what is seen of it at one moment."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from quant_contracts.duration import parse_time
from quant_contracts.strategy import DataSpec, PartSpec, StreamSpec
from quant_daemon.registry import Registry
from quant_engine.view.look import chosen_streams, declared_pictures, look

VOID = {"meta", "rect"}


class Page(HTMLParser):
    """Elements, shapes and words of a page; fails on a tag that is closed out of turn."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.names, self.shapes, self.attributes, self.words, self.titles = [], [], [], [], [], []
        self.labels = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.names.append(tag)
        values = dict(attrs)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag in {"path", "rect"}:
            self.shapes.append((tag, values))
        if tag == "svg":
            self.labels.append(values["aria-label"])
        # A rectangle may hold its title.
        if tag not in VOID - {"rect"}:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "title":
            self.titles.append(data)
        elif self.open and self.open[-1] != "style" and data.strip():
            self.words.append(data.strip())

    def of(self, css):
        """Shapes that have every class named."""
        wanted = set(css.split())
        return [values for _, values in self.shapes if wanted <= set(values.get("class", "").split())]


SETTINGS = {"seed": 7, "days": 1, "strikes": 9, "expiries": 4, "chain_interval": "10m"}


def stream(name="synthetic", **settings):
    return StreamSpec(PartSpec(name, SETTINGS if name == "synthetic" else {}), **settings)


@pytest.fixture(scope="session")
def page_of():
    """`Page` itself."""
    return Page


@pytest.fixture(scope="session")
def moment():
    return parse_time("2022-01-01T14:03:20.250000")


@pytest.fixture(scope="session")
def data():
    """Every stream beside the bars of one synthetic day."""
    return DataSpec(
        orderbook=stream(max_age="30s"),
        quotes=stream(),
        trades=stream(),
        options=stream(),
        surface=stream("fitted", max_age="15m"),
        sentiment=stream(),
    )


@pytest.fixture(scope="session")
def registry():
    return Registry()


@pytest.fixture(scope="session")
def seen(data, moment, registry):
    """All there is to be seen at the moment."""
    domains = chosen_streams("BTCUSDT", data, declared_pictures(data))
    return look("BTCUSDT", data, moment, domains, registry=registry)
