"""The data of one event → a Chunk, or the error that it is. Pure; `stream.py` adds them up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from gemini_nb import errors, refusals, structs
from gemini_nb.content import Candidate, GenerateContentResponse, Part

if TYPE_CHECKING:
    from gemini_nb.audio import Audio


def text_of(parts: list[Part], *, thoughts: bool = False) -> str:
    """The text of some Parts, or what was thought aloud in them."""
    return "".join([p.text for p in parts if p.text and bool(p.thought) is thoughts])


class Answer:
    """What can be read off a whole answer and off a piece of one alike."""

    __slots__ = ()

    if TYPE_CHECKING:
        candidates: Any
        prompt_feedback: Any

    @property
    def _first(self) -> Candidate | None:
        """The first candidate: not just any that a chunk happens to begin with."""
        return next((c for c in self.candidates if not c.index), None)

    @property
    def parts(self) -> list[Part]:
        """The parts of the first candidate."""
        first = self._first
        return first.content.parts if first and first.content else []

    @property
    def thoughts(self) -> str:
        """What the model thought aloud, where `include_thoughts` asked for it."""
        return text_of(self.parts, thoughts=True)

    @property
    def audio(self) -> Audio | None:
        """What was spoken, as far as it came: raw samples become a WAV. None where nothing was."""
        if all(part.inline_data is None for part in self.parts):
            return None
        from gemini_nb.audio.spoken import recordings

        return next(iter(recordings(self.parts)), None)

    @property
    def finish_reason(self) -> Any:
        """Why the first candidate stopped: a FinishReason, or None while it has not."""
        first = self._first
        return first.finish_reason if first else None

    def _blocked(self) -> errors.BlockedPrompt | None:
        feedback = self.prompt_feedback
        if self.candidates or feedback is None or feedback.block_reason is None:
            return None
        said = f" ({feedback.block_reason_message})" if feedback.block_reason_message else ""
        return errors.BlockedPrompt(
            f"The prompt was blocked: {feedback.block_reason}{said}.",
            response=self,
            reason=str(feedback.block_reason),
        )


class Chunk(Answer, GenerateContentResponse):
    """One piece of a streamed answer: a GenerateContentResponse with its text at hand."""

    @property
    def text(self) -> str:
        """The text in this piece, `""` where it has none. Raises BlockedPrompt."""
        blocked = self._blocked()
        if blocked:
            raise blocked
        return text_of(self.parts)

    def __repr__(self) -> str:
        return f"<Chunk {text_of(self.parts)!r}>"


def decode_chunk(data: bytes, *, request: Any = None) -> Chunk:
    """The data of one event → a Chunk. Raises APIError for an error, BadAnswer for no JSON."""
    try:
        chunk = structs.decode(Chunk, data)
    except msgspec.DecodeError:
        inner = data.strip()
        if inner.startswith(b"[") and inner.endswith(b"]"):  # an error may come as an array of one
            inner = inner[1:-1].strip()
            if inner.startswith(b"{"):
                return decode_chunk(inner, request=request)
        raise errors.BadAnswer("An event of the stream is no JSON.", request=request) from None
    error = chunk.extra.get("error") if chunk.extra else None
    if isinstance(error, dict):
        code = error.get("code")
        raise refusals.from_status(code if isinstance(code, int) else 500, error, request=request)
    return chunk
