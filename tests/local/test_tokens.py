"""Counting in pieces; what is counted is tested with the routes, in test_app."""

from __future__ import annotations

from gemini_nb.local import tokens


def counted(text):
    return tokens.count({"contents": [{"parts": [{"text": text}]}]})


def test_a_very_long_text_is_counted_in_pieces(monkeypatch):
    """Or the whole server would wait for the tokenizer, which keeps Python's lock."""
    text = "The quick brown fox jumps over the lazy dog. " * 50
    whole, lengths = counted(text), []
    vocabulary = tokens.load()

    class Watched:
        def encode_ordinary(self, piece):
            lengths.append(len(piece))
            return vocabulary.encode_ordinary(piece)

    monkeypatch.setattr(tokens, "load", Watched)
    monkeypatch.setattr(tokens, "_PIECE", 900)
    assert whole <= counted(text) <= whole + 3
    assert lengths == [900, 900, 450]
