// Code in the notebook's own colours: the parser that will lay out the final output colours it here
// already. Of what it makes only text and the names of classes are taken.

const EVERY = 250; // ms between two looks at code that is still being written
const LONGEST = 20_000; // characters of open code that are coloured before it is whole
const NAME = /^[\w\u0370-\u03ff-]+$/;

/** How much of a code element is coloured, and the text node behind that holds the rest. */
const painted = new WeakMap();

/** Make a coloured code element hold `text`; says whether it could keep its colours. */
export function regrow(code, text) {
  const done = painted.get(code);
  if (!done) return false;
  if (!text.startsWith(done.text)) {
    painted.delete(code);
    return false;
  }
  const rest = text.slice(done.text.length);
  if (done.rest.data !== rest) done.rest.data = rest;
  return true;
}

function copy(from, to) {
  for (const node of from.childNodes) {
    if (node.nodeType === Node.TEXT_NODE) to.append(node.data);
    else if (node.nodeName === "SPAN") {
      const span = document.createElement("span");
      span.className = [...node.classList].filter((name) => NAME.test(name)).join(" ");
      copy(node, span);
      to.append(span);
    }
  }
}

export class Colours {
  /** `parser`: the notebook's Markdown parser, or null where it has none to give. */
  constructor(parser) {
    this.parser = parser;
    this.open = new Map(); // code elements and when they were last looked at
  }

  /** Look at the code in the children of `root` from its `from`th on, and again at what was open. */
  look(root, from, now = performance.now()) {
    if (!this.parser) return;
    const growing = new Set();
    for (let at = root.childNodes[from]; at; at = at.nextSibling) {
      if (at.nodeType !== Node.ELEMENT_NODE) continue;
      const found = at.nodeName === "PRE" ? [at.firstChild] : at.querySelectorAll("pre > code");
      for (const code of found) {
        growing.add(code);
        if (code.className && !this.open.has(code)) this.open.set(code, -EVERY);
      }
    }
    for (const [code, when] of this.open) {
      const isDone = !growing.has(code) && code.textContent === painted.get(code)?.text;
      if (!code.isConnected || isDone) this.open.delete(code);
      else if (now - when >= EVERY) this.paint(code, now);
    }
  }

  async paint(code, now) {
    const text = code.textContent;
    if (text.length > LONGEST) return;
    const lines = text.slice(0, text.lastIndexOf("\n") + 1);
    if (!lines || lines === painted.get(code)?.text) return;
    this.open.set(code, Infinity); // until this one is done
    try {
      const made = await this.coloured(code.className.replace("language-", ""), lines);
      const whole = code.textContent;
      if (made && whole.startsWith(lines)) {
        const rest = document.createTextNode(whole.slice(lines.length));
        code.replaceChildren(made, rest);
        painted.set(code, { text: lines, rest });
      }
      this.open.set(code, now);
    } catch {
      this.open.delete(code); // a language that cannot be coloured stays as it is
    }
  }

  async coloured(language, text) {
    const fence = "`".repeat(Math.max(2, ...(text.match(/`+/g) ?? []).map((run) => run.length)) + 1);
    const html = await this.parser.render(`${fence}${language}\n${text}${fence}`);
    // A document that is nowhere: nothing in it runs, and nothing is fetched.
    const found = new DOMParser().parseFromString(html, "text/html").querySelector("pre > code");
    const made = document.createDocumentFragment();
    if (found) copy(found, made);
    const same = made.textContent === text || `${made.textContent}\n` === text;
    if (same && made.textContent !== text) made.append("\n");
    return same ? made : null;
  }
}
