import { afterEach, describe, expect, it } from "vitest";
import { badge, leave, word } from "../badge.js";

const BEFORE = {
  parts: ["system 12", "text 840"],
  share: 0.0062,
  of: "0.6 % of 1 M",
  rest: ["$0.0012", "$0.49 left"],
  all: "852 tokens\nsystem 12\ntext 840",
};
const settled = () => new Promise((done) => setTimeout(done));
afterEach(() => document.body.replaceChildren());

describe("the line", () => {
  it("reads as one sentence", () => {
    const line = badge(BEFORE);
    expect(line.textContent.trim()).toBe("system 12 · text 840 — 0.6 % of 1 M · $0.0012 · $0.49 left");
    expect([line.title, line.getAttribute("role")]).toEqual([BEFORE.all, "note"]);
  });

  it("reads as well where the window is not known", () => {
    expect(badge({ parts: ["text 3"], rest: ["no price known"] }).textContent.trim()).toBe("text 3 — no price known");
  });

  it("has a bar that shows the share to those who see, and warns of a high one", () => {
    const bar = (share) => badge({ ...BEFORE, share }).querySelector(".gemini-nb-share");
    expect(bar(0.0062).firstChild.style.width).toBe("0.62%");
    expect(bar(0.0062).getAttribute("aria-hidden")).toBe("true");
    expect([0.8, 0.81, 3].map((share) => bar(share).classList.contains("gemini-nb-high"))).toEqual([false, true, true]);
    expect(bar(3).firstChild.style.width).toBe("100%");
    expect(badge({ parts: ["a 1"], rest: ["free"] }).querySelector(".gemini-nb-share")).toBe(null);
  });

  it("takes names as text", () => {
    const line = badge({ parts: ["<img src=x onerror=alert(1)> 5"], rest: ["<b>"], all: "<i>" });
    expect(line.querySelectorAll("img, b, i").length).toBe(0);
    expect(line.textContent).toContain("<img src=x onerror=alert(1)> 5");
  });

  it("is worded anew by what was used", () => {
    const line = badge(BEFORE);
    word(line, { rest: ["in 6,484", "out 312"] });
    expect([line.textContent.trim(), line.title]).toEqual(["in 6,484 · out 312", ""]);
  });
});

/** An output area whose children hold what they are named after. */
function page(...names) {
  const area = document.body.appendChild(document.createElement("div"));
  area.className = "jp-OutputArea";
  area.append(...names.map(child));
  return area;
}

function child(name) {
  const made = document.createElement("div");
  made.className = "jp-OutputArea-child";
  made.appendChild(document.createElement("p")).className = name;
  return made;
}

const lines = (area) => [...area.children].map((one) => one.querySelectorAll(".gemini-nb-badge").length);

describe("what is left", () => {
  it("stands below the output that took the widget's place", async () => {
    const area = page("before", "widget", "after");
    leave(area.querySelector(".widget"), badge(BEFORE));
    area.querySelector(".after").append("more");
    await settled();
    expect(lines(area)).toEqual([0, 0, 0]);
    area.children[1].replaceWith(child("final"));
    await settled();
    expect(lines(area)).toEqual([0, 1, 0]);
    expect(area.children[1].lastChild.textContent).toContain("system 12");
    area.children[1].querySelector(".final").append("more");
    await settled();
    expect(lines(area)).toEqual([0, 1, 0]);
  });

  it("stands there once, also where the place itself stays", async () => {
    const area = page("widget");
    leave(area.querySelector(".widget"), badge({ rest: ["first"] }));
    leave(area.querySelector(".widget"), badge({ rest: ["second"] }));
    area.querySelector(".widget").remove();
    await settled();
    expect(lines(area)).toEqual([1]);
    expect(area.textContent.trim()).toBe("second");
  });

  it("is nothing where the output was cleared, and goes with what it stands below", async () => {
    const area = page("widget");
    leave(area.querySelector(".widget"), badge(BEFORE));
    area.replaceChildren();
    await settled();
    area.append(child("next"));
    await settled();
    expect(lines(area)).toEqual([0]);
  });

  it("needs a notebook around it", () => {
    expect(leave(document.createElement("div"), badge(BEFORE))).toBe(undefined);
  });
});
