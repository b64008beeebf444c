// One streaming answer as a widget (anywidget's `render`): its text, its thoughts, a quiet status
// line with a Stop button, and the badge. The final output takes its place; `hold` sees to it that
// nobody notices.

import { badge, leave, word } from "./badge.js";
import { Colours } from "./colours.js";
import { following, settling } from "./follow.js";
import { hold } from "./hold.js";
import { Frames, GrowingMarkdown } from "./markdown.js";
import { LEFT } from "./late.js";
import { catching, settle } from "./place.js";
import { Inbox } from "./protocol.js";
import css from "./stream.css";

const AGAIN = 500; // ms after which the page says again that it listens
const BEHIND = 150; // ms a gap may last before the kernel is asked for a snapshot
const CONTROLS = /[^\P{Cc}\t\n]/gu;

function styled() {
  if (document.getElementById("gemini-nb-style")) return;
  const style = document.createElement("style");
  style.id = "gemini-nb-style";
  style.textContent = css;
  document.head.appendChild(style);
}

function make(tag, className, text) {
  const made = document.createElement(tag);
  made.className = className;
  if (text) made.textContent = text;
  return made;
}

const AREAS = ".jp-OutputArea-output, .jp-OutputArea-child, .jp-OutputArea, .jp-Cell-outputWrapper";
const AROUND = `.jupyter-widgets, ${AREAS}, .jp-Cell`;

/** Let what hangs below the text be seen; returns what takes that back. */
function opened(root) {
  const own = root.closest(".jp-OutputArea-child");
  const found = [];
  // An Output has an area of its own, so there may be several up to the cell.
  for (let node = root.parentElement; node; node = node.parentElement) {
    if (!node.matches(AROUND)) continue;
    if (node.style.height || !["", "none"].includes(getComputedStyle(node).maxHeight)) break; // it is to scroll
    const isOwn = node !== own && own?.contains(node);
    node.classList.add("gemini-nb-around", ...(isOwn ? ["gemini-nb-own"] : []));
    if (!isOwn) found.push(node);
  }
  // The widget's own elements go with it: changing them now would move the text.
  return () => found.forEach((node) => node.classList.remove("gemini-nb-around"));
}

/** The elements of one view. */
function frame(el) {
  const root = make("div", "gemini-nb");
  const thoughts = make("details", "gemini-nb-thoughts");
  thoughts.appendChild(make("summary", "", "Thoughts"));
  const thought = thoughts.appendChild(make("div", "gemini-nb-thought"));
  const text = make("div", "jp-RenderedHTMLCommon jp-RenderedMarkdown gemini-nb-text");
  text.setAttribute("aria-live", "polite");
  text.setAttribute("aria-busy", "true");
  const bar = make("div", "gemini-nb-bar");
  const pill = bar.appendChild(make("div", "gemini-nb-pill"));
  const phase = pill.appendChild(make("span", "gemini-nb-phase"));
  phase.setAttribute("role", "status");
  const count = pill.appendChild(make("span", "gemini-nb-count"));
  count.setAttribute("aria-hidden", "true"); // a clock that is read out every second helps nobody
  const stop = pill.appendChild(make("button", "gemini-nb-stop", "Stop"));
  stop.type = "button";
  stop.title = "Stop this answer; what came stays";
  root.append(text, bar);
  el.appendChild(root);
  return { root, thoughts, thought, text, bar, phase, count, stop };
}

/** Tell a screen reader: what stood in the widget goes before it would be read out. */
function announce(text) {
  let said = document.getElementById("gemini-nb-said");
  if (!said) {
    said = document.body.appendChild(make("div", "gemini-nb-unseen"));
    said.id = "gemini-nb-said";
    said.setAttribute("role", "status");
  }
  said.textContent = ""; // the same words twice are heard twice
  setTimeout(() => (said.textContent = text), 100);
}

