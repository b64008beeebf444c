// The widget gives way to the final output. The notebook empties the place first and paints later, so
// the height is held, and the old picture stays on top, until the new one is there. If the page is
// measured while the place is empty, it loses the reader's, too.

import { bookmark, settling } from "./follow.js";

const LIMIT = 3000; // ms after which whatever came is shown
const TYPESET = 2000; // ms in which formulas of the final output may still grow

/** Call it before the final output comes; it watches for it and lets go by itself. */
export function hold(node) {
  const area = node.closest(".jp-OutputArea");
  const child = node.closest(".jp-OutputArea-child");
  if (!area || !child) return;
  const seen = child.getBoundingClientRect();
  const box = area.getBoundingClientRect();
  const place = [...area.children].indexOf(child);
  const mark = bookmark(node);
  const before = { minHeight: area.style.minHeight, position: area.style.position };
  let cover = null;
  let timer = 0;

  const watch = new MutationObserver(() => {
    if (cover || child.contains(node)) return;
    area.style.minHeight = `${box.height}px`;
    area.style.position = "relative";
    cover = document.createElement("div");
    cover.className = "gemini-nb-cover";
    cover.setAttribute("aria-hidden", "true");
    cover.setAttribute("inert", "");
    Object.assign(cover.style, {
      position: "absolute",
      top: `${seen.top - box.top}px`,
      left: `${node.dataset.left}px`,
      width: `${node.dataset.width}px`,
    });
    cover.appendChild(node);
    area.appendChild(cover);
    mark.back();
    wait();
  });

  const here = node.getBoundingClientRect();
  node.dataset.left = here.left - box.left;
  node.dataset.width = here.width;
  watch.observe(area, { childList: true, subtree: true });
  timer = setTimeout(release, LIMIT);

  function isPainted() {
    const next = area.children[place];
    return next !== cover && next?.querySelector(".jp-OutputArea-output")?.childNodes.length > 0;
  }

  function wait() {
    if (!cover) return;
    if (!isPainted()) requestAnimationFrame(wait);
    else requestAnimationFrame(release);
  }

  function release() {
    // What the reader unfolded stays so.
    if (cover?.querySelector("details[open]")) {
      const next = [...area.querySelectorAll(".jp-RenderedMarkdown details")].find((one) => !cover.contains(one));
      if (next) next.open = true;
    }
    clearTimeout(timer);
    watch.disconnect();
    mark.end();
    if (cover && isPainted()) setTimeout(settling(area.children[place]), TYPESET);
    cover?.remove();
    cover = null;
    Object.assign(area.style, before);
  }
}
