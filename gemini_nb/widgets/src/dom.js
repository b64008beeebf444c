// markdown-it's tokens → DOM nodes, without innerHTML: only elements and attributes of these lists are
// ever made, and a model's text becomes nothing but text nodes.

import { regrow } from "./colours.js";

const TAGS = new Set(
  ("p h1 h2 h3 h4 h5 h6 blockquote ul ol li hr br em strong del code pre a img input table thead tbody " +
    "tr th td").split(" "),
);
const RENAMED = { s: "del" }; // as the notebook's own parser has it
const SAFE_LINK = /^(?:https?|mailto|ftp):/i;
const SAFE_IMAGE = /^data:image\/(?:png|jpeg|gif|webp);/i;
const LANGUAGE = /^[\p{L}\p{N}_+.#-]{1,40}(?=\s|$)/u;

function element(tag) {
  const name = RENAMED[tag] ?? tag;
  if (!TAGS.has(name)) throw new Error(`No element <${name}> is made of an answer.`);
  return document.createElement(name);
}

/** A link that opens beside the notebook; one that is no address of the web leads nowhere. */
function link(href) {
  const made = element("a");
  if (href && SAFE_LINK.test(href)) {
    made.setAttribute("href", href);
    made.setAttribute("target", "_blank");
    made.setAttribute("rel", "noopener noreferrer");
  }
  return made;
}

/** An image that is part of the text itself; any other is a link, which fetches nothing. */
function image(token) {
  const src = token.attrGet("src") ?? "";
  if (SAFE_IMAGE.test(src)) {
    const made = element("img");
    made.setAttribute("src", src);
    made.setAttribute("alt", token.content);
    return made;
  }
  const made = link(src);
  made.setAttribute("title", src);
  made.textContent = `image: ${token.content || src}`;
  return made;
}

function checkbox(token) {
  const made = element("input");
  made.type = "checkbox";
  made.disabled = true;
  if (token.meta.checked) made.setAttribute("checked", "");
  return made;
}

function code(token) {
  const block = element("pre");
  const inner = block.appendChild(element("code"));
  const language = token.type === "fence" && LANGUAGE.exec(token.info.trim())?.[0];
  // As in the final output a diagram is its source: drawn, it would load the pictures in its labels.
  if (language) inner.className = `language-${language.toLowerCase() === "mermaid" ? "text" : language}`;
  inner.textContent = token.content;
  return block;
}

function leaf(token) {
  switch (token.type) {
    case "text":
    case "html_inline":
    case "html_block":
      return document.createTextNode(token.content);
    case "softbreak":
      return document.createTextNode("\n");
    case "code_inline": {
      const made = element("code");
      made.textContent = token.content;
      return made;
    }
    case "code_block":
    case "fence":
      return code(token);
    case "image":
      return image(token);
    case "checkbox":
      return checkbox(token);
    case "hr":
    case "hardbreak":
      return element(token.tag);
    default: // what is not known is shown as the text that it is
      return document.createTextNode(token.content);
  }
}

function opened(token) {
  if (token.type === "link_open") {
    const made = link(token.attrGet("href"));
    const title = token.attrGet("title");
    if (title) made.setAttribute("title", title);
    return made;
  }
  const made = element(token.tag);
  const start = token.attrGet("start");
  if (start && /^\d{1,9}$/.test(start)) made.setAttribute("start", start);
  const align = /^text-align:(left|right|center)$/.exec(token.attrGet("style") ?? "");
  if (align) made.setAttribute("align", align[1]);
  return made;
}

/** The nodes of `tokens`, in a fragment. */
export function build(tokens) {
  const root = document.createDocumentFragment();
  const stack = [root];
  fill(stack, tokens);
  return root;
}

function fill(stack, tokens) {
  for (const token of tokens) {
    const top = stack[stack.length - 1];
    if (token.type === "inline") fill([...stack], token.children ?? []);
    else if (token.nesting > 0) {
      // The paragraphs of a tight list are hidden: their text stands in the item itself.
      stack.push(token.hidden ? top : top.appendChild(opened(token)));
    } else if (token.nesting < 0) {
      if (stack.length > 1) stack.pop();
    } else append(top, leaf(token));
  }
}

function append(parent, node) {
  const last = parent.lastChild;
  if (node.nodeType === Node.TEXT_NODE && last?.nodeType === Node.TEXT_NODE) last.appendData(node.data);
  else parent.appendChild(node);
}

/** Make the children of `old` from its `keep`th on like those of `fresh`, touching what differs. */
export function morph(old, fresh, keep = 0) {
  let at = keep ? old.childNodes[keep] : old.firstChild;
  for (let next = fresh.firstChild; next; ) {
    const wanted = next;
    next = next.nextSibling;
    if (!at) old.appendChild(wanted);
    else {
      const here = at;
      at = at.nextSibling;
      if (!settle(here, wanted)) old.replaceChild(wanted, here);
    }
  }
  while (at) {
    const gone = at;
    at = at.nextSibling;
    gone.remove();
  }
}

function settle(old, fresh) {
  if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName) return false;
  if (old.nodeType === Node.TEXT_NODE) {
    // Growing keeps a reader's selection, and is cheaper than a new text.
    if (fresh.data.startsWith(old.data)) {
      if (fresh.data.length > old.data.length) old.appendData(fresh.data.slice(old.data.length));
    } else old.data = fresh.data;
    return true;
  }
  if (old.attributes.length !== fresh.attributes.length) return false;
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value) return false;
  }
  if (old.nodeName === "CODE" && regrow(old, fresh.textContent)) return true;
  morph(old, fresh);
  return true;
}
