"""An upload against bare httpx with the same chunks, and the memory that 2 GB take.

The server hashes what it reads, since it has to say `sha256Hash`, and forgets it; it has a process
of its own. The files are sparse: nothing waits for a disk. Ours hashes every byte, too, to compare,
which on two cores costs as much as all the rest; httpx is shown without and with that.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks.measure import child, in_turn, row

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZE = 256 << 20
LARGEST = 2 << 30
# Baseline: everything is loaded, and one upload of a chunk is done.
MEMORY = """
import os, resource, sys, tempfile
import gemini_nb as genai
genai.configure(api_key="AIzaFAKE", base_url=sys.argv[1])
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
genai.upload_file(b"x" * 1000, "audio/wav")
before = peak()
genai.upload_file(sys.argv[2], "video/mp4")
print(peak() - before)
"""
OURS = """
import gemini_nb as genai
genai.configure(api_key="AIzaFAKE", base_url=URL)
def call():
    genai.upload_file("PATH", "video/mp4")
"""
FLOOR = """
import hashlib, httpx
digest = hashlib.sha256()
client = httpx.Client(timeout=60, trust_env=False)
def call():
    start = {"X-Goog-Upload-Command": "start", "X-Goog-Upload-Header-Content-Length": "SIZE"}
    url = client.post(URL + "/upload/v1beta/files", headers=start).headers["x-goog-upload-url"]
    with open("PATH", "rb") as file:
        offset = 0
        while data := file.read(8 << 20):
            last = offset + len(data) == SIZE
            command = "upload, finalize" if last else "upload"
            headers = {"X-Goog-Upload-Command": command, "X-Goog-Upload-Offset": str(offset)}
            answer = client.post(url, headers=headers, content=data)
            HASH
            offset += len(data)
    assert answer.headers["x-goog-upload-status"] == "final"
"""


def rows() -> Iterator[list[str]]:
    """256 MB in chunks of 8 MiB, in turn; then 2 GB once."""
    with _running() as url, tempfile.TemporaryDirectory() as folder:
        path = _sparse(Path(folder) / "film.mp4", SIZE)
        forms = OURS, FLOOR.replace("HASH", ""), FLOOR.replace("HASH", "digest.update(data)")
        codes = [code.replace("PATH", path).replace("SIZE", str(SIZE)) for code in forms]
        a, b, c = in_turn(
            5, *(lambda code=code: child(code, url, 1, "perf_counter") for code in codes)
        )
        large = _sparse(Path(folder) / "large.mp4", LARGEST)
        done = subprocess.run(
            [sys.executable, "-c", MEMORY, url, large], check=True, capture_output=True, text=True
        )
    megabytes = SIZE / (1 << 20)
    yield row("upload", megabytes / a, "httpx", megabytes / b, "≥ 0.8", unit="MB/s")
    yield row("the same", megabytes / a, "httpx that hashes", megabytes / c, "≥ 1", unit="MB/s")
    yield row("memory for 2 GB", float(done.stdout), "limit", 32, "≤ 1", unit="MB")


def _sparse(path: Path, size: int) -> str:
    with path.open("wb") as file:
        file.truncate(size)
    return str(path)


@contextlib.contextmanager
def _running() -> Iterator[str]:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.uploads"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    ) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


def _serve() -> None:
    """One connection after another; a body is read into the same buffer again and again."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        print(port, flush=True)
        while True:
            connection, _ = server.accept()
            with connection, contextlib.suppress(ConnectionError):
                _answer(connection, f"http://127.0.0.1:{port}/upload/v1beta/files?upload_id=1")


def _answer(connection: socket.socket, url: str) -> None:
    buffer = memoryview(bytearray(1 << 20))
    size, digest = 0, hashlib.sha256()
    while head := _head(connection):
        head, _, body = head.partition(b"\r\n\r\n")
        lines = (line.partition(b": ") for line in head.lower().split(b"\r\n")[1:])
        headers = {name: value for name, _, value in lines}
        left = int(headers.get(b"content-length", 0)) - len(body)
        digest.update(body)
        while left > 0 and (got := connection.recv_into(buffer[: min(left, len(buffer))])):
            digest.update(buffer[:got])
            left -= got
        command = headers[b"x-goog-upload-command"]
        if command == b"start":
            digest = hashlib.sha256()
        size = int(headers.get(b"x-goog-upload-header-content-length", size))
        hashed = base64.b64encode(digest.hexdigest().encode()).decode()
        file = {"name": "files/a", "sizeBytes": str(size), "sha256Hash": hashed}
        body = json.dumps({"file": file}).encode() if command.endswith(b"finalize") else b""
        status = "final" if body else "active"
        connection.sendall(
            b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\nx-goog-upload-status: %b\r\n"
            b"x-goog-upload-url: %b\r\n\r\n%b" % (len(body), status.encode(), url.encode(), body)
        )


def _head(connection: socket.socket) -> bytes:
    """A request's head and what came with it; empty at the end."""
    head = b""
    while b"\r\n\r\n" not in head:
        data = connection.recv(65_536)
        if not data:
            return b""
        head += data
    return head


if __name__ == "__main__":
    _serve()
