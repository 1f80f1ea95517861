"""The client against servers that misbehave."""

from __future__ import annotations

import asyncio
import gzip
import logging
import pickle
import random
import traceback
import zlib

import pytest

from quant_channels.sentiment.fetching import FetchFailed, Limits, RateLimit, Validators
from quant_channels.sentiment.http import _is_inward
from quant_channels.sentiment.tokens import Secret, read_token
from quant_contracts.errors import ConfigError
from quant_contracts.units import SECOND

TOKEN = "canary-9f8e7d"


async def failure_of(clock, asked):
    with pytest.raises(FetchFailed) as raised:
        await clock.drive(asked)
    return raised.value


async def test_an_answer_comes_whole_with_what_tells_it_from_the_next(clock, client, serve, http):
    told = http.answer("hello", headers={"ETag": '"a1"', "Last-Modified": "then", "Content-Type": "text/x"})
    async with serve([told]) as server, client() as asking:
        reply = await clock.drive(asking.get(server.url + "/feed", {"q": "a b"}))
        assert (reply.status, reply.body, reply.content_type) == (200, b"hello", "text/x")
        assert reply.validators == Validators('"a1"', "then")
        assert reply.url == server.url + "/feed"
        (request,) = server.requests
        assert request.params == {"q": "a b"}
        assert request.headers["user-agent"] == "quant-engine/0.1"


async def test_what_did_not_change_is_not_sent_again(clock, client, serve, http):
    async with serve([http.answer(status=304)]) as server, client() as asking:
        reply = await clock.drive(asking.get(server.url, validators=Validators('"a1"', "then")))
        assert (reply.status, reply.body) == (304, b"")
        assert server.requests[0].headers["if-none-match"] == '"a1"'
        assert server.requests[0].headers["if-modified-since"] == "then"


async def test_a_validator_that_would_break_a_header_is_not_sent():
    assert Validators('"a"\r\nX-Evil: 1', "Fri").headers() == {"If-Modified-Since": "Fri"}


@pytest.mark.parametrize(
    ("headers", "waited"),
    [
        pytest.param({"Retry-After": "7"}, 7, id="in seconds"),
        pytest.param(
            {"Retry-After": "Fri, 03 Oct 2025 12:00:30 GMT", "Date": "Fri, 03 Oct 2025 12:00:00 GMT"},
            30,
            id="as a date",
        ),
        pytest.param(
            # Its clock runs an hour ahead of ours.
            {"Retry-After": "Fri, 03 Oct 2025 13:00:30 GMT", "Date": "Fri, 03 Oct 2025 13:00:00 GMT"},
            30,
            id="as a date of another clock",
        ),
        pytest.param({"Retry-After": "Fri, 03 Oct 2025 12:00:30 GMT"}, 30, id="as a date without its clock"),
    ],
)
async def test_a_server_is_left_alone_for_as_long_as_it_asks(clock, client, serve, http, headers, waited):
    script = [http.answer(status=429, headers=headers), http.answer("now")]
    async with serve(script) as server, client(spacing_seconds=0) as asking:
        assert (await clock.drive(asking.get(server.url))).body == b"now"
        assert clock.slept == [waited * SECOND]


async def test_a_server_that_asks_for_an_hour_is_given_up_and_not_asked_again_until_then(
    clock, client, serve, http
):
    script = [http.answer(status=429, headers={"Retry-After": "3600"}), http.answer("now")]
    async with serve(script) as server, client() as asking:
        failure = await failure_of(clock, asking.get(server.url + "/a"))
        assert failure.kind == "rate_limited"
        assert (await failure_of(clock, asking.get(server.url + "/b"))).kind == "rate_limited"
        assert len(server.requests) == 1
        clock.now += 3600 * SECOND
        assert (await clock.drive(asking.get(server.url + "/a"))).body == b"now"


@pytest.mark.parametrize("told", ["soon", "-5", "999999999999999999", "Fri, 99 Oct", "", "nan"])
async def test_a_senseless_retry_after_harms_nobody(clock, client, serve, http, told):
    script = [http.answer(status=503, headers={"Retry-After": told}), http.answer("now")]
    async with serve(script) as server, client() as asking:
        task = asyncio.ensure_future(clock.drive(asking.get(server.url)))
        done = await asyncio.gather(task, return_exceptions=True)
        assert isinstance(done[0], FetchFailed) or done[0].body == b"now"


async def test_waits_double_and_repeat_with_the_seed(clock, client, serve, http):
    script = [http.answer(status=500) for _ in range(8)]
    async with serve(script) as server:
        waits = []
        for _ in range(2):
            async with client(spacing_seconds=0) as asking:
                failure = await failure_of(clock, asking.get(server.url))
            assert (failure.kind, failure.again) == ("server_error", True)
            waits.append(clock.slept[:])
            clock.slept.clear()
        assert waits[0] == waits[1]
        chance = random.Random(7)
        assert waits[0] == [round(2**n * (0.5 + chance.random()) * SECOND) for n in range(3)]


