"""What a cell of `render.py` runs: an answer of numbered chunks, shown in one of several ways.

A number stands in each chunk as `q17q`; the page looks for them (`render_watch.js`).
"""

from __future__ import annotations

import json
import time
from pathlib import Path

from IPython.display import Markdown, display

from gemini_nb.chunks import Chunk
from gemini_nb.content import Candidate, Content, Part, UsageMetadata
from gemini_nb.display.live import LiveMarkdown
from gemini_nb.stream import Response

TEXT = "the tide comes in and goes out again while *we* look at `code` and **stone** over"
WORDS = TEXT.split()


def chunk(i):
    """A few words, as a model sends them; now and then a heading, a list, code."""
    if i % 120 == 40:
        return f"\n\n```python\nx = {i}\n```\n\nq{i}q "
    if i % 60 == 50:
        return f"\n\n- one q{i}q\n- two "
    if i % 30 == 0:
        return f"\n\n## Part {i}\n\nq{i}q "
    return f"{WORDS[i % 16]} {WORDS[i * 7 % 16]} {WORDS[i * 5 % 16]} q{i}q "


class Ours:
    """Deltas to a widget, taken from chunks that count their tokens, as the service's do."""

    def __init__(self, pieces):
        self.live = LiveMarkdown()
        self.chunks = [_counted(7 * i, text) for i, text in enumerate(pieces, 1)]

    def write(self, i):
        self.live.take(self.chunks[i])

    def close(self):
        self.live.close(Response(), 1.0)


def _counted(tokens, text):
    content = Content(parts=[Part(text=text)], role="model")
    usage = UsageMetadata(candidates_token_count=tokens)
    return Chunk(candidates=[Candidate(content=content, index=0)], usage_metadata=usage)


class Whole:
    """The whole text as Markdown with each chunk, which is what most tools do."""

    every = 0.0

    def __init__(self, pieces):
        self.pieces, self.text, self.shown_at = pieces, "", 0.0
        self.handle = display(Markdown(""), display_id=True)

    def write(self, i):
        self.text += self.pieces[i]
        if time.monotonic() - self.shown_at >= self.every:
            self.handle.update(Markdown(self.text))
            self.shown_at = time.monotonic()

    def close(self):
        self.handle.update(Markdown(self.text))


class Tenth(Whole):
    """The whole text ten times a second."""

    every = 0.1


class Rich:
    """`rich.live` with `rich.markdown`, ten times a second."""

    def __init__(self, pieces):
        from rich import live, markdown

        self.pieces, self.text, self.made = pieces, "", markdown.Markdown
        self.live = live.Live(refresh_per_second=10, vertical_overflow="visible")
        self.live.start()

    def write(self, i):
        self.text += self.pieces[i]
        self.live.update(self.made(self.text))

    def close(self):
        self.live.refresh()
        self.live.stop()


class Print:
    """Plain text, which the kernel itself gathers: the floor."""

    def __init__(self, pieces):
        self.pieces = pieces

    def write(self, i):
        print(self.pieces[i], end="")

    def close(self):
        print()


WAYS = {way.__name__.lower(): way for way in (Ours, Whole, Tenth, Rich, Print)}


def stream(way, size, rate, late, facts):
    """Show `size` characters at `rate` chunks a second (0: as fast as it goes), and note when.

    A chunk counts from when it was due: one that waits for the way to take it is late. What is
    `late` seconds behind at the end is given up.
    """
    pieces, total = [], 0
    while total < size:
        pieces.append(chunk(len(pieces)))
        total += len(pieces[-1])
    shown, came, given = WAYS[way](pieces), [], 0
    cpu, began, epoch = time.process_time(), time.monotonic(), time.time()
    end = began + len(pieces) / rate + late if rate else float("inf")
    for i in range(len(pieces)):
        due = began + i / rate if rate else time.monotonic()
        if (wait := due - time.monotonic()) > 0:
            time.sleep(wait)
        came.append(1000 * (epoch + due - began))
        if time.monotonic() < end:
            shown.write(i)
            given += 1
    took, cpu = time.monotonic() - began, time.process_time() - cpu
    shown.close()
    noted = {"text": "".join(pieces), "came": came, "shown": given == len(pieces)}
    Path(facts).write_text(json.dumps(noted | {"began": began, "took": took, "cpu": cpu}))
