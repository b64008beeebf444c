import { expect, test } from "vitest";
import { settle } from "../place.js";

const VIEW = "application/vnd.jupyter.widget-view+json";

function notebook(...cells) {
  const outputs = cells.map((ids) => ids && ids.map((id) => ({ data: { [VIEW]: { model_id: id } } })));
  const models = outputs.map((list) => ({
    outputs: list && { length: list.length, get: (i) => list[i], set: (i, value) => (list[i] = value) },
  }));
  return { outputs, context: { model: { cells: { length: models.length, get: (i) => models[i] } } } };
}

const FINAL = { id: "b", data: { "text/plain": "hi" }, metadata: { m: 1 } };

test("the output takes the place of its widget, and of no other", () => {
  const book = notebook(null, ["a"], ["a", "b", "c"]);
  expect(settle(book, FINAL)).toBe(true);
  expect(book.outputs[2][1]).toEqual({ output_type: "display_data", data: FINAL.data, metadata: FINAL.metadata });
  expect(book.outputs[2][0].data[VIEW].model_id).toBe("a");
  expect(book.outputs[1].length).toBe(1);
});

test("where it stands nowhere, nothing changes", () => {
  expect(settle(notebook(["a"]), FINAL)).toBe(false);
  expect(settle(notebook(), FINAL)).toBe(false);
  expect(settle({}, FINAL)).toBe(false);
  expect(settle(undefined, FINAL)).toBe(false);
});
