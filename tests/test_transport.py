"""What goes over the wire, and what each failure becomes; the key is nowhere but in its header."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import logging
import pickle
import socket
import struct
import threading
import traceback

import pytest

import gemini_nb as genai
from gemini_nb import blocking, errors, request
from gemini_nb.transport import Transport
from tests.server import Server, answer_json, answer_sse, chunk

KEY = "AIzaFAKE-not-a-key"
SSE = {"content-type": "text/event-stream"}


def event(body):
    return b"data: " + json.dumps(body).encode() + b"\n\n"


def pieces(*several, status=200, headers=None):
    """An answer that is sent piece by piece, after which the connection is closed."""

    async def send():
        for piece in several:
            yield piece
            await asyncio.sleep(0)

    return lambda call: (status, headers or SSE, send())


def silence(call):
    """Nothing comes, not even a head."""

    async def wait():
        await asyncio.sleep(3600)
        yield b""

    return 200, SSE, wait()


def drop(call):
    """The connection is closed without a word."""
    raise ConnectionResetError


def whole():
    return genai.GenerativeModel("gemini-test").generate_content("hi").text


def streamed():
    model = genai.GenerativeModel("gemini-test")
    return "".join(c.text for c in model.generate_content("hi", stream=True))


def whole_async():
    model = genai.GenerativeModel("gemini-test")
    return asyncio.run(model.generate_content_async("hi")).text


def streamed_async():
    async def read():
        model = genai.GenerativeModel("gemini-test")
        response = await model.generate_content_async("hi", stream=True)
        return "".join([c.text async for c in response])

    return asyncio.run(read())


WAYS = [whole, streamed, whole_async, streamed_async]


@pytest.mark.parametrize("ask", WAYS)
def test_the_request_as_it_goes_over_the_wire(serve, ask):
    """One POST with the key in its header, JSON in its body, and neither in the address."""
    answer = chunk("Hello", "STOP")
    server = serve(lambda c: answer_sse(answer) if "sse" in c.target else answer_json(answer))
    assert ask() == "Hello"
    (call,) = server.calls
    verb = "streamGenerateContent?alt=sse" if "streamed" in ask.__name__ else "generateContent"
    assert (call.method, call.target) == ("POST", f"/v1beta/models/gemini-test:{verb}")
    assert call.headers["x-goog-api-key"] == KEY
    assert call.headers["content-type"] == "application/json"
    assert call.headers["user-agent"] == f"gemini_nb/{genai.__version__}"
    assert "x-server-timeout" not in call.headers
    assert call.json() == {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
    assert KEY not in call.target
    assert KEY.encode() not in call.body


@pytest.mark.parametrize(("seconds", "header"), [(30, "30"), (1.2, "2"), (0.5, "1")])
def test_the_service_is_told_the_timeout(serve, seconds, header):
    """A timeout goes along in whole seconds, rounded up; that of the call counts most."""
    server = serve()
    genai.configure(timeout=77)
    whole()
    genai.GenerativeModel("m").generate_content("hi", request_options={"timeout": seconds})
    assert [c.headers["x-server-timeout"] for c in server.calls] == ["77", header]


def test_an_address_with_a_path_and_another_version(serve):
    """A proxy may have a path of its own."""
    server = serve()
    genai.configure(base_url=f"{server.url}/prefix/", api_version="v1")
    whole()
    assert server.calls[0].target == "/prefix/v1/models/gemini-test:generateContent"


def test_connections_are_kept(serve):
    """Calls one after the other go over one connection."""
    serve()
    assert [whole() for _ in range(3)] == ["Hello world."] * 3


@pytest.mark.parametrize("ask", WAYS)
@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (400, errors.InvalidArgument),
        (403, errors.PermissionDenied),
        (404, errors.NotFound),
        (429, errors.ResourceExhausted),
        (500, errors.ServerError),
        (503, errors.Unavailable),
        (504, errors.DeadlineExceeded),
    ],
)
def test_refusals(serve, ask, code, kind):
    """Each refusal is its own class, with the words of the service and the request."""
    serve(answer_json({"error": {"code": code, "message": "No.", "status": "NAME"}}, code))
    with pytest.raises(kind, match=r"No\.") as caught:
        ask()
    assert caught.value.code == code
    assert caught.value.request.path.startswith("models/gemini-test:")


@pytest.mark.parametrize("ask", [whole, streamed])
def test_a_refusal_in_an_array(serve, ask):
    """A stream without events wraps its error in an array."""
    serve(answer_json([{"error": {"code": 429, "message": "Quota."}}], 429))
    with pytest.raises(errors.ResourceExhausted, match=r"Quota\."):
        ask()


@pytest.mark.parametrize("ask", WAYS)
@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ((200, {"content-type": "text/html"}, [b"<html>Log in</html>"]), "Log in"),
        ((502, {"content-type": "text/html"}, [b"<html>Bad</html>"]), "answered 502 without"),
        ((500, {}, [b""]), "answered 500 without"),
        ((404, {}, [b'{"detail": "no"}']), "answered 404 without"),
        ((429, {}, [b'{"error": "slow down"}']), "answered 429 without"),
        ((302, {"location": "https://login.example/"}, [b""]), "answered 302 without"),
        ((200, {"content-encoding": "gzip"}, [b'{"a": 1}']), "not compressed as it says"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_gemini_answer(serve, ask, answer, sentence):
    """A login page, a broken gateway and the like are BadAnswer, with an excerpt."""
    serve(answer)
    with pytest.raises(errors.BadAnswer, match=sentence) as caught:
        ask()
    assert "proxy" in caught.value.advice


@pytest.mark.parametrize("body", [b"", b"  \n", b'"text"', b"{", b"[1]", b"[]"])
def test_a_whole_answer_that_is_none(serve, body):
    """Nothing, and JSON that is no object, are no answer."""
    serve((200, {"content-type": "application/json"}, [body]))
    with pytest.raises(errors.BadAnswer):
        whole()
    with pytest.raises(errors.BadAnswer):
        genai.get_model("gemini-a")


def test_compressed_answers(serve):
    """What is compressed is read."""
    body = gzip.compress(json.dumps(chunk("Hello", "STOP")).encode())
    serve((200, {"content-encoding": "gzip", "content-type": "application/json"}, [body]))
    assert whole() == "Hello"


@pytest.mark.parametrize("ask", WAYS)
def test_nobody_listens(ask):
    """A refused connection names the host."""
    with Server(lambda call: answer_json({})) as server:
        address = server.url
    genai.configure(api_key=KEY, base_url=address)
    with pytest.raises(errors.NetworkError, match=r"127\.0\.0\.1 cannot be reached"):
        ask()


@pytest.mark.parametrize("ask", WAYS)
def test_a_connection_that_is_dropped(serve, ask):
    """A connection that is closed in place of an answer is a NetworkError."""
    serve(drop)
    with pytest.raises(errors.NetworkError) as caught:
        ask()
    assert not isinstance(caught.value, errors.BadAnswer)


def test_an_answer_that_is_too_short(serve):
    """Fewer bytes than were promised are no answer."""
    serve(pieces(b'{"candidates"', headers={"content-length": "500"}))
    with pytest.raises(errors.NetworkError, match="before its answer was whole"):
        whole()


@pytest.mark.parametrize("ask", WAYS)
def test_nothing_comes_in_time(serve, ask):
    """After the timeout the call is given up and the connection closed."""
    server = serve(silence)
    genai.configure(timeout=0.2)
    with pytest.raises(errors.Timeout) as caught:
        ask()
    assert isinstance(caught.value, TimeoutError)
    assert server.calls[0].hung_up.wait(5)


@pytest.mark.parametrize("sign", ["\n", "\r", "\0", "…", "ä", "\u200b"])
@pytest.mark.parametrize("ask", [whole, streamed])
def test_a_key_that_cannot_be_sent(serve, ask, sign):
    """A key with a line break or a typographic sign is refused, and not quoted."""
    server = serve()
    genai.configure(api_key=f"{KEY}{sign}x")
    with pytest.raises(errors.ConfigError, match="character that no key has") as caught:
        ask()
    assert "AIzaFAKE" not in str(caught.value)
    assert server.calls == []


def held(error):
    """All that an exception, what it came from and their frames hold, as text."""
    seen = []
    while error is not None and error not in seen:
        seen.append(error)
        yield f"{error!r} {error} {error.__dict__}"
        frames = error.__traceback__
        while frames is not None:
            if "/tests/" not in frames.tb_frame.f_code.co_filename:
                yield repr(frames.tb_frame.f_locals)
            frames = frames.tb_next
        error = error.__cause__ or error.__context__


FAILURES = {
    "refused": answer_json({"error": {"code": 400, "message": "API key not valid."}}, 400),
    "html": (200, {"content-type": "text/html"}, [b"<html>"]),
    "gzip": (200, {"content-encoding": "gzip"}, [b"{}"]),
    "dropped": drop,
    "short": pieces(b"{", headers={"content-length": "500"}),
    "cut": pieces(event(chunk("a"))),
    "error event": pieces(event({"error": {"code": 500, "message": "Oops."}})),
    "silent": silence,
}


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("ask", WAYS)
def test_no_error_holds_the_key(serve, ask, failure):
    """Text, locals, causes, pickle and a traceback with locals: none has the key."""
    server = serve(FAILURES[failure])
    genai.configure(timeout=0.2 if failure == "silent" else 5)
    with pytest.raises(errors.GeminiError) as caught:
        ask()
    error = caught.value
    assert server.calls[0].headers["x-goog-api-key"] == KEY
    assert not [text for text in held(error) if KEY in text]
    detailed = traceback.TracebackException.from_exception(error, capture_locals=True)
    assert KEY not in "".join(detailed.format())
    assert KEY.encode() not in pickle.dumps(error)
    assert KEY not in "\n".join(error._render_traceback_())


@pytest.mark.parametrize("ask", WAYS)
def test_no_log_holds_the_key(serve, ask, caplog):
    """Not even at DEBUG does any library write the key down."""
    caplog.set_level(logging.DEBUG)
    for name in ("asyncio", "httpx", "gemini_nb"):
        caplog.set_level(logging.DEBUG, logger=name)
    answer = chunk("Hello", "STOP")
    serve(lambda c: answer_sse(answer) if "sse" in c.target else answer_json(answer))
    ask()
    assert any("gemini-test" in r.getMessage() and r.name == "gemini_nb" for r in caplog.records)
    assert not [r for r in caplog.records if KEY in r.getMessage() + str(r.__dict__)]


def test_no_view_of_a_call_holds_the_key(serve):
    """Neither the Request, the Response, the Client nor the model show the key."""
    serve()
    model = genai.GenerativeModel("gemini-test", system_instruction="s")
    response = model.generate_content("hi")
    for thing in (response.request, response, model, model.client, genai.Client(api_key=KEY)):
        views = (repr(thing), str(thing), str(vars(thing)))
        assert not [view for view in views if KEY in view]
    assert KEY.encode() not in pickle.dumps(response)
    assert KEY not in response.request.describe()


def test_a_wrong_setting_beside_a_key_does_not_show_it():
    """The locals of a refused `configure` or `Client` hold no key."""
    for make in (genai.configure, genai.Client):
        for wrong in ({"modle": "x"}, {"timeout": -1}, {"base_url": "nowhere"}):
            with pytest.raises(errors.ConfigError) as caught:
                make(api_key=KEY, **wrong)
            assert not [text for text in held(caught.value) if KEY in text]


def test_a_transport_without_a_key(serve):
    """Without a key no header is sent: a server of one's own may need none."""
    server = serve()
    transport = Transport(server.url, None, api_version="v1beta", timeout=5)
    model = blocking.run(transport.send(request.get_model("gemini-a")))
    assert model.startswith(b"{")
    assert "x-goog-api-key" not in server.calls[0].headers


