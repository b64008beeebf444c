"""An answer in a JupyterLab without the extensions for widgets; the kernel has their packages."""

from __future__ import annotations

import json

from tests.browser.pages import Notebook, jupyter, write_notebook
from tests.server import Server

SETUP = """%load_ext gemini_nb
import gemini_nb as genai
genai.configure(api_key="AIzaFAKE", base_url="{url}", retries=0)"""
TEXT = "# Tides\n\nThe *moon* pulls.\n\n- one\n- two\n\nThe end."
OUTPUT = "[...document.querySelectorAll('.jp-CodeCell')][1].querySelector('.jp-OutputArea')"


def test_the_first_answer_already_grows(tmp_path, browser, answers):
    """No error box and no empty place: it comes as plain updates, and is saved as everywhere."""
    config = tmp_path / ".config/labconfig/page_config.json"
    config.parent.mkdir(parents=True)
    config.write_text(json.dumps({"disabledExtensions": {"anywidget": True}}))
    answers.text, answers.size, answers.pause = TEXT, 2, 0.05
    path = tmp_path / "bare.ipynb"
    with Server(answers) as gemini, jupyter(tmp_path) as url:
        write_notebook(path, SETUP.format(url=gemini.url), "%%gemini\nhello")
        book = Notebook(browser, url, path)
        book.command("notebook:run-cell-and-select-next")
        book.until("document.querySelector('.jp-InputPrompt').textContent.includes('1')")
        book.page.wait_for_timeout(1500)  # a person reads; the page had time to answer
        book.page.evaluate(
            f"""() => {{ window.seen = []; new MutationObserver(() => {{
              window.seen.push({OUTPUT}?.innerText ?? ''); }}).observe(
                document.body, {{ childList: true, subtree: true, characterData: true }}); }}"""
        )
        book.command("notebook:run-cell")
        book.until(f"{OUTPUT}.querySelector('h1') && !{OUTPUT}.innerText.includes('The end')")
        book.until_idle()
        seen = book.page.evaluate("() => window.seen.filter((text) => text.trim())")
        output, used = book.save().cells[1].outputs
        book.page.evaluate("() => window.kernel.shutdown()")
        book.close()
    assert len(set(seen)) > 5
    # Nothing but the answer, and below it the line of what goes.
    firsts = {text.partition("\n")[0] for text in seen}
    assert [f for f in firsts if not ("Tides".startswith(f) or f.startswith("text 1"))] == []
    assert used.data["text/plain"].startswith("in 4 · out 3 · ")
    assert output.data == {"text/markdown": TEXT, "text/plain": TEXT}
