// The quiet line about tokens and price, as the kernel words it. Before the end it is part of the
// widget; what was used then stays on the page alone, below the output that took the widget's place.
// The notebook knows nothing of it: it goes with that output, and when the page is loaded again.

const HIGH = 0.8; // the share of the context window from which the bar warns

function span(className, text) {
  const made = document.createElement("span");
  made.className = className;
  made.textContent = text;
  return made;
}

/** A thin bar. What it shows stands beside it in words. */
function bar(share) {
  const made = span(share > HIGH ? "gemini-nb-share gemini-nb-high" : "gemini-nb-share", "");
  made.setAttribute("aria-hidden", "true");
  made.appendChild(span("", "")).style.width = `${100 * Math.min(1, Math.max(0, share))}%`;
  return made;
}

/** Each fact is one piece that no line breaks; the sign behind it stays with it. */
function facts(list, last) {
  return list.flatMap((one, i) => {
    const fact = span("gemini-nb-fact", String(one));
    const sign = i < list.length - 1 ? " ·" : last;
    if (sign) fact.append(span("gemini-nb-sign", sign));
    return [fact, " "];
  });
}

/** Put facts into the line: `parts`, the `share` `of` the window, and the `rest`, where it has them. */
export function word(line, { parts = [], share, of, rest = [], all = "" }) {
  const made = facts(parts, " —");
  if (Number.isFinite(share)) {
    const [window] = facts([of], rest.length ? " ·" : "");
    window.firstChild.after(bar(share));
    made.push(window, " ");
  }
  line.replaceChildren(...made, ...facts(rest, ""));
  line.title = String(all);
}

/** The line, to be laid out by `word`. */
export function badge(said) {
  const line = document.createElement("div");
  line.className = "gemini-nb-badge";
  line.setAttribute("role", "note");
  word(line, said);
  return line;
}

/** Put the line below the output in `child`, in place of one that is there. */
function put(child, line) {
  for (const old of child.querySelectorAll(":scope > .gemini-nb-badge")) old.remove();
  child.classList.add("gemini-nb-child");
  child.append(line);
}

/**
 * Call it before the final output comes: when the widget's `node` goes, a copy of the line stays
 * below what took its place. Where nothing took it, the output was cleared, and nothing stays.
 */
export function leave(node, line) {
  const area = node.closest(".jp-OutputArea");
  const child = node.closest(".jp-OutputArea-child");
  if (!area || !child) return;
  const at = [...area.children].indexOf(child);
  const copy = line.cloneNode(true);
  const watch = new MutationObserver(() => {
    if (area.contains(child) && child.contains(node)) return;
    watch.disconnect();
    const next = child.parentNode === area ? child : area.children[at];
    if (next) put(next, copy);
  });
  watch.observe(area, { childList: true, subtree: true });
}
