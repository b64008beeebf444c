"""The pages of PDFs: real ones of several makers, and such as lie or are broken."""

from __future__ import annotations

import io
import time
import zlib

import pytest
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure

from gemini_nb.tokens import pages
from tests.tokens import samples


@pytest.mark.parametrize("name", samples.PDFS)
def test_real_documents(name):
    """Plain, compressed, linearized, encrypted, changed at the end, one inside the other."""
    sample = samples.PDFS[name]
    assert pages.count(samples.data(sample)) == sample["pages"]


def test_the_pages_of_matplotlib():
    """Four figures, four pages."""
    buffer = io.BytesIO()
    with PdfPages(buffer) as made:
        for _ in range(4):
            made.savefig(Figure(figsize=(1, 1)))
    assert pages.count(buffer.getvalue()) == 4


def compressed(inside, *, first=None, before=b""):
    """A document whose objects 1 (catalogue) and 2 (tree) are in an object stream, as LaTeX's."""
    catalogue, tree = b"<</Type/Catalog/Pages 2 0 R>>", inside
    head = b"1 0 2 %d " % (len(catalogue) + 1)
    packed = zlib.compress(head + catalogue + b" " + tree)
    place = len(head) if first is None else first
    told = b"<</Type/ObjStm/N 2/First %d/Length %d/Filter/FlateDecode>>" % (place, len(packed))
    stream = b"3 0 obj\n" + told + b"\nstream\r\n" + packed + b"\nendstream\nendobj\n"
    return b"%PDF-1.5\n" + before + stream + b"4 0 obj\n<</Type/XRef/Root 1 0 R>>\nendobj\n"


def test_an_object_stream():
    """The tree of pages is read out of it; an older tree before it is not."""
    tree = b"<</Type/Pages/Kids[5 0 R]/Count 7>>"
    assert pages.count(compressed(tree)) == 7
    older = b"2 0 obj\n<</Type/Pages/Kids[]/Count 99>>\nendobj\n"
    assert pages.count(compressed(tree, before=older)) == 7
    assert pages.count(compressed(tree) + older) == 99


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no document",
        b"%PDF-1.4\n",
        b"%PDF-1.4\n/Root 1 0 R",
        b"%PDF-1.4\n/Root 1 0 R\n1 0 obj",
        b"/Root 1 0 R\n1 0 obj<</Pages 2 0 R>>endobj\n2 0 obj<</Kids[]/Count 0>>endobj",
        b"/Root 1 0 R\n1 0 obj<</Pages 2 0 R>>endobj\n2 0 obj<</Kids[]/Count 9999999>>endobj",
        b"/Root 1 0 R\n1 0 obj<</Pages 2 0 R>>endobj\n2 0 obj<</Count 5>>endobj",
        # Round and round: the tree is the catalogue.
        b"/Root 1 0 R\n1 0 obj<</Pages 1 0 R>>endobj",
        compressed(b"<</Kids[]/Count 7>>", first=10**6),
        compressed(b"<</Kids[]/Count 7>>").replace(b"stream\r\n", b"stream\r\nxx"),
        compressed(b"<</Kids[]/Count 7>>")[:120],
    ],
)
def test_what_is_not_found_is_unknown(data):
    """And raises nothing."""
    assert pages.count(data) is None


def test_a_bomb_is_unpacked_only_so_far():
    """A thousand object streams that would become 20 GB."""
    packed = zlib.compress(bytes(20_000_000))
    stream = b"3 0 obj<</Type/ObjStm/N 1/First 4>>stream\n" + packed + b"endstream endobj\n"
    begun = time.process_time()
    assert pages.count(stream * 1000 + b"/Root 1 0 R") is None
    assert time.process_time() - begun < 3


HUGE = b"9" * 5000


@pytest.mark.parametrize(
    "data",
    [
        b"/Root 1 0 R\n1 0 obj<</Pages 5 0 R>>endobj\n" + b"5 0 obj " * 200_000,
        b"/Root 5 0 R\n" + b"5 0 obj " * 200_000 + b"endobj",
        b"/Root 5 0 R\n" + b"5 0 obj " + b"<</Pages " * 400_000,
        b"/Root 1 0 R\n" + b"/Type/ObjStm" * 200_000,
        b"/Root 1 0 R\n" + b"3 0 obj<</Type/ObjStm/First 9>>stream\n" * 100_000,
        b"/Root 1 0 R\n" + b"/First 9 /Type/ObjStm obj" * 100_000 + b"stream",
        compressed(b"", first=10**9, before=b"1 0 " * 5_000_000),
        b"/Root 1 0 R\n"
        + 300
        * (
            b"3 0 obj<</Type/ObjStm/First 9999000>>stream\n"
            + zlib.compress(b"2 0 " * 2_500_000)
            + b"endstream endobj\n"
        ),
        b"/Root " + HUGE + b" 0 R",
        b"/Root 1 0 R\n1 0 obj<</Pages " + HUGE + b" 0 R>>endobj",
        compressed(b"<</Kids[]/Count " + HUGE + b">>"),
        compressed(b"<</Kids[]/Count 7>>").replace(b"/First ", b"/First " + HUGE),
    ],
    ids=range(12),
)
def test_what_would_take_long_is_given_up(data):
    """A million forms of an object, an object stream of numbers alone, numbers of 5000 digits."""
    begun = time.process_time()
    assert pages.count(data) is None
    assert time.process_time() - begun < 2


def test_many_changes_and_many_streams():
    """The newest of 900 catalogues; 900 object streams before the one that is looked for."""
    older = b"".join(
        b"1 0 obj\n<</Pages %d 0 R>>\nendobj\n" % (number + 10) for number in range(900)
    )
    tree = b"/Root 1 0 R\n909 0 obj\n<</Kids[]/Count 3>>\nendobj\n"
    assert pages.count(older + tree) == 3
    packed = zlib.compress(b"8 0 9 5 <<>> <<>>")
    stream = b"7 0 obj<</Type/ObjStm/N 2/First 8>>stream\n" + packed + b"\nendstream endobj\n"
    made = compressed(b"<</Type/Pages/Kids[5 0 R]/Count 7>>")
    assert pages.count(made + stream * 900) == 7


def test_a_large_document_is_read_in_a_moment():
    """40 MB of pictures between the pages."""
    tree = b"<</Type/Pages/Kids[5 0 R]/Count 7>>"
    blob = zlib.compress(bytes(range(256)) * 1000)[:4000] * 10_000
    begun = time.process_time()
    assert pages.count(compressed(tree, before=blob)) == 7
    assert time.process_time() - begun < 2
