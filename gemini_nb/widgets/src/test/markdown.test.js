// @vitest-environment jsdom
import { describe, expect, it, vi } from "vitest";
import { build } from "../dom.js";
import { Frames, GrowingMarkdown, openTail, parser } from "../markdown.js";
import { HARMLESS, HOSTILE } from "./documents.js";

const root = () => document.createElement("div");

function streamed(text, size) {
  const shown = new GrowingMarkdown(root());
  for (let at = 0; at < text.length; at += size) {
    shown.append(text.slice(at, at + size));
    shown.render();
  }
  return shown;
}

function whole(text) {
  const made = root();
  made.appendChild(build(parser().parse(text.replace(/\r\n?/g, "\n").replace(/\n$/, ""), {})));
  return made.innerHTML;
}

/** What is shown, without the sections that long texts are divided into. */
function flat(root) {
  for (const section of root.querySelectorAll(".gemini-nb-section")) {
    section.querySelectorAll(":scope > i[hidden]").forEach((edge) => edge.remove());
    section.replaceWith(...section.childNodes);
  }
  return root.innerHTML;
}

describe("a growing text looks like the whole one", () => {
  const together = Object.values(HARMLESS)
    .filter((text) => !text.includes("let b") && !text.includes("[x]"))
    .join("\n\n");
  // A definition that comes later cannot reach what is finished: the final output has it.
  const { late, links, ...settled } = HARMLESS;
  const all = { ...settled, together, twice: `${together}\n\n${together}` };
  for (const [name, text] of Object.entries(all)) {
    it.each([1, 2, 3, 7, 50, 1e6])(`${name}, by %i`, (size) => {
      if (name === "twice" && size === 1) return;
      expect(flat(streamed(text, size).root)).toEqual(whole(text));
    });
  }
});

describe("what is finished is left alone", () => {
  it("keeps the very nodes, and parses only what follows them", () => {
    const md = parser();
    const parse = vi.spyOn(md, "parse");
    const shown = new GrowingMarkdown(root(), md);
    shown.append("First.\n\nSecond.\n\nThird.\n");
    shown.render();
    const first = shown.root.firstChild;
    expect(shown.kept).toBe(2);
    shown.append("more\n\nFourth\n");
    shown.render();
    expect(shown.root.firstChild).toBe(first);
    expect(parse.mock.lastCall[0]).toBe("Third.\nmore\n\nFourth\n");
    expect(shown.render()).toBe(false);
  });

  it("divides a long text, so that a frame costs no more at its end", () => {
    const { root: shown, home, kept } = streamed(Array.from({ length: 300 }, (_, i) => `Block ${i}.\n\n`).join("") + "End.\n", 50);
    expect(shown.querySelectorAll(".gemini-nb-section").length).toBe(4);
    expect(home).toBe(shown.lastChild);
    expect(kept).toBeLessThan(65);
    expect([...shown.querySelectorAll("p")].map((p) => p.textContent)).toEqual([
      ...Array.from({ length: 300 }, (_, i) => `Block ${i}.`),
      "End.",
    ]);
  });

  it("lets the text nodes of the tail grow, so that a selection in them stays", () => {
    const shown = streamed("Hello", 5);
    const node = shown.root.firstChild.firstChild;
    shown.append(" world");
    shown.render();
    expect(shown.root.firstChild.firstChild).toBe(node);
    expect(node.data).toBe("Hello world");
  });

  it.each([
    ["a\n\n#", 0],
    ["a\n\n#\n", 3],
    ["a\n\nb", 0],
    ["a\n\nb\n", 3],
    ["a\n# b\n", 0],
    ["# a\nb\n", 4],
    ["- a\n\n- b\n", 0],
    ["```\na\n```\nb\n", 10],
    ["| a |\n|---|\n", 0],
  ])("%j is finished up to %i", (text, at) => {
    expect(openTail(parser().parse(text, {}), text).at).toBe(at);
  });

  it("knows definitions of the finished text, and forgets half ones", () => {
    const { root: shown } = streamed(HARMLESS.late, 1);
    const targets = [...shown.querySelectorAll("a")].map((a) => a.getAttribute("href"));
    expect(targets.slice(-3)).toEqual(Array(3).fill("https://e.org/long/address"));
  });
});

describe("TeX is text", () => {
  it.each([
    "$a_1 * b_2 * c_3$",
    "$$x_{i}*y*z_{i}$$",
    "$$\n- a\n# b\n$$",
    "\\begin{align}\n* a &= b \\\\\n\\end{align}",
  ])("%j", (text) => {
    const { root: shown } = streamed(text, 1);
    expect(shown.textContent).toBe(text);
    expect(shown.querySelector("em, li, h1")).toBe(null);
  });

  it("but a price is no formula", () => {
    const { root: shown } = streamed("$5 *or* more, $ 6 *too*", 3);
    expect(shown.querySelectorAll("em").length).toBe(2);
  });

  it("but none ends in code", () => {
    const { root: shown } = streamed("costs $5, `$HOME` and ``a ` $b`` \n\n$x`$`$ too", 3);
    expect([...shown.querySelectorAll("code")].map((one) => one.textContent)).toEqual(["$HOME", "a ` $b"]);
    expect(shown.textContent).toContain("$x`$`$ too");
  });
});

