"""Reads the text in a picture: two small models on onnxruntime, and what lies between them.

The models are PP-OCRv6 "small" (Apache-2.0): one marks where text stands, one reads a
single line, in Latin letters, Chinese and Japanese. They lie in the wheel of `rapidocr`,
whose own code is not used: it brings 190 MB of OpenCV and Shapely for what is done here
with numpy and Pillow, and took longer. It reads; it does not know what a prompt is.

Text that stands on its head is not read; text on its side, and tilted text, is.
"""

from __future__ import annotations

import math
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from . import boxes

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_DETECTOR = "rapidocr/models/PP-OCRv6_det_small.onnx"
_RECOGNIZER = "rapidocr/models/PP-OCRv6_rec_small.onnx"
# Over nine pictures as good as 736 and 2000, the package's own, at half the time and memory.
_SMALLEST_SIDE, _LARGEST_SIDE = 480, 1280
_STEP = 32
"""The detector's sides are multiples of it."""
_HEIGHT, _SHORTEST, _LONGEST = 48, 160, 3200
"""Pixels of a line as the second model reads it; on a shorter one it misreads capitals."""
_SURE_ENOUGH, _SURE_OF_ONE = 0.6, 0.9
"""The second for a single sign: a circle is easily taken for an O."""
_UPRIGHT = 1.5
"""A box this much taller than wide holds text on its side."""


@dataclass(frozen=True)
class Line:
    """What stands side by side on one line, and how sure the model is of the least sure of it.

    From 0 to 1.
    """

    pieces: tuple[str, ...]
    confidence: float


class Reader:
    """The two models, loaded. One picture at a time: it keeps no lock of its own."""

    def __init__(self, wheel: Path) -> None:
        with zipfile.ZipFile(wheel) as archive:
            self._detector = _session(archive.read(_DETECTOR))
            self._recognizer = _session(archive.read(_RECOGNIZER))
        known = self._recognizer.get_modelmeta().custom_metadata_map["character"].splitlines()
        self._signs = ["", *known, " "]  # the first is "nothing here"

    def read(self, picture: Image.Image) -> list[Line]:
        """The lines of an RGB picture, from top to bottom."""
        found = []
        for box in boxes.find(self._mark(picture), picture.size):
            readings = map(self._line, _ways_up(_cut(picture, box)))
            line = max(readings, key=lambda reading: reading.confidence)
            if _believed(line):
                found.append((box, line))
        rows = boxes.rows([box for box, _ in found])
        return [_joined([found[index][1] for index in row]) for row in rows]

    def _mark(self, picture: Image.Image) -> NDArray[np.float32]:
        """How much each place looks like text."""
        size = _detector_size(picture.size)
        small = picture.resize(size, Image.Resampling.BILINEAR)
        (found,) = self._detector.run(None, {"x": _tensor(small)})
        marks: NDArray[np.float32] = found[0, 0]
        return marks

    def _line(self, picture: Image.Image) -> Line:
        width = math.ceil(_HEIGHT * picture.width / picture.height)
        line = picture.resize((max(1, min(width, _LONGEST)), _HEIGHT), Image.Resampling.BILINEAR)
        pixels = _tensor(line)
        empty = max(0, _SHORTEST - pixels.shape[3])
        (found,) = self._recognizer.run(None, {"x": np.pad(pixels, [(0, 0)] * 3 + [(0, empty)])})
        best, sure = found[0].argmax(1), found[0].max(1)
        # A sign that lasts several steps is one sign, unless there is nothing between.
        new = (best > 0) & (best != np.concatenate(([0], best[:-1])))
        text = "".join(self._signs[index] for index in best[new]).strip()
        return Line((text,), float(sure[new].mean()) if text else 0.0)


def _session(model: bytes) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False  # it keeps what the largest picture needed
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _tensor(picture: Image.Image) -> NDArray[np.float32]:
    # Trained on blue, green, red from -1 to 1.
    pixels = np.asarray(picture, dtype=np.float32)[None, :, :, ::-1]
    return np.ascontiguousarray(pixels.transpose(0, 3, 1, 2)) / 127.5 - 1


def _detector_size(size: tuple[int, int]) -> tuple[int, int]:
    scale = max(1.0, _SMALLEST_SIDE / min(size))
    scale = min(scale, _LARGEST_SIDE / max(size))
    width, height = (max(_STEP, round(side * scale / _STEP) * _STEP) for side in size)
    return width, height


def _cut(picture: Image.Image, box: boxes.Box) -> Image.Image:
    """The box as an upright picture of its own."""
    width, height = max(1, round(box.width)), max(1, round(box.height))
    # Pillow wants the corners counter-clockwise from the upper left.
    corners = box.corners[[0, 3, 2, 1]].ravel().tolist()
    return picture.transform(
        (width, height), Image.Transform.QUAD, corners, Image.Resampling.BILINEAR
    )


def _ways_up(cut: Image.Image) -> list[Image.Image]:
    """As it is, or on both its sides: the surer reading tells which was right."""
    if cut.height <= _UPRIGHT * cut.width:
        return [cut]
    return [cut.transpose(way) for way in (Image.Transpose.ROTATE_270, Image.Transpose.ROTATE_90)]


def _believed(line: Line) -> bool:
    (text,) = line.pieces
    least = _SURE_ENOUGH if len(text) > 1 else _SURE_OF_ONE
    return line.confidence >= least and any(sign.isalnum() for sign in text)


def _joined(row: list[Line]) -> Line:
    pieces = tuple(piece for line in row for piece in line.pieces)
    return Line(pieces, min(line.confidence for line in row))
