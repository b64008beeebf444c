"""Tab completion for the options of the magics."""

from __future__ import annotations

import pytest
from IPython.core import completer
from IPython.core.interactiveshell import InteractiveShell

from gemini_nb import completion, options
from gemini_nb.completion import candidates

NAMES = ["answer", "data", "figure"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with two files and a folder, to stand in."""
    (tmp_path / "data.csv").touch()
    (tmp_path / "plan.md").touch()
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "cat.png").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("%%gemini --te", ["--temperature"]),
        ("%%gemini -t 0 --no", ["--no-interpolate", "--no-stream"]),
        ("%gemini --max", ["--max-input-tokens", "--max-tokens"]),
        ("%gemini_chat --", ["--help", "--new", "--rewind"]),
        ("%gemini_config --ba", ["--backend", "--badge", "--base-url"]),
        ("%gemini_config --backend ", ["api", "local"]),
        ("%%gemini -f j", ["json"]),
        ("%%gemini --format ", sorted(options.FORMATS)),
        ("%%gemini -o a", ["answer"]),
        ("%%gemini -o ", NAMES),
        ("%%gemini -m gemini-3.5", ["gemini-3.5-flash", "gemini-3.5-flash-lite"]),
        ("%%gemini gemini-2", ["gemini-2.5-flash", "gemini-2.5-pro"]),
        ("%%gemini -t 0.", []),
        ("%gemini Tell me about d", []),
        ("%%gemini --zzz", []),
    ],
)
def test_what_may_follow(line, found):
    """Options, models, formats and variables, each where it belongs."""
    assert candidates(line, NAMES) == found


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("da", ["data", "data.csv"]),
        ("p", ["pictures/", "plan.md"]),
        ("pictures/", ["pictures/cat.png"]),
        ("pictures/c", ["pictures/cat.png"]),
        ("./pl", ["./plan.md"]),
        ("./pictures/c", ["./pictures/cat.png"]),
        ("nowhere/", []),
        ("~nobody-of-that-name/", []),
    ],
)
def test_files_and_variables_can_be_attached(folder, typed, found):
    """Paths are completed in the words they were begun in."""
    assert candidates(f"%%gemini -a {typed}", NAMES) == found


def test_paths_that_are_written_out(folder):
    """Absolute paths are completed, too."""
    assert candidates(f"%%gemini --attach {folder}/pl", NAMES) == [f"{folder}/plan.md"]


def test_the_line_up_to_the_cursor():
    """What IPython asks with is the line up to the cursor; the shell's variables are seen."""
    shell = InteractiveShell()
    shell.user_ns["my_answer"] = 1
    completion.install(shell)
    assert offered(shell, "%%gemini -o my_") == ["my_answer"]


@pytest.mark.skipif(not hasattr(completer, "context_matcher"), reason="IPython before 8.6: a hook")
def test_nothing_else_is_offered():
    """Names of Python stay away from our lines, ours from others; unloading ends both."""
    shell = InteractiveShell()
    for _ in range(2):
        completion.install(shell)
    assert offered(shell, "%%gemini --max-t") == ["--max-tokens"]
    assert "--max-tokens" not in offered(shell, "x --ma")
    completion.uninstall(shell)
    assert "--max-tokens" not in offered(shell, "%%gemini --ma")


def offered(shell, line):
    """What Tab shows at the end of a line."""
    with completer.provisionalcompleter():
        found = [c.text for c in shell.Completer.completions(line, len(line))]
    return [word for word in found if not word.startswith("%")]
