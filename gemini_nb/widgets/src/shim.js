// What each stream's widget carries: it takes the renderer from the one model that holds it, and
// notes what comes meanwhile.

const key = Symbol.for("gemini_nb.renderer");

async function unpacked(code) {
  const stream = new Blob([code]).stream().pipeThrough(new DecompressionStream("gzip"));
  const url = URL.createObjectURL(new Blob([await new Response(stream).text()], { type: "text/javascript" }));
  try {
    return await import(url);
  } finally {
    URL.revokeObjectURL(url);
  }
}

async function renderer(model) {
  const raw = await model.widget_manager.get_model(model.get("renderer").replace("IPY_MODEL_", ""));
  // Two kernels on one page may have two versions.
  const known = (globalThis[key] ??= new WeakMap());
  if (!known.has(raw)) known.set(raw, unpacked(raw.get("code")));
  return { code: await known.get(raw), raw };
}

export default {
  // An answer without a view ends as well, and one that the notebook does not know gets its place.
  initialize({ model }) {
    const over = async (ended) => {
      if (ended?.t !== "end") return;
      model.off("msg:custom", over);
      const { code, raw } = await renderer(model);
      code.unseen({ model, raw, ended });
    };
    const late = async () => {
      const { code, raw } = await renderer(model);
      code.late({ model, raw });
    };
    model.on("msg:custom", over);
    over(model.get("base").ended);
    if (model.get("home").cell) late();
  },

  async render({ model, el }) {
    const early = [];
    const note = (content) => early.push(content);
    model.on("msg:custom", note);
    const { code, raw } = await renderer(model);
    model.off("msg:custom", note);
    return code.render({ model, el, early, raw });
  },
};
