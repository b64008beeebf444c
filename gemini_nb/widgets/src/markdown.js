// The incremental renderer: text is appended, finished blocks enter the DOM once, and only what
// follows them is parsed again. It knows nothing of Jupyter.

import MarkdownIt from "markdown-it";
import { build, morph } from "./dom.js";
import { formulas } from "./math.js";

const TASK = /^\[([ xX])\][ \t]+/;

function tasks(state) {
  const { tokens } = state;
  for (let i = 2; i < tokens.length; i++) {
    const [item, , inline] = [tokens[i - 2], tokens[i - 1], tokens[i]];
    const found = inline.type === "inline" && item.type === "list_item_open" && TASK.exec(inline.content);
    const first = inline.children?.[0];
    if (!found || first?.type !== "text" || !first.content.startsWith(found[0])) continue;
    first.content = ` ${first.content.slice(found[0].length)}`;
    const box = new state.Token("checkbox", "input", 0);
    box.meta = { checked: found[1] !== " " };
    inline.children.unshift(box);
  }
}

export function parser() {
  const md = new MarkdownIt({ html: false, linkify: true, breaks: false });
  // Addresses become links where the notebook sees some; `e.org` and `//e.org` are none.
  md.linkify.add("//", null).add("www.", {
    validate: (text, at, linkify) =>
      Math.max(0, linkify.testSchemaAt(`//www.${text.slice(at)}`, "http:", 0) - "//www.".length),
    normalize: (match) => {
      match.url = `http://${match.url}`;
    },
  });
  md.use(formulas);
  md.core.ruler.push("tasks", tasks);
  return md;
}

const CLOSED = new Set(["fence", "heading_close", "hr"]);

/** The top-level blocks of `tokens`: where each begins (its line) and the last token of each. */
function blocks(tokens) {
  const found = [];
  tokens.forEach((token, i) => {
    if (token.level !== 0) return;
    if (token.nesting >= 0 && token.map) found.push({ line: token.map[0], from: i, last: i });
    else if (token.nesting < 0 && found.length) found[found.length - 1].last = i;
  });
  return found;
}

/** Where each line of `text` begins. */
function lineStarts(text) {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return starts;
}

/**
 * Which block the open tail begins with, and where: all before it is finished. A block is only
 * finished where a blank line, or its own end, closed it, and when the line that follows is whole:
 * `#` may become `#tag`, and `-` become `-1`.
 */
export function openTail(tokens, text) {
  const all = blocks(tokens);
  const starts = lineStarts(text);
  for (let i = all.length - 1; i > 0; i--) {
    const { line, from } = all[i];
    const at = starts[line];
    const whole = starts.length > line + 1;
    const blank = /\n[ \t]*\n$/.test(text.slice(Math.max(0, at - 200), at));
    if (whole && (blank || CLOSED.has(tokens[all[i - 1].last].type))) return { at, from, count: i };
  }
  return { at: 0, from: 0, count: 0 };
}

// A frame costs what the element that grows has children: after so many finished blocks a section of
// its own takes the next ones.
const SECTION = 64;

/** A place for more blocks, which lays them out as its parent would. */
function section() {
  const made = document.createElement("div");
  made.className = "jp-RenderedHTMLCommon jp-RenderedMarkdown gemini-nb-section";
  made.appendChild(edge());
  return made;
}

/** Something that is nothing: with it, no block counts as the first or last child of its section. */
function edge() {
  const made = document.createElement("i");
  made.hidden = true;
  return made;
}

/** A text that grows, shown in `root`. `append` only notes it; `render` brings it to the screen. */
export class GrowingMarkdown {
  constructor(root, md = parser()) {
    this.root = root;
    this.home = root; // the section that grows
    this.text = "";
    this.parsed = 0; // characters of the text that a finished block stands for
    this.shown = 0; // characters of the text when it was last rendered
    this.kept = 0; // children of `home` that are finished
    this.links = {}; // the link definitions of the finished text
    this.half = "";
    this.md = md;
  }

  append(delta) {
    const came = this.half + delta;
    this.half = came.endsWith("\r") ? "\r" : ""; // its other half may be in the next piece
    this.text += came.slice(0, came.length - this.half.length).replace(/\r\n?/g, "\n");
  }

  /** Put a node that is none of the text above it. */
  prepend(node) {
    this.root.prepend(node);
    if (this.home === this.root) this.kept += 1;
  }

  /** Bring the DOM up to the text; says whether anything changed. */
  render() {
    if (this.shown === this.text.length) return false;
    this.shown = this.text.length;
    const tail = this.text.slice(this.parsed);
    const env = { references: { ...this.links } };
    const tokens = this.md.parse(tail, env);
    morph(this.home, build(tokens), this.kept);
    this.commit(tokens, tail, env);
    return true;
  }

  commit(tokens, tail, env) {
    const open = openTail(tokens, tail);
    if (!open.count) return;
    if (Object.keys(env.references).length > Object.keys(this.links).length) {
      const done = { references: this.links };
      this.md.parse(tail.slice(0, open.at), done);
    }
    this.parsed += open.at;
    this.kept += open.count;
    if (this.kept >= SECTION) this.turn();
  }

  turn() {
    const next = section();
    next.append(...[...this.home.childNodes].slice(this.kept));
    if (this.home !== this.root) this.home.appendChild(edge());
    this.root.appendChild(next);
    this.home = next;
    this.kept = 1;
  }
}

/** Calls `draw` at most once a frame, and leaves the page room where drawing takes long. */
export class Frames {
  constructor(draw) {
    this.draw = draw;
    this.asked = 0;
    this.after = 0;
  }

  ask() {
    if (!this.asked) this.asked = requestAnimationFrame((now) => this.frame(now));
  }

  frame(now) {
    this.asked = 0;
    if (now < this.after) return this.ask();
    const began = performance.now();
    this.draw();
    const took = performance.now() - began;
    if (took > 8) this.after = now + 4 * took;
  }

  cancel() {
    cancelAnimationFrame(this.asked);
    this.asked = 0;
  }
}
