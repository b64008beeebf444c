"""`%gemini_transcribe` in a real kernel: what is told on the way, and the stop button."""

from __future__ import annotations

import asyncio
import json
import re
import threading
import time

import pytest

from tests.kernel.kernels import LIMIT, Kernel
from tests.server import Server, answer_json, chunk

pytestmark = pytest.mark.kernel

SETUP = """
%load_ext gemini_nb
import numpy as np
import gemini_nb as genai
from gemini_nb import stretches, transcribe
genai.configure(api_key="AIzaFAKE", base_url="{url}")
stretches.LONGEST, transcribe._TOGETHER = 20, 1
t = np.arange(60 * 8000) / 8000
talk = np.sin(2 * np.pi * (300 + t) * t) * 0.3 * (t % 1 < 0.5), 8000
"""
SAID = [{"start": "00:00", "end": "00:19", "text": "All that is said in these twenty seconds."}]


class Answers:
    """Answers as long as it is open, then falls silent."""

    def __init__(self):
        self.left = 0
        self.lock = threading.Lock()
        self.is_silent = threading.Event()

    def __call__(self, call):
        with self.lock:
            self.left -= 1
            is_open = self.left >= 0
        if is_open:
            return answer_json(chunk(json.dumps(SAID), "STOP"))
        self.is_silent.set()
        return 200, {}, silent(call)


async def silent(call):
    """Nothing, for as long as the client stays."""
    while not call.hung_up.is_set():  # noqa: ASYNC110 - the event is a thread's
        await asyncio.sleep(0.01)
    yield b""


def test_stopped_it_says_what_is_kept_and_goes_on_from_there():
    """One line and no traceback; the same line asks only for what is missing."""
    answers = Answers()
    with Server(answers) as server, Kernel() as kernel:
        ready = kernel.run(SETUP.format(url=server.url))
        assert ready.reply["status"] == "ok", ready.reply
        answers.left = 2
        run = kernel.start("%gemini_transcribe talk -o found")
        assert answers.is_silent.wait(LIMIT)
        pressed = time.monotonic()
        kernel.interrupt()
        run.finish()
        assert time.monotonic() - pressed < 5
        assert run.reply["status"] == "ok"
        told = run.text.splitlines()[-1]
        found = re.fullmatch(r"Stopped\. 2 of (\d) stretches are kept: run the same again .*", told)
        assert found, run.text
        answers.left = 99
        whole = kernel.run("%gemini_transcribe talk -o found")
        assert whole.reply["status"] == "ok"
        assert len(server.calls) == 3 + int(found[1]) - 2
