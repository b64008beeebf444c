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

test("a cell that has nothing of its answers is given them, in their order", () => {
  const book = notebook(["a"], [], null);
  book.models.forEach((one, i) => (one.id = `cell ${i}`));
  book.models[1].outputs.list.push({ data: { "text/plain": "of an earlier run" } });
  const home = (id, at, cell = "cell 1") => ({ cell, id, at });
  give(book, home("c", 3), FINAL);
  give(book, home("d", 4));
  give(book, home("b", 2));
  give(book, home("a", 1)); // it stands in another cell
  give(book, home("x", 1, "cell 2"));
  give(book, home("x", 1, "no such cell"));
  give(book, {}, FINAL);
  const said = book.models[1].outputs.list.map(({ data }) => data["text/plain"] ?? data[VIEW].model_id);
  expect(said).toEqual(["b", "hi", "d"]);
  expect(book.models[0].outputs.length).toBe(1);
  give({}, home("c", 3), FINAL);
});

test("an answer that was saved is not given again, nor is what stands beside it lost", () => {
  const book = notebook([]);
  book.models[0].id = "one";
  const { outputs } = book.models[0];
  const saved = { ...PLACED, metadata: { gemini_nb: { seconds: 1, response_id: "r" } } };
  outputs.fromJSON([{ output_type: "stream", text: "printed" }, saved]);
  const home = { cell: "one", id: "b", at: 1 };
  give(book, home, FINAL);
  expect(outputs.length).toBe(2);
  give(book, home, { ...FINAL, metadata: { gemini_nb: { response_id: "r", seconds: 2 } } });
  expect(outputs.toJSON().map((one) => one.metadata.gemini_nb.seconds)).toEqual([2]);
});
