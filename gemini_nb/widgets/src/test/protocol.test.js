import { describe, expect, it } from "vitest";
import { Inbox } from "../protocol.js";

const d = (o, s) => ({ t: "d", o, s });

describe("an inbox", () => {
  it("puts pieces together", () => {
    const inbox = new Inbox();
    expect(inbox.take(d(0, "Hel"))).toBe(true);
    expect(inbox.take(d(3, "lo"))).toBe(true);
    inbox.take({ t: "thought", o: 0, s: "hm" });
    expect([inbox.text, inbox.thoughts, inbox.behind]).toEqual(["Hello", "hm", false]);
  });

  it("drops what it knows, and takes the rest of what overlaps", () => {
    const inbox = new Inbox();
    inbox.take(d(0, "Hello"));
    expect(inbox.take(d(0, "Hel"))).toBe(false);
    expect(inbox.take(d(3, "lo wor"))).toBe(true);
    expect(inbox.text).toBe("Hello wor");
  });

  it("waits for the snapshot where the first pieces were lost", () => {
    const inbox = new Inbox();
    expect(inbox.take(d(5, " wor"))).toBe(false);
    expect(inbox.take(d(9, "ld"))).toBe(false);
    expect(inbox.behind).toBe(true);
    expect(inbox.snapshot({ text: "Hello" })).toBe(true);
    expect([inbox.text, inbox.behind]).toEqual(["Hello world", false]);
  });

  it("goes on waiting where the snapshot is too old, whatever the order", () => {
    const inbox = new Inbox();
    inbox.take(d(9, "ld"));
    inbox.take(d(5, " wor"));
    inbox.snapshot({ text: "Hel" });
    expect([inbox.text, inbox.behind]).toEqual(["Hel", true]);
    inbox.snapshot({ text: "Hello" });
    expect([inbox.text, inbox.behind]).toEqual(["Hello world", false]);
  });

  it("counts as JavaScript does", () => {
    const inbox = new Inbox();
    inbox.take(d(0, "🎉"));
    inbox.take(d(2, "!"));
    expect(inbox.text).toBe("🎉!");
  });

  it("notes status and end, from messages and snapshots alike", () => {
    const inbox = new Inbox();
    inbox.take({ t: "d", o: 0, s: "a", tokens: 5, phase: "thinking" });
    expect(inbox.status).toEqual({ tokens: 5, phase: "thinking" });
    inbox.snapshot({ status: { tokens: 9 }, ended: { why: "stopped" } });
    expect(inbox.status.tokens).toBe(9);
    expect(inbox.ended).toEqual({ why: "stopped" });
    expect(inbox.snapshot({})).toBe(false);
  });

  it.each([null, {}, { t: "x" }, d(-1, "a"), d("0", "a"), d(0, 5), d(0.5, "a")])(
    "takes no harm from %j",
    (message) => expect(new Inbox().take(message)).toBe(false),
  );
});
