"""Page tokens that nobody gave out."""

from __future__ import annotations

import base64
import json

import pytest
from starlette.requests import Request

from gemini_nb.local import pages, store
from gemini_nb.local.fault import Fault

TABLE = pages.Table("files", "files", 10, 100)


def ask(kept, token):
    query = b"pageToken=" + token
    request = Request({"type": "http", "query_string": query, "headers": []})
    return pages.page(request, kept, TABLE, dict)


def made(position):
    return base64.urlsafe_b64encode(json.dumps(position).encode())


@pytest.mark.parametrize(
    "token",
    [
        b"x",
        b"%C3%A9",
        made([10**400, "x"]),
        made([1, "\ud800"]),
        made([1, 2]),
        made([1]),
        made({"a": 1}),
        made(None),
        base64.urlsafe_b64encode(b"[" * 20_000),
    ],
)
def test_a_token_of_ones_own_making_is_refused(tmp_path, token):
    """Whatever is in it, the answer says where tokens come from."""
    kept = store.Store(tmp_path)
    with pytest.raises(Fault, match="take it from the nextPageToken") as found:
        ask(kept, token)
    assert found.value.code == 400
    kept.close()
