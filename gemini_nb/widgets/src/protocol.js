// What the kernel says of a stream, put together again. Pieces carry the offset (UTF-16 units) at
// which they belong; one that is ahead waits for the snapshot, one that is known already is dropped.

const TEXTS = { d: "text", thought: "thoughts" };

export class Inbox {
  constructor() {
    this.text = "";
    this.thoughts = "";
    this.status = {};
    this.ended = null;
    this.waiting = { text: [], thoughts: [] };
  }

  /** Take one message in; says whether anything changed. */
  take(message) {
    const name = TEXTS[message?.t];
    if (name) {
      const { t, o, s, ...facts } = message; // the status comes with the text
      Object.assign(this.status, facts);
      return this.piece(name, o, s);
    }
    if (message?.t === "end") {
      this.ended = message;
      return true;
    }
    return false; // a newer kernel may say more
  }

  /** Take a snapshot in: `{text, thoughts, status, ended}`, any of them absent. */
  snapshot(base) {
    if (!base) return false;
    let changed = false;
    for (const name of ["text", "thoughts"]) {
      if (base[name]) changed = this.piece(name, 0, base[name]) || changed;
    }
    if (base.status) {
      Object.assign(this.status, base.status);
      changed = true;
    }
    if (base.ended && !this.ended) {
      this.ended = base.ended;
      changed = true;
    }
    return changed;
  }

  /** Whether pieces wait for what came before them. */
  get behind() {
    return this.waiting.text.length > 0 || this.waiting.thoughts.length > 0;
  }

  piece(name, offset, piece) {
    if (typeof piece !== "string" || !Number.isInteger(offset) || offset < 0) return false;
    if (offset > this[name].length) {
      this.waiting[name].push([offset, piece]);
      return false;
    }
    const fresh = piece.slice(this[name].length - offset);
    if (!fresh) return false;
    this[name] += fresh;
    const waited = this.waiting[name];
    if (waited.length) {
      this.waiting[name] = [];
      waited.sort((a, b) => a[0] - b[0]);
      for (const [at, rest] of waited) this.piece(name, at, rest);
    }
    return true;
  }
}
