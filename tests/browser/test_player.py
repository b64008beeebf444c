"""The player in a real page: it plays, it follows, it takes edits, and its twin is left behind."""

from __future__ import annotations

import nbformat
import pytest

from tests.browser.pages import Notebook, write_notebook

MAKE = """import io
import numpy as np, soundfile
from gemini_nb.audio import Audio
from gemini_nb.transcripts import Segment, Transcript
from gemini_nb.widgets.player import Player

def sound(kind="WAV", seconds=10, subtype=None):
    buffer = io.BytesIO()
    tone = np.sin(np.arange(seconds * 16_000) / 20) / 2
    soundfile.write(buffer, tone, 16_000, format=kind, subtype=subtype)
    return buffer.getvalue()

def said(count, step=1.0):
    texts = (f"Number {n}, <b>bold</b>, $x$." for n in range(count))
    return Transcript([Segment(n * step, (n + 1) * step, text, "AB"[n % 2])
                       for n, text in enumerate(texts)])
"""
PLAYER = "document.querySelector('.gemini-nb-player')"
READY = "document.querySelector('.gemini-nb-player[data-phase=ready]')"
TWIN = "document.querySelector('.gemini-nb-twin')"
CURRENT = "document.querySelector('.gemini-nb-segment[aria-current]')?.dataset.index"
TIME = "Number(document.querySelector('.gemini-nb-wave').getAttribute('aria-valuenow'))"
# The sound is in no page, so it is taken down where it is made.
SOUNDS = """const Real = Audio; window.sounds = [];
window.Audio = function () { const made = new Real(); window.sounds.push(made); return made; };"""


def cells(show):
    return pytest.mark.parametrize("cells", [(MAKE + show,)], ids=[""])


def at(book):
    """Where the sound is, in seconds."""
    return book.page.evaluate("() => window.sounds.at(-1).currentTime")


@pytest.fixture
def shown(book):
    """A notebook whose player is ready."""
    book.page.evaluate(f"() => {{ {SOUNDS} }}")
    book.run_all()
    book.until_idle()
    book.until(READY)
    return book


def segment(number):
    return f".gemini-nb-segment:nth-child({number + 1}) .gemini-nb-go"


@cells("Player(sound('WAV', 600), said(600))")
def test_a_click_plays_from_there(shown):
    """To within 50 ms, in a list of 600; what plays is marked, and the page does not scroll."""
    page = shown.page
    page.locator(segment(300)).evaluate("(go) => { go.closest('ol').scrollTop = go.offsetTop; }")
    box = "document.querySelector('.jp-WindowedPanel-outer').scrollTop"
    before = page.evaluate(f"() => {box}")
    page.evaluate(
        """() => { window.seeked = [];
        window.sounds.at(-1).addEventListener('seeking', ({ target }) =>
          window.seeked.push(target.currentTime)); }"""
    )
    page.click(segment(300))
    shown.until("window.seeked.length")
    assert page.evaluate("() => window.seeked[0]") == pytest.approx(300, abs=0.05)
    shown.until(f"{CURRENT} === '300'")
    shown.until(f"{CURRENT} === '302'")  # it plays, and the mark follows
    assert page.evaluate("() => document.querySelectorAll('[aria-current]').length") == 1
    assert page.evaluate(f"() => {box}") == before


@cells("Player(sound('WAV', 600), said(600))")
@pytest.mark.parametrize("front", ["lab"], indirect=True)
def test_what_plays_is_kept_in_view(shown):
    """Inside of the list, and not against a reader who scrolls in it."""
    page = shown.page
    seen = """(() => { const item = document.querySelector('.gemini-nb-segment[aria-current]');
      const list = item.parentNode.getBoundingClientRect(), one = item.getBoundingClientRect();
      return one.top >= list.top - 1 && one.bottom <= list.bottom + 1; })()"""
    for seconds in (400, 20):
        page.evaluate(f"() => {{ window.sounds.at(-1).currentTime = {seconds}.5; }}")
        shown.until(f"{CURRENT} === '{seconds}' && {seen}")
    page.hover(".gemini-nb-segments")
    page.mouse.wheel(0, 900)
    shown.until("document.querySelector('.gemini-nb-segments').scrollTop > 900")
    page.evaluate("() => { window.sounds.at(-1).currentTime = 30.5; }")
    shown.until(f"{CURRENT} === '30'")
    assert not page.evaluate(f"() => {seen}")


