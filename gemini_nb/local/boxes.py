"""From the places that look like text to the rectangles around them.

The text detector gives each place a number from 0 to 1. What hangs together above a
threshold is one line; its smallest rectangle, at whatever angle, is grown by as much as
the detector was trained to shrink it. Plain geometry on arrays: no model, no picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

_MARKED = 0.3
_BELIEVED = 0.6
"""Mean of a line's places; below it there is no line."""
_GROWTH = 1.5
"""Area by perimeter, times this: what the detector was trained to shrink a line by."""
_THINNEST = 3
"""Places; what is thinner is a speck."""
_MOST = 1000


@dataclass(frozen=True)
class Box:
    """A rectangle: its corners, clockwise from the upper left as its text is read."""

    corners: Floats

    @property
    def middle(self) -> Floats:
        """Where its diagonals cross."""
        return np.asarray(self.corners.mean(0))

    @property
    def width(self) -> float:
        """How long the text is."""
        return float(np.hypot(*(self.corners[1] - self.corners[0])))

    @property
    def height(self) -> float:
        """How tall the text is."""
        return float(np.hypot(*(self.corners[3] - self.corners[0])))

    @property
    def angle(self) -> float:
        """How its text leans."""
        across, down = self.corners[1] - self.corners[0]
        return float(np.arctan2(down, across))


def rows(found: list[Box]) -> list[list[int]]:
    """Which boxes stand beside each other, as their numbers: from the top, from the left."""
    if not found:
        return []
    # A receipt that lies askew has its lines askew: what most of the text does is level.
    lengths = [1 + int(box.width) for box in found]
    lean = np.median(np.repeat([box.angle for box in found], lengths))
    back = np.array([[np.cos(lean), -np.sin(lean)], [np.sin(lean), np.cos(lean)]])
    x, y = (np.stack([box.middle for box in found]) @ back).T
    made: list[list[int]] = []
    for index in np.argsort(y, kind="stable").tolist():
        last = made[-1][-1] if made else None
        if last is not None and y[index] - y[last] < _half(found[index], found[last]):
            made[-1].append(index)
        else:
            made.append([index])
    return [sorted(row, key=lambda index: float(x[index])) for row in made]


def _half(one: Box, other: Box) -> float:
    return min(one.height, other.height) / 2


def find(marks: NDArray[np.float32], size: tuple[int, int]) -> list[Box]:
    """The lines in the detector's answer, in the pixels of a picture of that size."""
    scale = np.array(size) / marks.shape[::-1]
    found = []
    for points, belief in _blobs(marks):
        if belief < _BELIEVED or np.ptp(points, axis=0).min() < _THINNEST:
            continue
        corners = _smallest_rectangle(points)
        if corners is not None:
            found.append(Box(np.clip(corners * scale, 0, size)))
        if len(found) == _MOST:
            break
    return found


def _blobs(marks: NDArray[np.float32]) -> Iterator[tuple[Ints, float]]:
    """The outermost points of all that hangs together, each with its mean mark."""
    height, width = marks.shape
    stride = width + 1  # one empty column, so that no run goes on into the next row
    flat = np.zeros((height, stride), dtype=np.float32)
    flat[:, :width] = marks
    edges = np.diff((flat.ravel() > _MARKED).view(np.int8), prepend=0)
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    sums = np.concatenate(([0.0], np.cumsum(flat.ravel(), dtype=np.float64)))
    weights = sums[ends] - sums[starts]
    names = _joined(starts, ends, stride)
    order = np.argsort(names, kind="stable")
    for runs in np.split(order, np.flatnonzero(np.diff(names[order])) + 1):
        if not len(runs):
            return
        rows, left, right = starts[runs] // stride, starts[runs] % stride, ends[runs] % stride
        points = np.concatenate(
            [np.stack([x, y], 1) for x in (left, right) for y in (rows, rows + 1)]
        )
        yield points, float(weights[runs].sum() / (ends[runs] - starts[runs]).sum())


def _joined(starts: Ints, ends: Ints, stride: int) -> Ints:
    """A number for each run of marked places; runs that touch have the same one."""
    # The runs of the next row that a run touches, as a range.
    first = np.searchsorted(ends, starts + stride, side="right")
    last = np.searchsorted(starts, ends + stride, side="left")
    parent = list(range(len(starts)))

    def root(run: int) -> int:
        while parent[run] != run:
            parent[run] = parent[parent[run]]
            run = parent[run]
        return run

    for run in np.flatnonzero(first < last).tolist():
        for below in range(first[run], last[run]):
            parent[root(below)] = root(run)
    return np.array([root(run) for run in range(len(parent))], dtype=np.int64)


def _smallest_rectangle(points: Ints) -> Floats | None:
    """Around points, grown; nothing if it would be too thin for text."""
    hull = _hull(points)
    sides = np.diff(np.vstack([hull, hull[:1]]), axis=0)
    angles = np.unique(np.arctan2(sides[:, 1], sides[:, 0]) % (np.pi / 2))
    # A side of the smallest rectangle lies on a side of the hull.
    along = np.stack([np.cos(angles), np.sin(angles)], 1)
    down = np.stack([-along[:, 1], along[:, 0]], 1)
    on_along, on_down = hull @ along.T, hull @ down.T
    widths, heights = np.ptp(on_along, axis=0), np.ptp(on_down, axis=0)
    best = int(np.argmin(widths * heights))
    width, height = widths[best], heights[best]
    if min(width, height) < _THINNEST:
        return None
    grown = width * height * _GROWTH / (2 * (width + height))
    left, right = on_along[:, best].min() - grown, on_along[:, best].max() + grown
    top, bottom = on_down[:, best].min() - grown, on_down[:, best].max() + grown
    shares = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
    corners: Floats = shares @ np.stack([along[best], down[best]])
    # At more than 45° the first corner is another: text leans, it does not fall over.
    return np.roll(corners, 1, axis=0) if angles[best] > np.pi / 4 else corners


def _hull(points: Ints) -> Floats:
    """The convex hull of points, as its corners in order."""
    ordered = sorted(set(map(tuple, points.tolist())))

    def half(path: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
        kept: list[tuple[int, ...]] = []
        for x, y in path:
            while len(kept) > 1:
                (ax, ay), (bx, by) = kept[-2], kept[-1]
                if (bx - ax) * (y - ay) - (by - ay) * (x - ax) > 0:
                    break
                kept.pop()
            kept.append((x, y))
        return kept[:-1]

    return np.array(half(ordered) + half(ordered[::-1]), dtype=np.float64)
