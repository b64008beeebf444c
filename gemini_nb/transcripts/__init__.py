"""What was said, and when: read from a model's answer, joined, checked, written as subtitles.

Pure: text, times and levels in, Transcripts out. No sound is read and nothing is shown here.
"""

from __future__ import annotations

from gemini_nb.transcripts.transcript import Segment, Transcript

__all__ = ["Segment", "Transcript"]
