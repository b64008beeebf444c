import { expect, test } from "vitest";
import { catching, give, settle } from "../place.js";

const VIEW = "application/vnd.jupyter.widget-view+json";
const FINAL = { id: "b", data: { "text/plain": "hi" }, metadata: { gemini_nb: { response_id: "r", seconds: 1 } } };
const PLACED = { output_type: "display_data", data: FINAL.data, metadata: FINAL.metadata };

function outputs(ids) {
  const list = ids.map((id) => ({ data: { [VIEW]: { model_id: id } } }));
  return {
    list,
    get length() {
      return list.length;
    },
    get: (i) => list[i],
    set: (i, value) => (list[i] = value),
    toJSON: () => [...list],
    fromJSON: (all) => list.splice(0, list.length, ...all),
  };
}

function notebook(...cells) {
  const models = cells.map((ids) => ({ outputs: ids && outputs(ids) }));
  return { models, context: { model: { cells: { length: models.length, get: (i) => models[i] } } } };
}

/** An Output that notes what is saved. */
function output(ids) {
  const made = { outputs: outputs(ids), said: [], get: (name) => name === "_model_name" && "OutputModel" };
  made.set = (...given) => made.said.push(given);
  made.save_changes = () => made.said.push("saved");
  return made;
}

/** The kernel's messages as the page hears them. */
function kernel() {
  const heard = new Set();
  const iopubMessage = { connect: (slot) => heard.add(slot), disconnect: (slot) => heard.delete(slot) };
  const say = (msg_type, display_id) =>
    [...heard].forEach((slot) => slot(null, { header: { msg_type }, content: { ...FINAL, id: undefined, transient: { display_id } } }));
  return { heard, iopubMessage, say };
}

const done = () => new Promise((resolve) => setTimeout(resolve));

test("the output takes the place of its widget, and of no other", async () => {
  const book = notebook(null, ["a"], ["a", "b", "c"]);
  expect(await settle(book, FINAL)).toBe(true);
  expect(book.models[2].outputs.list[1]).toEqual(PLACED);
  expect(book.models[2].outputs.list[0].data[VIEW].model_id).toBe("a");
  expect(book.models[1].outputs.length).toBe(1);
});

test("an Output has its place, and says so to the kernel without drawing anew", async () => {
  const [one, other] = [output(["a"]), output(["c", "b"])];
  const never = new Promise(() => {});
  const _models = { one: Promise.resolve(one), broken: Promise.reject(new Error("no code")), never, other: Promise.resolve(other) };
  expect(await settle({ ...notebook(["x"]), _models }, FINAL)).toBe(true);
  expect(other.outputs.list[1]).toEqual(PLACED);
  expect(other.said).toEqual([["outputs", other.outputs.list, { newMessage: true }], "saved"]);
  expect(one.said).toEqual([]);
});

test("where it stands nowhere, nothing changes", async () => {
  expect(await settle(notebook(["a"]), FINAL)).toBe(false);
  expect(await settle(notebook(), FINAL)).toBe(false);
  expect(await settle({}, FINAL)).toBe(false);
  expect(await settle(undefined, FINAL)).toBe(false);
});

test("the update that an Output lets pass is caught, once", async () => {
  const [book, out] = [{ ...notebook(["x"]), kernel: kernel() }, output(["b"])];
  book._models = { out: Promise.resolve(out) };
  catching(book, "b");
  book.kernel.say("update_display_data", "another");
  book.kernel.say("display_data", "b");
  await done();
  expect(out.said).toEqual([]);
  book.kernel.say("update_display_data", "b");
  await done();
  expect(out.outputs.list[0]).toEqual(PLACED);
  expect(book.kernel.heard.size).toBe(0);
});

test("in a cell the notebook takes the update by itself", () => {
  const book = { ...notebook(["b"]), kernel: kernel() };
  catching(book, "b");
  catching(book, undefined);
  catching(undefined, "b");
  expect(book.kernel.heard.size).toBe(0);
});

const home = (id, at, more = {}) => ({ cell: "one", count: 7, id, at, ...more });
const kept = ({ outputs }) => outputs.list.map(({ data, text }) => text ?? data["text/plain"] ?? data[VIEW].model_id);

/** A notebook whose first cell holds `saved`, with the number of its run as the file has it. */
function holding(executionCount, ...saved) {
  const book = notebook([], ["a"], null);
  book.models.forEach((one, i) => (one.id = ["one", "two", "three"][i]));
  Object.assign(book.models[0], { executionCount }).outputs.fromJSON(saved);
  return book;
}

test("a cell that lost its answers is given them in their order, and what is of an earlier run goes", async () => {
  const book = holding(3, { data: { "text/plain": "of an earlier run" } });
  await give(book, home("c", 3), FINAL);
  await give(book, home("d", 4));
  await give(book, home("b", 2));
  expect(kept(book.models[0])).toEqual(["b", "hi", "d"]);
});

test("what was saved of the same run stays above it", async () => {
  const facts = { seconds: 1, response_id: "r" };
  const answer = { ...PLACED, metadata: { gemini_nb: facts } };
  for (const count of [null, 7]) {
    const book = holding(count, { text: "printed" }, answer, { data: { [VIEW]: { model_id: "slider" } } });
    await give(book, home("b", 1), FINAL); // it is there
    await give(book, home("slider", 0)); // so is this
    await give(book, home("c", 2), { ...FINAL, data: { "text/plain": "more" }, metadata: { gemini_nb: { ...facts, seconds: 2 } } });
    expect(kept(book.models[0])).toEqual(["printed", "hi", "slider", "more"]);
  }
});

test("nothing is given where it stands already, or to another cell", async () => {
  const book = holding(null);
  book._models = { out: Promise.resolve(output(["in an Output"])) };
  for (const away of [home("a", 1), home("in an Output", 1), home("x", 1, { cell: "three" }), home("x", 1, { cell: "four" }), {}]) {
    await give(book, away, FINAL);
  }
  expect(book.models.map((one) => one.outputs?.length)).toEqual([0, 1, undefined]);
  await give({}, home("c", 3), FINAL);
});
