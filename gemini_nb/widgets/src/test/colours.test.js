import { afterEach, expect, test } from "vitest";
import { Colours, regrow } from "../colours.js";
import { GrowingMarkdown } from "../markdown.js";

/** A parser as the notebook has one: it colours words, and takes its time. */
function parser(colour = (text) => text.replace(/\bdef\b/g, '<span class="ͼs">def</span>')) {
  const asked = [];
  return {
    asked,
    async render(source) {
      asked.push(source);
      const [, , code] = /^(`+)\w*\n([^]*)\1$/.exec(source);
      const safe = code.replace(/&/g, "&amp;").replace(/</g, "&lt;");
      return `<pre><code class="language-x">${colour(safe)}</code></pre>`;
    },
  };
}

function page() {
  const root = document.body.appendChild(document.createElement("div"));
  return { root, text: new GrowingMarkdown(root) };
}

const settled = () => new Promise((done) => setTimeout(done));
afterEach(() => document.body.replaceChildren());

async function written(text, colours, delta, now) {
  text.append(delta);
  const from = text.kept;
  text.render();
  colours.look(text.root, from, now);
  await settled();
}

test("code is coloured by the line while it grows, and its colours stay", async () => {
  const { root, text } = page();
  const colours = new Colours(parser());
  await written(text, colours, "```python\ndef f():\n  de", 0);
  const code = root.querySelector("code");
  const span = code.querySelector("span");
  expect(span.className).toBe("ͼs");
  expect(code.textContent).toBe("def f():\n  de");
  await written(text, colours, "f g", 100);
  expect(code.querySelectorAll("span").length).toBe(1);
  expect(code.querySelector("span")).toBe(span);
  expect(code.textContent).toBe("def f():\n  def g");
  await written(text, colours, "():\n```\n\nOn.", 400);
  expect(root.querySelector("code")).toBe(code);
  expect(code.querySelectorAll("span").length).toBe(2);
  expect(code.textContent).toBe("def f():\n  def g():\n");
  expect(root.textContent).toContain("On.");
});

test("whole code is coloured once and forgotten", async () => {
  const { text } = page();
  const notebook = parser();
  const colours = new Colours(notebook);
  await written(text, colours, "```python\ndef f()\n```\n\nOne\n\ntwo\n", 0);
  for (const now of [300, 600, 900]) await written(text, colours, "more ", now);
  expect(notebook.asked.length).toBe(1);
  expect(colours.open.size).toBe(0);
});

test("what the notebook's parser makes of it is only taken as text and names", async () => {
  const { root, text } = page();
  const evil = (code) => `<span class="a b&quot;c" onclick="x()" style="color:red">${code}</span><img src="x" onerror="y()">`;
  await written(text, new Colours(parser(evil)), "```x\nlet a\n```\n\nOn.\n", 0);
  expect(root.querySelector("code").innerHTML).toBe('<span class="a">let a\n</span>');
});

test("other text than its own is not taken", async () => {
  const { root, text } = page();
  await written(text, new Colours(parser(() => "something else")), "```x\nlet a\n```\n\nOn.\n", 0);
  expect(root.querySelector("code").innerHTML).toBe("let a\n");
});

test("a parser that fails, or none, leaves the code as it is", async () => {
  const { root, text } = page();
  const broken = { render: () => Promise.reject(new Error("no such language")) };
  await written(text, new Colours(broken), "```x\nlet a\n", 0);
  await written(text, new Colours(null), "let b\n", 300);
  expect(root.querySelector("code").innerHTML).toBe("let a\nlet b\n");
});

test("code in lists and with fences of its own", async () => {
  const { root, text } = page();
  await written(text, new Colours(parser()), "- ````python\n  def ```\n  ````\n\nOn.\n\nand on", 0);
  expect(root.querySelector("li code").innerHTML).toBe('<span class="ͼs">def</span> ```\n');
});

test("a code element whose text became another loses its colours", async () => {
  const { root, text } = page();
  await written(text, new Colours(parser()), "```python\ndef f\n", 0);
  const code = root.querySelector("code");
  expect(regrow(code, "def f\nand")).toBe(true);
  expect(regrow(code, "other")).toBe(false);
  expect(regrow(code, "def f\nand")).toBe(false);
});
