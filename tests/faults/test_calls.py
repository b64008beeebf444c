"""What can go wrong with a call before its first byte, and what must happen then."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import email.utils
import itertools
import json
import ssl
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import trustme

import gemini_nb as genai
from gemini_nb import errors, retry
from gemini_nb.request import Request
from tests.server import answer_json, answer_sse, chunk

DETAIL = "type.googleapis.com/google.rpc."


def refusal(code, *details, **headers):
    """An error as the service words it."""
    error = {"code": code, "message": f"No ({code}).", "status": "NAME", "details": list(details)}
    status, head, body = answer_json({"error": error}, code)
    return status, {**head, **headers}, body


def retry_info(delay):
    return {"@type": f"{DETAIL}RetryInfo", "retryDelay": delay}


def quota(name):
    return {"@type": f"{DETAIL}QuotaFailure", "violations": [{"quotaId": name}]}


def good(call):
    """A whole answer, or a stream where one is wanted."""
    answer = chunk("Hello", "STOP")
    return answer_sse(answer) if "sse" in call.target else answer_json(answer)


def dropped(call):
    """The connection is closed without a word."""
    raise ConnectionResetError


def cut_short(call):
    """A head that promises more than comes."""

    async def nothing():
        for _ in ():
            yield b""

    return 200, {"content-type": "application/json", "content-length": "500"}, nothing()


def in_turn(*answers):
    """One answer to each call, and the last to all that follow."""
    rest = itertools.chain(answers, itertools.repeat(answers[-1]))

    def answer(call):
        now = next(rest)
        return now(call) if callable(now) else now

    return answer


def whole():
    return genai.GenerativeModel("gemini-test").generate_content("hi")


def streamed():
    return genai.GenerativeModel("gemini-test").generate_content("hi", stream=True).resolve()


def whole_async():
    return asyncio.run(genai.GenerativeModel("gemini-test").generate_content_async("hi"))


def streamed_async():
    async def read():
        model = genai.GenerativeModel("gemini-test")
        response = await model.generate_content_async("hi", stream=True)
        return await response.resolve_async()

    return asyncio.run(read())


WAYS = [whole, streamed, whole_async, streamed_async]


@pytest.fixture
def patient(serve, monkeypatch):
    """A server whose calls are tried again, at once where nobody says how long to wait."""

    def start(*answers):
        monkeypatch.setattr(retry, "_FIRST", 0.01)
        server = serve(in_turn(*answers))
        genai.configure(retries=4)
        return server

    return start


@pytest.mark.parametrize("ask", WAYS)
@pytest.mark.parametrize(
    "fault",
    [
        *(refusal(code) for code in (408, 429, 500, 502, 503, 504)),
        (502, {"content-type": "text/html"}, [b"<html>Bad gateway</html>"]),
        dropped,
        cut_short,
    ],
    ids=["408", "429", "500", "502", "503", "504", "html", "dropped", "cut short"],
)
def test_what_passes_is_tried_again(patient, ask, fault):
    """Twice a fault, then the answer: that is an answer, and it says what came before."""
    server = patient(fault, fault, good)
    response = ask()
    assert response.text == "Hello"
    assert len(server.calls) == 3
    assert len(response.earlier) == 2
    assert response.maybe_billed == (2 if fault in (dropped, cut_short) else 0)


@pytest.mark.parametrize("ask", WAYS)
@pytest.mark.parametrize(
    "fault",
    [
        *(refusal(code) for code in (400, 401, 403, 404, 409, 413, 501)),
        (200, {"content-type": "text/html"}, [b"<html>Log in to the WiFi</html>"]),
        (302, {"location": "http://login.example"}, [b""]),
    ],
    ids=["400", "401", "403", "404", "409", "413", "501", "portal", "redirect"],
)
def test_what_stays_is_not(patient, ask, fault):
    """A refusal for a reason that stays is told at once."""
    server = patient(fault)
    with pytest.raises(errors.GeminiError) as caught:
        ask()
    assert len(server.calls) == 1
    assert caught.value.tries == 1


@pytest.mark.parametrize("ask", WAYS)
def test_it_is_not_tried_forever(patient, ask):
    """After the fifth time the error is the answer, and says how often it was tried."""
    server = patient(refusal(503))
    with pytest.raises(errors.Unavailable) as caught:
        ask()
    assert len(server.calls) == 5
    assert caught.value.tries == 5
    assert "It was tried 5 times." in "\n".join(caught.value.card())


def test_without_retries(patient):
    """`configure(retries=0)` shows every fault as it comes."""
    server = patient(refusal(503))
    genai.configure(retries=0)
    with pytest.raises(errors.Unavailable):
        whole()
    assert len(server.calls) == 1


@pytest.mark.parametrize(
    "fault",
    [
        refusal(429, retry_info("3s")),
        refusal(503, **{"retry-after": "3"}),
        refusal(429, retry_info("3s"), **{"retry-after": "1"}),
    ],
    ids=["RetryInfo", "Retry-After", "both"],
)
def test_the_service_says_how_long(patient, fault):
    """What the service asks for is waited for, to the second; RetryInfo says more than a header."""
    patient(fault, good)
    began = time.monotonic()
    assert whole().text == "Hello"
    assert 3 <= time.monotonic() - began < 4.5


def test_a_date_to_come_back_at(patient):
    """Retry-After may be a date."""
    at = dt.datetime.now(tz=dt.UTC) + dt.timedelta(seconds=3)
    patient(refusal(503, **{"retry-after": email.utils.format_datetime(at, usegmt=True)}), good)
    began = time.monotonic()
    assert whole().text == "Hello"
    assert 1.5 <= time.monotonic() - began < 4.5  # a date has whole seconds


@pytest.mark.parametrize("ask", WAYS)
@pytest.mark.parametrize(
    "fault",
    [refusal(503, **{"retry-after": "300"}), refusal(429, retry_info("300s"))],
    ids=["Retry-After", "RetryInfo"],
)
def test_a_long_wait_is_told_at_once(patient, ask, fault):
    """Nobody is held up for minutes: the error says when to come back, by the clock."""
    server = patient(fault)
    began = time.monotonic()
    with pytest.raises(errors.APIError) as caught:
        ask()
    assert time.monotonic() - began < 2
    assert len(server.calls) == 1
    assert caught.value.retry_after == 300
    at = (dt.datetime.now().astimezone() + dt.timedelta(seconds=300)).strftime("%H:%M")
    assert f"call again at {at}" in "\n".join(caught.value.card())


@pytest.mark.parametrize("wait", ["9" * 20, "9" * 400, "Fri, 31 Dec 9999 23:59:59 -1400"])
def test_a_wait_without_end(patient, wait):
    """A service that says to come back in a thousand years breaks nothing; the day is said."""
    server = patient(refusal(503, **{"retry-after": wait}))
    with pytest.raises(errors.Unavailable, match=r"call again on \d+ [A-Z]"):
        whole()
    assert len(server.calls) == 1


@pytest.mark.parametrize("ask", WAYS)
def test_what_went_wrong_before_holds_no_key(patient, ask):
    """The errors of earlier tries have no frames: those would hold the headers."""
    patient(refusal(503), dropped, good)
    earlier = ask().earlier
    assert [type(error) for error in earlier] == [errors.Unavailable, errors.NetworkError]
    assert [(e.__traceback__, e.__context__) for e in earlier] == [(None, None)] * 2


@pytest.mark.parametrize("ask", WAYS)
def test_the_quota_of_a_day(patient, ask):
    """A quota per day is not waited for, whatever delay the service names beside it."""
    day = "GenerateRequestsPerDayPerProjectPerModel-FreeTier"
    server = patient(refusal(429, quota("PerMinute"), quota(day), retry_info("36s")))
    with pytest.raises(errors.ResourceExhausted) as caught:
        ask()
    assert len(server.calls) == 1
    assert caught.value.quota == day
    card = "\n".join(caught.value.card())
    assert "midnight Pacific time" in card
    assert day in card
    assert "36" not in card


def test_the_quota_of_a_day_is_explained_to_whoever_wants_no_retries(patient):
    """What to do about it has nothing to do with trying again."""
    patient(refusal(429, quota("GenerateRequestsPerDay")))
    genai.configure(retries=0)
    with pytest.raises(errors.ResourceExhausted, match="midnight Pacific time"):
        whole()


def test_what_will_not_pass_loads_no_library(serve):
    """A refusal for good costs no import: the loop of retries is for what may pass."""
    code = """
