// Answers that this page does not show: it was loaded after they began, or may not show widgets.

import { give, settle, stands } from "./place.js";

export const LEFT = 1000; // ms after the end in which the final output comes

/** The end of an answer that has no view on this page: its final output takes the place by itself. */
export function unseen({ model, raw, ended }) {
  const manager = raw.widget_manager;
  // Only a notebook has places for good. What is there now may be taken away again by the reader.
  const over = () => manager?.context && model.send({ t: "over" });
  const put = () => {
    const { final } = model.get("base");
    if (!final) return false;
    model.off("change:base", put);
    settle(manager, final);
    over();
    return true;
  };
  setTimeout(() => {
    if (!stands(manager, ended.id)) over();
    else if (!put()) {
      model.on("change:base", put);
      model.send({ t: "need" });
    }
  }, LEFT);
}

/** All widgets of the kernel are known. */
function restored({ restored: signal, restoredStatus }) {
  if (!signal || restoredStatus) return null;
  return new Promise((resolve) => {
    const done = () => {
      signal.disconnect(done);
      resolve();
    };
    signal.connect(done);
  });
}

/** An answer whose notebook was not saved since it began: its cell gets it here. */
export async function late({ model, raw }) {
  if (!raw.comm_live) return; // it was saved with the widgets of another kernel
  await restored(raw.widget_manager);
  const { final } = model.get("base");
  const isNothing = final && !Object.keys(final.data).length;
  if (!isNothing) await give(raw.widget_manager, model.get("home"), final);
}
