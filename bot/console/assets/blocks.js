// Block Kit: one function for each kind of block. `place` says where the blocks stand and takes presses.

import { h, link, safeUrl } from "./dom.js";
import { element } from "./elements.js";
import { markdown } from "./markdown.js";
import { mention, formatted, textObject } from "./mrkdwn.js";
import { emoji } from "./emoji.js";
import { icon } from "./icons.js";

export function drawBlocks(blocks, place) {
  return blocks.map((block) => {
    const draw = KINDS[block.type] ?? unknown;
    return h("div", { class: `block ${KINDS[block.type] ? block.type : "unknown"}`, "data-block": block.block_id }, draw(block, place));
  });
}

const KINDS = {
  header: (block) => h("h2", { class: "header-text" }, textObject(block.text)),
  divider: () => h("hr"),
  section,
  context: (block) => block.elements.map((part) =>
    part.type === "image" ? picture(part, "small") : h("span", { class: "context-text" }, textObject(part))),
  actions: (block, place) => block.elements.map((part) => element(part, block, place)),
  image: (block) => h("figure", {}, block.title && h("figcaption", {}, textObject(block.title)), picture(block, "large")),
  rich_text: (block) => block.elements.map(richPart),
  markdown: (block) => markdown(block.text),
  table: (block) => tableBlock(block),
  input,
};

function unknown(block) {
  return h("em", { class: "quiet" }, `This console cannot draw a block of type “${block.type}”.`);
}

function section(block, place) {
  return [
    h("div", { class: "section-words" },
      block.text && h("div", { class: "section-text" }, textObject(block.text)),
      block.fields && h("div", { class: "fields" }, block.fields.map((field) => h("div", { class: "field" }, textObject(field))))),
    block.accessory && h("div", { class: "accessory" },
      block.accessory.type === "image" ? picture(block.accessory, "medium") : element(block.accessory, block, place)),
  ];
}

// Only pictures that the workspace holds are fetched; one from elsewhere is a link, because a page that runs
// beside an incident must not call out.
export function picture(image, size) {
  const file = image.slack_file?.id ?? image.slack_file?.url?.match(/files-pri\/(\w+)/)?.[1];
  if (file) return h("img", { class: `picture ${size}`, src: `/page/files/${encodeURIComponent(file)}`, alt: image.alt_text });
  const url = safeUrl(image.image_url);
  if (url && new URL(url).origin === location.origin) return h("img", { class: `picture ${size}`, src: url, alt: image.alt_text });
  return h("span", { class: `picture-link ${size}` }, icon("image"), " ", link(image.image_url, image.alt_text || "image"));
}

function input(block, place) {
  const id = `in-${block.block_id}-${block.element.action_id}`;
  const group = ["checkboxes", "radio_buttons"].includes(block.element.type);
  const label = [textObject(block.label), block.optional && h("span", { class: "quiet" }, " (optional)")];
  const fault = place.errors?.[block.block_id];
  const described = [fault && `${id}-fault`, block.hint && `${id}-hint`].filter(Boolean).join(" ") || null;
  return [
    group ? h("div", { class: "label", id: `${id}-label` }, label) : h("label", { class: "label", for: id, id: `${id}-label` }, label),
    element(block.element, block, place, { id, described, invalid: Boolean(fault), required: !block.optional }),
    fault && h("p", { class: "fault", id: `${id}-fault`, role: "alert" }, fault),
    block.hint && h("p", { class: "hint", id: `${id}-hint` }, textObject(block.hint)),
  ];
}

function richPart(part) {
  const inner = () => part.elements.map(richLeaf);
  if (part.type === "rich_text_list") {
    return h(part.style === "ordered" ? "ol" : "ul", { class: part.indent ? `indent-${Math.min(4, part.indent)}` : null },
      part.elements.map((item) => h("li", {}, item.elements.map(richLeaf))));
  }
  if (part.type === "rich_text_preformatted") return h("pre", { class: "code" }, inner());
  if (part.type === "rich_text_quote") return h("blockquote", {}, inner());
  return h("p", { class: "rich" }, inner());
}

const RICH = {
  text: (leaf) => [leaf.text],
  link: (leaf) => link(leaf.url, leaf.text ?? leaf.url),
  emoji: (leaf) => emoji(leaf.name) ?? `:${leaf.name}:`,
  user: (leaf) => mention(leaf.user_id, "user"),
  usergroup: (leaf) => mention(leaf.usergroup_id, "group"),
  channel: (leaf) => mention(leaf.channel_id, "channel"),
  broadcast: (leaf) => h("span", { class: "mention loud" }, `@${leaf.range}`),
  date: (leaf) => h("time", {}, formatted(leaf.timestamp, leaf.format)),
  color: (leaf) => h("code", {}, leaf.value),
};

const STYLES = { code: "code", strike: "s", italic: "em", bold: "strong" };

function richLeaf(leaf) {
  let node = RICH[leaf.type]?.(leaf) ?? "";
  for (const [style, tag] of Object.entries(STYLES)) if (leaf.style?.[style]) node = h(tag, {}, node);
  return node;
}

function tableBlock(block) {
  const [head = [], ...rows] = block.rows;
  const aligned = (index) => {
    const setting = block.column_settings?.[index];
    return [setting?.align && `align-${setting.align}`, setting?.is_wrapped && "wrapped"].filter(Boolean).join(" ") || null;
  };
  const content = (cell) => (cell.type === "rich_text" ? cell.elements.map(richPart) : [cell.text]);
  return h("div", { class: "table-scroll", tabindex: "0", role: "region", "aria-label": "Table" },
    h("table", {},
      h("thead", {}, h("tr", {}, head.map((cell, at) => h("th", { scope: "col", class: aligned(at) }, content(cell))))),
      h("tbody", {}, rows.map((row) => h("tr", {}, row.map((cell, at) => h("td", { class: aligned(at) }, content(cell))))))));
}
