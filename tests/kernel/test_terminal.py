"""`%gemini` in a real `ipython` and a real `jupyter console`: what stands on the screen."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from importlib.util import find_spec

import pytest

from tests.kernel.kernels import LIMIT
from tests.screen import Pty
from tests.server import Server, chunk
from tests.waiting import until

pytestmark = pytest.mark.kernel

SETUP = 'import gemini_nb as g; g.configure(api_key="AIzaFAKE", base_url="{url}", retries=0)'
TEXT = """# Tides

The *moon* pulls.

| name | value |
|---|--:|
| one | 1 |

{items}
```python
x = 1
```

The end 🎉."""
SHOWN = TEXT.format(items="".join(f"- item {i}\n" for i in range(40)))


class Gemini:
    """Says what the prompt names: all of SHOWN, or the first half, and then how it ends."""

    def __init__(self):
        self.hung_up = None

    def __call__(self, call):
        self.hung_up = call.hung_up
        prompt = call.json()["contents"][-1]["parts"][0]["text"]
        return 200, {"content-type": "text/event-stream"}, self._pieces(prompt)

    async def _pieces(self, prompt):
        text = SHOWN if prompt == "all" else SHOWN[: len(SHOWN) // 2]
        for at in range(0, len(text), 9):
            is_last = prompt == "all" and at + 9 >= len(text)
            data = json.dumps(chunk(text[at : at + 9], "STOP" if is_last else None))
            yield b"data: " + data.encode() + b"\n\n"
            await asyncio.sleep(0.005)
        while prompt == "silence" and not self.hung_up.is_set():  # noqa: ASYNC110 - a thread's
            await asyncio.sleep(0.01)


@pytest.fixture(scope="module")
def gemini():
    """A Gemini, and its address."""
    with Server(Gemini()) as server:
        yield server


@pytest.fixture
def env(tmp_path):
    clean = {k: v for k, v in os.environ.items() if k not in ("GEMINI_API_KEY", "GOOGLE_API_KEY")}
    for name in ("NO_COLOR", "COLUMNS", "LINES"):
        clean.pop(name, None)
    return {**clean, "TERM": "xterm-256color", "IPYTHONDIR": str(tmp_path), "HOME": str(tmp_path)}


def prompts(pty):
    """The number that the last prompt has, None where something still runs."""
    found = re.findall(r"^In \[(\d+)\]:$", pty.screen.text, re.MULTILINE)
    return int(found[-1]) if found and pty.screen.lines[-1].startswith("In [") else None


def run(pty, *cells):
    """Type cells, and wait for the prompt after each; returns what stands below the first one."""
    for cell in cells:
        pty.until(prompts)
        number = prompts(pty)
        pty.type(cell + "\r")
        pty.until(lambda pty, number=number: (prompts(pty) or 0) > number)
    return below(pty, cells[0])


def below(pty, cell):
    return pty.screen.text.rpartition(f": {cell}\n")[2].split("\n")


@pytest.fixture
def ipython(gemini, env, request):
    """`ipython` in a terminal, set up."""
    columns = getattr(request, "param", 80)
    command = [sys.executable, "-m", "IPython", "--no-banner", "--no-confirm-exit"]
    command += ["--ext=gemini_nb", "-i", "-c", SETUP.format(url=gemini.url)]
    with Pty(command, env, columns) as pty:
        yield pty


@pytest.mark.parametrize("ipython", [80, 40], indirect=True)
def test_ipython_shows_an_answer_once(ipython):
    """Formatted, whole, in its order, also what has scrolled off; the prompt comes below."""
    rows = run(ipython, "%gemini all")
    assert "<IPython" not in ipython.screen.text
    assert [int(n) for n in re.findall(r"item (\d+)", "\n".join(rows))] == list(range(40))
    for line in ("Tides", "The moon pulls", "one +1", "x = 1", "The end 🎉"):
        assert sum(bool(re.search(line, row)) for row in rows) == 1, rows
    end = rows.index("The end 🎉.")
    assert rows[end + 1] == ""
    assert rows[end + 2].startswith("in 4 · out 3 · ")
    assert rows[-2] == ""
    assert not any(sign in row for row in rows for sign in ("# ", "```", "*moon*", "|---"))


def test_an_interrupt_keeps_what_came(ipython, gemini):
    """It is marked, the request is over, and the prompt works."""
    ipython.until(prompts)
    ipython.type("%gemini silence\r")
    ipython.until(lambda pty: "item 10" in pty.screen.text)
    ipython.type("\r\rkeys\r")  # their echo would move what is drawn again
    ipython.until(lambda pty: "item 12" in pty.screen.text)
    ipython.type("\x03")
    ipython.until(lambda pty: "stopped" in pty.screen.text)
    assert gemini.handler.hung_up.wait(LIMIT)
    rows = below(ipython, "%gemini silence")
    *found, last = re.findall(r"item (\d+)", "\n".join(rows))
    assert found == [str(n) for n in range(len(found))]
    assert str(len(found)).startswith(last)  # what came may end with the `1` of `item 15`
    assert "42" in "\n".join(run(ipython, "20 + 22"))
    assert "keys" not in ipython.screen.text  # forgotten, as ^C does everywhere


def test_keys_wait_for_a_whole_answer(ipython):
    """What is typed meanwhile runs after it, and is not seen before."""
    ipython.until(prompts)
    ipython.type("%gemini all\r")
    ipython.until(lambda pty: "item 10" in pty.screen.text)
    ipython.type("20 + 22\r")
    ipython.until(lambda pty: "]: 42" in pty.screen.text)
    rows = ipython.screen.lines
    (typed,) = (at for at, row in enumerate(rows) if "20 + 22" in row)
    assert typed > rows.index("The end 🎉.")


LINES = [f"line {i}" for i in range(1000)]
WRITES = """import pathlib, sys, time
from gemini_nb.display.echo import without_echo
with without_echo():
    try:
        print(*(f"line {i}" for i in range(1000)), sep="\\n", flush=True)
        pathlib.Path(sys.argv[1]).touch()
        time.sleep(60)
    except KeyboardInterrupt:
        print("end", flush=True)
