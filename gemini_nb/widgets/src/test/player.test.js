import { readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { List } from "../player/list.js";
import player from "../player/player.js";
import { Places, replace } from "../player/place.js";
import { plain, stamp, Timeline } from "../player/times.js";
import { View } from "../player/view.js";
import { bars } from "../player/wave.js";

const SEGMENTS = [
  { start: 0, end: 2, speaker: "Anna", text: "Die Flut kommt.", flags: [] },
  { start: 2, end: 4, speaker: "Ben", text: "<img src=x onerror=alert(1)>", flags: ["too fast", "late"] },
  { start: 6, end: 8, speaker: "Anna", text: "Déjà vu", flags: [] },
];

beforeEach(() => {
  // What jsdom has no idea of: sizes, pictures and sound.
  vi.stubGlobal("ResizeObserver", class { observe() {} disconnect() {} });
  HTMLCanvasElement.prototype.getContext = () => null;
  for (const name of ["play", "pause", "load"]) HTMLMediaElement.prototype[name] = vi.fn(() => Promise.resolve());
});
afterEach(() => document.body.replaceChildren());

const settled = () => new Promise((done) => setTimeout(done));
const press = (node, key, more = {}) => {
  const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...more });
  node.dispatchEvent(event);
  return event;
};

describe("time", () => {
  test("is written as the transcript has it", () => {
    expect([0, 65.9, 3723, -1, NaN, null].map(stamp)).toEqual(["00:00", "01:05", "1:02:03", "00:00", "00:00", "00:00"]);
  });

  test("finds what plays, and nothing in a gap", () => {
    const line = new Timeline(SEGMENTS);
    expect([-1, 0, 1.99, 2, 5, 6, 7.9, 8].map((time) => line.at(time))).toEqual([-1, 0, 0, 1, -1, 2, 2, -1]);
    expect(line.span(1)).toEqual([2, 4]);
  });

  test("finds it in any order, and without ends or starts", () => {
    const line = new Timeline([{ start: 5, end: 1 }, { start: null }, { start: 2, end: null }]);
    expect([0, 3, 5, 99].map((time) => line.at(time))).toEqual([-1, 2, 0, 0]);
    expect(line.span(1)).toBe(null);
    expect(new Timeline([]).at(1)).toBe(-1);
  });

  test("agrees with a plain search on a thousand segments", () => {
    const many = Array.from({ length: 1000 }, (_, i) => ({ start: i * 1.5, end: i * 1.5 + 1 + (i % 3) / 4 }));
    const line = new Timeline(many);
    for (let time = 0; time < 1500; time += 0.37) {
      expect(line.at(time)).toBe(many.findIndex(({ start, end }) => start <= time && time < end));
    }
  });
});

test("a search knows no case and no accents", () => {
  expect(plain("DÉJÀ Vu")).toBe("deja vu");
});

test("bars are the highest of what they stand for", () => {
  const peaks = Int8Array.from([-127, 0, 0, 64, -32, 16, 0, 0]);
  expect([...bars(peaks, 2)].map((high) => Math.round(high * 127))).toEqual([127, 32]);
  expect([...bars(peaks, 8)].map((high) => Math.round(high * 127))).toEqual([127, 127, 64, 64, 32, 32, 0, 0]);
  expect([...bars(new Int8Array(), 2)]).toEqual([0, 0]);
});

