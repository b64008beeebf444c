// @vitest-environment jsdom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { late, render, unseen } from "../stream.js";

/** A model as the page has it; `said` is what the view sends to the kernel. */
function made(state = {}) {
  const heard = new Map();
  const held = { base: {}, badge: {}, stop: "ask", ...state };
  return {
    said: [],
    comm_live: true,
    get: (name) => held[name],
    send(content) {
      this.said.push(content.t);
    },
    on: (name, slot) => heard.set(name, slot),
    off: (name) => heard.delete(name),
    tell: (content) => heard.get("msg:custom")(content),
    put(base) {
      held.base = base;
      heard.get("change:base")();
    },
    dies() {
      this.comm_live = false;
      heard.get("comm_live_update")();
    },
  };
}

function shown(model, home = document.body) {
  const el = home.appendChild(document.createElement("div"));
  const end = render({ model, el, raw: model });
  const find = (name) => el.querySelector(`.gemini-nb-${name}`);
  return { el, end, find };
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("requestAnimationFrame", (call) => setTimeout(call, 16));
  vi.stubGlobal("cancelAnimationFrame", clearTimeout);
  vi.stubGlobal("ResizeObserver", class {
    observe() {}
    disconnect() {}
  });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  document.body.replaceChildren();
});

test("seconds that a snapshot brings are counted once", () => {
  const model = made();
  const { find } = shown(model);
  vi.advanceTimersByTime(10_000);
  model.put({ text: "so far", status: { seconds: 10 } });
  vi.advanceTimersByTime(2000);
  expect(find("count").textContent).toBe("12 s");
});

test("thoughts stand above the text once, also while nobody sees them", () => {
  const model = made();
  const { el, find } = shown(model, document.createElement("div"));
  model.tell({ t: "thought", o: 0, s: "hm" });
  for (const [at, piece] of [...["one\n\n", "two\n\n", "three\n\n"].entries()]) {
    model.tell({ t: "d", o: [0, 5, 10][at], s: piece });
    vi.advanceTimersByTime(100);
  }
  expect([...find("text").querySelectorAll("p")].map((one) => one.textContent).slice(-3)).toEqual(["one", "two", "three"]);
  expect(el.querySelectorAll("details").length).toBe(1);
  expect(find("text").textContent.match(/two/g).length).toBe(1);
});

test("an end whose output does not come is asked for, ever more rarely, in sight or not", async () => {
  const model = made();
  const { el, end } = shown(model);
  model.tell({ t: "end" });
  el.remove();
  model.said.length = 0;
  await vi.advanceTimersByTimeAsync(7500);
  expect(model.said).toEqual(["need", "need", "need"]);
  end();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(model.said.length).toBe(3);
});

test("a screen reader hears that it is there, each time", async () => {
  for (let time = 0; time < 2; time++) {
    const model = made();
    const { end } = shown(model);
    model.tell({ t: "d", o: 0, s: "all" });
    model.tell({ t: "end" });
    const said = document.querySelectorAll("[role=status].gemini-nb-unseen");
    expect([...said].map((one) => one.textContent)).toEqual([""]);
    await vi.advanceTimersByTimeAsync(100);
    expect(said[0].textContent).toBe("The answer is there.");
    end();
  }
});

test("an answer without a view takes its place at its end, and only where it stands", async () => {
  const FINAL = { id: "b", data: { "text/plain": "all" }, metadata: {} };
  for (const [id, asked] of [["b", ["need"]], ["c", ["over"]]]) {
    const model = made();
    const list = [{ data: { "application/vnd.jupyter.widget-view+json": { model_id: "b" } } }];
    const outputs = { length: 1, get: (i) => list[i], set: (i, value) => (list[i] = value) };
    model.widget_manager = { context: { model: { cells: { length: 1, get: () => ({ outputs }) } } } };
    unseen({ model, raw: model, ended: { t: "end", id } });
    await vi.advanceTimersByTimeAsync(5000);
    expect(model.said).toEqual(asked);
    if (id !== "b") continue;
    model.put({ final: FINAL });
    await vi.advanceTimersByTimeAsync(1);
    expect(list[0].data).toEqual(FINAL.data);
    expect(model.said).toEqual(["need", "over"]);
    model.widget_manager.context = undefined; // as a console has it, which knows no places
    unseen({ model, raw: model, ended: { t: "end", id } });
    await vi.advanceTimersByTimeAsync(5000);
    expect(model.said.length).toBe(2);
  }
});

test.each([
  ["its widget while it comes", undefined, [{ "application/vnd.jupyter.widget-view+json": { version_major: 2, version_minor: 0, model_id: "b" } }]],
  ["the whole of it", { data: { "text/plain": "all" }, metadata: {} }, [{ "text/plain": "all" }]],
  ["nothing where nothing came", { data: {}, metadata: {} }, []],
])("a page that came later gives the cell %s", async (_, final, expected) => {
  const model = made({ base: { final }, home: { cell: "one", id: "b", at: 1 } });
  let given = [];
  const outputs = { length: 0, toJSON: () => given, fromJSON: (all) => (given = all) };
  const signal = { connect: (slot) => (signal.say = slot), disconnect: () => delete signal.say };
  const context = { model: { cells: { length: 1, get: () => ({ id: "one", outputs }) } } };
  model.widget_manager = { context, restored: signal, restoredStatus: false };
  const done = late({ model, raw: model });
  expect(given).toEqual([]); // not before all widgets are known
  signal.say();
  await done;
  expect(given.map(({ data }) => data)).toEqual(expected);
  expect(signal.say).toBe(undefined);
});

test("an answer that was saved with another kernel's widgets is given to nobody", async () => {
  const model = made({ home: { cell: "one", id: "b", at: 1 } });
  const asked = vi.fn();
  Object.defineProperty(model, "widget_manager", { get: asked });
  model.comm_live = false;
  await late({ model, raw: model });
  expect(asked).not.toHaveBeenCalled();
});

test("where its kernel is gone it stops counting, has no Stop, and what came stays", async () => {
  const model = made({ base: { id: "b" } });
  const list = [{}, { data: { "application/vnd.jupyter.widget-view+json": { model_id: "b" } } }];
  const outputs = { length: 2, get: (i) => list[i], set: (i, value) => (list[i] = value) };
  model.widget_manager = { context: { model: { cells: { length: 1, get: () => ({ outputs }) } } } };
  const { el, find } = shown(model);
  model.tell({ t: "d", o: 0, s: "so\u001b far\n" });
  vi.advanceTimersByTime(2000);
  const before = find("count").textContent;
  model.dies();
  vi.advanceTimersByTime(5000);
  expect(find("count").textContent).toBe(before);
  expect(el.querySelector("button")).toBe(null);
  expect(find("phase").textContent).toContain("kernel is gone");
  await vi.advanceTimersByTimeAsync(1);
  expect(list[1].data).toEqual({ "text/plain": "so far\n\n— not whole: its kernel is gone —" });
});
