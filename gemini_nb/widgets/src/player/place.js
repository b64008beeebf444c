// Where a player stands: over its twin, the output that the notebook saves. The twin is found by its
// class, whenever it appears: in a page that is loaded again, or a cell that was moved. When the
// model goes, the twin is seen again.

const UNDER = "gemini-nb-under";
const HOST = "gemini-nb-host";

/** The outputs of the notebook that show the twin, with what it takes to change them. */
function* outputs(manager, name) {
  const cells = manager?.context?.model?.cells;
  for (let i = 0; i < (cells?.length ?? 0); i++) {
    const list = cells.get(i).outputs;
    for (let at = 0; at < (list?.length ?? 0); at++) {
      if (String(list.get(at).data?.["text/html"] ?? "").includes(name)) yield { list, at };
    }
  }
}

/** Have the notebook save another twin. */
export function replace(manager, name, data) {
  for (const { list, at } of outputs(manager, name)) {
    if (list.get(at).data["text/html"] === data["text/html"]) continue;
    const old = list.get(at).toJSON();
    list.set(at, { ...old, data: { ...old.data, ...data } });
  }
}

/**
 * The saved twin with another text in the row of a segment, as display/audio.py writes it. None where
 * it is not in this notebook, or has other rows.
 */
export function rewritten(manager, name, index, text, count) {
  const { list, at } = outputs(manager, name).next().value ?? {};
  const { "text/html": saved, "text/plain": plain } = list?.get(at).data ?? {};
  const made = new DOMParser().parseFromString(String(saved ?? ""), "text/html"); // it runs nothing, and fetches nothing
  const rows = made.querySelectorAll("tr");
  const words = rows[index + 1]?.lastElementChild?.firstElementChild;
  if (!words || rows.length !== count + 1) return null;
  const sign = words.querySelector("small");
  words.replaceChildren(text, ...(sign ? [" ", sign] : []));
  const lines = String(plain ?? "").split("\n");
  const speaker = rows[index + 1].cells.length > 2 ? rows[index + 1].cells[1].textContent : "";
  const [time] = lines[index + 1]?.match(/^[\d:]+ {2}/) ?? [];
  if (time) lines[index + 1] = `${time}${speaker ? `${speaker}: ` : ""}${text}`;
  return { "text/html": made.body.innerHTML, "text/plain": lines.join("\n") };
}

export class Places {
  /** `show(host)` puts a view into an element, and returns what takes it back. */
  constructor(name, manager, show) {
    this.name = name;
    this.manager = manager;
    this.show = show;
    this.views = []; // {host, place, dispose}
    this.twins = document.getElementsByClassName(name);
    this.watch = new MutationObserver(() => this.look());
    this.watch.observe(document.body, { childList: true, subtree: true });
    this.look();
  }

  look() {
    for (const twin of this.twins) {
      const place = twin.closest(".jp-OutputArea-output") ?? twin;
      // It may be another one's: two notebooks with one kernel have two models of the same name.
      if (!place.nextElementSibling?.classList.contains(HOST)) this.stand(place);
    }
    if (this.views.some(({ host }) => !host.isConnected)) this.clear();
  }

  stand(place) {
    // One that lost its place, such as that of a cell that was moved, plays on in the new one.
    let view = this.views.find(({ host, place: old }) => !host.isConnected || !old.isConnected);
    if (!view) {
      const host = document.createElement("div");
      view = { host, dispose: this.show(host) };
      this.views.push(view);
    }
    view.place?.classList.remove(UNDER);
    view.place = place;
    view.host.className = place.matches(".jp-OutputArea-output") ? `${HOST} jp-OutputArea-output` : HOST;
    place.classList.add(UNDER);
    place.after(view.host);
  }

  /** Let views go whose output is gone. A cell out of sight is out of the page, and still there. */
  clear() {
    if (!outputs(this.manager, this.name).next().done) return;
    const left = this.views.filter(({ host }) => !host.isConnected);
    this.views = this.views.filter(({ host }) => host.isConnected);
    for (const { dispose } of left) dispose();
  }

  dispose() {
    this.watch.disconnect();
    for (const { host, place, dispose } of this.views) {
      dispose();
      host.remove();
      place.classList.remove(UNDER);
    }
  }
}
