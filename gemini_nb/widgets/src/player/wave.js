// The waveform, drawn when its size or the theme changes and never while it plays: what was played is
// a second picture on top, cut off where the sound is.

const BAR = 3; // CSS pixels from one bar to the next
const GAP = 1;

/** The heights of so many bars, between 0 and 1, of (min, max) pairs of signed bytes. */
export function bars(peaks, count) {
  const pairs = peaks.length >> 1;
  const made = new Float32Array(count);
  for (let bar = 0; bar < count && pairs; bar++) {
    const first = Math.floor((bar * pairs) / count);
    const last = Math.max(first + 1, Math.floor(((bar + 1) * pairs) / count));
    let high = 0;
    for (let at = 2 * first; at < 2 * last; at++) high = Math.max(high, Math.abs(peaks[at]));
    made[bar] = high / 127;
  }
  return made;
}

function draw(canvas, heights, width, height) {
  const scale = globalThis.devicePixelRatio || 1;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const context = canvas.getContext("2d");
  if (!context) return;
  context.scale(scale, scale);
  context.fillStyle = getComputedStyle(canvas).color;
  heights.forEach((high, bar) => {
    const tall = Math.max(1, high * height);
    context.fillRect(bar * BAR, (height - tall) / 2, BAR - GAP, tall);
  });
}

export class Wave {
  /** In `home`, a box that has a size. */
  constructor(home, peaks) {
    this.home = home;
    this.peaks = peaks;
    this.layers = ["base", "done"].map((name) => {
      const canvas = home.appendChild(document.createElement("canvas"));
      canvas.className = `gemini-nb-wave-${name}`;
      canvas.setAttribute("aria-hidden", "true");
      return canvas;
    });
    this.sizes = new ResizeObserver(() => this.draw());
    this.sizes.observe(home);
    this.themes = new MutationObserver(() => this.draw());
    this.themes.observe(document.body, { attributeFilter: ["data-jp-theme-light", "data-jp-theme-name"] });
  }

  draw() {
    const { clientWidth: width, clientHeight: height } = this.home;
    if (!width || !height) return; // out of sight
    const heights = bars(this.peaks, Math.floor(width / BAR));
    for (const canvas of this.layers) draw(canvas, heights, width, height);
  }

  /** Draw another sound. */
  take(peaks) {
    this.peaks = peaks;
    this.draw();
  }

  /** Show that so much of the whole, 0 to 1, was played. */
  show(share) {
    this.layers[1].style.clipPath = `inset(0 ${(100 - 100 * share).toFixed(2)}% 0 0)`;
  }

  dispose() {
    this.sizes.disconnect();
    this.themes.disconnect();
  }
}