describe("as in the final output", () => {
  it("addresses are links, and half ones are none", () => {
    const { root: shown } = streamed("https://e.org/a_b, www.e.org. a@e.org but e.org //e.org www. $x_{http://e}$\n", 5);
    const links = [...shown.querySelectorAll("a")].map((one) => [one.textContent, one.getAttribute("href")]);
    expect(links).toEqual([
      ["https://e.org/a_b", "https://e.org/a_b"],
      ["www.e.org", "http://www.e.org"],
      ["a@e.org", "mailto:a@e.org"],
    ]);
  });

  it.each([
    ["python", "language-python"],
    ["c++ x", "language-c++"],
    ["Mermaid", "language-text"],
    ['js" onclick=', ""],
    ["{code}", ""],
  ])("%j names a language in one word", (info, name) => {
    expect(streamed(`~~~${info}\na\n~~~\n`, 4).root.querySelector("code").className).toBe(name);
  });
});

describe("hostile text", () => {
  const ELEMENTS =
    "p h1 h2 h3 h4 h5 h6 blockquote ul ol li hr br em strong del code pre a img input table thead " +
    "tbody tr th td";
  const ATTRIBUTES = {
    a: ["href", "target", "rel", "title"],
    code: ["class"],
    img: ["src", "alt"],
    input: ["type", "disabled", "checked"],
    ol: ["start"],
    td: ["align"],
    th: ["align"],
  };

  function inspect(shown) {
    for (const node of shown.querySelectorAll("*")) {
      const name = node.localName;
      expect(ELEMENTS.split(" ")).toContain(name);
      for (const { name: attribute } of node.attributes) {
        expect(ATTRIBUTES[name] ?? []).toContain(attribute);
      }
      if (name === "a" && node.hasAttribute("href")) {
        expect(new URL(node.href).protocol).toMatch(/^(https?|mailto|ftp):$/);
        expect(node.getAttribute("href")).toMatch(/^(https?|mailto|ftp):/);
        expect(node.rel).toBe("noopener noreferrer");
        expect(node.target).toBe("_blank");
      }
      if (name === "img") expect(node.getAttribute("src")).toMatch(/^data:image\/(png|jpeg|gif|webp);/);
      if (name === "code") expect(node.className).toMatch(/^(language-(?!mermaid$)[\w+.#-]{1,40})?$/i);
    }
  }

  it.each(Object.entries(HOSTILE))("%s", (_, text) => {
    window.run = vi.fn();
    for (const size of [1, 5, text.length]) {
      const { root: shown } = streamed(`before\n\n${text}\n\nafter\n`, size);
      inspect(shown);
      expect(window.run).not.toHaveBeenCalled();
    }
  });

  it("is inspected by something that would see it", () => {
    const made = root();
    made.innerHTML = "<p onclick='x'>a</p>";
    expect(() => inspect(made)).toThrow();
    made.innerHTML = "<a href='javascript:x'>a</a>";
    expect(() => inspect(made)).toThrow();
  });

  it("shows where a picture would come from", () => {
    const { root: shown } = streamed("![map](https://e.org/m.png)", 4);
    const link = shown.querySelector("a");
    expect([link.textContent, link.title]).toEqual(["image: map", "https://e.org/m.png"]);
    expect(shown.querySelector("img")).toBe(null);
  });
});

describe("frames", () => {
  it("draws once for many calls, and again when asked again", async () => {
    const draw = vi.fn();
    const frames = new Frames(draw);
    frames.ask();
    frames.ask();
    await vi.waitFor(() => expect(draw).toHaveBeenCalledTimes(1));
    frames.ask();
    await vi.waitFor(() => expect(draw).toHaveBeenCalledTimes(2));
  });

  it("leaves the page room after a slow one", () => {
    vi.stubGlobal("requestAnimationFrame", () => 1);
    let clock = 0;
    vi.spyOn(performance, "now").mockImplementation(() => clock);
    const draw = vi.fn(() => (clock += 20));
    const frames = new Frames(draw);
    frames.frame(0);
    frames.frame(50);
    expect(draw).toHaveBeenCalledTimes(1);
    frames.frame(81);
    expect(draw).toHaveBeenCalledTimes(2);
    vi.restoreAllMocks();
    vi.unstubAllGlobals();
  });
});
