// One player: the sound, its waveform, and the transcript as a list.

import { List, make } from "./list.js";
import { stamp, Timeline } from "./times.js";
import { Wave } from "./wave.js";

const SPEEDS = [0.75, 1, 1.25, 1.5, 1.75, 2];
const SKIP = 5; // seconds, by an arrow key
const FAR = 30; // by a page key
const PAUSE = 100; // ms without a key, after which a search begins

function button(name, label, title, click) {
  const made = make("button", name, label);
  made.type = "button";
  made.title = title;
  made.addEventListener("click", click);
  return made;
}

export class View {
  /**
   * `facts`: name, mimeType, seconds, peaks (signed bytes), segments. `edited(index, text)` tells of a
   * change, `failed()` of a sound that this browser cannot play.
   */
  constructor(el, facts, { edited, failed }) {
    this.facts = facts;
    this.sound = new Audio(); // not in the page, where it would fall silent when its cell is out of sight
    this.sound.preload = "auto";
    this.timeline = new Timeline(facts.segments);
    this.looped = null;
    this.isWanted = false; // to be played when it is there
    this.hasBegun = false; // it was played, or sought
    this.edited = edited;
    this.speed = this.speeds();
    this.root = el.appendChild(make("div", "player"));
    this.root.setAttribute("role", "group");
    this.root.setAttribute("aria-label", `Player: ${facts.name}`);
    this.said = make("div", "note");
    this.said.setAttribute("role", "status");
    this.root.append(this.head(), this.said);
    this.list = this.listed();
    this.listen(failed);
    this.enter("waiting");
  }

  enter(phase) {
    this.root.dataset.phase = phase;
    this.button.setAttribute("aria-busy", String(phase === "waiting"));
    this.tick();
  }

  head() {
    const head = make("div", "head");
    this.button = button("play", "", "Play", () => this.toggle());
    this.slider = make("div", "wave");
    this.slider.setAttribute("role", "slider");
    this.slider.setAttribute("aria-label", "Position");
    this.slider.setAttribute("aria-valuemin", "0");
    this.slider.tabIndex = 0;
    this.wave = new Wave(this.slider, this.facts.peaks);
    const drag = ({ clientX, buttons }) => {
      const { left, width } = this.slider.getBoundingClientRect();
      if (buttons & 1 && width) this.seek(((clientX - left) / width) * this.seconds);
    };
    this.slider.addEventListener("pointerdown", (event) => {
      this.slider.setPointerCapture?.(event.pointerId);
      drag(event);
    });
    this.slider.addEventListener("pointermove", drag);
    this.clock = make("div", "clock");
    this.clock.setAttribute("aria-hidden", "true"); // the slider says it
    head.append(this.button, this.slider, this.clock);
    return head;
  }

  /** The transcript, and above it what can be done with it. */
  listed() {
    const { segments } = this.facts;
    const list = new List(segments, { pick: (index) => this.play(index), edited: this.edited });
    this.bar?.remove();
    this.list?.node.remove();
    this.bar = segments.length ? this.tools() : null;
    if (this.bar) this.said.before(this.bar, list.node);
    (this.bar ?? this.root.firstChild).append(this.speed);
    return list;
  }

  /** Show the transcript that the kernel has now; where only texts differ, the rows stay. */
  update(segments) {
    const shape = (all) => JSON.stringify(all.map(({ text, flags, ...more }) => more));
    const isSame = shape(segments) === shape(this.facts.segments);
    this.facts = { ...this.facts, segments };
    if (isSame) {
      this.list.update(segments);
      return;
    }
    this.list.leave(false); // what was being written has no place any more
    const words = this.search?.value ?? "";
    this.timeline = new Timeline(segments);
    this.looped = null;
    this.search = null;
    this.list = this.listed();
    if (this.search && words) {
      this.search.value = words;
      this.find();
    }
    this.tick();
  }

  /** Show the waveform, when it was made. */
  draw(peaks) {
    this.facts = { ...this.facts, peaks };
    this.wave.take(peaks);
  }

  tools() {
    const tools = make("div", "tools");
    this.search = make("input", "search");
    Object.assign(this.search, { type: "search", placeholder: "Search", spellcheck: false, dir: "auto" });
    this.search.setAttribute("aria-label", "Search the transcript");
    this.search.addEventListener("input", () => {
      clearTimeout(this.typing);
      this.typing = setTimeout(() => this.find(), PAUSE);
    });
    this.loop = button("tool", "Loop", "Play the chosen segment again and again", () => this.toggleLoop());
    this.loop.setAttribute("aria-pressed", "false");
    const edit = button("tool", "Edit", "Change the text of the chosen segment (F2)", () => this.list.edit(this.list.focused));
    const copy = button("tool", "Copy", "Copy what is shown, with its times", () => this.copy());
    tools.append(this.search, make("span", "space"), this.loop, edit, copy);
    return tools;
  }

  speeds() {
    const made = make("select", "speed");
    made.setAttribute("aria-label", "Speed");
    made.append(...SPEEDS.map((rate) => new Option(`${rate} ×`, rate, rate === 1, rate === 1)));
    made.addEventListener("change", () => (this.sound.playbackRate = Number(made.value)));
    return made;
  }

  listen(failed) {
    const { sound } = this;
    sound.addEventListener("loadedmetadata", () => this.enter("ready"));
    sound.addEventListener("error", failed);
    for (const name of ["play", "pause", "ended", "seeked", "timeupdate"]) sound.addEventListener(name, () => this.tick());
    sound.addEventListener("play", () => this.run());
    // Before the notebook, which takes keys on the document for commands on its cells.
    this.onKey = (event) => this.root.contains(event.target) && this.key(event);
    window.addEventListener("keydown", this.onKey, true);
  }

