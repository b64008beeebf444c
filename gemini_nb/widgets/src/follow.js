// A reader at the end of the text stays there as it grows; one who reads further up is left alone.

const ROOM = 34; // px below the text for the status that hangs there
const NEAR = 48; // px below the edge of the window that still count as "at the end"

const scrolls = (box) => /auto|scroll/.test(getComputedStyle(box).overflowY);
const hasRoom = (box) => box.scrollHeight - box.clientHeight > 1;

/** Where the reader is: in what scrolls, or will as soon as `node` does not fit any more. */
function seats(node) {
  const { bottom } = node.getBoundingClientRect();
  const found = [];
  for (let box = node.parentElement; box; box = box.parentElement) {
    if (!scrolls(box)) continue;
    const { top, bottom: edge } = box.getBoundingClientRect();
    // Below the window means that the reader has scrolled away; far above it, too.
    found.push({ box, edge, at: box.scrollTop, isAtEnd: bottom <= edge + NEAR && bottom > top });
    if (hasRoom(box)) break;
  }
  return found;
}

function keep(node, before) {
  const { box, edge, at, isAtEnd } = before.find((one) => hasRoom(one.box)) ?? {};
  if (!isAtEnd) return;
  const over = node.getBoundingClientRect().bottom + ROOM - edge;
  if (over > 0 && box.scrollTop === at) box.scrollTop = at + over;
}

/** Do `change`, which makes `node` grow, and keep the reader where the reader is. */
export function following(node, change) {
  const before = seats(node);
  change();
  keep(node, before);
}

/** The same where `node` grows by itself, as images and formulas do; call what it returns to end it. */
export function settling(node) {
  let before = seats(node);
  const watch = new ResizeObserver(() => {
    keep(node, before);
    before = seats(node);
  });
  // Whoever unfolds something is there to read it.
  const leave = () => (before = []);
  node.addEventListener("click", leave);
  watch.observe(node);
  return () => {
    watch.disconnect();
    node.removeEventListener("click", leave);
  };
}

/** Notes where the reader is, so that `back` may undo what no reader did. */
export function bookmark(node) {
  const box = seats(node).find((one) => hasRoom(one.box))?.box;
  let at = box?.scrollTop;
  const note = () => (at = box.scrollTop);
  box?.addEventListener("scroll", note);
  return {
    back() {
      if (box && box.scrollTop !== at) box.scrollTop = at;
    },
    end: () => box?.removeEventListener("scroll", note),
  };
}