describe("the list", () => {
  const shown = ({ segments = SEGMENTS, ...more } = {}) => {
    const list = new List(segments, { pick: vi.fn(), edited: vi.fn(), ...more });
    document.body.append(list.node);
    return list;
  };

  test("has the text as text", () => {
    const { node } = shown();
    expect(node.querySelectorAll("img").length).toBe(0);
    expect(node.children[1].textContent).toBe("00:02 Ben <img src=x onerror=alert(1)> ⚠");
    expect(node.querySelector("[role=img]").title).toBe("too fast; late");
  });

  test("gives each speaker a colour", () => {
    const colours = [...shown().node.querySelectorAll(".gemini-nb-speaker")].map((one) => one.dataset.colour);
    expect(colours).toEqual(["0", "1", "0"]);
  });

  test("marks one segment at most", () => {
    const list = shown();
    for (const index of [0, 2, -1, 1]) {
      list.mark(index);
      const marked = [...list.node.querySelectorAll("[aria-current=true]")].map((item) => Number(item.dataset.index));
      expect(marked).toEqual(index < 0 ? [] : [index]);
    }
  });

  test("has one place for the tabulator, which the arrows move", () => {
    const list = shown();
    const stops = () => [...list.node.querySelectorAll("[tabindex='0']")].map((go) => list.indexOf(go));
    list.step(1);
    expect([stops(), list.indexOf(document.activeElement)]).toEqual([[1], 1]);
    list.step(Infinity);
    list.step(1);
    expect(stops()).toEqual([2]);
    list.step(-Infinity);
    expect(stops()).toEqual([0]);
  });

  test("shows what a search finds, and moves among it", () => {
    const list = shown();
    expect(list.search(" deja ")).toBe(1);
    expect(list.lines()).toEqual(["00:06 Anna: Déjà vu"]);
    expect(list.focused).toBe(2);
    expect([list.search("ANNA"), list.search("nobody"), list.search("")]).toEqual([2, 0, 3]);
  });

  test("saves an edit once, on one line", () => {
    const list = shown();
    list.edit(0);
    list.area.value = " Die  Ebbe\nkommt. ";
    list.leave(true);
    list.leave(true);
    expect(list.edited.mock.calls).toEqual([[0, "Die Ebbe kommt."]]);
    expect(list.rows[0].text.textContent).toBe("Die Ebbe kommt.");
  });

  test("forgets an edit that is given up, or changes nothing", () => {
    const list = shown();
    list.edit(0);
    list.area.value = "other";
    list.leave(false);
    list.edit(0);
    list.leave(true);
    expect(list.edited).not.toHaveBeenCalled();
    expect(list.node.textContent).toContain("Die Flut kommt.");
  });

  test("has what was edited, whatever becomes of it", () => {
    const list = shown({ edited: () => { throw new Error("Cannot send"); } });
    list.edit(0);
    list.area.value = "kept";
    expect(() => list.leave(true)).toThrow();
    expect([list.rows[0].text.textContent, list.lines()[0]]).toEqual(["kept", "00:00 Anna: kept"]);
  });

  test("lets each name and each text have its own direction", () => {
    const list = shown();
    list.edit(0);
    expect([...list.node.querySelectorAll(".gemini-nb-said, .gemini-nb-speaker, textarea")].map((one) => one.dir)).toEqual(Array(7).fill("auto"));
  });

  describe("where there is sound and no words", () => {
    const GAP = { start: 4, end: 6, speaker: "", text: "", flags: ["0:02 without words"] };
    const gapped = () => shown({ segments: [...SEGMENTS, GAP] });

    test("says so, and not as what was said", () => {
      const list = gapped();
      const { item, text } = list.rows[3];
      expect([text.textContent, item.dataset.unsaid, item.querySelector("[role=img]")]).toEqual(["0:02 without words", "true", null]);
      expect(list.rows[1].item.dataset.unsaid).toBe("false");
      expect([list.search("without"), list.lines()]).toEqual([1, []]);
    });

    test("takes words, and nothing else for them", () => {
      const list = gapped();
      for (const [text, calls] of [[" ", 0], ["A bell.", 1]]) {
        list.edit(3);
        expect(list.area.value).toBe("");
        list.area.value = text;
        list.leave(true);
        expect(list.edited).toHaveBeenCalledTimes(calls);
        expect(list.rows[3].text.textContent).toBe(text.trim() || "0:02 without words");
      }
      const { item } = list.rows[3];
      expect([item.dataset.unsaid, item.querySelector("[role=img]")]).toEqual(["false", null]);
      list.update([...SEGMENTS, { ...GAP, text: "A bell.", flags: ["late"] }]);
      expect(item.querySelector("[role=img]").title).toBe("late");
    });
  });

  test("takes the kernel's text, but not into what is being written", () => {
    const list = shown();
    list.edit(0);
    list.update(SEGMENTS.map((segment) => ({ ...segment, text: "new" })));
    expect([list.area.value, list.rows[1].text.textContent]).toEqual(["Die Flut kommt.", "new"]);
  });
});