export function counted(status, seconds) {
  const tokens = Number.isFinite(status.tokens) && status.tokens > 0;
  const parts = tokens ? [`${status.tokens.toLocaleString("en")} tokens`] : [];
  if (seconds >= 1) parts.push(`${Math.floor(seconds)} s`);
  return parts.join(" · ");
}

/** Stop what runs: the kernel where a cell waits for the answer, else this answer alone. */
async function stopIt(model, manager) {
  const kernels = model.get("stop") === "interrupt" ? manager : null;
  const kernel = kernels?.kernel ?? kernels?.context?.sessionContext?.session?.kernel;
  if (kernel?.interrupt) await kernel.interrupt();
  else model.send({ t: "stop" });
}

class View {
  constructor(model, el, manager) {
    this.model = model;
    this.manager = manager;
    this.colours = new Colours(manager?.rendermime?.markdownParser);
    this.inbox = new Inbox();
    this.parts = frame(el);
    this.badge = this.lined();
    this.text = new GrowingMarkdown(this.parts.text);
    this.thought = new GrowingMarkdown(this.parts.thought);
    this.seen = { text: 0, thoughts: 0 };
    this.frames = new Frames(() => this.draw());
    this.began = performance.now();
    this.parts.stop.addEventListener("click", () => this.stop());
    this.settled = settling(this.parts.root);
    this.clock = setInterval(() => this.tick(), 500);
    this.tick();
  }

  /** The badge below the text, where the kernel has one. */
  lined() {
    const said = this.model.get("badge");
    if (!said?.rest) return null;
    this.parts.root.classList.add("gemini-nb-lined");
    return this.parts.root.appendChild(badge(said));
  }

  message(content) {
    if (this.inbox.take(content)) this.changed();
    else if (this.inbox.behind && !this.asking) {
      this.asking = setTimeout(() => {
        this.asking = 0;
        if (this.inbox.behind) this.model.send({ t: "need" });
      }, BEHIND);
    }
  }

  snapshot() {
    const base = this.model.get("base");
    if (base?.status) this.began = performance.now(); // its seconds are counted up to now
    if (this.inbox.snapshot(base)) this.changed();
  }

  changed() {
    if (this.inbox.ended) this.finish();
    else this.frames.ask();
  }

  draw() {
    this.shut ??= this.parts.root.isConnected ? opened(this.parts.root) : null;
    this.parts.root.classList.toggle("gemini-nb-plain", Boolean(this.inbox.status.plain));
    following(this.parts.root, () => {
      this.grow(this.text, "text");
      this.grow(this.thought, "thoughts");
      // Above the text, where the final output has them: no sooner, or it would not begin with the text.
      if (this.inbox.thoughts && !this.parts.thoughts.parentNode) this.text.prepend(this.parts.thoughts);
    });
    this.tick();
  }

  grow(shown, name) {
    const all = this.inbox[name];
    if (all.length === this.seen[name]) return;
    shown.append(all.slice(this.seen[name]));
    this.seen[name] = all.length;
    const { home, kept } = shown;
    if (shown.render()) this.colours.look(home, kept);
  }

  tick() {
    const { text, thoughts, status } = this.inbox;
    const phase = text ? "writing" : thoughts ? "thinking" : "waiting";
    if (this.phase !== phase) {
      this.phase = phase;
      this.parts.root.dataset.phase = phase;
      this.parts.phase.textContent = { waiting: "Waiting", thinking: "Thinking", writing: "" }[phase];
    }
    const since = (status.seconds ?? 0) + (performance.now() - this.began) / 1000;
    const line = counted(status, since);
    if (this.parts.count.textContent !== line) this.parts.count.textContent = line;
  }

  /** Whoever is at the Stop button goes on with the notebook's keys. */
  unfocus() {
    if (document.activeElement === this.parts.stop) this.parts.root.closest(".jp-Cell")?.focus({ preventScroll: true });
  }

