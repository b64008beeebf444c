// The transcript as a list: one element of each segment has the focus, one is the one that plays. A
// model's text comes in as text, and nothing here looks at the sound.

import { plain, stamp } from "./times.js";

const COLOURS = 8; // as player.css has them
const ASIDE = 4000; // ms for which a reader who scrolls is left alone

export function make(tag, name, text) {
  const made = document.createElement(tag);
  made.className = `gemini-nb-${name}`;
  if (text) made.textContent = text;
  return made;
}

export class List {
  /** `pick(index)` where a segment is chosen, `edited(index, text)` where its text was changed. */
  constructor(segments, { pick, edited }) {
    this.edited = edited;
    this.playing = -1;
    this.focused = 0;
    this.asideUntil = 0;
    this.colours = new Map();
    this.node = make("ol", "segments");
    this.node.setAttribute("aria-label", "Transcript");
    this.rows = segments.map((segment, index) => this.row(segment, index));
    this.node.append(...this.rows.map(({ item }) => item));
    if (this.rows.length) this.rows[0].go.tabIndex = 0;
    this.node.addEventListener("click", (event) => {
      const index = this.indexOf(event.target);
      if (index < 0 || event.target.matches("textarea") || String(getSelection())) return;
      this.focus(index);
      pick(index);
    });
    this.node.addEventListener("dblclick", (event) => {
      getSelection()?.removeAllRanges();
      this.edit(this.indexOf(event.target));
    });
    this.node.addEventListener("focusin", ({ target }) => this.rove(this.indexOf(target)));
    const aside = () => (this.asideUntil = performance.now() + ASIDE);
    for (const name of ["wheel", "touchmove", "pointerdown"]) {
      this.node.addEventListener(name, aside, { passive: true });
    }
  }

  row(segment, index) {
    const item = make("li", "segment");
    item.dataset.index = index;
    const go = item.appendChild(make("div", "go"));
    go.setAttribute("role", "button");
    go.tabIndex = -1;
    go.title = "Enter: play from here; F2: edit";
    go.append(make("span", "time", stamp(segment.start)));
    const row = { item, go, segment, index };
    if (segment.speaker) {
      if (!this.colours.has(segment.speaker)) this.colours.set(segment.speaker, this.colours.size % COLOURS);
      const speaker = make("span", "speaker", segment.speaker);
      speaker.dataset.colour = this.colours.get(segment.speaker);
      speaker.dir = "auto"; // which keeps it apart from its neighbours as well
      go.append(" ", speaker, " ");
    }
    row.text = go.appendChild(make("span", "said"));
    row.text.dir = "auto";
    go.append(" ");
    this.write(row);
    return row;
  }

  /** Write what a segment says. One without words says why it is there, which is nobody's words. */
  write(row) {
    const { text, flags } = row.segment;
    const why = flags?.join("; ") ?? "";
    row.words = text || why;
    row.plain = null;
    row.item.dataset.unsaid = String(!text && Boolean(why));
    row.text.textContent = row.words;
    row.sign?.remove();
    row.sign = text && why ? row.go.appendChild(flag(why)) : null;
  }

  indexOf(node) {
    const item = node.closest?.(".gemini-nb-segment");
    return item && this.node.contains(item) ? Number(item.dataset.index) : -1;
  }

  /** Take what the kernel says of the same segments; the rows stay. */
  update(segments) {
    segments.forEach((segment, index) => {
      const row = this.rows[index];
      if (!row) return;
      const isOther = said(row.segment) !== said(segment);
      row.segment = segment;
      if (isOther && row !== this.editing) this.write(row);
    });
  }

  /** Mark the segment that plays; all that a frame changes is two elements. */
  mark(index) {
    if (index === this.playing) return;
    this.rows[this.playing]?.item.removeAttribute("aria-current");
    this.playing = index;
    const row = this.rows[index];
    if (!row) return;
    row.item.setAttribute("aria-current", "true");
    if (performance.now() > this.asideUntil && !this.editing) this.reveal(row.item);
  }

  /** Bring a row into view inside of the list; the page stays where it is. */
  reveal({ offsetTop, offsetHeight, hidden }) {
    const { scrollTop, clientHeight } = this.node;
    if (hidden || (offsetTop >= scrollTop && offsetTop + offsetHeight <= scrollTop + clientHeight)) return;
    this.node.scrollTop = offsetTop - clientHeight / 3;
  }

  rove(index) {
    if (index < 0 || index === this.focused) return;
    this.rows[this.focused].go.tabIndex = -1;
    this.rows[index].go.tabIndex = 0;
    this.focused = index;
  }

  focus(index) {
    this.rove(index);
    this.rows[index].go.focus({ preventScroll: true });
    this.reveal(this.rows[index].item);
  }

  /** Move the focus by so many rows that are shown; infinite steps lead to the ends. */
  step(by) {
    const shown = this.shown();
    const at = shown.findIndex(({ index }) => index === this.focused);
    const next = shown[Math.min(Math.max(at + by, 0), shown.length - 1)];
    if (next) this.focus(next.index);
  }

  shown() {
    return this.rows.filter(({ item }) => !item.hidden);
  }

  /** Show the segments that hold the words, in their text or their speaker; says how many. */
  search(words) {
    const wanted = plain(words.trim());
    for (const row of this.rows) {
      row.plain ??= plain(`${row.segment.speaker ?? ""} ${row.words}`);
      row.item.hidden = !row.plain.includes(wanted);
    }
    const shown = this.shown();
    if (shown.length && this.rows[this.focused].item.hidden) this.rove(shown[0].index);
    return shown.length;
  }

  /** Change the text in its place: Enter or leaving saves, Escape does not. */
  edit(index) {
    const row = this.rows[index];
    if (!row || this.editing) return;
    this.editing = row;
    const area = make("textarea", "edit");
    area.value = row.segment.text;
    area.dir = "auto";
    area.setAttribute("aria-label", `Text at ${stamp(row.segment.start)}`);
    row.text.hidden = true;
    row.text.after(area);
    const fit = () => {
      area.style.height = "0";
      area.style.height = `${area.scrollHeight}px`;
    };
    area.addEventListener("input", fit);
    area.addEventListener("blur", () => this.leave(true));
    fit();
    area.focus({ preventScroll: true });
    this.area = area;
  }

  leave(saves) {
    const row = this.editing;
    if (!row) return;
    this.editing = null;
    const text = this.area.value.replace(/\s+/g, " ").trim();
    const held = this.area === document.activeElement;
    row.text.hidden = false;
    this.area.remove();
    if (held) this.focus(row.index);
    const isOther = saves && text !== row.segment.text;
    if (isOther) row.segment = reworded(row.segment, text);
    this.write(row);
    if (isOther) this.edited(row.index, text);
  }

  /** The rows that are shown as lines with their times, where somebody says something. */
  lines() {
    const rows = this.shown().filter(({ segment }) => segment.text);
    return rows.map(({ segment: { start, speaker, text } }) => {
      return `${stamp(start)} ${speaker ? `${speaker}: ` : ""}${text}`;
    });
  }
}

/** A segment with another text. Where it had none, its flags said why. */
export function reworded(segment, text) {
  return { ...segment, text, flags: segment.text ? segment.flags : [] };
}

/** What a segment says, to be compared. */
function said({ text, flags }) {
  return JSON.stringify([text, flags]);
}

function flag(why) {
  const sign = make("span", "flag", "⚠");
  sign.title = why;
  sign.setAttribute("role", "img");
  sign.setAttribute("aria-label", `Doubtful: ${sign.title}`);
  return sign;
}