  /** The sound is there, at this address. */
  load(url) {
    this.sound.src = url;
    this.sound.defaultPlaybackRate = this.sound.playbackRate = Number(this.speed.value);
    if (this.isWanted) this.start();
    this.isWanted = false;
    this.tick();
  }

  /** Nothing that it was given can be played here, or the kernel says why there is nothing. */
  fail(why = `This browser cannot play ${this.facts.mimeType || "this sound"}.`) {
    this.isWanted = false;
    this.enter("failed");
    this.say(why);
  }

  get seconds() {
    return Number.isFinite(this.sound.duration) ? this.sound.duration : this.facts.seconds;
  }

  seek(time) {
    this.hasBegun = true;
    this.sound.currentTime = Math.min(Math.max(time, 0), this.seconds || 0);
    this.tick();
  }

  /** Play from where a segment begins. */
  play(index) {
    const span = this.timeline.span(index);
    if (!span) return;
    if (this.looped) this.looped = span;
    this.seek(span[0]);
    this.start();
    this.tick();
  }

  start() {
    // Pressed before the sound is there: it begins when it comes.
    this.isWanted = !this.sound.src && this.root.dataset.phase === "waiting";
    // A browser may want a click first, and a sound that cannot be played says so by itself.
    if (!this.isWanted) this.sound.play()?.catch(() => {});
  }

  toggle() {
    if (this.isWanted) this.isWanted = false;
    else if (this.sound.paused) this.start();
    else this.sound.pause();
    this.tick();
  }

  toggleLoop() {
    const index = this.list.playing >= 0 ? this.list.playing : this.list.focused;
    this.looped = this.looped ? null : this.timeline.span(index);
    this.loop.setAttribute("aria-pressed", String(Boolean(this.looped)));
  }

  run() {
    if (this.frame || this.sound.paused) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.tick();
      this.run();
    });
  }

  tick() {
    const { currentTime, paused } = this.sound;
    if (this.looped && !paused && (currentTime >= this.looped[1] || currentTime < this.looped[0] - 0.1)) {
      this.sound.currentTime = this.looped[0];
    }
    this.wave.show(this.seconds ? currentTime / this.seconds : 0);
    this.hasBegun ||= currentTime > 0 || !paused;
    this.list.mark(this.hasBegun ? this.timeline.at(currentTime) : -1);
    const isOn = !paused || this.isWanted;
    if (this.button.dataset.playing !== String(isOn)) {
      this.button.dataset.playing = String(isOn);
      this.button.title = isOn ? "Pause" : "Play";
      this.button.setAttribute("aria-label", this.button.title);
    }
    const clock = `${stamp(currentTime)} / ${stamp(this.seconds)}`;
    if (this.clock.textContent === clock) return;
    this.clock.textContent = clock;
    this.slider.setAttribute("aria-valuemax", String(Math.round(this.seconds || 0)));
    this.slider.setAttribute("aria-valuenow", String(Math.floor(currentTime)));
    this.slider.setAttribute("aria-valuetext", clock.replace("/", "of"));
  }

  find() {
    clearTimeout(this.typing);
    const count = this.list.search(this.search.value);
    this.say(this.search.value.trim() ? `${count} of ${this.list.rows.length}` : "");
  }

  async copy() {
    const lines = this.list.lines();
    try {
      await navigator.clipboard.writeText(lines.join("\n"));
      this.say(`Copied ${lines.length} line${lines.length === 1 ? "" : "s"}`);
    } catch {
      this.say("The browser did not let it be copied");
    }
  }

  say(words) {
    this.said.textContent = words;
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return; // the notebook's, or the browser's
    event.stopPropagation();
    if (event.isComposing) return;
    const { target, key } = event;
    const act = target.matches("textarea") ? this.editKeys(key, event) : this.keys(target)[key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  editKeys(key, { shiftKey }) {
    return { Enter: shiftKey ? null : () => this.list.leave(true), Escape: () => this.list.leave(false) }[key];
  }

  keys(target) {
    const by = (seconds) => () => this.seek(this.sound.currentTime + seconds);
    if (target === this.search) {
      const first = (act) => {
        this.find();
        const [row] = this.list.shown();
        if (row) act(row.index);
      };
      return {
        Enter: () => first((index) => this.play(index)),
        ArrowDown: () => first((index) => this.list.focus(index)),
        Escape: () => {
          this.search.value = "";
          this.find();
        },
      };
    }
    const sides = { ArrowLeft: by(-SKIP), ArrowRight: by(SKIP), " ": () => this.toggle() };
    if (target === this.slider) {
      const up = { ArrowUp: by(SKIP), ArrowDown: by(-SKIP), PageUp: by(FAR), PageDown: by(-FAR) };
      return { ...sides, ...up, Home: () => this.seek(0), End: () => this.seek(this.seconds), Enter: () => this.toggle() };
    }
    if (!this.list.node.contains(target)) return {};
    const step = (rows) => () => this.list.step(rows);
    const rows = { ArrowUp: step(-1), ArrowDown: step(1), PageUp: step(-8), PageDown: step(8) };
    return {
      ...sides,
      ...rows,
      Home: step(-Infinity),
      End: step(Infinity),
      Enter: () => this.play(this.list.focused),
      F2: () => this.list.edit(this.list.focused),
      "/": () => this.search.focus(),
    };
  }

  dispose() {
    this.list.leave(true);
    clearTimeout(this.typing);
    cancelAnimationFrame(this.frame);
    window.removeEventListener("keydown", this.onKey, true);
    this.wave.dispose();
    this.sound.pause();
    this.sound.removeAttribute("src");
    this.sound.load();
    this.root.remove();
  }
}