  async stop() {
    this.unfocus();
    this.parts.stop.disabled = true;
    this.parts.stop.textContent = "Stopping";
    try {
      await stopIt(this.model, this.manager);
    } catch {
      this.parts.stop.disabled = false;
      this.parts.stop.textContent = "Stop";
    }
  }

  async finish() {
    if (this.phase === "ended") return this.late();
    this.draw();
    this.rework();
    this.phase = "ended";
    this.rest();
    this.parts.root.dataset.phase = "ended";
    this.parts.text.setAttribute("aria-busy", "false");
    this.unfocus();
    this.parts.bar.remove();
    if (this.inbox.text) announce("The answer is there.");
    if (this.inbox.text || this.inbox.thoughts) hold(this.parts.root);
    catching(this.manager, this.inbox.ended.id);
    if (!(await this.late())) this.askLater(LEFT); // each later wait is twice as long
  }

  /** What was used takes the place of what was known before, and outlives this widget. */
  rework() {
    const { used } = this.inbox.ended;
    if (!this.badge || !used) return;
    // What is below does not move, though the new line may be the shorter one.
    this.badge.style.minHeight = `${this.badge.getBoundingClientRect().height}px`;
    word(this.badge, used);
    leave(this.parts.root, this.badge);
  }

  /** Take the final output from the model, where the kernel put it there. */
  late() {
    const { final } = this.model.get("base");
    return final && settle(this.manager, final);
  }

  /** Ask as long as the place is this widget's: the final output went to a page that is gone, or was lost. */
  askLater(wait) {
    if (this.isGone || this.parts.root.closest(".gemini-nb-cover")) return;
    this.left = setTimeout(async () => {
      if (this.parts.root.closest(".gemini-nb-cover") || (await this.late())) return;
      this.model.send({ t: "need" });
      this.askLater(2 * wait);
    }, wait);
  }

  /** The kernel was restarted, or died: nothing more comes, and Stop would stop what runs now. */
  lost() {
    if (this.phase === "ended") return;
    this.phase = "ended";
    this.parts.root.dataset.phase = "lost";
    this.parts.phase.textContent = "Not whole: its kernel is gone";
    this.unfocus();
    this.parts.stop.remove();
    this.parts.text.setAttribute("aria-busy", "false");
    this.frames.cancel();
    clearInterval(this.clock);
    // Only the kernel can make Markdown safe; and without a place it stays what it is.
    const text = this.inbox.text.replace(CONTROLS, "").trimEnd();
    const data = { "text/plain": `${text}\n\n— not whole: its kernel is gone —` };
    const { id } = this.model.get("base");
    if (text && id) settle(this.manager, { id, data, metadata: {} });
  }

  gone() {
    this.isGone = true;
    this.rest();
  }

  rest() {
    this.shut?.();
    this.settled();
    clearInterval(this.clock);
    clearTimeout(this.asking);
    clearTimeout(this.left);
    this.frames.cancel();
  }
}

/** `early`: the messages that came while this code was on its way; `raw`: the model's own object. */
export function render({ model, el, early = [], raw = null }) {
  styled();
  const view = new View(model, el, raw?.widget_manager);
  const onMessage = (content) => view.message(content);
  const onBase = () => view.snapshot();
  const onLife = () => raw.comm_live || view.lost();
  raw?.on("comm_live_update", onLife);
  model.on("msg:custom", onMessage);
  model.on("change:base", onBase);
  view.snapshot();
  for (const content of early) view.message(content);
  const here = { t: "here", view: Math.random() };
  const say = () => view.inbox.ended || model.get("base").ended || model.send(here);
  say();
  // JupyterLab may still be opening the way beside the cell: what was sent before is heard at its end.
  const again = setTimeout(say, AGAIN);
  return () => {
    clearTimeout(again);
    raw?.off("comm_live_update", onLife);
    model.off("msg:custom", onMessage);
    model.off("change:base", onBase);
    view.gone();
  };
}

export { late, unseen } from "./late.js";
export default { render };