describe("the player", () => {
  const FACTS = { name: "talk.wav", mimeType: "audio/wav", seconds: 10, peaks: new Int8Array(), segments: SEGMENTS };
  const shown = (facts = {}, said = {}) => {
    return new View(document.body, { ...FACTS, ...facts }, { edited: vi.fn(), failed: vi.fn(), ...said });
  };

  test("says what it is to those who do not see it", () => {
    const { root, slider, button } = shown();
    expect([root.getAttribute("role"), root.getAttribute("aria-label")]).toEqual(["group", "Player: talk.wav"]);
    expect([slider.getAttribute("role"), slider.getAttribute("aria-valuetext")]).toEqual(["slider", "00:00 of 00:10"]);
    expect(button.getAttribute("aria-label")).toBe("Play");
    for (const one of root.querySelectorAll("input, select, button, [role=slider]")) {
      expect(one.getAttribute("aria-label") || one.textContent).not.toBe("");
    }
  });

  test("keeps its keys from the notebook, and leaves it the ones with a modifier", () => {
    const view = shown();
    const heard = vi.fn();
    document.addEventListener("keydown", heard, true);
    const go = view.list.rows[0].go;
    press(go, "d");
    expect(press(go, "ArrowDown").defaultPrevented).toBe(true);
    expect(heard).not.toHaveBeenCalled();
    press(go, "s", { ctrlKey: true });
    press(document.body, "d");
    expect(heard).toHaveBeenCalledTimes(2);
    document.removeEventListener("keydown", heard, true);
    view.dispose();
  });

  test("is played with the keyboard alone", () => {
    const view = shown();
    view.load("blob:there");
    press(view.list.rows[0].go, "End");
    press(document.activeElement, "Enter");
    expect(view.sound.currentTime).toBe(6);
    expect(view.sound.play).toHaveBeenCalledTimes(1);
    press(document.activeElement, "ArrowLeft");
    expect(view.sound.currentTime).toBe(1);
    press(view.slider, "End");
    expect(view.sound.currentTime).toBe(10);
    press(view.list.rows[0].go, "/");
    expect(document.activeElement).toBe(view.search);
    view.dispose();
  });

  test("edits with F2, Enter and Escape", () => {
    const edited = vi.fn();
    const view = shown({}, { edited });
    for (const [text, key] of [["kept", "Enter"], ["given up", "Escape"]]) {
      press(view.list.rows[0].go, "F2");
      document.activeElement.value = text;
      press(document.activeElement, key);
    }
    expect(edited.mock.calls).toEqual([[0, "kept"]]);
    expect(document.activeElement).toBe(view.list.rows[0].go);
    view.dispose();
  });

  test("marks nothing before it was played or sought", () => {
    const view = shown();
    const marked = () => view.root.querySelector("[aria-current]")?.dataset.index;
    view.load("blob:there");
    view.sound.dispatchEvent(new Event("loadedmetadata"));
    expect([marked(), view.list.rows[0].go.tabIndex]).toEqual([undefined, 0]);
    view.update(SEGMENTS.slice(0, 2));
    expect(marked()).toBe(undefined);
    press(view.slider, "Home");
    expect(marked()).toBe("0");
    view.dispose();
  });

  test("searches when the typing has a pause, or at Enter", () => {
    vi.useFakeTimers();
    const view = shown();
    const type = (words) => {
      view.search.value = words;
      view.search.dispatchEvent(new Event("input"));
    };
    type("anna");
    vi.advanceTimersByTime(60);
    type("ben");
    vi.advanceTimersByTime(60);
    expect(view.said.textContent).toBe("");
    vi.advanceTimersByTime(60);
    expect(view.said.textContent).toBe("1 of 3");
    type("vu");
    press(view.search, "Enter");
    expect(view.sound.currentTime).toBe(6);
    type("ben");
    view.dispose();
    vi.runAllTimers();
    vi.useRealTimers();
    expect(view.said.textContent).toBe("1 of 3");
  });

  test("loops the segment that plays", () => {
    const view = shown();
    Object.defineProperty(view.sound, "paused", { value: false });
    view.seek(3);
    view.loop.click();
    view.sound.currentTime = 4.02;
    view.tick();
    expect([view.sound.currentTime, view.loop.getAttribute("aria-pressed")]).toEqual([2, "true"]);
    view.loop.click();
    view.sound.currentTime = 4.02;
    view.tick();
    expect(view.sound.currentTime).toBe(4.02);
    view.dispose();
  });

  test("copies what is shown, with its times", async () => {
    const writeText = vi.fn(() => Promise.resolve());
    vi.stubGlobal("navigator", { clipboard: { writeText } });
    const view = shown();
    view.search.value = "flut";
    view.find();
    await view.copy();
    expect(writeText.mock.calls).toEqual([["00:00 Anna: Die Flut kommt."]]);
    expect(view.said.textContent).toBe("Copied 1 line");
    view.dispose();
    vi.unstubAllGlobals();
  });

  test("says what it cannot play", () => {
    const failed = vi.fn();
    const view = shown({ mimeType: "audio/aac" }, { failed });
    view.sound.dispatchEvent(new Event("error"));
    expect(failed).toHaveBeenCalledTimes(1);
    view.fail();
    expect(view.said.textContent).toBe("This browser cannot play audio/aac.");
    view.dispose();
  });

  test("has no more than the sound where there is no transcript", () => {
    const view = shown({ segments: [] });
    expect(view.root.querySelectorAll("ol, input, .gemini-nb-tool").length).toBe(0);
    expect([...view.root.children].map(({ className }) => className.slice(10))).toEqual(["head", "note"]);
    expect(view.speed.parentNode.className).toBe("gemini-nb-head");
    view.load("blob:there");
    press(view.slider, " ");
    expect(view.sound.play).toHaveBeenCalledTimes(1);
    view.dispose();
  });

  test("plays, where it was pressed before the sound came", () => {
    const view = shown();
    expect(view.button.getAttribute("aria-busy")).toBe("true");
    const pressed = () => [view.button.title, view.sound.play.mock.calls.length];
    view.button.click();
    view.button.click();
    expect(pressed()).toEqual(["Play", 0]);
    view.play(2);
    expect([...pressed(), view.sound.currentTime]).toEqual(["Pause", 0, 6]);
    view.load("blob:there");
    expect(view.sound.play).toHaveBeenCalledTimes(1);
    view.sound.dispatchEvent(new Event("loadedmetadata"));
    expect([view.root.dataset.phase, view.button.getAttribute("aria-busy")]).toEqual(["ready", "false"]);
    view.dispose();
  });

  test("takes a transcript that comes later, and another one", () => {
    const view = shown({ segments: [] });
    const [slider, speed] = [view.slider, view.speed];
    speed.value = "1.5";
    view.update(SEGMENTS);
    expect([...view.root.children].map(({ className }) => className.slice(10))).toEqual(["head", "tools", "segments", "note"]);
    view.search.value = "flut";
    view.find();
    view.list.edit(0);
    view.seek(2);
    view.update(SEGMENTS.slice(0, 2));
    expect(view.root.querySelectorAll("ol, input, select").length).toBe(3);
    expect([view.search.value, view.said.textContent, view.list.shown().length]).toEqual(["flut", "1 of 2", 1]);
    expect([view.slider, view.speed.value, view.list.playing]).toEqual([slider, "1.5", 1]);
    expect([view.speed, speed.parentNode]).toEqual([speed, view.bar]);
    expect(view.list.edited).not.toHaveBeenCalled();
    const row = view.list.rows[0].item;
    view.update([{ ...SEGMENTS[0], text: "new" }, SEGMENTS[1]]);
    expect([view.list.rows[0].item, view.list.rows[0].text.textContent]).toEqual([row, "new"]);
    view.update([]);
    expect(view.root.querySelectorAll("ol, input, .gemini-nb-tool").length).toBe(0);
    view.dispose();
  });

  test("is silent when it goes", () => {
    const view = shown();
    view.dispose();
    expect(view.sound.pause).toHaveBeenCalled();
    expect(document.body.childElementCount).toBe(0);
  });
});