"""


def test_an_interrupt_throws_away_nothing_that_was_written(env, tmp_path):
    """A slow terminal has yet to read it, and the next frame counts on it."""
    written = tmp_path / "written"
    with Pty([sys.executable, "-c", WRITES, str(written)], env) as pty:
        until(written.exists)
        pty.type("\x03")
        pty.until(lambda pty: "end" in pty.screen.text)
    assert pty.screen.lines == [*LINES, "end"]


def test_an_answer_that_breaks_off(ipython):
    """What came stays, marked, and the error says what happened, each once."""
    rows = "\n".join(run(ipython, "%gemini half"))
    assert len(re.findall(r"item 0\b", rows)) == 1
    assert rows.index("item 0") < rows.index("not whole") < rows.index("StreamInterrupted")
    assert "Traceback" not in rows


@pytest.mark.parametrize("how", ["markdown", "text", "json", "code"])
def test_redirected_output_is_plain(gemini, env, how):
    """In a pipe there is the text and nothing else; a code block alone where that is wanted."""
    code = f"%load_ext gemini_nb\n{SETUP.format(url=gemini.url)}\n%gemini -f {how} all"
    done = subprocess.run(
        [sys.executable, "-m", "IPython", "--no-banner", "--no-term-title", "-c", code],
        env={**env, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        timeout=LIMIT,
        check=True,
    )
    assert done.stdout.decode().rstrip("\n") == ("x = 1" if how == "code" else SHOWN)
    assert b"\x1b" not in done.stdout


@pytest.mark.skipif(find_spec("jupyter_console") is None, reason="needs jupyter_console")
def test_jupyter_console_shows_it_all(gemini, env):
    """It ignores updates of a display, so it gets the text as a stream: whole, and once."""
    with Pty([sys.executable, "-m", "jupyter_console"], env) as pty:
        run(pty, "%load_ext gemini_nb", SETUP.format(url=gemini.url))
        rows = "\n".join(run(pty, "%gemini all"))
    assert SHOWN in rows
    assert len(re.findall(r"item 7\b", rows)) == 1
