"""From marks to rectangles: geometry, held against slower ways to the same."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image, ImageDraw

from gemini_nb.local import boxes


def marks(*corners, size=(200, 100)):
    """A detector's answer with these polygons in it."""
    drawn = Image.new("L", size)
    for polygon in corners:
        ImageDraw.Draw(drawn).polygon(polygon, fill=230)
    return np.asarray(drawn, dtype=np.float32) / 255


def turned(width, height, degrees, middle=(100, 50)):
    angle = math.radians(degrees)
    across, down = (math.cos(angle), math.sin(angle)), (-math.sin(angle), math.cos(angle))
    return [
        tuple(
            m + x * width / 2 * a + y * height / 2 * d
            for m, a, d in zip(middle, across, down, strict=True)
        )
        for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1))
    ]


@pytest.mark.parametrize("degrees", [0, 4, 30, -20, 44, -44])
def test_a_line_is_found_at_any_angle(degrees):
    """The rectangle lies around it, grown by what the detector shrinks, first corner first."""
    (box,) = boxes.find(marks(turned(90, 12, degrees)), (200, 100))
    grown = 2 * 1.5 * 90 * 12 / (2 * (90 + 12))
    assert box.width == pytest.approx(90 + grown, abs=6)  # places are square
    assert box.height == pytest.approx(12 + grown, abs=6)
    assert box.middle == pytest.approx([100, 50], abs=1.5)
    along = box.corners[1] - box.corners[0]
    assert math.degrees(math.atan2(along[1], along[0])) == pytest.approx(degrees, abs=2)


def test_boxes_are_in_the_pictures_own_pixels():
    """The detector looks at another size; nothing leaves the picture."""
    (box,) = boxes.find(marks([(0, 40), (90, 40), (90, 60), (0, 60)]), (400, 100))
    assert box.corners.min() == 0
    assert box.corners[1][0] == pytest.approx(2 * (91 + 12.9), abs=2)
    assert box.middle[1] == pytest.approx(50, abs=1)


def test_specks_and_doubts_are_no_lines():
    """Nothing at all, two pixels of something, and much of almost nothing."""
    assert boxes.find(marks(), (200, 100)) == []
    assert boxes.find(marks([(5, 5), (60, 5), (60, 6), (5, 6)]), (200, 100)) == []
    assert boxes.find(marks(turned(90, 30, 0)) * 0.5, (200, 100)) == []
    assert len(boxes.find(marks(turned(90, 30, 0)), (200, 100))) == 1


@pytest.mark.parametrize("degrees", [0, 8, -8])
def test_what_stands_beside_each_other_is_a_row(degrees):
    """From the top and from the left, on a sheet that lies askew, too."""
    angle = math.radians(degrees)
    places = [(-60, -30), (60, -29), (-60, 0), (60, 2), (0, 30)]
    lines = [
        turned(
            60,
            12,
            degrees,
            (
                150 + x * math.cos(angle) - y * math.sin(angle),
                100 + x * math.sin(angle) + y * math.cos(angle),
            ),
        )
        for x, y in places
    ]
    found = boxes.find(marks(*lines, size=(300, 200)), (300, 200))
    made = [[round(float(found[i].middle[0])) for i in row] for row in boxes.rows(found)]
    assert [len(row) for row in made] == [2, 2, 1]
    assert all(row == sorted(row) for row in made)
    heights = [found[row[0]].middle[1] for row in boxes.rows(found)]
    assert heights == sorted(heights)
    assert boxes.rows([]) == []


def flooded(mask):
    """What hangs together, by walking from place to place."""
    left = {tuple(place) for place in np.argwhere(mask).tolist()}
    while left:
        found, edge = set(), [left.pop()]
        while edge:
            row, column = edge.pop()
            found.add((row, column))
            steps = ((row + 1, column), (row - 1, column), (row, column + 1), (row, column - 1))
            reached = left.intersection(steps)
            left -= reached
            edge += reached
        yield found


@given(arrays.arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12))))
def test_what_hangs_together_is_one(mask):
    """However it winds: the same pieces as a slow walk finds, with the same means and bounds."""
    values = np.where(mask, np.linspace(0.4, 1, mask.size).reshape(mask.shape), 0.1)
    marked = values.astype(np.float32)
    slow = []
    for places in flooded(mask):
        rows, columns = zip(*places, strict=True)
        mean = float(np.mean([marked[place] for place in places], dtype=np.float64))
        bounds = (min(columns), min(rows), max(columns) + 1, max(rows) + 1)
        slow.append((bounds, pytest.approx(mean, abs=1e-5)))
    fast = [
        ((*points.min(0).tolist(), *points.max(0).tolist()), mean)
        for points, mean in boxes._blobs(marked)
    ]
    assert sorted(fast) == sorted(slow, key=lambda blob: blob[0])
