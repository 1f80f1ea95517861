"""The sources against servers of this machine, lawful and not."""

from __future__ import annotations

import contextlib
import json
import sys

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_channels.sentiment.fetching import FetchFailed, Reply, Validators
from quant_channels.sentiment.items import make_item, moment, read_json
from quant_channels.sentiment.sources.files import FileSource
from quant_channels.sentiment.sources.json_news import JsonNewsSource
from quant_channels.sentiment.sources.reddit import RedditSource
from quant_channels.sentiment.sources.reddit import _item as reddit_item
from quant_channels.sentiment.sources.rss import RssSource, parse_feed
from quant_channels.sentiment.sources.source import Source
from quant_channels.sentiment.sources.x import XSource
from quant_channels.sentiment.sources.x import _item as x_item
from quant_channels.sentiment.tokens import Secret
from quant_contracts.errors import ConfigError
from quant_contracts.units import DAY, SECOND

RSS = """<?xml version="1.0" encoding="{encoding}"?>
<rss version="2.0"><channel><title>News</title>
<item><guid>g1</guid><title>Bitcoin rises &amp; rises</title><link>https://news.example/1</link>
<pubDate>Fri, 03 Oct 2025 11:00:00 GMT</pubDate><description>&lt;b&gt;Up {word}&lt;/b&gt;</description></item>
<item><title>Without a name</title><link>https://news.example/2</link><pubDate>soon</pubDate></item>
<item><description></description></item>
</channel></rss>"""
ATOM = """<?xml version="1.0"?>
<feed xmlns="http://www.w3.org/2005/Atom"><title>News</title>
<entry><id>tag:1</id><title>Ether falls</title><link href="https://news.example/3"/>
<published>2025-10-03T10:00:00Z</published><updated>2025-10-03T11:30:00+02:00</updated>
<content type="html">A longer text</content><summary>Short</summary></entry></feed>"""
ELEVEN = 1_759_489_200 * SECOND


def reply_of(body, content_type="application/rss+xml"):
    if isinstance(body, str):
        body = body.encode()
    return Reply(200, "https://news.example/feed", content_type, body, Validators())


def test_an_rss_feed_becomes_items_with_its_times():
    items, refused = parse_feed(reply_of(RSS.format(encoding="utf-8", word="5%")))
    first, second = items
    assert (first.native_id, first.title, first.text) == ("g1", "Bitcoin rises & rises", "<b>Up 5%</b>")
    assert (first.url, first.published, first.revised) == ("https://news.example/1", ELEVEN, None)
    assert (second.native_id, second.published) == ("https://news.example/2", None)
    assert refused == 1


def test_an_atom_feed_tells_when_it_was_revised():
    ((item,), _) = parse_feed(reply_of(ATOM))
    assert (item.native_id, item.text) == ("tag:1", "A longer text")
    assert (item.published, item.revised) == (ELEVEN - 3600 * SECOND, ELEVEN - 5400 * SECOND)


@pytest.mark.parametrize(
    ("encoding", "word"), [("windows-1251", "рост"), ("iso-8859-1", "Börse"), ("utf-16", "é")]
)
def test_a_feed_in_another_encoding_is_read(encoding, word):
    body = RSS.format(encoding=encoding, word=word).encode(encoding)
    items, _ = parse_feed(reply_of(body, "text/xml"))
    assert word in items[0].text


def test_a_feed_is_told_by_what_it_holds_and_not_by_its_type():
    assert parse_feed(reply_of(RSS.format(encoding="utf-8", word="x"), "text/html"))[0]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("", id="nothing"),
        pytest.param("<html><body>Down for maintenance</body></html>", id="a page"),
        pytest.param(RSS.format(encoding="utf-8", word="x")[:-20], id="cut off"),
        pytest.param('{"error": 1}', id="JSON"),
        pytest.param("<a>" * 3_000 + "</rss>", id="nested"),
        pytest.param(b"\xff\xfe\x00</rss>", id="no text"),
    ],
)
def test_what_is_no_feed_is_refused(body):
    with pytest.raises(FetchFailed) as raised:
        parse_feed(reply_of(body))
    assert raised.value.kind == "not_a_feed"


