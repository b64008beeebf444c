// A reader at the end of the text stays there as it grows; one who reads further up is left alone.

const ROOM = 34; // px below the text for the status that hangs there
const NEAR = 48; // px below the edge of the window that still count as "at the end"

function scroller(node) {
  for (let at = node.parentElement; at; at = at.parentElement) {
    const room = at.scrollHeight - at.clientHeight;
    if (room > 1 && /auto|scroll/.test(getComputedStyle(at).overflowY)) return at;
  }
  return null;
}

/** Do `change`, which makes `node` grow, and keep the reader where the reader is. */
export function following(node, change) {
  const before = scroller(node);
  const edge = before && before.getBoundingClientRect().bottom;
  const bottom = node.getBoundingClientRect().bottom;
  const at = before?.scrollTop;
  // Below the window means that the reader has scrolled away; far above it, too.
  const isAtEnd = before && bottom <= edge + NEAR && bottom > before.getBoundingClientRect().top;
  change();
  if (!isAtEnd) return;
  const over = node.getBoundingClientRect().bottom + ROOM - edge;
  if (over > 0 && before.scrollTop === at) before.scrollTop = at + over;
}
