"""The strings that both libraries count: real sentences, and what texts are full of besides."""

from __future__ import annotations

import json
import unicodedata

from tests.documents import HERE

SENTENCES: dict[str, list[str]] = json.loads((HERE / "sentences.json").read_text("utf-8"))

CODE = [
    "def f(x: int) -> int:\n    return x ** 2  # squared\n",
    "for (let i = 0; i < n; i++) {\n\tsum += a[i];\n}\n",
    "SELECT name, COUNT(*) FROM users WHERE age >= 18 GROUP BY name;",
    '{"a": [1, 2.5, null, true], "b": {"c": "\\u00e9\\n"}}',
    "<html>\n<body>\n<h1>Hi</h1>\n<p class='x'>a <b>b</b> <i>c</i></p>\n</body></html>",
    "<table><thead><tr><th>a</th></tr></thead>\n<tbody><tr><td>1</td> <td>2</td></tr></tbody>",
    "<ul>\n  <li>one</li>\n  <li>two <code>x</code></li>\n</ul>",
    '#include <stdio.h>\nint main(void) { printf("%d\\n", 1 << 4); return 0; }',
    "| a | b |\n|---|---|\n| 1 | 22 |\n\n- x\n- y\n\n```python\nprint('é')\n```\n",
    r"\frac{a}{b} + \sum_{i=0}^{n} x_i^2 \le \int_0^\infty e^{-x}\,dx",
    "git log --oneline | head -n 5 && rm -rf ./build/*.o",
    "https://example.org/a/b?c=1&d=%20x#frag  user.name+tag@example.com",
    'fn main() { let v: Vec<Option<&str>> = vec![Some("a"), None]; }',
    "x > </y> > </ > < / <a></a><s></s><sub>1</sub><sup>2</sup>",
    "0x1F 1e-9 3.14159 1_000_000 2024-02-29T23:59:59Z 192.168.0.1 v1.2.3-rc4",
    "YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXo0123456789+/==",
]
NAMES = [
    "<bos>", "<eos>", "<pad>", "<unk>", "a<bos>b", "<bos><bos>", "<mask>", "[multimodal]",
    "<unused0>", "<unused99>", "<start_of_turn>user\nhi<end_of_turn>\n", "<image_soft_token>",
    "<start_of_image>", "<|user|>", "<|/think|> <|im_start|>", "<|turn>", "<|tool_call>x", "</s>",
    "<0x41>", "<h7>", "<TABLE>", "< b>", "<b", "<<b>>", "<|", "<|/", "[multi", "<bo", "<unused>",
]  # fmt: skip
EMOJI = [
    "😀", "👍🏽", "👍🏿👍🏻", "👨‍👩‍👧‍👦", "👩🏽‍🚀", "🏳️‍🌈", "🏴‍☠️", "🇩🇪🇯🇵🇧🇷", "🇩", "❤️", "❤", "✨🔥",
    "1️⃣2️⃣", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "😀 😀  😀", "ok👌ok", "🫠🪿🫨", "👁️‍🗨️", "\u200d", "\ufe0f", "a\u200db", "🤷🏾‍♀️ né",
]  # fmt: skip
SPACE = [
    *(sign * n for sign in " \n\t\r" for n in (1, 2, 3, 30, 31, 32, 61, 62, 63, 100)),
    *("x" + sign * n + "y" for sign in " \n\t" for n in (1, 2, 31, 32, 33, 64)),
    " \n \n", "\n \n", "\t \t", "\n\t\n\t", " \t\n\r ", "\r\n\r\n", "a \n b", "  a", "a  ", " a",
    "\u00a0", "a\u00a0b", "\u3000全\u3000", "\u2003\u2009", "\u2028\u2029", "\x0b\x0c", "\x85",
    "> </", ">  </", "> \n</", "> </a> </b>", " > </", "▁", "a▁b",
]  # fmt: skip
CONTROLS = [
    *(chr(n) for n in (*range(32), *range(127, 160))), "\x00\x01\x02", "a\x00b\x00", "\x1b[31mred",
    "\u200b", "\u200e\u200f", "\u202ea\u202c", "\ufeff", "\ufeffa", "\ufffd", "\uffff",
    "\U0010ffff", "\ue000", "\u0301", "e\u0301", "e\u0301\u0323\u0308", "ﬁ", "①", "Å", "Å",
    "ｆｕｌｌ", "½", "²", "x²·y³",
]  # fmt: skip


def _varied(language: str, sentence: str, n: int) -> list[str]:
    other = SENTENCES["English" if language != "English" else "Japanese"][n % 6]
    return [
        sentence,
        sentence.upper() + "\n\n" + sentence.title(),
        f"{other} {sentence}",
        f"  - **{sentence}** ({n}) 👍🏽\n\t> {sentence}",
        unicodedata.normalize("NFD", sentence),
    ]


STRINGS = [
    *(
        text
        for language, sentences in SENTENCES.items()
        for n, sentence in enumerate(sentences)
        for text in _varied(language, sentence, n)
    ),
    *(" ".join(sentences) for sentences in SENTENCES.values()),
    *CODE,
    *NAMES,
    *EMOJI,
    *SPACE,
    *CONTROLS,
    *(f"{a} {b}" for a in NAMES for b in EMOJI[:5]),
    *(a + b for a in CODE for b in SPACE[:40:5]),
    # What stands side by side nowhere else, and is longer than what is cut.
    "".join(sentence for sentences in SENTENCES.values() for sentence in sentences),
    "\n".join(CODE) * 20,
]
