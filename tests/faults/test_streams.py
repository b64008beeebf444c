"""What can go wrong with a stream, and what must happen: a table of bytes that a server sends.

Each row is streamed in both forms, blocking and async. Whatever happens, one request is sent,
what came is kept, and nothing that is not whole passes for whole.
"""

from __future__ import annotations

import asyncio
import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

import gemini_nb as genai
from gemini_nb import errors
from gemini_nb.stream import Response
from tests.server import answer_json, chunk

SSE = {"content-type": "text/event-stream"}
CHUNKED = {**SSE, "transfer-encoding": "chunked"}


def event(body, end="\n"):
    """A server-sent event, its characters unescaped."""
    return f"data: {json.dumps(body, ensure_ascii=False)}{end}{end}".encode()


def http_chunk(data):
    """One piece in HTTP's chunked coding."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def answer(*pieces, headers=SSE):
    """An answer that is sent piece by piece, after which the connection is closed."""

    async def send():
        for piece in pieces:
            yield piece
            await asyncio.sleep(0)

    return lambda call: (200, headers, send())


class Read:
    """What a person gets of a stream: its pieces, the Response, and the error, if any."""

    def __init__(self, response=None):
        self.pieces = []
        self.response = response
        self.error = None

    @property
    def kept(self):
        """The text that the Response has."""
        return "".join(part.text or "" for part in self.response.parts)


def blocking():
    read = Read(genai.GenerativeModel("gemini-a").generate_content("hi", stream=True))
    try:
        for piece in read.response:
            read.pieces.append(piece)
    except errors.GeminiError as error:
        read.error = error
    return read


def awaited():
    async def ask():
        model = genai.GenerativeModel("gemini-a")
        read = Read(await model.generate_content_async("hi", stream=True))
        try:
            async for piece in read.response:
                read.pieces.append(piece)
        except errors.GeminiError as error:
            read.error = error
        return read

    return asyncio.run(ask())


@pytest.fixture(params=[blocking, awaited])
def read(request):
    """Stream an answer and read it to its end."""
    return request.param


# -------------------------------------------------------------------------- streams that break off

HELLO = event(chunk("Hällo"))
END = event(chunk(" Wörld", "STOP"))
IN_A_CHARACTER = END.index("ö".encode()) + 1

CUT = {
    "a clean end without a finishReason": answer(HELLO),
    "a clean end inside an event": answer(HELLO, END[:20]),
    "a clean end inside the word data": answer(HELLO, b"da"),
    "a clean end inside a character": answer(HELLO, END[:IN_A_CHARACTER]),
    "a clean end inside an escape": answer(HELLO, b'data: {"candidates": [{"x": "\\u20'),
    "a cut inside an HTTP chunk": answer(http_chunk(HELLO), b"40\r\n" + END[:9], headers=CHUNKED),
    "a cut inside the size of a chunk": answer(http_chunk(HELLO), b"4", headers=CHUNKED),
    "a cut between two HTTP chunks": answer(http_chunk(HELLO), headers=CHUNKED),
    "fewer bytes than were promised": answer(HELLO, headers={**SSE, "content-length": "5000"}),
    "a candidate of several that is not finished": answer(
        HELLO,
        event({"candidates": [{"index": 0, "finishReason": "STOP"}, {"index": 1, "content": {}}]}),
    ),
}


@pytest.mark.parametrize("fault", CUT)
def test_a_stream_that_breaks_off(serve, read, fault):
    """StreamInterrupted with all the text so far: never a success, and never sent again."""
    server = serve(CUT[fault])
    got = read()
    assert type(got.error) is errors.StreamInterrupted
    assert "after 5 characters" in got.error.message
    assert got.error.response is got.response
    assert got.response.interrupted
    assert (got.kept, "".join(piece.text for piece in got.pieces)) == ("Hällo", "Hällo")
    assert got.response.to_dict()["responseId"] == "r1"
    assert len(server.calls) == 1


@pytest.mark.parametrize(
    "fault",
    [answer(b"\n\n"), answer(b": thinking\n\n"), answer(END[:9]), answer(event({}))],
    ids=["empty lines", "a comment", "half an event", "an empty object"],
)
def test_a_stream_that_breaks_off_before_any_text(serve, read, fault):
    """No text at all is no answer either."""
    server = serve(fault)
    got = read()
    assert type(got.error) is errors.StreamInterrupted
    assert "before any text" in got.error.message
    assert len(server.calls) == 1


def test_a_stream_without_a_byte(serve, read):
    """Nothing at all is no answer of the API, and is called so."""
    server = serve(answer())
    got = read()
    assert type(got.error) is errors.BadAnswer
    assert "an empty body" in got.error.message
    assert len(server.calls) == 1


def test_a_stream_that_falls_silent(serve, read):
    """After the timeout it is a Timeout with all that came, and the server sees the close."""

    async def pieces():
        yield event(chunk("so far"))
        await asyncio.sleep(3600)

    server = serve(lambda call: (200, SSE, pieces()))
    genai.configure(timeout=0.3)
    got = read()
    assert type(got.error) is errors.Timeout
    assert got.error.response is got.response
    assert got.kept == "so far"
    assert server.calls[0].hung_up.wait(5)
    assert len(server.calls) == 1


@pytest.mark.parametrize("use", ["text", "resolve"])
def test_whoever_asks_for_the_whole_is_told(serve, use):
    """`.text` and `.resolve()` raise as the loop does, and what came can be read from the error."""
    serve(CUT["a clean end without a finishReason"])
    response = genai.GenerativeModel("gemini-a").generate_content("hi", stream=True)
    with pytest.raises(errors.StreamInterrupted) as caught:
        getattr(response, use)() if use == "resolve" else response.text
    assert caught.value.response.parts[0].text == "Hällo"


def test_an_end_without_its_empty_line_is_whole(serve, read):
    """A last event that lacks only the empty line after it has all that was said."""
    serve(answer(HELLO, END.rstrip(b"\n")))
    got = read()
    assert (got.error, got.kept, got.response.finish_reason) == (None, "Hällo Wörld", "STOP")


# ------------------------------------------------------------------------------ nothing is lost

AWKWARD = [
    "a\u2028b\u2029c",
    "x\u0085y\x0b\x0c\x1c\x1e",
    "äß",
    "日本",
    "👩‍🚀",
    "data: x\n\ndata: y",
    "\r\n\r\n",
    "\ufeff",
    "\\u0000 \x00",
]


def sized(data, size):
    return [data[i : i + size] for i in range(0, len(data), size)]


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("size", [1, 2, 7, 1 << 20])
def test_any_pieces_and_any_characters(serve, read, end, size):
    """One byte at a time or all at once, LF or CRLF: every character arrives."""
    data = b"".join([*(event(chunk(text), end) for text in AWKWARD), event(chunk("", "STOP"), end)])
    serve(answer(*sized(data, size)))
    got = read()
    assert got.error is None
    assert [piece.text for piece in got.pieces] == [*AWKWARD, ""]
    assert got.response.text == "".join(AWKWARD)


def test_an_event_of_five_megabytes(serve, read):
    """An event may be as long as it likes."""
    text = "0123456789abcdé" * 350_000
    serve(answer(*sized(event(chunk(text, "STOP")), 65_536)))
    got = read()
    assert got.error is None
    assert got.response.text == text
    assert len(text.encode()) > 5_000_000


# ---------------------------------------------------------------------------- errors in the middle

BUSY = {"error": {"code": 503, "message": "Busy.", "status": "UNAVAILABLE"}}
BAD = {
    "an error event": (event(BUSY), errors.Unavailable, "503 UNAVAILABLE: Busy."),
    "a bare JSON error": (json.dumps(BUSY).encode(), errors.Unavailable, "Busy."),
    "a bare error over lines": (json.dumps(BUSY, indent=2).encode(), errors.Unavailable, "Busy."),
    "a bare error and more": (
        json.dumps(BUSY).encode() + b"\n\n" + END,
        errors.Unavailable,
        "Busy",
    ),
    "an error in an array": (json.dumps([BUSY]).encode(), errors.Unavailable, "Busy."),
    "an error of tomorrow": (
        event({"error": {"code": 599, "message": "Odd.", "status": "ODD", "details": [1]}}),
        errors.ServerError,
        "599 ODD: Odd.",
    ),
    "an error that says nothing": (event({"error": {}}), errors.ServerError, "gave no reason"),
    "malformed JSON": (b'data: {"candidates": [}\n\n' + END, errors.BadAnswer, "no JSON"),
    "text in place of JSON": (b"data: [DONE]\n\n", errors.BadAnswer, "no JSON"),
    "a page in place of an event": (b"data: <html>oops</html>\n\n", errors.BadAnswer, "no JSON"),
    "bytes that are no text": (b"data: \xff\xfe\n\n" + END, errors.BadAnswer, "no JSON"),
}


@pytest.mark.parametrize("fault", BAD)
def test_an_error_in_the_middle(serve, read, fault):
    """Typed, with what came before it; what comes after it is not read."""
    data, kind, said = BAD[fault]
    server = serve(answer(HELLO, data))
    got = read()
    assert type(got.error) is kind
    assert said in str(got.error)
    assert got.error.response is got.response
    assert (got.kept, "".join(piece.text for piece in got.pieces)) == ("Hällo", "Hällo")
    assert got.response.interrupted
    assert len(server.calls) == 1


# ------------------------------------------------------------- answers that end before their time


def said(text, finish=None, **candidate):
    found = chunk(text, finish)
    found["candidates"][0].update(candidate)
    return found


@pytest.fixture(params=["whole", "blocking", "awaited"])
def ask(request, serve):
    """Have the bodies answered, in one piece or as a stream, and read the answer."""

    def go(*bodies):
        if request.param == "whole":
            assert len(bodies) == 1
            serve(answer_json(bodies[0]))
            return genai.GenerativeModel("gemini-a").generate_content("hi")
        serve(answer(*(event(body) for body in bodies)))
        got = blocking() if request.param == "blocking" else awaited()
        assert got.error is None
        return got.response

    return go


@pytest.mark.parametrize("reason", ["SAFETY", "RECITATION", "MAX_TOKENS", "SPII", "OF_TOMORROW"])
def test_an_answer_that_was_stopped_in_the_middle(serve, read, reason):
    """The text so far is the text, and the reason stands beside it."""
    ratings = [{"category": "HARM_CATEGORY_HARASSMENT", "probability": "HIGH", "blocked": True}]
    last = {"candidates": [{"finishReason": reason, "safetyRatings": ratings}]}
    serve(answer(HELLO, event(last)))
    got = read()
    assert (got.error, got.response.interrupted) == (None, False)
    assert (got.response.text, got.response.finish_reason) == ("Hällo", reason)
    assert got.response.candidates[0].safety_ratings[0].blocked is True


@pytest.mark.parametrize("reason", ["SAFETY", "RECITATION", "MAX_TOKENS", "OF_TOMORROW"])
@pytest.mark.parametrize("content", [None, {}, {"role": "model"}, {"parts": []}], ids=str)
def test_an_answer_that_was_stopped_before_any_text(ask, reason, content):
    """An empty candidate with a reason raises that reason, never gives None."""
    candidate = {"finishReason": reason, "index": 0}
    response = ask(
        {"candidates": [candidate if content is None else {**candidate, "content": content}]}
    )
    with pytest.raises(errors.StoppedEarly, match=reason) as caught:
        _ = response.text
    assert (caught.value.reason, caught.value.response) == (reason, response)


@pytest.mark.parametrize("content", [{}, {"parts": []}, {"parts": [{}]}, {"parts": [{"text": ""}]}])
def test_an_empty_answer(ask, content):
    """STOP without a word is an empty text."""
    response = ask({"candidates": [{"content": content, "finishReason": "STOP"}]})
    assert response.text == ""


@pytest.mark.parametrize("reason", ["SAFETY", "PROHIBITED_CONTENT", "OTHER", "OF_TOMORROW"])
@pytest.mark.parametrize("candidates", [{}, {"candidates": []}], ids=str)
def test_a_blocked_prompt(ask, reason, candidates):
    """A prompt that was refused says why."""
    response = ask({"promptFeedback": {"blockReason": reason}, **candidates})
    with pytest.raises(errors.BlockedPrompt, match=reason) as caught:
        _ = response.text
    assert (caught.value.reason, caught.value.response) == (reason, response)
    assert response.prompt_feedback.block_reason == reason


@pytest.mark.parametrize(
    "body",
    [
        said("Hi", "OF_TOMORROW"),
        said("Hi", "STOP", newField={"deep": [1, None]}),
        said("Hi", "STOP", safetyRatings=[{"category": "HARM_OF_TOMORROW", "probability": "VERY"}]),
        {**chunk("Hi", "STOP"), "newField": "x"},
        {
            "candidates": [
                {
                    "content": {
                        "role": "model",
                        "tone": "dry",
                        "parts": [{"text": "Hi"}, {"hologram": {"depth": 3}}, {"text": 5}],
                    },
                    "finishReason": "STOP",
                }
            ]
        },
        {**chunk("Hi", "STOP"), "usageMetadata": {"totalTokenCount": "many", "newCount": 1}},
    ],
    ids=["enum", "field of a candidate", "enum in a rating", "field", "kind of part", "usage"],
)
def test_what_nobody_knows_yet(ask, body):
    """An unknown value, field or kind of part is no error, and is kept as it came."""
    response = ask(body)
    assert response.text == "Hi"
    assert response.to_dict() == body


# ------------------------------------------------------------------------------------ properties

bodies = st.one_of(
    st.text(max_size=12).map(chunk),
    st.sampled_from(AWKWARD).map(chunk),
    st.sampled_from([chunk("", "STOP"), {"newField": "\u2028"}, {"candidates": []}, BUSY]),
)


class Pieces:
    """Bytes in memory in place of a connection."""

    def __init__(self, pieces):
        self.pieces = list(pieces)

    def next(self):
        if self.pieces:
            return [self.pieces.pop(0)]
        raise StopIteration

    def close(self):
        self.pieces.clear()


def outcome(pieces):
    """All that can be seen of a stream."""
    response, seen, error = Response(None, Pieces(pieces)), [], None
    try:
        seen.extend(piece.to_dict() for piece in response)
    except errors.GeminiError as broken:
        error = (type(broken), str(broken))
    return seen, error, response.to_dict()


@given(
    st.lists(bodies, max_size=4),
    st.sampled_from(["\n", "\r\n"]),
    st.integers(0, 40),
    st.lists(st.integers(0, 3000), max_size=8),
)
def test_cuts_change_nothing(said, end, missing, cuts):
    """However its bytes are cut, a stream gives the same chunks, the same error, the same whole."""
    data = b"".join(event(body, end) for body in said)
    data = data[: max(len(data) - missing, 0)]
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    pieces = [data[a:b] for a, b in itertools.pairwise(places)]
    assert outcome(pieces) == outcome([data])


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_a_cut_at_every_position_changes_nothing(end):
    """One cut, at each place in turn, inside characters and line ends as well."""
    texts = [*map(chunk, AWKWARD), chunk("", "STOP")]
    data = b"".join(event(body, end) for body in texts)
    whole = outcome([data])
    assert (whole[0], whole[1]) == (texts, None)
    for at in range(len(data) + 1):
        assert outcome([data[:at], data[at:]]) == whole
