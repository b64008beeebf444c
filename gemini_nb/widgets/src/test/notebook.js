// What JupyterLab makes of Markdown, without a browser: its parser (`marked`, in its version), around
// it the cutting out of formulas before and the putting back after, and a look at what would come of
// it. tests/browser holds this against the real one. `node test/notebook.js` answers lines of JSON:
// what is asked for, and the text.

import { pathToFileURL } from "node:url";
import { createInterface } from "node:readline";
import { JSDOM } from "jsdom";
import { Marked } from "marked";

const { window } = new JSDOM("");
const { document } = window;

const escaped = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

// The language of a fence is written into an attribute as it is: that is how the notebook does it.
const marked = new Marked({
  gfm: true,
  renderer: {
    code({ text, lang }) {
      return lang ? `<pre><code class="language-${lang}">${escaped(text)}</code></pre>` : false;
    },
  },
});

const MARK = /(\$\$?|\\(?:begin|end)\{[a-z]*\*?\}|\\[{}$]|[{}]|(?:\n\s*)+|@@\d+@@|\\\\[()[\]])/i;
const FREE = [/^(`{3,}|(?:~T){3,})[^`\n]*\n([\s\S]*?)^\1`*$/gm, /(^|[^\\])(`+)([^\n]*?[^`\n])\2(?!`)/gm];
const ENDS = { $: "$", $$: "$$", "\\\\(": "\\\\)", "\\\\[": "\\\\]" };

function endOf(mark) {
  return mark.startsWith("\\begin") ? `\\end${mark.slice(6)}` : Object.hasOwn(ENDS, mark) ? ENDS[mark] : "";
}

/** Where the formula that begins at piece `start` ends, or 0; and the piece to go on with. */
function closing(pieces, start, formulas) {
  const end = endOf(pieces[start]);
  let last = 0;
  let braces = 0;
  for (let i = start + 2; i < pieces.length; i += 2) {
    const mark = pieces[i];
    if (/^@@\d/.test(mark)) pieces[i] = `@@${formulas.push(mark) - 1}@@`;
    else if (mark === end && !braces) return [i, i + 2];
    else if (mark === end) last = i;
    else if (/\n.*\n/.test(mark)) return [last, (last || i) + 2];
    else braces = Math.max(0, braces + (mark === "{") - (mark === "}"));
  }
  return [last, pieces.length];
}

/** `text` with a mark in the place of each formula, and the formulas. */
function withoutFormulas(text) {
  const hidden = text.includes("`") || text.includes("~~~");
  let cut = text;
  if (hidden) {
    cut = cut.replace(/~/g, "~T");
    for (const pattern of FREE) cut = cut.replace(pattern, (found) => found.replace(/\$/g, "~D"));
  }
  const sign = (_, letter) => (letter === "T" ? "~" : "$");
  const shown = (some) => (hidden ? some.replace(/~([TD])/g, sign) : some);
  const pieces = cut.replace(/\r\n?/g, "\n").split(MARK);
  const formulas = [];
  let made = pieces[0];
  for (let at = 1; at < pieces.length; ) {
    const [end, next] = endOf(pieces[at]) ? closing(pieces, at, formulas) : [0, at + 2];
    const stored = end ? escaped(pieces.slice(at, end + 1).join("")) : /^@@\d/.test(pieces[at]) && pieces[at];
    if (stored) made += `@@${formulas.push(shown(stored)) - 1}@@${pieces[(end || at) + 1]}`;
    else made += pieces.slice(at, next).join("");
    at = end ? end + 2 : stored ? at + 2 : next;
  }
  return [shown(made), formulas];
}

/** The HTML that a trusted output gets. */
export function html(text) {
  const [cut, formulas] = withoutFormulas(text);
  return marked.parse(cut).replace(/@@(\d+)@@/g, (_, n) => {
    const formula = formulas[n];
    const name = /^\\\\([([])[\s\S]*\\\\[)\]]$/.exec(formula)?.[1];
    return name ? `\\${name}${formula.slice(3, -3)}\\${name === "(" ? ")" : "]"}` : formula;
  });
}