def test_a_feed_opens_no_file_and_expands_no_bomb(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("canary")
    lol = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 5))
    bomb = (
        f'<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY x SYSTEM "file://{secret}"><!ENTITY l0 "lol">{lol}]>'
        '<rss version="2.0"><channel><item><guid>1</guid><title>T &x; &l4;</title></item></channel></rss>'
    )
    items, _ = parse_feed(reply_of(bomb))
    assert all("canary" not in item.title and len(item.title) < 1_001 for item in items)


def test_a_missing_extra_is_one_clear_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "feedparser", None)
    with pytest.raises(ConfigError, match=r'pip install "quant-engine\[news\]"'):
        parse_feed(reply_of(ATOM))


async def test_a_feed_that_did_not_change_is_not_sent_again(clock, client, serve, http):
    feed = http.answer(RSS.format(encoding="utf-8", word="x"), headers={"ETag": '"7"'})
    async with serve([feed, http.answer(status=304)]) as server, client() as asking:
        source = RssSource("test", server.url)
        first = await clock.drive(source.poll(asking, {}))
        second = await clock.drive(source.poll(asking, first.memory))
        assert (len(first.items), first.refused, first.memory) == (2, 1, {"etag": '"7"'})
        assert (second.items, second.unchanged, second.memory) == ((), True, first.memory)
        assert server.requests[1].headers["if-none-match"] == '"7"'


def news(server, **settings):
    return JsonNewsSource("test", server.url, **{"items_path": "data.list", **settings})


async def test_paths_lead_to_the_fields_of_a_news_service(clock, client, serve, http):
    row = {
        "key": 12,
        "head": {"line": "Bitcoin rises"},
        "body": "Up.",
        "links": ["https://news.example/1"],
        "at": 1_759_489_200_000,
        "gone": False,
    }
    told = http.as_json({"data": {"list": [row, {"key": 13, "gone": True}, {"key": None}, "x", None]}})
    async with serve([told]) as server, client() as asking:
        source = news(
            server,
            params={"lang": "en"},
            id_path="key",
            title_path="head.line",
            text_path="body",
            url_path="links.0",
            published_path="at",
            deleted_path="gone",
            time_unit="ms",
        )
        poll = await clock.drive(source.poll(asking, {}))
        first, gone = poll.items
        assert (first.native_id, first.title, first.text) == ("12", "Bitcoin rises", "Up.")
        assert (first.url, first.published) == ("https://news.example/1", ELEVEN)
        assert (gone.native_id, gone.is_deleted) == ("13", True)
        assert poll.refused == 3
        assert server.requests[0].params == {"lang": "en"}


def pages(server, **settings):
    return news(server, items_path="items", page_param="page", **settings)


async def test_pages_are_read_until_one_brings_nothing_new(clock, client, serve, http):
    def script(request):
        page = int(request.params["page"])
        # The second page repeats a name of the first, as when something came in between.
        names = {1: [1, 2], 2: [2, 3], 3: [3]}[page]
        return http.as_json({"items": [{"id": name, "title": f"t{name}"} for name in names]})

    async with serve(script) as server, client() as asking:
        poll = await clock.drive(pages(server).poll(asking, {}))
        assert [item.native_id for item in poll.items] == ["1", "2", "3"]
        assert (len(server.requests), poll.note) == (3, "pages repeat themselves")


@pytest.mark.parametrize("cursor", ["same", 7])
async def test_a_cursor_that_leads_back_is_noticed(clock, client, serve, http, cursor):
    def script(_):
        return http.as_json({"items": [{"id": 1, "title": "t"}], "next": cursor})

    async with serve(script) as server, client() as asking:
        poll = await clock.drive(pages(server, next_path="next", most_pages=50).poll(asking, {}))
        assert (len(poll.items), len(server.requests)) == (1, 2)
        assert poll.note == "pages repeat themselves"


async def test_no_more_pages_are_read_than_allowed(clock, client, serve, http):
    def script(request):
        return http.as_json({"items": [{"id": request.params["page"], "title": "t"}]})

    async with serve(script) as server, client() as asking:
        poll = await clock.drive(pages(server, most_pages=3).poll(asking, {}))
        assert [item.native_id for item in poll.items] == ["1", "2", "3"]


