// Time as a transcript has it. Pure: numbers in, words and places out.

/** `75.4` as `01:15`, an hour and more as `1:00:05`. */
export function stamp(seconds) {
  const whole = Math.max(0, Math.floor(Number.isFinite(seconds) ? seconds : 0));
  const two = (number) => String(number).padStart(2, "0");
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return `${hours ? `${hours}:` : ""}${two(minutes)}:${two(rest)}`;
}

/** Finds the segment that plays, in steps that double: a model's segments need not be in order. */
export class Timeline {
  constructor(segments) {
    const order = segments.map((_, index) => index).filter((index) => Number.isFinite(segments[index].start));
    order.sort((a, b) => segments[a].start - segments[b].start || a - b);
    this.order = order;
    this.starts = order.map((index) => segments[index].start);
    this.ends = order.map((index, at) => {
      const { start, end } = segments[index];
      return end > start ? end : this.starts[at + 1] ?? Infinity;
    });
  }

  /** The index of the segment at a time, -1 where none is. */
  at(time) {
    let [low, high] = [0, this.starts.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.starts[middle] <= time) low = middle + 1;
      else high = middle;
    }
    return low && time < this.ends[low - 1] ? this.order[low - 1] : -1;
  }

  /** Where a segment begins and ends. */
  span(index) {
    const at = this.order.indexOf(index);
    return at < 0 ? null : [this.starts[at], this.ends[at]];
  }
}

/** The text as a search compares it: no case, no accents. */
export function plain(text) {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}