import sys, gemini_nb as genai
genai.configure(api_key="AIzaFAKE", base_url=sys.argv[1])
try:
    genai.GenerativeModel("m").generate_content("hi")
except genai.errors.NotFound:
    print("stamina" in sys.modules)
"""
    server = serve(refusal(404))
    done = subprocess.run(
        [sys.executable, "-c", code, server.url], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


def test_the_waits_grow_and_differ():
    """Each wait is about twice the one before, and no two callers wait the same."""
    for tries in (1, 2, 3):
        error = errors.Unavailable("No.", code=503)
        error.tries = tries
        found = [retry.Retries(4)._delay(error, 0.0) for _ in range(50)]
        middle = 0.5 * 2 ** (tries - 1)
        assert all(0.5 * middle <= seconds <= 1.5 * middle for seconds in found)
        assert len(set(found)) > 40


def test_the_tries_of_a_call_have_an_end():
    """Two minutes after the first try there is no other."""
    error = errors.Unavailable("No.", code=503)
    assert retry.Retries(100)._delay(error, 119.0) is not None
    assert retry.Retries(100)._delay(error, 120.0) is None
    told = errors.ResourceExhausted("No.", code=429, retry_after=30.0)
    assert retry.Retries(100)._delay(told, 100.0) is None


@pytest.mark.parametrize("headers", [{}, {"retry-after": "0"}], ids=["no word", "at once"])
def test_a_dying_service_is_not_stormed(patient, headers):
    """All calls of a client share what may be tried again, also where the service says: at once."""
    server = patient(refusal(503, **headers))
    client = genai.GenerativeModel("m").client

    def ask(_):
        with contextlib.suppress(errors.Unavailable):
            genai.GenerativeModel("m", client=client).generate_content("hi")

    with ThreadPoolExecutor(20) as threads:
        list(threads.map(ask, range(60)))
    assert len(server.calls) == 60 + 20


def test_success_refills_the_budget(patient):
    """A service that has recovered is given time again."""
    faults = [refusal(503)] * 30
    patient(*faults, *[good] * 40, refusal(503), good)
    client = genai.GenerativeModel("m").client
    model = genai.GenerativeModel("m", client=client)
    failed = 0
    for _ in range(60):
        try:
            model.generate_content("hi")
        except errors.Unavailable as error:
            failed += 1
            spent = "Too many calls failed of late" in str(error)
    assert failed > 4
    assert spent
    transport = client.connect()
    assert transport._retries._budget > 5


def test_what_has_begun_is_never_sent_again(patient):
    """After its first byte a stream is not begun anew: it would be said, and paid, twice."""

    async def pieces():
        yield b"data: " + json.dumps(chunk("Hel")).encode() + b"\n\n"

    server = patient(lambda call: (200, {"content-type": "text/event-stream"}, pieces()))
    with pytest.raises(errors.StreamInterrupted):
        streamed()
    assert len(server.calls) == 1


@pytest.mark.parametrize(("fault", "calls"), [(dropped, 1), (refusal(500), 1), (refusal(503), 2)])
def test_nothing_is_created_twice(patient, fault, calls):
    """What makes something is sent again only where it is certain that nothing was made."""
    server = patient(fault, answer_json({"name": "cachedContents/1"}))
    made = Request("POST", "cachedContents", None, creates=True)
    client = genai.Client()
    if calls == 2:
        client.call(made, genai.types.Model)
    else:
        with pytest.raises(errors.GeminiError):
            client.call(made, genai.types.Model)
    assert len(server.calls) == calls


@pytest.mark.parametrize("ask", WAYS)
def test_a_service_that_says_nothing_is_not_asked_twice(patient, ask):
    """A timeout has already cost all the time that was allowed, and perhaps money."""

    def silent(call):
        async def wait():
            await asyncio.sleep(3600)
            yield b""

        return 200, {"content-type": "text/event-stream"}, wait()

    server = patient(silent)
    genai.configure(timeout=0.2)
    with pytest.raises(errors.Timeout) as caught:
        ask()
    assert caught.value.sent
    assert len(server.calls) == 1


@pytest.mark.parametrize("ask", WAYS)
def test_a_name_that_nobody_has(ask):
    """A host without an address is a NetworkError that names it."""
    genai.configure(api_key="AIzaFAKE", base_url="http://gemini.invalid")
    with pytest.raises(errors.NetworkError, match=r"gemini\.invalid cannot be reached") as caught:
        ask()
    assert not caught.value.sent


@pytest.fixture
def secure():
    """A TLS server whose certificate is by an authority that nobody knows; its address."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    hellos = []

    async def talk(reader, writer):
        hellos.append(1)
        await reader.readuntil(b"\r\n\r\n")
        body = json.dumps(chunk("Hello", "STOP")).encode()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
        await writer.drain()
        writer.close()

    loop = asyncio.new_event_loop()
    with ThreadPoolExecutor(1) as thread:
        thread.submit(loop.run_forever)
        start = asyncio.start_server(talk, "127.0.0.1", 0, ssl=context)
        server = asyncio.run_coroutine_threadsafe(start, loop).result(10)
        port = server.sockets[0].getsockname()[1]
        yield authority, f"https://localhost:{port}", hellos
        loop.call_soon_threadsafe(server.close)
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0.05), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
    loop.close()


@pytest.mark.parametrize("ask", WAYS)
def test_whoever_cannot_prove_who_it_is(secure, ask):
    """A certificate that nobody vouches for: typed, never tried again, and nothing is sent."""
    _, url, hellos = secure
    genai.configure(api_key="AIzaFAKE", base_url=url, retries=4)
    with pytest.raises(errors.InsecureConnection, match="localhost cannot be reached") as caught:
        ask()
    assert caught.value.tries == 1
    assert hellos == []


def test_an_authority_of_ones_own(secure, monkeypatch, tmp_path):
    """SSL_CERT_FILE names whom to believe, as the error advises."""
    authority, url, hellos = secure
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    genai.configure(api_key="AIzaFAKE", base_url=url)
    assert whole().text == "Hello"
    assert hellos == [1]


def test_authorities_that_cannot_be_read(monkeypatch, tmp_path):
    """SSL_CERT_FILE with a path that leads nowhere is named in the error."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    genai.configure(api_key="AIzaFAKE", base_url="https://127.0.0.1:9")
    with pytest.raises(errors.ConfigError, match="SSL_CERT_FILE"):
        whole()
