// What @google/genai can do, done once; prints one line of JSON for the test to look at.
import { createPartFromUri, GoogleGenAI } from "@google/genai";
import { readFileSync } from "node:fs";

const [base, key, image] = process.argv.slice(2);
const model = "gemini-3.8-flash";
const ai = new GoogleGenAI({ apiKey: key, httpOptions: { baseUrl: base } });
const found = {};

async function all(pager) {
  const items = [];
  for await (const item of pager) items.push(item);
  return items;
}

async function failed(promise) {
  try {
    return { unexpected: await promise };
  } catch (error) {
    return { status: error.status, message: error.message };
  }
}

async function finished(job) {
  while (!["JOB_STATE_SUCCEEDED", "JOB_STATE_FAILED"].includes(job.state)) {
    await new Promise((wake) => setTimeout(wake, 50));
    job = await ai.batches.get({ name: job.name });
  }
  return job;
}

const brief = { temperature: 0, maxOutputTokens: 20 };
const france = "What is the capital of France?";
const answer = await ai.models.generateContent({ model, contents: france, config: brief });
found.text = { text: answer.text, version: answer.modelVersion };

found.stream = [];
const stream = await ai.models.generateContentStream({ model, contents: france, config: brief });
for await (const chunk of stream) found.stream.push(chunk.text ?? "");

const chat = ai.chats.create({ model, config: brief });
await chat.sendMessage({ message: "My name is Bartholomew." });
await chat.sendMessage({ message: "What is my name?" });
found.chat = chat.getHistory().map((content) => content.role);

const count = await ai.models.countTokens({ model, contents: "The quick brown fox." });
found.count = count.totalTokens;

const embedded = await ai.models.embedContent({
  model: "gemini-embedding-001",
  contents: ["one", "two"],
  config: { outputDimensionality: 64 },
});
found.embed = embedded.embeddings.map((embedding) => embedding.values.length);

const text = new Blob(["The secret word is ", "Bartholomäus."], { type: "text/plain" });
const file = await ai.files.upload({ file: text, config: { displayName: "Größe" } });
const large = new Blob([new Uint8Array(9 * 1024 * 1024)], { type: "text/plain" });
const second = await ai.files.upload({ file: large, config: { name: "from-js" } });
const part = createPartFromUri(file.uri, file.mimeType);
found.files = {
  file,
  got: (await ai.files.get({ name: file.name })).name,
  size: second.sizeBytes,
  listed: (await all(await ai.files.list({ config: { pageSize: 1 } }))).map((one) => one.name),
  tokens: (await ai.models.countTokens({ model, contents: [part] })).totalTokens,
  asked: (await ai.models.generateContent({ model, contents: [part], config: brief })).text,
};
await ai.files.delete({ name: second.name });
found.files.gone = await failed(ai.files.get({ name: second.name }));

if (image) {
  const data = readFileSync(image).toString("base64");
  const seen = await ai.models.generateContent({
    model,
    contents: [{ inlineData: { mimeType: "image/png", data } }, "What does the image say?"],
    config: brief,
  });
  found.image = { text: seen.text, version: seen.modelVersion };
}

const cache = await ai.caches.create({
  model,
  config: { contents: france, systemInstruction: "Be brief.", ttl: "600s", displayName: "js" },
});
const cachedContent = { ...brief, cachedContent: cache.name };
const used = await ai.models.generateContent({ model, contents: "Say it.", config: cachedContent });
const updated = await ai.caches.update({ name: cache.name, config: { ttl: "60s" } });
found.caches = {
  tokens: cache.usageMetadata.totalTokenCount,
  used: used.usageMetadata.cachedContentTokenCount,
  shorter: updated.expireTime < cache.expireTime,
  got: (await ai.caches.get({ name: cache.name })).displayName,
  listed: (await all(await ai.caches.list())).map((one) => one.name).includes(cache.name),
};
await ai.caches.delete({ name: cache.name });
found.caches.gone = await failed(ai.caches.get({ name: cache.name }));

const turn = { contents: [{ role: "user", parts: [{ text: france }] }], config: brief };
let job = await ai.batches.create({ model, src: [turn, turn], config: { displayName: "js" } });
job = await finished(job);
found.batches = {
  answers: job.dest.inlinedResponses.map((one) => one.response.candidates[0].finishReason),
  listed: (await all(await ai.batches.list())).map((one) => one.name).includes(job.name),
};
const other = await ai.batches.create({ model, src: Array(9).fill(turn) });
await ai.batches.cancel({ name: other.name });
found.batches.cancelled = (await ai.batches.get({ name: other.name })).state;
await ai.batches.delete({ name: other.name });
found.batches.gone = await failed(ai.batches.get({ name: other.name }));

console.log(JSON.stringify(found));
