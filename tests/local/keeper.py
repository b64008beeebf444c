"""A server to be killed: the real application in a process of its own, without a model.

Its engine says a prompt's last words back, one after the other, with a pause before each. Start
it with `Keeper(home)`; the process is `python -m tests.local.keeper PAUSE`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from gemini_nb.local.text import Piece

KEY = "a-key"
FLASH = "/v1beta/models/gemini-3.8-flash"


class Echo:
    """An engine that repeats what it is told, one job after the other."""

    name = "echo"
    limit = 8191

    def __init__(self, pause=0.0):
        self.pause = pause
        self.jobs = []
        self._worker = ThreadPoolExecutor(1)

    def run(self, job, deliver):
        """Speak on the one thread, and stop where nobody listens."""
        return self._worker.submit(self._run, job, deliver)

    def close(self):
        self._worker.shutdown(cancel_futures=True)

    def _run(self, job, deliver):
        if deliver(None):
            return
        words = job["messages"][-1]["content"].split()
        self.jobs.append(" ".join(words))
        for count, word in enumerate(words, 1):
            time.sleep(self.pause)
            if deliver(Piece(word if count == 1 else f" {word}", count)):
                return
        deliver(Piece("", len(words), "STOP"))


class Keeper:
    """The process, and a client that knows its address; leaving kills it."""

    def __init__(self, home, pause=0.0):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.local.keeper", str(pause)],
            stdout=subprocess.PIPE,
            env={**os.environ, "GEMINI_NB_DATA": str(home)},
            cwd=Path(__file__).parents[2],
        )
        self.url = json.loads(self.process.stdout.readline())
        headers = {"x-goog-api-key": KEY}
        self.web = httpx.Client(base_url=self.url, headers=headers, timeout=30, trust_env=False)

    def kill(self):
        """End it as nothing can be ended more suddenly."""
        self.process.kill()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.kill()
        self.process.stdout.close()
        self.web.close()


def main():
    from gemini_nb.local import serve

    listener = serve.listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    engine = Echo(float(sys.argv[1]))
    serve._serve(engine, KEY, listener, lambda: print(json.dumps(url), flush=True), loopback=True)


if __name__ == "__main__":
    main()
