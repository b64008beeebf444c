// A player as a widget (anywidget's `initialize` and `render`). It stands over its twin, or inside
// of another widget; both have the same sound.

import { reworded } from "./list.js";
import css from "./player.css";
import { Places, replace, rewritten } from "./place.js";
import { View } from "./view.js";

function styled() {
  if (document.getElementById("gemini-nb-player-style")) return;
  const style = document.createElement("style");
  style.id = "gemini-nb-player-style";
  style.textContent = css;
  document.head.appendChild(style);
}

function signed(view) {
  return view?.buffer ? new Int8Array(view.buffer, view.byteOffset, view.byteLength) : new Int8Array();
}

/** What a view shows, as the kernel has it now. */
function factsOf(model) {
  return {
    name: model.get("name"),
    mimeType: model.get("mime_type"),
    seconds: model.get("seconds"),
    peaks: signed(model.get("peaks")),
    segments: model.get("segments"),
  };
}

/** What all views of a model share. */
class Player {
  constructor(model) {
    this.model = model;
    this.views = new Set();
    this.url = "";
    this.blobs = []; // of the sound, put away as they come
    for (let at = 0; model.get(`sound${at}`); at++) model.on(`change:sound${at}`, () => this.keep(at));
    model.on("change:pieces", () => this.load());
    model.on("change:peaks", () => this.views.forEach((view) => view.draw(signed(model.get("peaks")))));
    model.on("change:segments", () => this.views.forEach((view) => view.update(model.get("segments"))));
    model.on("change:twin", () => this.save());
    model.on("change:failed", () => this.views.forEach((view) => view.fail(model.get("failed"))));
    this.load();
  }

  keep(at) {
    this.blobs[at] = new Blob([this.model.get(`sound${at}`)]);
  }

  load() {
    const count = this.model.get("pieces");
    if (!count) return;
    for (let at = 0; at < count; at++) if (!this.blobs[at]) this.keep(at);
    const sound = new Blob(this.blobs.slice(0, count), { type: this.model.get("mime_type") });
    this.blobs = [];
    if (this.url) URL.revokeObjectURL(this.url);
    this.url = URL.createObjectURL(sound);
    for (const view of this.views) view.load(this.url);
  }

  /** Have the notebook save the twin as the kernel has it now. */
  save() {
    const twin = this.model.get("twin");
    if (twin && Object.keys(twin).length) replace(this.model.widget_manager, this.model.get("place"), twin);
  }

  /** Have the kernel take an edit; without it, the page writes what the notebook saves. */
  edit(index, text) {
    const { model } = this;
    try {
      model.send({ t: "edit", index, text });
      return;
    } catch {
      // It was restarted, or it has ended.
    }
    const segments = model.get("segments").map((segment, at) => (at === index ? reworded(segment, text) : segment));
    const twin = rewritten(model.widget_manager, model.get("place"), index, text, segments.length);
    model.set("segments", segments);
    if (twin) replace(model.widget_manager, model.get("place"), twin);
    const said = twin ? "The notebook has this; Python does not know of it." : "This is not kept.";
    this.views.forEach((view) => view.say(`The kernel is gone. ${said}`));
  }

  /** Have the kernel send what every browser plays, once. */
  convert() {
    if (this.model.get("mime_type") === "audio/flac") {
      this.views.forEach((view) => view.fail());
    } else if (!this.isAsked) {
      this.isAsked = true;
      this.model.send({ t: "unplayable" });
    }
  }

  show(el) {
    const { model } = this;
    const view = new View(el, factsOf(model), {
      edited: (index, text) => this.edit(index, text),
      failed: () => this.convert(),
    });
    this.views.add(view);
    if (this.url) view.load(this.url);
    if (model.get("failed")) view.fail(model.get("failed"));
    return () => {
      this.views.delete(view);
      view.dispose();
    };
  }

  dispose() {
    if (this.url) URL.revokeObjectURL(this.url);
  }
}

export default () => {
  let player = null;
  return {
    initialize({ model }) {
      styled();
      player = new Player(model);
      const places = new Places(model.get("place"), model.widget_manager, (host) => player.show(host));
      player.save(); // in a page that did not see the changes
      return () => {
        places.dispose();
        player.dispose();
      };
    },
    render({ el }) {
      return player.show(el);
    },
  };
};
