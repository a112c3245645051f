// The markdown block: headings, lists, tables, code, quotes and inline styles, drawn as DOM nodes.

import { h, link } from "./dom.js";
import { emoji } from "./emoji.js";

const INLINE = new RegExp(
  [
    "`([^`]+)`",
    "!?\\[([^\\]]*)\\]\\(([^)\\s]+)\\)",
    "\\*\\*([^*]+)\\*\\*",
    "(?<!\\w)[*_]([^*_]+)[*_](?!\\w)",
    "~~([^~]+)~~",
    ":([a-z0-9_+'-]+):",
    "<?(https?://[^\\s<>)]+)>?",
  ].join("|"),
  "g",
);

function inline(text) {
  const nodes = [];
  let at = 0;
  for (const found of text.matchAll(INLINE)) {
    if (found.index > at) nodes.push(text.slice(at, found.index));
    const [whole, code, label, url, bold, italic, strike, shortcode, bare] = found;
    if (code !== undefined) nodes.push(h("code", {}, code));
    else if (url !== undefined) nodes.push(link(url, label || url));
    else if (bold !== undefined) nodes.push(h("strong", {}, inline(bold)));
    else if (italic !== undefined) nodes.push(h("em", {}, inline(italic)));
    else if (strike !== undefined) nodes.push(h("s", {}, inline(strike)));
    else if (shortcode !== undefined) nodes.push(emoji(shortcode) ?? whole);
    else nodes.push(link(bare, bare));
    at = found.index + whole.length;
  }
  if (at < text.length) nodes.push(text.slice(at));
  return nodes;
}

const KINDS = [
  { test: /^```/, draw: fence },
  { test: /^#{1,6} /, draw: heading },
  { test: /^(?:---+|\*\*\*+)\s*$/, draw: (lines) => (lines.shift(), h("hr")) },
  { test: /^> ?/, draw: quote },
  { test: /^\s*(?:[-*+]|\d+[.)]) /, draw: list },
  { test: /^\s*\|.*\|\s*$/, draw: table },
];

export function markdown(text) {
  const lines = text.split("\n");
  const nodes = [];
  while (lines.length) {
    if (!lines[0].trim()) {
      lines.shift();
      continue;
    }
    const kind = KINDS.find(({ test }) => test.test(lines[0]));
    nodes.push(kind ? kind.draw(lines) : paragraph(lines));
  }
  return nodes;
}

function fence(lines) {
  lines.shift();
  const code = [];
  while (lines.length && !lines[0].startsWith("```")) code.push(lines.shift());
  lines.shift();
  return h("pre", { class: "code" }, code.join("\n"));
}

function heading(lines) {
  const [, marks, text] = lines.shift().match(/^(#+) (.*)$/);
  return h("p", { class: `md-heading md-h${marks.length}`, role: "heading", "aria-level": Math.min(6, marks.length + 2) }, inline(text));
}

function quote(lines) {
  const said = [];
  while (lines.length && /^> ?/.test(lines[0])) said.push(lines.shift().replace(/^> ?/, ""));
  return h("blockquote", {}, markdown(said.join("\n")));
}

function list(lines) {
  const ordered = /^\s*\d/.test(lines[0]);
  const depth = lines[0].match(/^\s*/)[0].length;
  const node = h(ordered ? "ol" : "ul");
  while (lines.length) {
    const found = lines[0].match(/^(\s*)(?:[-*+]|\d+[.)]) (.*)$/);
    if (!found || found[1].length < depth) break;
    if (found[1].length > depth + 1 && node.lastChild) {
      node.lastChild.append(list(lines));
      continue;
    }
    lines.shift();
    const task = found[2].match(/^\[([ x])\] (.*)$/);
    node.append(h("li", {}, task ? [task[1] === "x" ? "☑ " : "☐ ", ...inline(task[2])] : inline(found[2])));
  }
  return node;
}

function table(lines) {
  const cells = (line) => line.trim().replace(/^\||\|$/g, "").split("|").map((cell) => cell.trim());
  const head = cells(lines.shift());
  if (lines.length && /^\s*\|?[\s:|-]+\|?\s*$/.test(lines[0])) lines.shift();
  const rows = [];
  while (lines.length && /^\s*\|.*\|\s*$/.test(lines[0])) rows.push(cells(lines.shift()));
  return h("div", { class: "table-scroll", tabindex: "0", role: "region", "aria-label": "Table" },
    h("table", {},
      h("thead", {}, h("tr", {}, head.map((cell) => h("th", { scope: "col" }, inline(cell))))),
      h("tbody", {}, rows.map((row) => h("tr", {}, row.map((cell) => h("td", {}, inline(cell))))))));
}

function paragraph(lines) {
  const node = h("p");
  do {
    if (node.hasChildNodes()) node.append(h("br"));
    node.append(...inline(lines.shift()));
  } while (lines.length && lines[0].trim() && !KINDS.some(({ test }) => test.test(lines[0])));
  return node;
}