@pytest.mark.parametrize(("where", "header"), [("token_header", "x-key"), ("token_param", "key")])
async def test_a_token_of_a_news_service_goes_where_it_is_told(
    clock, client, serve, http, tmp_path, where, header
):
    file = tmp_path / "token"
    file.write_text("canary")
    file.chmod(0o600)
    async with serve([http.as_json([])]) as server, client() as asking:
        source = news(server, items_path="", token_file=str(file), token_prefix="", **{where: header})
        await clock.drive(source.poll(asking, {}))
        (request,) = server.requests
        carried = request.headers if where == "token_header" else request.params
        assert carried[header] == "canary"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"<html>", "not_json"),
        (b'{"data": {"list": [', "not_json"),
        (b"[" * 3_000 + b"]" * 3_000, "not_json"),
        (b'{"data": {"list": "\xff"}}', "not_json"),
        (b'{"a": 1e309}', "not_json"),
        (b'{"data": {"list": 5}}', "layout"),
        (b"[]", "layout"),
        (b"null", "layout"),
    ],
)
async def test_what_is_no_news_is_refused(clock, client, serve, http, body, kind):
    async with serve([http.answer(body)]) as server, client() as asking:
        with pytest.raises(FetchFailed) as raised:
            await clock.drive(news(server).poll(asking, {}))
        assert raised.value.kind == kind


def test_json_of_another_encoding_is_read_where_the_server_says_so():
    body = json.dumps(["рост"], ensure_ascii=False)
    assert read_json(reply_of(body.encode("windows-1251"), "application/json; charset=windows-1251")) == [
        "рост"
    ]
    assert read_json(reply_of(b"\xef\xbb\xbf[1]")) == [1]
    with pytest.raises(FetchFailed):
        read_json(reply_of(b"[1]", "application/json; charset=klingon"))


def post(name, created, **fields):
    return {
        "kind": "t3",
        "data": {
            "name": f"t3_{name}",
            "created_utc": float(created),
            "title": f"Post {name}",
            "selftext": "text",
            "author": "sam",
            "permalink": f"/r/Bitcoin/comments/{name}/",
            "edited": False,
            "removed_by_category": None,
            **fields,
        },
    }


def listing(http, posts, after=None, **headers):
    return http.as_json({"kind": "Listing", "data": {"children": posts, "after": after}}, **headers)


async def test_posts_of_a_subreddit_with_edits_and_removals(clock, client, serve, http):
    posts = [
        post("a", 1_759_489_200),
        post("b", 1_759_489_100, edited=1_759_489_150.0),
        post("c", 1_759_489_000, removed_by_category="moderator", selftext="[removed]"),
        post("d", 1_759_488_000, author="[deleted]", selftext="[deleted]"),
        {"kind": "t3", "data": 5},
    ]
    async with serve([listing(http, posts, "t3_d")]) as server, client() as asking:
        source = RedditSource("Bitcoin", base_url=server.url)
        poll = await clock.drive(source.poll(asking, {}))
        a, b, c, d = poll.items
        assert (a.native_id, a.url) == ("t3_a", "https://www.reddit.com/r/Bitcoin/comments/a/")
        assert (a.published, a.revised, a.is_deleted) == (ELEVEN, None, False)
        assert b.revised == ELEVEN - 50 * SECOND
        assert (c.is_deleted, c.title, d.is_deleted) == (True, "", True)
        assert poll.refused == 1
        # The first look reads one page, however many there are.
        assert len(server.requests) == 1
        assert server.requests[0].path == "/r/Bitcoin/new.json"
        assert "authorization" not in server.requests[0].headers


async def test_later_looks_go_back_to_what_was_there_before(clock, client, serve, http):
    script = [
        listing(http, [post("c", 300), post("b", 250)], "t3_b"),
        listing(http, [post("b", 250), post("a", 100)], "t3_a"),
    ]
    async with serve(script) as server, client() as asking:
        source = RedditSource("Bitcoin", base_url=server.url)
        poll = await clock.drive(source.poll(asking, {"newest": "200.0"}))
        assert [item.native_id for item in poll.items] == ["t3_c", "t3_b", "t3_a"]
        assert server.requests[1].params["after"] == "t3_b"
        assert poll.memory == {"newest": "300.0"}


async def test_pages_of_posts_that_lead_back_are_noticed(clock, client, serve, http):
    async with serve(lambda _: listing(http, [post("c", 300)], "t3_c")) as server, client() as asking:
        source = RedditSource("Bitcoin", base_url=server.url, most_pages=10)
        poll = await clock.drive(source.poll(asking, {"newest": "1.0"}))
        assert (len(server.requests), poll.note) == (2, "pages lead back to themselves")


