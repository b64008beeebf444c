// What each stream's widget carries: it takes the renderer from the one model that holds it, and
// notes what comes meanwhile.

const key = Symbol.for("gemini_nb.renderer");

async function renderer(model) {
  const get = (id) => model.widget_manager.get_model(id.replace("IPY_MODEL_", ""));
  const home = await get(model.get("renderer"));
  const code = home.get("code");
  const known = (globalThis[key] ??= new Map());
  if (!known.has(code)) {
    const url = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
    known.set(code, import(url).finally(() => URL.revokeObjectURL(url)));
  }
  return { code: await known.get(code), home };
}

export default {
  async render({ model, el }) {
    const early = [];
    const note = (content) => early.push(content);
    model.on("msg:custom", note);
    const { code, home } = await renderer(model);
    model.off("msg:custom", note);
    return code.render({ model, el, early, raw: home });
  },
};
