// Answers that this page does not show: it was loaded after they began, or may not show widgets.

import { give, settle, stands } from "./place.js";

export const LEFT = 1000; // ms after the end in which the final output comes

/** The end of an answer that has no view on this page: its final output takes the place by itself. */
export function unseen({ model, raw, ended }) {
  const put = () => {
    const { final } = model.get("base");
    if (final) settle(raw.widget_manager, final);
    return Boolean(final);
  };
  setTimeout(() => {
    if (!stands(raw.widget_manager, ended.id)) {
      model.send({ t: "over" }); // the page has it, or it was taken away here
      return;
    }
    if (put()) return;
    model.on("change:base", put);
    model.send({ t: "need" });
  }, LEFT);
}

/** An answer whose notebook was not saved since it began: its cell gets it here. */
export function late({ model, raw }) {
  const { final } = model.get("base");
  const isNothing = final && !Object.keys(final.data).length;
  if (!isNothing) give(raw.widget_manager, model.get("home"), final);
}