async def test_requests_to_one_host_keep_their_distance(clock, client, serve, http):
    async with serve(lambda _: http.answer("x")) as server, client(spacing_seconds=2) as asking:
        await clock.drive(asyncio.gather(*(asking.get(f"{server.url}/{n}") for n in range(4))))
        assert clock.slept == [2 * SECOND, 4 * SECOND, 6 * SECOND]


async def test_a_server_that_never_answers_is_not_waited_for(clock, client, serve, http):
    async with serve(lambda _: http.HANG) as server, client(timeout_seconds=0.05, tries=2) as asking:
        failure = await failure_of(clock, asking.get(server.url))
        assert (failure.kind, len(server.requests)) == ("timeout", 2)


async def test_nobody_there_is_a_failure_of_the_connection(clock, client, serve):
    async with serve([]) as server:
        address = server.url
    async with client(tries=1) as asking:
        assert (await failure_of(clock, asking.get(address))).kind == "connection"


BOMB = gzip.compress(b"0" * 5_000_000)


@pytest.mark.parametrize(
    ("body", "settings", "kind"),
    [
        pytest.param(b"half", {"length": 100}, "truncated", id="cut off"),
        pytest.param(b"x" * 100_001, {}, "too_large", id="too long"),
        pytest.param(BOMB, {"headers": {"Content-Encoding": "gzip"}}, "too_large", id="a bomb of gzip"),
        pytest.param(
            zlib.compress(b"0" * 5_000_000),
            {"headers": {"Content-Encoding": "deflate"}},
            "too_large",
            id="deflate",
        ),
        pytest.param(
            gzip.compress(b"news" * 100)[:-9],
            {"headers": {"Content-Encoding": "gzip"}},
            "truncated",
            id="half a gzip",
        ),
        pytest.param(b"plain", {"headers": {"Content-Encoding": "gzip"}}, "encoding", id="not packed at all"),
        pytest.param(b"plain", {"headers": {"Content-Encoding": "br"}}, "encoding", id="packed otherwise"),
        pytest.param(b"", {"status": 404}, "status", id="not there"),
        pytest.param(b"", {"status": 401}, "refused", id="not for us"),
        pytest.param(b"", {"status": 302, "headers": {"Location": "/again"}}, "redirect", id="in circles"),
        pytest.param(b"", {"status": 302}, "redirect", id="to nowhere but here"),
        pytest.param(
            b"",
            {"status": 302, "headers": {"Location": "https://example.org/"}},
            "redirect",
            id="another scheme",
        ),
        pytest.param(
            b"", {"status": 302, "headers": {"Location": "file:///etc/passwd"}}, "redirect", id="a file"
        ),
        pytest.param(
            b"",
            {"status": 302, "headers": {"Location": "http://10.0.0.1/"}},
            "redirect",
            id="a private network",
        ),
        pytest.param(
            b"", {"status": 302, "headers": {"Location": "http://[::1]:1/"}}, "redirect", id="this machine"
        ),
        pytest.param(
            b"", {"status": 302, "headers": {"Location": "http://[::1"}}, "redirect", id="no address"
        ),
    ],
)
async def test_an_answer_that_cannot_be_used_says_why(clock, client, serve, http, body, settings, kind):
    told = http.answer(body, **settings)
    if kind == "too_large" and not settings:
        told = told.replace(b"Content-Length: 100001\r\n", b"")
    limits = {"most_bytes": 100_000, "tries": 2, "redirects": 3}
    async with serve(lambda _: told) as server, client(**limits) as asking:
        failure = await failure_of(clock, asking.get(server.url))
        assert failure.kind == kind
        if kind != "redirect":
            assert len(server.requests) == (2 if kind == "truncated" else 1)


OK = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    "told",
    [
        b"",
        b"\x00\xff" * 100,
        b"SSH-2.0-OpenSSH_9.0\r\n\r\n",
        b"HTTP/9.9 2000 ?\r\n\r\n",
        OK + b"X: " + b"y" * 100_000 + b"\r\n\r\n",
        OK + b"".join(b"X-%d: y\r\n" % number for number in range(10_000)) + b"\r\n",
        OK + b"Content-Length: -5\r\n\r\nabc",
        OK + b"Content-Length: 5\r\nContent-Length: 7\r\n\r\nabcdefg",
        OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nabc",
        OK + b"No colon here\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://" + b"a" * 100 + b".example/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://\xff\xfe/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://2130706433:1/\r\nContent-Length: 0\r\n\r\n",
    ],
    ids=range(14),
)
async def test_whatever_a_server_sends_is_one_kind_of_failure(clock, client, serve, told):
    async with serve(lambda _: told) as server, client(tries=1, timeout_seconds=1.0) as asking:
        failure = await failure_of(clock, asking.get(server.url))
        assert failure.kind in {"connection", "truncated", "redirect", "status"}


async def test_a_packed_answer_is_unpacked(clock, client, serve, http):
    body = gzip.compress(b"news " * 10_000)
    async with (
        serve([http.answer(body, headers={"Content-Encoding": "gzip"})]) as server,
        client(most_bytes=50_000) as asking,
    ):
        assert (await clock.drive(asking.get(server.url))).body == b"news " * 10_000


