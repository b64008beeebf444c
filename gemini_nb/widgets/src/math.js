// TeX stays text while it streams. The notebook typesets `$…$`, `$$…$$` and environments in the final
// output; until then nothing inside of one may be taken for emphasis, a list or a heading.

const ENVIRONMENT = /\\begin\{([a-zA-Z]+\*?)\}/y;

/** Where the formula that begins at `start` ends, or -1. A blank line ends none: it is no formula. */
export function endOfFormula(text, start) {
  const from = text[start];
  if (from === "$") {
    const mark = text[start + 1] === "$" ? "$$" : "$";
    const first = text[start + mark.length];
    if (mark === "$" && (first === undefined || /\s/.test(first))) return -1;
    return closing(text, start + mark.length, mark);
  }
  ENVIRONMENT.lastIndex = start;
  const found = from === "\\" && ENVIRONMENT.exec(text);
  return found ? closing(text, start + found[0].length, `\\end{${found[1]}}`) : -1;
}

function closing(text, from, mark) {
  const blank = text.slice(from).search(/\n[ \t]*\n/);
  const limit = blank < 0 ? text.length : from + blank;
  for (let at = from; at < limit; at++) {
    if (text.startsWith(mark, at)) {
      const spaced = mark === "$" && /\s/.test(text[at - 1]);
      if (at > from && !spaced && at + mark.length <= limit) return at + mark.length;
    } else if (text[at] === "\\") at++;
    else if (text[at] === "`") at = endOfCode(text, at, limit) - 1;
    else if (mark === "$" && text[at] === "\n") return -1;
  }
  return -1;
}

/** Where the code ends that the backticks at `start` open, or they themselves: a `$` in it is none. */
function endOfCode(text, start, limit) {
  let from = start;
  while (text[from] === "`") from++;
  const line = text.indexOf("\n", from);
  const end = line < 0 || line > limit ? limit : line;
  for (let at = text.indexOf("`", from); at >= 0 && at < end; at = text.indexOf("`", at)) {
    const begin = at;
    while (text[at] === "`") at++;
    if (at - begin === from - start && at <= end) return at;
  }
  return from;
}

function inlineFormula(state, silent) {
  const code = state.src.charCodeAt(state.pos);
  if (code !== 0x24 && code !== 0x5c) return false;
  const end = endOfFormula(state.src, state.pos);
  if (end < 0 || end > state.posMax) return false;
  if (!silent) state.push("formula", "", 0).content = state.src.slice(state.pos, end);
  state.pos = end;
  return true;
}

const OPENS_BLOCK = /^[ ]{0,3}(\$\$|\\begin\{([a-zA-Z]+\*?)\})/;

function blockFormula(state, startLine, endLine, silent) {
  const line = (at) => state.src.slice(state.bMarks[at] + state.tShift[at], state.eMarks[at]);
  const opens = OPENS_BLOCK.exec(line(startLine));
  if (!opens || state.sCount[startLine] - state.blkIndent >= 4) return false;
  const mark = opens[2] ? `\\end{${opens[2]}}` : "$$";
  const lines = [];
  for (let at = startLine; at < endLine && !state.isEmpty(at); at++) {
    if (at > startLine && state.sCount[at] < state.blkIndent) break;
    lines.push(line(at));
    const rest = at === startLine ? line(at).slice(opens.index + opens[0].length) : line(at);
    const found = rest.indexOf(mark);
    // What follows the formula in its line is prose again: the paragraph takes all of it.
    if (found >= 0 && rest.slice(found + mark.length).trim()) return false;
    if (found >= 0) break;
  }
  if (silent) return true;
  state.line = startLine + lines.length;
  const open = state.push("paragraph_open", "p", 1);
  open.map = [startLine, state.line];
  const inline = state.push("inline", "", 0);
  inline.content = "";
  inline.children = [];
  inline.map = open.map;
  inline.formula = lines.join("\n");
  state.push("paragraph_close", "p", -1);
  return true;
}

/** A markdown-it plugin. */
export function formulas(md) {
  md.inline.ruler.before("escape", "formula", inlineFormula);
  md.block.ruler.before("fence", "formula", blockFormula, {
    alt: ["paragraph", "reference", "blockquote", "list"],
  });
  md.core.ruler.push("formula", (state) => {
    for (const token of state.tokens) {
      if (token.formula === undefined) continue;
      const text = new state.Token("text", "", 0);
      text.content = token.formula;
      token.children = [text];
    }
  });
}