async def test_the_limits_of_reddit_are_kept(clock, client, serve, http):
    headers = {"X-Ratelimit-Remaining": "0.0", "X-Ratelimit-Reset": "90"}
    async with serve(lambda _: listing(http, [post("a", 1)], **headers)) as server, client() as asking:
        source = RedditSource("Bitcoin", base_url=server.url)
        source.token = lambda: Secret("oauth")
        await clock.drive(source.poll(asking, {}))
        await clock.drive(source.poll(asking, {}))
        assert clock.now == http.NOON + 90 * SECOND
        assert server.requests[0].headers["authorization"] == "Bearer oauth"


def tweet(name, *, history=None, text="Bitcoin rises"):
    return {
        "id": str(name),
        "text": text,
        "created_at": "2025-10-03T11:00:00.000Z",
        "edit_history_tweet_ids": [str(name) for name in history or [name]],
    }


def x_source(server, **settings):
    source = XSource("btc", "$BTC lang:en", base_url=server.url, **settings)
    source.token = lambda: Secret("bearer")
    return source


async def test_posts_on_x_page_by_page_with_edits_under_their_first_name(clock, client, serve, http):
    script = [
        http.as_json(
            {
                "data": [tweet(30), tweet(29, history=[20, 29], text="edited")],
                "meta": {"newest_id": "30", "next_token": "n1", "result_count": 2},
            }
        ),
        http.as_json({"data": [tweet(20)], "meta": {"newest_id": "20", "result_count": 1}}),
        http.as_json({"meta": {"result_count": 0}}),
    ]
    async with serve(script) as server, client() as asking:
        poll = await clock.drive(x_source(server).poll(asking, {}))
        assert [(item.native_id, item.text) for item in poll.items] == [
            ("30", "Bitcoin rises"),
            ("20", "edited"),
        ]
        assert poll.items[0].published == ELEVEN
        assert (poll.items[0].revised, poll.items[1].revised) == (None, ELEVEN)
        first, second = server.requests
        assert first.path == "/2/tweets/search/recent"
        assert first.headers["authorization"] == "Bearer bearer"
        assert (first.params["query"], second.params["next_token"]) == ("$BTC lang:en", "n1")
        again = await clock.drive(x_source(server).poll(asking, poll.memory))
        assert server.requests[2].params["since_id"] == "30"
        assert (again.items, again.memory) == ((), poll.memory)


async def test_a_search_on_x_does_not_begin_where_x_refuses(clock, client, serve, http):
    async with serve([http.as_json({"meta": {"result_count": 0}})]) as server, client() as asking:
        memory = {"since_id": "30", "since_at": str(http.NOON - 7 * DAY)}
        await clock.drive(x_source(server).poll(asking, memory))
        assert "since_id" not in server.requests[0].params


async def test_pages_on_x_that_lead_back_and_too_many_pages_are_said(clock, client, serve, http):
    def endless(request):
        page = int(request.params.get("next_token", "0"))
        meta = {"newest_id": "30", "next_token": str((page + 1) % 3), "result_count": 1}
        return http.as_json({"data": [tweet(30 - page)], "meta": meta})

    async with serve(endless) as server, client() as asking:
        poll = await clock.drive(x_source(server, most_pages=9).poll(asking, {}))
        assert poll.note == "pages lead back to themselves"
        poll = await clock.drive(x_source(server, most_pages=2).poll(asking, {}))
        assert poll.note == "more than 2 pages; the older posts are not seen"


