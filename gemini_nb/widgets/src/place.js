// Where a widget stands in the notebook's document. A page that was loaded again while an answer came
// does not know which output its final form belongs to; the widget that stands there does.

const VIEW = "application/vnd.jupyter.widget-view+json";

/** Put the final output in the widget's place; says whether that was possible. */
export function settle(manager, final) {
  const cells = manager?.context?.model?.cells;
  for (let i = 0; i < (cells?.length ?? 0); i++) {
    const outputs = cells.get(i).outputs;
    for (let j = 0; j < (outputs?.length ?? 0); j++) {
      if (outputs.get(j).data?.[VIEW]?.model_id !== final.id) continue;
      outputs.set(j, { output_type: "display_data", data: final.data, metadata: final.metadata });
      return true;
    }
  }
  return false;
}
