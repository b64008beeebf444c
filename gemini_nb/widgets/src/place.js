// Where a widget stands: among the outputs of a cell, or of an `ipywidgets.Output`. A page that was
// loaded again while an answer came does not know which output its final form belongs to, and an
// Output takes no updates at all; the widget that stands there knows its place.

const VIEW = "application/vnd.jupyter.widget-view+json";

function* ofCells(manager) {
  const cells = manager?.context?.model?.cells;
  for (let i = 0; i < (cells?.length ?? 0); i++) {
    const one = cells.get(i);
    yield { one, outputs: one.outputs };
  }
}

/** The Outputs of the notebook; `saved` has the kernel and other pages hear of a change. */
async function ofWidgets(manager) {
  // No public list has them: an Output may lie in any other widget.
  // One whose code is still on its way is passed over: it may never come.
  const known = Object.values(manager?._models ?? {}).map((model) => Promise.race([model, null]));
  const models = await Promise.allSettled(known);
  const outputs = models.map(({ value }) => value).filter((one) => one?.get?.("_model_name") === "OutputModel");
  return outputs.map((model) => ({
    outputs: model.outputs,
    saved() {
      // As the Output itself does where something is added; without the option it would draw all anew.
      model.set("outputs", model.outputs.toJSON(), { newMessage: true });
      model.save_changes();
    },
  }));
}

/** The place of a widget in some lists of outputs. */
function find(lists, id) {
  for (const list of lists) {
    for (let j = 0; j < (list.outputs?.length ?? 0); j++) {
      if (list.outputs.get(j).data?.[VIEW]?.model_id === id) return { ...list, at: j };
    }
  }
  return null;
}

const placeOf = async (manager, id) => find(ofCells(manager), id) ?? find(await ofWidgets(manager), id);

const shown = ({ data, metadata }) => ({ output_type: "display_data", data, metadata });

function put({ outputs, at, saved }, final) {
  outputs.set(at, shown(final));
  saved?.();
}

/** Whether a widget stands among the outputs of a cell. */
export function stands(manager, id) {
  return Boolean(find(ofCells(manager), id));
}

/** Whether an answer is among these outputs, for each is known by its facts. */
function has(outputs, { metadata }) {
  const facts = ({ response_id, seconds } = {}) => `${response_id} ${seconds}`;
  const saved = outputs.toJSON().map((one) => one.metadata?.gemini_nb);
  return saved.some((one) => one && facts(one) === facts(metadata.gemini_nb));
}

const given = new WeakMap(); // what a cell was given: when each began

/** Give an answer to its cell, which does not have it; only what is of an earlier run makes room. */
export async function give(manager, { cell, count, id, at }, final) {
  if (await placeOf(manager, id)) return;
  const view = { [VIEW]: { version_major: 2, version_minor: 0, model_id: id } };
  for (const { one, outputs } of ofCells(manager)) {
    if (one.id !== cell || !outputs || (final && has(outputs, final))) continue;
    const begun = given.get(one) ?? [];
    // The number comes with the end of a run: a file of before that has none.
    const isOfThisRun = begun.length > 0 || !one.executionCount || one.executionCount === count;
    const all = isOfThisRun ? outputs.toJSON() : [];
    const later = begun.filter((other) => other > at).length;
    all.splice(all.length - later, 0, shown(final ?? { data: view, metadata: {} }));
    given.set(one, [...begun, at]);
    outputs.fromJSON(all);
  }
}

/** Put the final output in the widget's place; says whether that was possible. */
export async function settle(manager, final) {
  const place = await placeOf(manager, final.id);
  if (place) put(place, final);
  return Boolean(place);
}

/** Have the final output settle as it goes by, named as its widget, where only an Output would take it. */
export function catching(manager, id) {
  const heard = manager?.kernel?.iopubMessage;
  if (!id || !heard || find(ofCells(manager), id)) return;
  const look = (_, { header, content }) => {
    if (header.msg_type !== "update_display_data" || content.transient?.display_id !== id) return;
    heard.disconnect(look);
    settle(manager, { ...content, id });
  };
  heard.connect(look);
}