async def test_a_redirect_to_another_page_of_the_host_is_followed(clock, client, serve, http):
    script = [http.answer(status=301, headers={"Location": "/new?x=1"}), http.answer("here")]
    async with serve(script) as server, client() as asking:
        assert (await clock.drive(asking.get(server.url + "/old"))).body == b"here"
        assert [request.path for request in server.requests] == ["/old", "/new"]


async def test_a_name_that_leads_home_is_not_followed(clock, client, serve, http):
    told = http.answer(status=302, headers={"Location": "http://localhost:1/"})
    async with serve(lambda _: told) as server, client(tries=1) as asking:
        assert (await failure_of(clock, asking.get(server.url))).kind == "connection"


def test_which_addresses_are_private():
    assert all(map(_is_inward, ["127.0.0.1", "10.1.2.3", "192.168.0.1", "169.254.169.254", "::1", "fd00::1"]))
    assert not any(map(_is_inward, ["8.8.8.8", "2606:4700::1111", "example.org"]))


async def test_a_secret_follows_no_redirect(clock, client, serve, http):
    told = http.answer(status=302, headers={"Location": "/x"})
    async with serve(lambda _: told) as server, client() as asking:
        asked = asking.get(server.url, secret={"Authorization": Secret(TOKEN).after("Bearer ")})
        assert (await failure_of(clock, asked)).kind == "redirect"
        assert len(server.requests) == 1
        assert server.requests[0].headers["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize("limit_is_epoch", [True, False])
async def test_a_host_whose_requests_are_used_up_is_left_alone(clock, client, serve, http, limit_is_epoch):
    reset = str(http.NOON // SECOND + 50) if limit_is_epoch else "50"
    headers = {"X-Left": "0", "X-Reset": reset}
    limit = RateLimit("x-left", "x-reset", limit_is_epoch)
    script = [http.answer("a", headers=headers), http.answer("b")]
    async with serve(script) as server, client() as asking:
        await clock.drive(asking.get(server.url, limit=limit))
        assert clock.now == http.NOON
        await clock.drive(asking.get(server.url, limit=limit))
        assert clock.now == http.NOON + 50 * SECOND


@pytest.mark.parametrize("status", [200, 302, 401, 404, 429, 500])
async def test_a_secret_is_seen_by_nobody_else(clock, client, serve, http, status, caplog):
    told = http.answer("x", status=status, headers={"Location": "/y", "Retry-After": "1"}, length=5)
    with caplog.at_level(logging.DEBUG):
        async with serve(lambda _: told) as server, client(tries=2) as asking:
            for asked in (
                asking.get(server.url, secret={"Authorization": Secret(TOKEN)}),
                asking.get(server.url, secret_params={"auth_token": Secret(TOKEN)}),
            ):
                failure = await failure_of(clock, asked)
                assert TOKEN not in "".join(traceback.format_exception(failure))
    assert TOKEN not in caplog.text


def test_a_secret_shows_itself_nowhere():
    secret = Secret(TOKEN)
    assert TOKEN not in f"{secret} {secret!r} {[secret]} {secret.after('Bearer ')!r}"
    with pytest.raises(TypeError):
        pickle.dumps(secret)


@pytest.mark.parametrize("text", ["", "two words", "line\nbreak", "a\r\nX: 1", "tök", "x" * 5_000])
def test_what_is_no_token_is_refused_without_being_repeated(text):
    with pytest.raises(ConfigError) as raised:
        Secret(text)
    assert not text or text not in str(raised.value)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_token_others_can_read_is_refused(tmp_path, mode):
    file = tmp_path / "token"
    file.write_text(TOKEN + "\n")
    file.chmod(mode)
    with pytest.raises(ConfigError, match="mode 0600"):
        read_token(str(file))
    file.chmod(0o600)
    assert read_token(str(file)).reveal() == TOKEN


def test_a_missing_token_says_where_it_was_looked_for(tmp_path):
    with pytest.raises(ConfigError, match=r"nowhere: the token cannot be read"):
        read_token(str(tmp_path / "nowhere"))


@pytest.mark.parametrize("address", ["ftp://a.example/", "https://user:pass@a.example/", "news", "http://"])
async def test_what_is_no_address_is_refused(client, address):
    async with client() as asking:
        with pytest.raises(ConfigError) as raised:
            await asking.get(address)
        assert "pass" not in str(raised.value).replace("password", "")


@pytest.mark.parametrize(
    "settings", [{"tries": 0}, {"most_bytes": 0}, {"timeout_seconds": 0}, {"user_agent": "a\r\nb"}]
)
def test_senseless_limits_are_refused(settings):
    with pytest.raises(ValueError, match="must be"):
        Limits(**settings)


async def test_cancelling_leaves_nothing_behind(clock, client, serve, http):
    came = asyncio.Event()

    def script(_):
        came.set()
        return http.HANG

    async with serve(script) as server, client() as asking:
        task = asyncio.ensure_future(asking.get(server.url))
        await came.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
