"""64 calls in flight on one client, to a server that takes 50 ms for each: calls a second."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.benchmarks.loopback import running
from tests.benchmarks.measure import child, in_turn, row

if TYPE_CHECKING:
    from collections.abc import Iterator

CALLS = 320
TOGETHER = """
import asyncio
async def many():
    places = asyncio.Semaphore(64)
    async def one():
        async with places:
            assert (await ask()).text == "Hello world."
    await asyncio.gather(*(one() for _ in range(320)))
loop = asyncio.new_event_loop()
def call():
    loop.run_until_complete(many())
"""
OURS = """
import gemini_nb as genai
genai.configure(api_key="AIzaFAKE", base_url=URL)
model = genai.GenerativeModel("gemini-slow")
def ask():
    return model.generate_content_async("hi")
"""
PEER = """
from google import genai
client = genai.Client(api_key="AIzaFAKE", http_options={"base_url": URL})
def ask():
    return client.aio.models.generate_content(model="gemini-slow", contents="hi")
"""
# No client can be faster than this: the bytes of a request on sockets that stay open, and no more.
FLOOR = """
import asyncio, json, urllib.parse
place = urllib.parse.urlsplit(URL)
body = b'{"contents":[{"parts":[{"text":"hi"}],"role":"user"}]}'
head = "POST /v1beta/models/gemini-slow:generateContent HTTP/1.1\\r\\nhost: x\\r\\n"
sent = f"{head}content-length: {len(body)}\\r\\n\\r\\n".encode() + body
free = []
class Connection(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.came = transport, b""
    def data_received(self, data):
        self.came += data
        if self.came.endswith(b"}"):
            came, self.came = self.came, b""
            self.answer.set_result(json.loads(came.partition(b"\\r\\n\\r\\n")[2]))
class Said:
    def __init__(self, body):
        self.text = body["candidates"][0]["content"]["parts"][0]["text"]
async def ask():
    loop = asyncio.get_running_loop()
    if free:
        one = free.pop()
    else:
        _, one = await loop.create_connection(Connection, place.hostname, place.port)
    one.answer = loop.create_future()
    one.transport.write(sent)
    said = Said(await one.answer)
    free.append(one)
    return said
"""


def rows() -> Iterator[list[str]]:
    """320 calls by the clock, and their CPU time: 64 at 50 ms each can be no more than 1,280/s."""
    works = [(code + TOGETHER, "perf_counter") for code in (OURS, PEER, FLOOR)]
    works += [(code + TOGETHER, "process_time") for code in (OURS, PEER)]
    with running() as url:
        a, b, floor, c, d = in_turn(
            3, *(lambda code=code, clock=clock: child(code, url, 1, clock) for code, clock in works)
        )
    yield row("64 calls at once", CALLS / a, "google-genai", CALLS / b, "≥ 2", unit="/s")
    yield row("the same", CALLS / a, "bare sockets", CALLS / floor, "", unit="/s")
    yield row("CPU of one of them", c / CALLS, "google-genai", d / CALLS, "")
