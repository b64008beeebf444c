// What the page sees while an answer comes. After each frame was painted it looks for the latest
// number (`q17q`) that stands in the output of the last cell.

() => {
  const watch = { seen: [], heights: [], blank: 0, back: 0 };
  window.watch = watch;
  const latest = () => watch.seen.at(-1)?.[0] ?? -1;
  const now = () => performance.timeOrigin + performance.now();

  // A size observer is told within the frame: asking for the height would lay the page out again.
  const sizes = new ResizeObserver(([{ contentRect }]) =>
    watch.heights.push([now(), contentRect.height]),
  );
  let area = null;

  // Nobody scrolls here: what goes back was moved away from the reader.
  const box = document.querySelector(".jp-WindowedPanel-outer");
  let top = box.scrollTop;
  box.addEventListener("scroll", () => {
    if (box.scrollTop < top - 1) watch.back++;
    top = box.scrollTop;
  });

  const last = (node) => {
    const walk = document.createTreeWalker(node, NodeFilter.SHOW_TEXT);
    while (walk.lastChild());
    for (let steps = 0; walk.currentNode !== node && steps < 200; steps++) {
      const found = [...(walk.currentNode.data ?? "").slice(-4000).matchAll(/q(\d+)q/g)].pop();
      if (found) return Number(found[1]);
      if (!walk.previousNode()) break;
    }
    return -1;
  };

  const look = () => {
    const shown = [...document.querySelectorAll(".jp-CodeCell")].pop()?.querySelector(".jp-OutputArea");
    if (!shown) return;
    if (shown !== area) {
      sizes.disconnect();
      sizes.observe(shown);
      area = shown;
    }
    const number = last(shown);
    if (number > latest()) watch.seen.push([number, now()]);
    if (number < 0 && latest() >= 0) watch.blank++;
  };

  const frame = () => {
    setTimeout(look); // after the paint
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}