async def test_x_says_when_it_may_be_asked_again(clock, client, serve, http):
    reset = str(http.NOON // SECOND + 60)
    limited = http.answer(status=429, headers={"X-Rate-Limit-Remaining": "0", "X-Rate-Limit-Reset": reset})
    async with serve([limited, http.as_json({"meta": {"result_count": 0}})]) as server, client() as asking:
        await clock.drive(x_source(server).poll(asking, {}))
        assert clock.now == http.NOON + 60 * SECOND


def test_without_a_token_x_is_disabled_in_one_line():
    assert XSource("btc", "$BTC").disabled() == "no token; name a file with mode 0600 in token_file"
    assert not XSource("btc", "$BTC", token_file="x.token").disabled()


async def test_a_recorded_file_is_read_when_it_changes(clock, tmp_path):
    file = tmp_path / "news.jsonl"
    file.write_text('{"id": 1, "title": "Bitcoin rises", "published_s": 1759489200}\n{"id": 2}\nno\n')
    source = FileSource("news", str(file))
    first = await source.poll(None, {})
    assert ([item.native_id for item in first.items], first.refused) == (["1"], 2)
    assert first.items[0].published == ELEVEN
    assert (await source.poll(None, first.memory)).unchanged
    file.write_text('{"id": 3, "title": "Ether too"}\n')
    assert [item.native_id for item in (await source.poll(None, first.memory)).items] == ["3"]
    with pytest.raises(FetchFailed, match="cannot be read"):
        await FileSource("news", str(tmp_path / "absent")).poll(None, {})


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=4,
)
FIELDS = [
    "id", "name", "title", "text", "selftext", "url", "permalink", "published_at", "created_utc",
    "created_at", "edited", "author", "removed_by_category", "edit_history_tweet_ids",
]  # fmt: skip


@settings(max_examples=80)
@given(row=st.dictionaries(st.sampled_from(FIELDS), ANY_JSON) | ANY_JSON)
def test_no_row_of_any_kind_breaks_a_source(row):
    news = JsonNewsSource("test", "https://news.example/", text_path="text", revised_path="edited")
    for item in (news._item(row), reddit_item({"data": row}), reddit_item(row), x_item(row)):
        assert item is None or msgspec.json.decode(msgspec.json.encode(item), type=type(item)) == item


@settings(max_examples=150)
@given(body=st.binary(max_size=200) | st.text(max_size=200).map(lambda text: f"<rss>{text}</rss>".encode()))
def test_no_bytes_break_the_feeds(body):
    for read in (parse_feed, read_json):
        with contextlib.suppress(FetchFailed):
            read(reply_of(body))


@pytest.mark.parametrize(
    ("written", "ts"),
    [
        ("2025-10-03T11:00:00Z", ELEVEN),
        ("2025-10-03T13:00:00+02:00", ELEVEN),
        ("2025-10-03 11:00:00", ELEVEN),
        ("Fri, 03 Oct 2025 11:00:00 GMT", ELEVEN),
        ("1759489200", ELEVEN),
        (1_759_489_200.5, ELEVEN + SECOND // 2),
        ("yesterday", None),
        ("9999-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00+14:00", None),
        (-1, None),
        (True, None),
        (float("inf"), None),
        (10**40, None),
        (None, None),
    ],
)
def test_times_as_sources_write_them(written, ts):
    assert moment(written) == ts


@pytest.mark.parametrize("name", [None, "", " ", True, False, 1.5, ["a"], "x" * 501])
def test_an_item_needs_a_name(name):
    assert make_item(name, title="t") is None


@pytest.mark.parametrize(
    ("kind", "given_"),
    [
        (RssSource, {"label": "a b", "url": "https://a.example/"}),
        (RssSource, {"label": "a", "url": "ftp://a.example/"}),
        (RssSource, {"label": "a", "url": "https://user:secret@a.example/"}),
        (RssSource, {"label": "a", "url": "https://a.example/", "every": "soon"}),
        (JsonNewsSource, {"label": "a", "url": "https://a.example/", "next_path": "next"}),
        (JsonNewsSource, {"label": "a", "url": "https://a.example/", "token_header": "a\r\nb"}),
        (JsonNewsSource, {"label": "a", "url": "https://a.example/", "token_prefix": "a\r\n"}),
        (JsonNewsSource, {"label": "a", "url": "https://a.example/", "most_pages": 0}),
        (RedditSource, {"subreddit": "r/Bitcoin"}),
        (RedditSource, {"subreddit": "Bitcoin", "base_url": "nowhere"}),
        (XSource, {"label": "a", "query": ""}),
        (FileSource, {"label": "", "path": "x"}),
    ],
)
def test_senseless_settings_are_refused(kind, given_):
    with pytest.raises(ValueError, match=r"must|needs|every") as raised:
        kind(**given_)
    assert "secret" not in str(raised.value)


def test_every_kind_is_a_source():
    address = "https://a.example/"
    for source in (
        RssSource("a", address),
        JsonNewsSource("a", address),
        RedditSource("Bitcoin"),
        XSource("a", "$BTC"),
        FileSource("a", "x"),
    ):
        assert isinstance(source, Source)
        assert source.cadence > 0
        assert source.name.count(":") == 1