describe("the model", () => {
  /** As anywidget gives it, with what a kernel says in `say`. */
  const modelled = (state = {}) => {
    const sounds = { sound0: EMPTY, sound1: EMPTY, pieces: 0 };
    const all = { place: "mine", name: "a.wav", mime_type: "audio/aac", seconds: 3, segments: SEGMENTS, ...sounds, ...state };
    const heard = {};
    const set = (name, value) => say(`change:${name}`, value);
    const model = { send: vi.fn(), get: (name) => all[name], set, on: (name, hear) => (heard[name] = hear) };
    const say = (name, value) => {
      if (name.startsWith("change:")) all[name.slice(7)] = value;
      heard[name]?.(value);
    };
    return { model, say };
  };
  const EMPTY = new DataView(new ArrayBuffer(0));
  const bytes = new DataView(new ArrayBuffer(4));
  const whole = { sound0: bytes, sound1: bytes, pieces: 2 };

  beforeEach(() => {
    URL.createObjectURL = vi.fn(() => `blob:${Math.random()}`);
    URL.revokeObjectURL = vi.fn();
  });

  const closing = [];
  afterEach(() => closing.splice(0).forEach((close) => close()));

  const opened = (state) => {
    const { model, say } = modelled(state);
    const widget = player();
    const close = widget.initialize({ model });
    closing.push(close);
    const gone = widget.render({ el: document.body });
    return { model, say, close, gone, find: (name) => document.querySelector(`.gemini-nb-${name}`) };
  };

  test("makes one address of the sound, and takes it back", () => {
    const { say, close, gone } = opened();
    say("change:sound0", bytes);
    say("change:sound1", bytes);
    expect(URL.createObjectURL).not.toHaveBeenCalled();
    say("change:pieces", 2);
    expect(URL.createObjectURL.mock.calls).toEqual([[expect.objectContaining({ size: 8, type: "audio/aac" })]]);
    gone();
    close();
    closing.pop();
    expect(URL.revokeObjectURL.mock.calls).toEqual([[URL.createObjectURL.mock.results[0].value]]);
  });

  test("asks once for what every browser plays, and gives up after it", () => {
    const sounds = [];
    vi.stubGlobal("Audio", function () {
      sounds.push(document.createElement("audio"));
      return sounds.at(-1);
    });
    const { model, say, find } = opened(whole);
    const fail = () => sounds[0].dispatchEvent(new Event("error"));
    fail();
    fail();
    expect(model.send.mock.calls).toEqual([[{ t: "unplayable" }]]);
    expect(find("note").textContent).toBe("");
    say("change:mime_type", "audio/flac");
    say("change:pieces", 0);
    say("change:sound0", new DataView(new ArrayBuffer(9)));
    say("change:pieces", 1);
    expect(URL.createObjectURL.mock.lastCall).toEqual([expect.objectContaining({ size: 9, type: "audio/flac" })]);
    fail();
    expect(find("note").textContent).toContain("cannot play");
    vi.unstubAllGlobals();
  });

  test("says what was edited, and shows what the kernel says", () => {
    const { model, say, find } = opened();
    press(find("go"), "F2");
    document.activeElement.value = "new";
    press(document.activeElement, "Enter");
    expect(model.send.mock.calls).toEqual([[{ t: "edit", index: 0, text: "new" }]]);
    say("change:segments", SEGMENTS);
    expect(find("said").textContent).toBe("Die Flut kommt.");
    say("change:failed", "It is damaged.");
    expect([find("note").textContent, find("play").getAttribute("aria-busy")]).toEqual(["It is damaged.", "false"]);
  });

  describe("without its kernel", () => {
    const TWIN = "<div class='mine'><p><b>a</b></p><table>\n<tr><th>Time<th>Text\n"
      + "<tr><td>00:00<td><div align=left>Anna</div><td><div align=left dir=auto>Die Flut kommt.</div>\n"
      + "<tr><td>00:02<td><div align=left>Ben</div><td><div align=left dir=auto>&lt;img> <small>⚠ too fast; late</small></div>\n"
      + "<tr><td>00:06<td><div align=left>Anna</div><td><div align=left dir=auto><i>0:02 without words</i></div>\n</table></div>";
    const PLAIN = "a.wav, 00:03\n00:00  Anna: Die Flut kommt.\n00:02  Ben: <img>\n… 1 more";
    const edit = (html, edits) => {
      const data = { "text/html": html, "text/plain": PLAIN };
      const output = { data, toJSON: () => ({ data }) };
      const outputs = { length: 1, get: () => output, set: vi.fn((at, one) => Object.assign(data, one.data)) };
      const { model } = modelled();
      model.send.mockImplementation(() => { throw new Error("Cannot send"); });
      model.widget_manager = { context: { model: { cells: { length: 1, get: () => ({ outputs }) } } } };
      const widget = player();
      closing.push(widget.initialize({ model }));
      widget.render({ el: document.body });
      for (const [index, text] of edits) {
        document.querySelectorAll(".gemini-nb-go")[index].focus();
        press(document.activeElement, "F2");
        document.activeElement.value = text;
        press(document.activeElement, "Enter");
      }
      return { data, model };
    };

    test("an edit is in the notebook that is saved", () => {
      const { data, model } = edit(TWIN, [[0, "<b>Die Ebbe"], [1, "Ja $&"], [2, "Ding"]]);
      const found = document.createElement("template");
      found.innerHTML = data["text/html"];
      const rows = [...found.content.querySelectorAll("tr")].map((row) => [...row.cells].map((cell) => cell.textContent.trim()));
      expect(rows.slice(1)).toEqual([
        ["00:00", "Anna", "<b>Die Ebbe"], ["00:02", "Ben", "Ja $& ⚠ too fast; late"], ["00:06", "Anna", "Ding"],
      ]);
      expect(data["text/plain"]).toBe("a.wav, 00:03\n00:00  Anna: <b>Die Ebbe\n00:02  Ben: Ja $&\n… 1 more");
      expect(document.querySelector(".gemini-nb-said").textContent).toBe("<b>Die Ebbe");
      expect(document.querySelector(".gemini-nb-note").textContent).toContain("Python does not know");
      expect(model.get("segments").map(({ text }) => text)).toEqual(["<b>Die Ebbe", "Ja $&", "Ding"]);
    });

    test("an edit that finds no place is told of", () => {
      const { data } = edit("<div class='mine'>", [[0, "Die Ebbe"]]);
      expect(data["text/html"]).toBe("<div class='mine'>");
      expect(document.querySelector(".gemini-nb-note").textContent).toContain("not kept");
    });
  });

  test("shows what is known when the page is loaded again", () => {
    const { find } = opened({ ...whole, failed: "It is damaged." });
    expect(URL.createObjectURL).toHaveBeenCalledTimes(1);
    expect(find("note").textContent).toBe("It is damaged.");
  });

  test("draws a waveform that comes later", () => {
    const { say, find } = opened();
    const drawn = vi.fn();
    HTMLCanvasElement.prototype.getContext = () => ({ scale() {}, fillRect: drawn });
    for (const [name, value] of [["clientWidth", 6], ["clientHeight", 40]]) Object.defineProperty(find("wave"), name, { value });
    say("change:peaks", new DataView(Int8Array.from([-127, 9, 0, 0]).buffer));
    expect(drawn.mock.calls.slice(0, 2)).toEqual([[0, 0, 2, 40], [3, 19.5, 2, 1]]);
  });
});