/** The same as nodes; nothing runs or is fetched, since the document is on no screen. */
export function nodes(text) {
  const template = document.createElement("template");
  template.innerHTML = html(text);
  return template.content;
}

const ATTRIBUTES = {
  a: ["href", "title"],
  code: ["class"],
  img: ["src", "alt", "title"],
  input: ["type", "disabled", "checked"],
  ol: ["start"],
  td: ["align"],
  th: ["align"],
};
const ELEMENTS =
  "p h1 h2 h3 h4 h5 h6 blockquote ul ol li hr br em strong del code pre a img input table thead tbody tr th td";
const KNOWN = new Set(ELEMENTS.split(" "));
// With these, TeX sets attributes of elements, or loads something.
const COMMAND =
  /\\(?:href|url|require|style|class|cssId|data|mmlToken|unicode|bbox|includegraphics|html(?:Class|Data|Id|Style))(?![A-Za-z])/;
// The typesetter takes each run of text by itself, and leaves code alone.
const DELIMITER = /\$|\\[([]|\\begin/;

function* ofElement(node) {
  const name = node.localName;
  if (!KNOWN.has(name)) yield `<${name}>`;
  for (const { name: attribute, value } of node.attributes) {
    if (!(ATTRIBUTES[name] ?? []).includes(attribute)) yield `<${name} ${attribute}>`;
    if (attribute === "class" && !/^language-(?!mermaid$)[\w+.#-]{1,40}$/.test(value)) yield `class ${value}`;
    const target = value.replace(/[\0- \x7f-\xa0]/g, "");
    if (attribute === "src" && !/^(data:image\/(png|jpeg|gif|webp);|attachment:)/.test(target)) {
      yield `<img ${value}>`;
    }
    if (attribute !== "href" || !/^[a-z][a-z0-9+.-]*:/i.test(target)) continue;
    if (!/^(https?|mailto|ftp|attachment):|^data:image\/(png|jpeg|gif|webp);/i.test(target)) yield `<a ${value}>`;
  }
}

/** What would run or be fetched. */
export function dangers(fragment) {
  const found = [...fragment.querySelectorAll("*")].flatMap((node) => [...ofElement(node)]);
  const typeset = fragment.cloneNode(true);
  for (const end of typeset.querySelectorAll("br")) end.replaceWith("\n");
  typeset.normalize();
  const texts = document.createNodeIterator(typeset, 4);
  for (let node = texts.nextNode(); node; node = texts.nextNode()) {
    const isTypeset = !node.parentElement?.closest("code, pre") && DELIMITER.test(node.data);
    if (isTypeset && COMMAND.test(node.data)) found.push(`TeX ${node.data}`);
  }
  return found;
}

/** The contents of its blocks of code. */
export function blocks(fragment) {
  return [...fragment.querySelectorAll("pre > code")].map((code) => code.textContent);
}

/** Elements and words, without what each parser adds of its own. */
function elements(fragment) {
  const made = document.createElement("div");
  made.appendChild(document.importNode(fragment, true));
  for (const node of made.querySelectorAll("*")) {
    for (const { name, value } of [...node.attributes]) {
      // A relative address leads to a file beside the notebook; while it streams, nowhere.
      const stays = name === "href" && /^[a-z]+:/.test(value);
      if (!stays && !["src", "start", "align", "class"].includes(name)) node.removeAttribute(name);
    }
  }
  return made.innerHTML.replace(/\s*(<[^>]*>)\s*/g, "$1");
}

/** What the widget makes of a text. */
async function widget() {
  Object.assign(globalThis, { document, Node: window.Node });
  const [{ parser }, { build }] = await Promise.all([import("../markdown.js"), import("../dom.js")]);
  return (text) => elements(build(parser().parse(text.replace(/\r\n?/g, "\n"), {})));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const answers = {
    html,
    live: await widget(),
    dangers: (text) => dangers(nodes(text)),
    blocks: (text) => blocks(nodes(text)),
    elements: (text) => elements(nodes(text)),
  };
  for await (const line of createInterface({ input: process.stdin })) {
    const [what, text] = JSON.parse(line);
    process.stdout.write(`${JSON.stringify(answers[what](text))}\n`);
  }
}
