// The documents that the tests of both languages show: what models write, and what somebody may make
// them write.

import { readFileSync } from "node:fs";

const FOLDER = `${import.meta.dirname}/../../../../tests/documents`;
const read = (name) => JSON.parse(readFileSync(`${FOLDER}/${name}.json`, "utf8"));

export const HARMLESS = {
  ...read("harmless"),
  openFence: "Look:\n\n```js\nlet a = 1;\n\nlet b",
  late: "First [x].\n\n[x]: https://e.org/long/address\n\n[x] again, and [x].\n\nAnd [x].\n",
};

// `RUN` is what would run, `ADDRESS` what would be fetched; in a browser somebody listens there.
export const HOSTILE = Object.fromEntries(
  Object.entries(read("hostile")).map(([name, { text }]) => [
    name,
    text.replaceAll("RUN", `run(/${name}/)`).replaceAll("ADDRESS", `127.0.0.1:9/${name}`),
  ]),
);