@pytest.mark.parametrize("name", ["gemini-3.8-flash\n", "a b", "x?y", "../v1/files/x", ""])
def test_names_that_cannot_be_are_refused_unseen(name):
    """A model's name goes into an address: what is no name is refused, and shows no key."""
    genai.configure(api_key="AIzaFAKEhidden", base_url="http://127.0.0.1:1")
    with pytest.raises(errors.BadPrompt) as refused:
        genai.GenerativeModel(name or " ").generate_content("hi")
    assert "AIzaFAKEhidden" not in shown_with_locals(refused.value)


@pytest.mark.parametrize(
    "place", ["network.connect", "connection.Connection.head", "network._head"]
)
def test_a_fault_of_ours_shows_our_frames_alone(serve, monkeypatch, place):
    """An unexpected error keeps the frames of this package, and none that hold a header."""
    serve()

    def broken(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(f"gemini_nb.{place}", broken)
    with pytest.raises(ZeroDivisionError) as found:
        genai.GenerativeModel().generate_content("hi")
    assert "transport.py" in "".join(traceback.format_exception(found.value))
    assert "AIzaFAKE" not in shown_with_locals(found.value)


def shown_with_locals(error):
    """What `%xmode Verbose` would show of the library's frames."""
    told = traceback.TracebackException.from_exception(error, capture_locals=True)
    ours = [frame for frame in told.stack if frame.filename != __file__]
    return "".join(f"{frame.name} {frame.locals}" for frame in ours)


def test_loopback_needs_no_proxy(serve, monkeypatch):
    """A proxy in the environment is not asked for what is on this machine."""
    server = serve()
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert genai.GenerativeModel().generate_content("hi").text == "Hello world."
    assert len(server.calls) == 1


@pytest.mark.parametrize("ask", WAYS)
@pytest.mark.parametrize(
    "body",
    [b'{"candidates":[{"content":{"parts":[{"text":"\xff"}]}}]}', b'{"a":' * 5000, b"[" * 5000],
    ids=["no UTF-8", "too deep", "lists in lists"],
)
@pytest.mark.usefixtures("settled")
def test_an_answer_that_no_parser_reads(serve, ask, body):
    """Bytes that are no JSON are a BadAnswer, whatever the parser says of them."""
    serve(pieces(b"data: " + body + b"\n\n" if ask in (streamed, streamed_async) else body))
    with pytest.raises(errors.BadAnswer, match="no JSON"):
        ask()


@contextlib.contextmanager
def other_service(speak):
    """A port on a thread of its own, where `speak` gets the first connection; gives its address."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as peer:

        def listen():
            there, _ = peer.accept()
            with there:
                speak(there)

        listener = threading.Thread(target=listen)
        listener.start()
        yield f"http://127.0.0.1:{peer.getsockname()[1]}"
        listener.join()


def test_what_speaks_no_http():
    """The port of another service says so; it is not asked again and again."""

    def alert(there):
        there.recv(65_536)
        there.sendall(b"\x15\x03\x03\x00\x02\x02\x46")

    with other_service(alert) as address:
        genai.configure(api_key=KEY, base_url=address)
        with pytest.raises(errors.BadAnswer, match="no HTTP"):
            whole()


def test_a_break_while_a_long_request_is_sent(caplog):
    """Nothing more is written to a connection that has gone: asyncio would log each attempt."""

    def hang_up(there):
        there.recv(10)
        there.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    film = {"mime_type": "video/mp4", "data": bytes(40_000_000)}
    with other_service(hang_up) as address:
        genai.configure(api_key=KEY, base_url=address)
        with pytest.raises(errors.NetworkError):
            genai.GenerativeModel("gemini-test").generate_content([film])
    assert [r.message for r in caplog.records if r.name == "asyncio"] == []


@pytest.mark.parametrize(
    ("proxy", "said"),
    [("socks5://127.0.0.1:1", "socks"), ("ftp://u:pass-word@127.0.0.1:1", "http://")],
)
def test_a_proxy_that_cannot_be_used(monkeypatch, proxy, said):
    """The error says so in a sentence, without the proxy's password."""
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(errors.ConfigError, match="proxy") as caught:
        Transport("https://api.example", None, api_version="v1beta", timeout=None)
    assert said in caught.value.advice
    assert "pass-word" not in str(caught.value)