SOUNDS_OF = [
    ("WAV", ""),
    ("MP3", ""),
    ("FLAC", ""),
    ("OGG", "VORBIS"),
    ("OGG", "OPUS"),
    ("AIFF", ""),
]


@pytest.mark.parametrize(
    "cells",
    [(f"{MAKE}Player(sound({kind!r}, 10, {of or None!r}))",) for kind, of in SOUNDS_OF],
    ids=[f"{kind} {of}".strip() for kind, of in SOUNDS_OF],
)
@pytest.mark.parametrize("front", ["lab"], indirect=True)
def test_every_format_plays(shown):
    """From its bytes: the time goes on, and the length is the right one."""
    shown.page.click(".gemini-nb-play")
    shown.until("window.sounds.at(-1).currentTime > 0.3")
    assert shown.page.evaluate("() => window.sounds.at(-1).duration") == pytest.approx(10, abs=0.2)
    assert shown.page.inner_text(".gemini-nb-clock").endswith("/ 00:10")


@cells("talk = said(5)\nplayer = Player(sound(), talk)\nplayer")
def test_an_edit_reaches_python_and_what_is_saved(shown):
    """While it plays, which goes on."""
    page = shown.page
    page.dblclick(segment(2))
    page.keyboard.press("Control+a")
    page.keyboard.type("Said differently, dd.")
    page.keyboard.press("Enter")
    shown.until(f"{TWIN}.textContent.includes('Said differently, dd.')")
    assert page.evaluate("() => window.sounds.length") == 1
    assert not page.evaluate("() => window.sounds[0].paused")
    output = shown.save().cells[1].outputs[0]
    assert output.output_type == "execute_result"
    assert set(output.data) == {"text/html", "text/plain"}
    assert "Said differently" in output.data["text/html"]
    said = shown.page.evaluate(
        """async () => { const asked = window.kernel.requestExecute(
          { code: '', silent: true, user_expressions: { text: 'talk[2].text' } });
        return (await asked.done).content.user_expressions.text.data['text/plain']; }"""
    )
    assert said == "'Said differently, dd.'"


@cells("Player(sound(), said(5))")
def test_an_edit_without_its_kernel_is_saved(shown):
    """After a restart: row and notebook have it, and the reader knows that Python has not."""
    page = shown.page
    page.evaluate("() => window.kernel.restart()")
    shown.until("window.kernel.status === 'idle'")
    page.dblclick(segment(2))
    page.keyboard.press("Control+a")
    page.keyboard.type("Said <b>differently</b>.")
    page.keyboard.press("Enter")
    shown.until(f"{TWIN}.textContent.includes('Said <b>differently</b>.')")
    assert page.inner_text(f"{segment(2)} .gemini-nb-said") == "Said <b>differently</b>."
    assert "Python does not know of it" in page.inner_text(".gemini-nb-note")
    (output,) = shown.save().cells[1].outputs
    assert "Said &lt;b&gt;differently&lt;/b&gt;." in output.data["text/html"]
    assert "00:02  A: Said <b>differently</b>." in output.data["text/plain"]
    page.evaluate("() => { window.onbeforeunload = null; }")
    shown.open()
    shown.until(f"{TWIN}?.offsetParent && {TWIN}.textContent.includes('Said <b>differently')")
    assert len(page.query_selector_all(".gemini-nb-twin tr")) == 6


AMONG = """from IPython.display import Markdown, display
print("above")
display(Player(sound()))
display(Markdown("below"))"""
BELOW = "document.querySelector('.jp-OutputArea-output.jp-RenderedMarkdown p')"
GAPS = f"""(() => {{ const box = (node) => node.getBoundingClientRect();
  const [here, pre] = [box({PLAYER}), document.querySelector('.jp-OutputArea-output pre')];
  return [here.top - box(pre).bottom, box({BELOW}).top - here.bottom, here.height]; }})()"""


@cells(AMONG)
@pytest.mark.parametrize("width", [1000, 480])
def test_without_a_transcript_it_is_one_row_among_other_outputs(shown, width):
    """It keeps its distance from them; nothing is marked before it plays."""
    shown.page.set_viewport_size({"width": width, "height": 900})
    shown.page.evaluate("() => window.jupyterapp.shell.collapseLeft()")
    shown.until(f"{BELOW} && {GAPS}[2] < 80")
    above, below, _ = shown.page.evaluate(f"() => {GAPS}")
    assert 5 <= above <= 10
    assert 5 <= below <= 10
    wave = shown.page.locator(".gemini-nb-wave").bounding_box()
    assert wave["width"] > 60


