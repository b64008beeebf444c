// A player as a widget (anywidget's `initialize` and `render`). It stands over its twin, or inside
// of another widget; both have the same sound.

import css from "./player.css";
import { Places, replace } from "./place.js";
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

/** What all views of a model share. */
class Player {
  constructor(model) {
    this.model = model;
    this.views = new Set();
    this.url = "";
    model.on("change:sound", () => this.load());
    model.on("change:segments", () => this.views.forEach(({ list }) => list.update(model.get("segments"))));
    model.on("msg:custom", (content) => {
      if (content?.t === "twin") replace(model.widget_manager, model.get("place"), content.data);
      if (content?.t === "failed") this.views.forEach((view) => view.fail());
    });
    this.load();
  }

  load() {
    const sound = this.model.get("sound");
    if (!sound?.byteLength) return;
    if (this.url) URL.revokeObjectURL(this.url);
    this.url = URL.createObjectURL(new Blob([sound], { type: this.model.get("mime_type") }));
    for (const view of this.views) view.load(this.url);
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
    const facts = {
      name: model.get("name"),
      mimeType: model.get("mime_type"),
      seconds: model.get("seconds"),
      peaks: signed(model.get("peaks")),
      segments: model.get("segments"),
    };
    const view = new View(el, facts, {
      edited: (index, text) => model.send({ t: "edit", index, text }),
      failed: () => this.convert(),
    });
    this.views.add(view);
    if (this.url) view.load(this.url);
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