describe("the place", () => {
  const twin = (home = document.body) => {
    const output = home.appendChild(document.createElement("div"));
    output.className = "jp-OutputArea-output";
    output.innerHTML = "<div class='gemini-nb-twin mine'>table</div>";
    return output;
  };
  const notebook = (...htmls) => {
    const list = htmls.map((html) => ({ data: { "text/html": html }, toJSON: () => ({ output_type: "execute_result", data: { "text/html": html } }) }));
    const outputs = { length: list.length, get: (i) => list[i], set: (i, value) => (list[i] = value) };
    return { list, context: { model: { cells: { length: 1, get: () => ({ outputs }) } } } };
  };
  const places = (manager) => {
    const disposed = vi.fn();
    const show = vi.fn((host) => {
      host.textContent = "player";
      return disposed;
    });
    return { disposed, show, made: new Places("mine", manager, show) };
  };

  test("is over the twin, whichever comes first", async () => {
    const early = twin();
    const { made } = places();
    expect([early.className, early.nextSibling.textContent]).toEqual(["jp-OutputArea-output gemini-nb-under", "player"]);
    made.dispose();
    expect([early.className, early.nextSibling]).toEqual(["jp-OutputArea-output", null]);
    early.remove();
    const { made: other, show } = places();
    const late = twin();
    await settled();
    expect(late.nextSibling.textContent).toBe("player");
    late.innerHTML = late.innerHTML; // as an edit does
    await settled();
    expect(show).toHaveBeenCalledTimes(1);
    other.dispose();
  });

  test("moves with its cell, and plays on", async () => {
    const one = twin();
    const { made, show, disposed } = places(notebook("<div class='mine'>"));
    const host = one.nextSibling;
    one.remove();
    host.remove();
    await settled();
    const other = twin();
    await settled();
    expect(other.nextSibling).toBe(host);
    expect([show.mock.calls.length, disposed.mock.calls.length]).toEqual([1, 0]);
    made.dispose();
  });

  test("is one model's, and then the other's, where there are two", async () => {
    const place = twin();
    const [one, other] = [places(), places()];
    await settled();
    expect([one.show, other.show].map((show) => show.mock.calls.length)).toEqual([1, 0]);
    one.made.dispose();
    await settled();
    expect(other.show).toHaveBeenCalledTimes(1);
    expect(place.className).toContain("gemini-nb-under");
    other.made.dispose();
  });

  test("follows an output that was drawn anew", async () => {
    const { made, show } = places();
    const home = document.body.appendChild(document.createElement("div"));
    const old = twin(home);
    await settled();
    old.remove();
    const fresh = twin(home);
    await settled();
    expect(fresh.nextSibling.textContent).toBe("player");
    expect([home.childElementCount, show.mock.calls.length]).toEqual([2, 1]);
    made.dispose();
  });

  test("is given up where the notebook has the output no more", async () => {
    const one = twin();
    const { made, disposed } = places(notebook("<p>other</p>"));
    one.nextSibling.remove();
    one.remove();
    await settled();
    expect(disposed).toHaveBeenCalledTimes(1);
    made.dispose();
  });

  test("saves another twin, and leaves other outputs alone", () => {
    const book = notebook("<p>other</p>", "<div class='mine'>old");
    replace(book, "mine", { "text/html": "<div class='mine'>new" });
    expect(book.list[0].data["text/html"]).toBe("<p>other</p>");
    const saved = book.list[1];
    replace(book, "mine", { "text/html": "<div class='mine'>new" });
    expect(book.list[1]).toBe(saved); // a notebook that is not changed has nothing to save
    expect(book.list[1]).toEqual({ output_type: "execute_result", data: { "text/html": "<div class='mine'>new" } });
  });
});

describe("the colours", () => {
  const css = readFileSync("player/player.css", "utf8");
  const light = (hex) => {
    const parts = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255);
    const [r, g, b] = parts.map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (one, other) => {
    const [low, high] = [light(one), light(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };

  test("can be read on each background of either theme", () => {
    const found = [...css.matchAll(/^(\[data-jp-theme-light="false"\] )?\.gemini-nb-(?:speaker|flag)[^{]*\{[^}]*color: (#\w{6})/gm)];
    expect(found.length).toBe(18);
    for (const [, dark, colour] of found) {
      for (const ground of dark ? ["#111111", "#212121", "#424242"] : ["#ffffff", "#eeeeee"]) {
        expect(contrast(colour, ground), `${colour} on ${ground}`).toBeGreaterThanOrEqual(4.5);
      }
    }
  });
});