TURNED = """Player(sound(), Transcript([
    Segment(0, 2, "שלום לכולם 123", "דנה", ("late",)),
    Segment(2, 4, "\u202eevil", "\u202eBob"), Segment(4, 6, "", flags=("0:02 without words",))]))"""


@cells(TURNED)
@pytest.mark.parametrize("front", ["lab"], indirect=True)
def test_each_text_has_its_own_direction(shown):
    """In the player and in the twin, whose sanitiser leaves it; what turns others is gone."""
    page = shown.page
    assert not page.query_selector("[aria-current]")
    directions = """(nodes) => nodes.map((node) => getComputedStyle(node).direction)"""
    said = page.locator(".gemini-nb-said").evaluate_all(directions)
    assert said == ["rtl", "ltr", "ltr"]
    twin = page.locator(".gemini-nb-twin td:last-child > div").evaluate_all(directions)
    assert twin == ["rtl", "ltr", "ltr"]
    for one in (TWIN, PLAYER):
        assert "\u202e" not in page.evaluate(f"() => {one}.textContent")
    page.click(segment(2))
    shown.until(f"{CURRENT} === '2'")
    assert page.inner_text(f"{segment(2)} .gemini-nb-said") == "0:02 without words"


@cells("Player(sound(), said(8))")
@pytest.mark.parametrize("front", ["lab"], indirect=True)
def test_the_keyboard_is_enough(shown):
    """The notebook takes none of its keys; those with a modifier are left to it."""
    page = shown.page
    page.focus(".gemini-nb-wave")
    page.keyboard.press("ArrowRight")
    shown.until("window.sounds[0].currentTime === 5")
    page.focus(segment(0))
    for key in ("ArrowDown", "ArrowDown", "d", "d", "Enter"):
        page.keyboard.press(key)
    shown.until(f"{CURRENT} === '2' && !window.sounds[0].paused")
    page.keyboard.press(" ")
    shown.until("window.sounds[0].paused")
    page.keyboard.press("/")
    page.keyboard.type("number 6")
    shown.until("document.querySelectorAll('.gemini-nb-segment:not([hidden])').length === 1")
    page.keyboard.press("Enter")
    shown.until(f"{CURRENT} === '6'")
    assert page.evaluate("() => document.querySelectorAll('.jp-CodeCell').length") == 2


# What a cell waits for, until the test lets it go on.
WAIT = "while not pathlib.Path('go').exists(): time.sleep(0.02)"
LATER = f"""import IPython, pathlib, time
player = Player(sound('WAV', 60))
player.show(is_final=False)
{WAIT}
player.transcript = said(8)
player.show()
IPython.display.Markdown('The answer.')"""


@cells(LATER)
@pytest.mark.parametrize("front", ["lab"], indirect=True)
def test_it_plays_while_its_cell_runs(book):
    """The transcript that comes at the end is listed, and saved; the sound goes on."""
    page = book.page
    page.evaluate(f"() => {{ {SOUNDS} }}")
    book.run_all()
    book.until(f"{READY} && !document.querySelector('.gemini-nb-segments')")
    page.click(".gemini-nb-play")
    book.path.with_name("go").touch()
    book.until("document.querySelectorAll('.gemini-nb-segment').length === 8")
    book.until_idle()
    book.path.with_name("go").unlink()
    book.until(f"{CURRENT} === '2'")
    assert page.evaluate("() => window.sounds.length") == 1
    assert page.evaluate("() => document.querySelectorAll('.gemini-nb-player').length") == 1
    first, second = book.save().cells[1].outputs
    assert "Number 7" in first.data["text/html"]
    assert second.data["text/markdown"] == "The answer."


BUSY = "player = Player(sound('WAV', 600), said(600))\nplayer"


@pytest.mark.parametrize(
    "cells", [(MAKE + BUSY, f"import pathlib, time\n{WAIT}", "'the last one'")], ids=[""]
)
@pytest.mark.parametrize("front", ["lab"], indirect=True)
def test_it_is_ready_before_the_kernel_listens(book):
    """Other cells run behind it; the page need not be heard for the sound to come."""
    book.run_all()
    book.until(READY)
    prompts = "[...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')]"
    assert "*" in book.page.evaluate(f"() => {prompts}.map((p) => p.textContent).join()")
    book.path.with_name("go").touch()
    book.until_idle()
    book.path.with_name("go").unlink()


