"""Whole media of formats that nothing here writes: small, and made once by the usual tools.

The recordings are by FFmpeg (PyAV 18), the PDFs by ReportLab and qpdf (pikepdf 10), with what those
tools themselves say of them.
"""

from __future__ import annotations

import base64
import json
import zlib
from pathlib import Path

_FILE = Path(__file__).parents[1] / "documents" / "media.json"
_ALL = json.loads(_FILE.read_text())

RECORDINGS = {each["name"]: each for each in _ALL["recordings"]}
PDFS = {each["name"]: each for each in _ALL["pdfs"]}


def data(sample: dict[str, str]) -> bytes:
    """The bytes of a sample."""
    return zlib.decompress(base64.b64decode(sample["data"]))
