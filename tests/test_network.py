"""The pool and its connections against servers that keep to HTTP, and such that do not."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import socket
import struct
import traceback

import httpx
import pytest

from gemini_nb import connection, network
from gemini_nb.network import DirectTransport

HELLO = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    b"3\r\nhel\r\n2;note=x\r\nlo\r\n0\r\nlate: 1\r\n\r\n"
)


class Peer:
    """A server whose connections each follow a script: a callable gets its reader and writer."""

    def __init__(self, *scripts):
        self.scripts = scripts
        self.seen = []
        self.gone = asyncio.Event()

    async def _serve(self, reader, writer):
        script = self.scripts[min(len(self.seen), len(self.scripts) - 1)]
        self.seen.append(asyncio.current_task())
        ends = (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError)
        with contextlib.suppress(*ends):
            await script(reader, writer)
        writer.close()
        self.gone.set()

    async def __aenter__(self):
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}/x"
        return self

    async def __aexit__(self, *_):
        self.server.close()
        for task in self.seen:
            task.cancel()
        await asyncio.gather(*self.seen, return_exceptions=True)


async def heard(reader):
    """One whole request."""
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    size = next((ln for ln in lines if ln.startswith(b"content-length:")), b":0")
    return head + await reader.readexactly(int(size.partition(b":")[2]))


def says(*answers, then="close"):
    """One answer to each request, in order; then the connection is closed, or left as it is."""

    async def script(reader, writer):
        for answer in answers:
            await heard(reader)
            for piece in [answer] if isinstance(answer, bytes) else answer:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
        if then == "wait":
            await reader.read()

    return script


def request(url, content=b"", seconds=5.0, **headers):
    limits = dict.fromkeys(("connect", "read", "write", "pool"), seconds)
    return httpx.Request(
        "POST", url, content=content, headers=headers, extensions={"timeout": limits}
    )


async def ask(pool, made):
    """Status and body of one call."""
    answer = await pool.handle_async_request(made)
    try:
        return answer.status_code, await answer.aread()
    finally:
        await answer.aclose()


def talk(*scripts, calls=1, **options):
    """What `calls` calls in turn get of a Peer, and how many connections they took."""

    async def main():
        pool = DirectTransport()
        async with Peer(*scripts) as peer:
            try:
                got = [await ask(pool, request(peer.url, **options)) for _ in range(calls)]
            finally:
                await pool.aclose()
            return got, len(peer.seen)

    return asyncio.run(main())


@pytest.mark.parametrize(
    "answer",
    [
        HELLO,
        CHUNKED,
        [bytes([b]) for b in CHUNKED],
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + HELLO,
        b"HTTP/1.1 200 OK\r\n\r\nhello",
        b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n" + gzip.compress(b"hello"),
    ],
    ids=["length", "chunked", "byte by byte", "interim", "until closed", "1.0", "gzip"],
)
def test_forms_of_an_answer(answer):
    """Every way to say how long a body is gives the same body."""
    assert talk(says(answer)) == ([(200, b"hello")], 1)


def test_an_answer_without_a_body():
    """204 ends with its head."""
    answer = b"HTTP/1.1 204 No Content\r\n\r\n"
    assert talk(says(answer, answer), calls=2) == ([(204, b"")] * 2, 1)


@pytest.mark.parametrize("answer", [HELLO, CHUNKED])
def test_a_connection_is_used_again(answer):
    """Call after call goes over one connection."""
    got, connections = talk(says(*[answer] * 5), calls=5)
    assert (got, connections) == ([(200, b"hello")] * 5, 1)


@pytest.mark.parametrize(
    "answer",
    [
        HELLO.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"),
        HELLO.replace(b"1.1", b"1.0"),
        HELLO + HELLO,
        HELLO + b"x",
    ],
    ids=["says close", "1.0", "a second answer", "more bytes"],
)
def test_a_connection_that_is_not_used_again(answer):
    """Where the server means to close, or says more than it was asked, a new one is opened."""
    got, connections = talk(says(answer, then="wait"), calls=3)
    assert (got, connections) == ([(200, b"hello")] * 3, 3)


def test_a_connection_that_the_server_closed_meanwhile():
    """An idle connection that has ended is not handed out."""

    async def main():
        pool = DirectTransport()
        async with Peer(says(HELLO)) as peer:
            for _ in range(3):
                assert await ask(pool, request(peer.url)) == (200, b"hello")
                await peer.gone.wait()
                peer.gone.clear()
                await _until(lambda: not _open(pool))
            await pool.aclose()
            return len(peer.seen)

    assert asyncio.run(main()) == 3


def test_words_that_nobody_asked_for():
    """What an idle connection says is the end of it, and no answer to the next question."""

    async def main():
        pool = DirectTransport()
        more = asyncio.Event()

        async def script(reader, writer):
            await heard(reader)
            writer.write(HELLO)
            await more.wait()
            writer.write(HELLO.replace(b"hello", b"EVIL!"))
            await reader.read()

        async with Peer(script, says(HELLO)) as peer:
            first = await ask(pool, request(peer.url))
            more.set()
            await _until(lambda: not _open(pool))
            second = await ask(pool, request(peer.url))
            await pool.aclose()
            return first, second, len(peer.seen)

    assert asyncio.run(main()) == ((200, b"hello"), (200, b"hello"), 2)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"", httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\ncontent-le", httpx.RemoteProtocolError),
        (HELLO[:-1], httpx.RemoteProtocolError),
        (CHUNKED[:-5], httpx.RemoteProtocolError),
        (b"SSH-2.0-OpenSSH_9.2\r\n", httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n", httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", httpx.RemoteProtocolError),
        (b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n", httpx.HTTPError),
        (b"HTTP/1.1 200 OK\r\nx: " + b"a" * 100_000, httpx.RemoteProtocolError),
    ],
    ids=[
        "nothing", "half a head", "too short", "half a chunk", "ssh", "no header", "no length",
        "upgrade", "endless head",
    ],
)  # fmt: skip
def test_what_is_no_answer(answer, kind):
    """A broken answer is an error of its own kind, and its connection is not kept."""
    with pytest.raises(kind):
        talk(says(answer))


@pytest.mark.parametrize("answered", [b"", HELLO[:30], HELLO[:-1], CHUNKED[:-5]])
def test_a_reset(answered):
    """A connection that is torn down by force is an error, wherever it was; not an end."""

    async def script(reader, writer):
        await heard(reader)
        writer.write(answered)
        await writer.drain()
        socket_ = writer.get_extra_info("socket")
        socket_.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        talk(script)


@pytest.mark.parametrize("answered", [b"", HELLO[:30], HELLO[:-1]])
def test_silence(answered):
    """A server that stops in the middle is waited for as long as was said."""
    with pytest.raises(httpx.ReadTimeout):
        talk(says(answered, then="wait"), seconds=0.1)


def test_a_slow_answer_is_no_silence():
    """The time counts from the last byte that came."""

    async def script(reader, writer):
        await heard(reader)
        for byte in HELLO:
            writer.write(bytes([byte]))
            await asyncio.sleep(0.01)

    assert talk(script, seconds=0.3) == ([(200, b"hello")], 1)


@pytest.mark.parametrize("sign", ["\r\nx-evil: 1", "\n", "\0"])
def test_a_header_with_a_line_break(sign):
    """A line break in a header would begin another one; nothing is sent."""

    async def main():
        pool = DirectTransport()
        async with Peer(says(HELLO)) as peer:
            made = request(peer.url)
            made.headers["x-name"] = f"a{sign}"
            with pytest.raises(httpx.LocalProtocolError):
                await ask(pool, made)
            assert await ask(pool, request(peer.url)) == (200, b"hello")
            await pool.aclose()

    asyncio.run(main())


def test_a_large_body_arrives_whole():
    """What does not fit into the socket's buffer waits until the server has read on."""
    content = bytes(range(256)) * 40_000

    async def script(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        got = bytearray()
        while len(got) < len(content):
            got += await reader.read(65_536)
            await asyncio.sleep(0)
        writer.write(HELLO if bytes(got) == content else b"")

    assert talk(script, content=content) == ([(200, b"hello")], 1)


def in_pieces(*pieces):
    async def give():
        for piece in pieces:
            yield piece

    return give()


def test_a_body_in_pieces_arrives_whole():
    """Small pieces and large ones, with the length that was said."""
    pieces = [b"a", b"b" * 100_000, b"c" * 10, b"", b"d" * 2_000_000, b"e"]
    heard_of = []

    async def script(reader, writer):
        heard_of.append(await heard(reader))
        writer.write(HELLO)

    size = str(sum(map(len, pieces)))
    sent = talk(script, content=in_pieces(*pieces), **{"content-length": size})
    assert sent == ([(200, b"hello")], 1)
    assert heard_of[0].partition(b"\r\n\r\n")[2] == b"".join(pieces)


def test_a_body_without_its_length():
    """Nothing is sent that the server could not tell the end of."""
    with pytest.raises(httpx.LocalProtocolError, match="length"):
        talk(says(HELLO), content=in_pieces(b"a"))


def test_a_large_body_that_is_refused_early():
    """A server that answers before it has read all is heard, and its connection is not kept."""
    no = b"HTTP/1.1 413 No\r\ncontent-length: 2\r\n\r\nno"

    async def script(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(no)
        await writer.drain()
        await reader.read()

    got, connections = talk(script, content=b"x" * 20_000_000, calls=2)
    assert (got, connections) == ([(413, b"no")] * 2, 2)


def test_a_large_body_that_nobody_reads():
    """Writing has its time, too."""

    async def script(reader, writer):
        await asyncio.Event().wait()

    with pytest.raises(httpx.WriteTimeout):
        talk(script, content=b"x" * 20_000_000, seconds=0.2)


def test_a_body_that_is_taken_slowly():
    """A server cannot fill the memory of a reader that takes its time."""
    size = 30_000_000

    async def main():
        pool = DirectTransport()
        head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size
        sent = 0

        async def script(reader, writer):
            nonlocal sent
            await heard(reader)
            writer.write(head)
            for _ in range(size // 100_000):
                writer.write(b"x" * 100_000)
                await writer.drain()
                sent += 100_000

        async with Peer(script) as peer:
            answer = await pool.handle_async_request(request(peer.url))
            pieces = aiter(answer.stream)
            read = len(await anext(pieces))
            before = -1
            while sent != before:  # until the server can say no more
                before = sent
                await asyncio.sleep(0.05)
            stopped_at = sent
            async for piece in pieces:
                read += len(piece)
            await answer.aclose()
            await pool.aclose()
            return stopped_at, read

    stopped_at, read = asyncio.run(main())
    assert stopped_at < size / 2
    assert read == size


def test_leaving_in_the_middle_closes_the_connection():
    """A body that is not read to its end is not read on by the next call."""

    async def main():
        pool = DirectTransport()
        long = b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nhello"
        async with Peer(says(long, then="wait"), says(HELLO)) as peer:
            answer = await pool.handle_async_request(request(peer.url))
            assert await anext(aiter(answer.stream)) == b"hello"
            await answer.aclose()
            await answer.aclose()  # twice is once
            await asyncio.wait_for(peer.gone.wait(), 5)
            assert await ask(pool, request(peer.url)) == (200, b"hello")
            await pool.aclose()

    asyncio.run(main())


@pytest.mark.parametrize("answered", [b"", HELLO[:20], HELLO[:-1]])
def test_cancelling_closes_the_connection(answered):
    """Wherever a call is cancelled, the server sees the close."""

    async def main():
        pool = DirectTransport()
        async with Peer(says(answered, then="wait")) as peer:
            task = asyncio.create_task(ask(pool, request(peer.url)))
            await _until(lambda: peer.seen)
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await asyncio.wait_for(peer.gone.wait(), 5)
            assert pool._slots._value == network._MOST
            await pool.aclose()

    asyncio.run(main())


def test_no_more_than_a_hundred_at_once():
    """Further calls wait for a place, and not forever."""

    async def main():
        pool = DirectTransport()
        free = asyncio.Event()

        async def script(reader, writer):
            for _ in range(2):
                await heard(reader)
                await free.wait()
                writer.write(HELLO)

        async with Peer(script) as peer:
            calls = [asyncio.create_task(ask(pool, request(peer.url))) for _ in range(100)]
            await _until(lambda: len(peer.seen) == 100)
            with pytest.raises(httpx.PoolTimeout):
                await ask(pool, request(peer.url, seconds=0.1))
            waiting = asyncio.create_task(ask(pool, request(peer.url)))
            free.set()
            got = await asyncio.gather(*calls, waiting)
            await pool.aclose()
            return set(got), len(peer.seen)

    assert asyncio.run(main()) == ({(200, b"hello")}, 100)


def test_an_unused_connection_is_closed_in_time(monkeypatch):
    """Nothing is kept open for a person who has gone."""
    monkeypatch.setattr(network, "_KEPT", 0.05)

    async def main():
        pool = DirectTransport()
        async with Peer(says(HELLO, then="wait")) as peer:
            await ask(pool, request(peer.url))
            await asyncio.wait_for(peer.gone.wait(), 5)
            await pool.aclose()

    asyncio.run(main())


def test_closing_leaves_nothing_open():
    """`aclose` ends what is idle; what is at work ends with its answer."""

    async def main():
        pool = DirectTransport()
        async with Peer(says(HELLO, then="wait")) as peer:
            answer = await pool.handle_async_request(request(peer.url))
            await pool.aclose()
            assert await answer.aread() == b"hello"
            await answer.aclose()
            await asyncio.wait_for(peer.gone.wait(), 5)

    asyncio.run(main())


def test_nobody_at_that_address():
    """A refused connection says so, and gives its place back."""

    async def main():
        async with Peer(says(HELLO)) as peer:
            url = peer.url
        pool = DirectTransport()
        with pytest.raises(httpx.ConnectError):
            await ask(pool, request(url))
        assert pool._slots._value == network._MOST

    asyncio.run(main())


def test_an_answer_that_was_not_read_is_not_in_the_way():
    """A connection that was told to wait, since nobody read, is not handed out again."""

    async def main():
        pool = DirectTransport()
        size = (1 << 20) + 100  # the last bytes come with those that are more than is read ahead
        head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size
        async with Peer(says(HELLO, then="wait"), says(HELLO)) as peer:
            assert await ask(pool, request(peer.url)) == (200, b"hello")
            ((connection, _),) = next(iter(pool._idle.values()))
            answering = asyncio.create_task(pool.handle_async_request(request(peer.url)))
            await _until(lambda: connection._busy and connection._sent)
            connection.data_received(head + bytes(size))
            await (await answering).aclose()
            assert await ask(pool, request(peer.url)) == (200, b"hello")
            assert len(peer.seen) == 2
            await pool.aclose()

    asyncio.run(main())


def test_another_protocol_is_no_answer(caplog):
    """A server that changes to another protocol is refused, without a word of asyncio's."""
    changes = b"HTTP/1.1 101 X\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n\0\0"
    with pytest.raises(connection.NoHTTP):
        talk(says(changes, then="wait"))
    assert caplog.messages == []


def test_what_fails_inside_a_body_shows_no_head():
    """The frames of an error in the middle of a request hold no header."""

    async def broken():
        yield b"x"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as caught:
        talk(says(HELLO), content=broken(), **{"content-length": "9", "x-secret": "AIza"})
    frames = [frame.f_locals for frame, _ in traceback.walk_tb(caught.tb)]
    assert any("seconds" in found for found in frames)  # those of the connection are there
    held = [value for found in frames for value in found.values() if isinstance(value, bytes)]
    assert not any(b"AIza" in value for value in held)


def test_a_name_that_no_host_can_have():
    """A name that is too long to be looked up is a host that cannot be reached."""

    async def main():
        with pytest.raises(httpx.ConnectError, match="no host"):
            await ask(DirectTransport(), request(f"http://{'a' * 70}.example/"))

    asyncio.run(main())


def _open(pool):
    return [c for several in pool._idle.values() for c, _ in several if c.open]


async def _until(true):
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110 - some of it is the pool's own state, without events
            await asyncio.sleep(0.005)