@cells("Player(sound('WAV', 8), said(8))")
def test_it_is_there_again_while_the_kernel_lives(shown):
    """In a page that is loaded again; it goes with the output."""
    shown.save()
    shown.page.evaluate("() => { window.onbeforeunload = null; }")
    shown.open()
    shown.until(READY)
    assert shown.page.evaluate(f"() => !{TWIN}.offsetParent")
    shown.command("notebook:clear-all-cell-outputs")
    shown.until(f"!{PLAYER}")


@cells("Player(sound('WAV', 8), said(8))")
def test_without_a_kernel_its_twin_is_read_and_played(shown, folder, browser, server, front):
    """Opened again, trusted or not: a table, and a sound that plays; no formula, no markup."""
    saved = shown.save()
    shown.page.evaluate("() => { window.onbeforeunload = null; window.kernel.shutdown(); }")
    saved.cells[1].source = "# from somebody else"  # which makes it another, untrusted one
    other = folder / f"other-{front}.ipynb"
    nbformat.write(saved, other)
    for path in (shown.path, other):
        book = Notebook(browser, server, path, front, viewport={"width": 1000, "height": 900})
        try:
            book.until(f"{TWIN}?.offsetParent && {TWIN}.querySelectorAll('tr').length === 9")
            assert "Number 7, <b>bold</b>, $x$." in book.page.inner_text(".gemini-nb-twin")
            assert not book.page.query_selector(".gemini-nb-player, .gemini-nb-twin mjx-container")
            book.page.evaluate(f"() => {TWIN}.querySelector('audio').play()")
            book.until(f"{TWIN}.querySelector('audio').currentTime > 0.2")
            assert "rror displaying" not in book.page.inner_text(".jp-Notebook")
        finally:
            book.page.evaluate("() => window.kernel.shutdown()")
            book.close()


@pytest.mark.parametrize("front", ["lab"], indirect=True)
def test_a_file_is_played_where_it_lies(folder, server, browser, front):
    """Without a kernel, by its relative path."""
    import soundfile

    soundfile.write(folder / "a tone.wav", [0.0, 0.5] * 80_000, 16_000)
    path = folder / "beside.ipynb"
    write_notebook(path, MAKE + "Player('a tone.wav')")
    for is_first in (True, False):
        book = Notebook(browser, server, path, front, viewport={"width": 1000, "height": 900})
        try:
            if is_first:
                book.run_all()
                book.until_idle()
                book.until(READY)
                book.save()
            else:
                book.until(f"{TWIN}?.querySelector('audio').duration === 10")
                book.page.evaluate(f"() => {TWIN}.querySelector('audio').play()")
                book.until(f"{TWIN}.querySelector('audio').currentTime > 0.2")
        finally:
            book.page.evaluate("() => window.kernel.shutdown()")
            book.page.evaluate("() => { window.onbeforeunload = null; }")
            book.close()


@cells("Player(sound('WAV', 600), said(600))")
@pytest.mark.parametrize("front", ["lab"], indirect=True)
def test_six_hundred_segments_are_quick(shown):
    """A frame while it plays lays nothing out: a hundred of them cost less than ten layouts."""
    cdp = shown.page.context.new_cdp_session(shown.page)
    cdp.send("Performance.enable")

    def layouts():
        found = cdp.send("Performance.getMetrics")["metrics"]
        return {one["name"]: one["value"] for one in found}["LayoutCount"]

    shown.page.click(segment(3))
    shown.until("window.sounds[0].currentTime > 4.2")
    before = layouts()
    shown.page.evaluate(
        """() => new Promise((done) => { let left = 100;
        const frame = () => (--left ? requestAnimationFrame(frame) : done()); frame(); })"""
    )
    assert layouts() - before < 10


@cells("Player(sound('WAV', 600), said(5000, 0.12))")
@pytest.mark.parametrize("front", ["lab"], indirect=True)
def test_five_thousand_segments_are_searched_while_one_types(shown):
    """Once for all the keys of a word, and no key waits for a second."""
    page = shown.page
    page.evaluate(
        """() => { window.long = []; window.searches = 0;
        new PerformanceObserver((all) => all.getEntries().forEach(({ duration }) =>
          window.long.push(duration))).observe({ type: 'longtask' });
        new MutationObserver(() => window.searches++).observe(
          document.querySelector('.gemini-nb-note'), { childList: true }); }"""
    )
    page.locator(".gemini-nb-search").press_sequentially("number 77", delay=10)
    shown.until("document.querySelector('.gemini-nb-note').textContent === '11 of 5000'")
    assert page.evaluate("() => window.searches") < 4
    assert max([0, *page.evaluate("() => window.long")]) < 1000
