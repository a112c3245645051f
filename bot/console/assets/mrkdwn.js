// Slack's mrkdwn, drawn as DOM nodes: code, bold, italic, strike, quotes, links, mentions, dates, emoji.

import { h, link, safeUrl } from "./dom.js";
import { emoji, withEmoji } from "./emoji.js";
import { store } from "./store.js";

const TOKEN = new RegExp(
  [
    "`([^`\\n]+)`",
    "<([^<>\\n]+)>",
    "(?<![\\w*])\\*(?! )([^*\\n]+?)(?<! )\\*(?![\\w*])",
    "(?<!\\w)_(?! )([^_\\n]+?)(?<! )_(?!\\w)",
    "(?<![\\w~])~(?! )([^~\\n]+?)(?<! )~(?![\\w~])",
    ":([a-z0-9_+'-]+):",
  ].join("|"),
  "g",
);

const decoded = (text) => text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");

export function mrkdwn(text) {
  return text.split(/```\n?([\s\S]*?)\n?```/).map((part, index) =>
    index % 2 ? h("pre", { class: "code" }, preformatted(part)) : paragraphs(part),
  );
}

function paragraphs(text) {
  const nodes = [];
  let quote = null;
  text.split("\n").forEach((line, index, all) => {
    const quoted = line.match(/^(?:&gt;|>) ?(.*)$/);
    if (quoted) {
      if (quote) quote.append(h("br"));
      else nodes.push((quote = h("blockquote")));
      quote.append(...inline(quoted[1]));
      return;
    }
    if (index && !quote) nodes.push(h("br"));
    quote = null;
    if (line || index < all.length - 1) nodes.push(...inline(line));
  });
  return nodes;
}

export function inline(text) {
  const nodes = [];
  let at = 0;
  for (const found of text.matchAll(TOKEN)) {
    if (found.index > at) nodes.push(decoded(text.slice(at, found.index)));
    nodes.push(drawn(found));
    at = found.index + found[0].length;
  }
  if (at < text.length) nodes.push(decoded(text.slice(at)));
  return nodes;
}

function drawn([whole, code, angle, bold, italic, strike, shortcode]) {
  if (code !== undefined) return h("code", {}, preformatted(code));
  if (angle !== undefined) return reference(angle);
  if (bold !== undefined) return h("strong", {}, inline(bold));
  if (italic !== undefined) return h("em", {}, inline(italic));
  if (strike !== undefined) return h("s", {}, inline(strike));
  return emoji(shortcode) ?? whole;
}

// Inside code only links are alive, and everything is unescaped.
function preformatted(text) {
  return text.split(/<((?:https?|mailto):[^<>\n]+)>/).map((part, index) => (index % 2 ? reference(part) : decoded(part)));
}

function reference(inner) {
  const [target, ...rest] = inner.split("|");
  const label = rest.length ? decoded(rest.join("|")) : null;
  if (target.startsWith("@")) return mention(target.slice(1), "user", label);
  if (target.startsWith("#")) return mention(target.slice(1), "channel", label);
  if (target.startsWith("!subteam^")) return mention(target.slice(9), "group", label);
  if (target.startsWith("!date^")) return date(target.slice(6), label);
  if (target.startsWith("!")) return h("span", { class: "mention loud" }, `@${target.slice(1)}`);
  if (!safeUrl(decoded(target))) return `<${decoded(inner)}>`;
  return link(decoded(target), label ?? decoded(target));
}

export function mention(id, kind, label = null) {
  if (kind === "channel") {
    const found = store.channels.get(id);
    return h("a", { class: "mention", href: `#${encodeURIComponent(id)}` }, `#${found ? found.name : label ?? id}`);
  }
  if (kind === "group") {
    const found = store.groups.get(id);
    const mine = found?.users?.includes(store.me);
    return h("span", { class: mine ? "mention loud" : "mention" }, found ? `@${found.handle}` : label ?? `@${id}`);
  }
  const found = store.users.get(id);
  return h("span", { class: id === store.me ? "mention loud" : "mention" }, `@${found ? found.profile.real_name : label ?? id}`);
}

const DAY = { year: "numeric", month: "long", day: "numeric" };
const FORMATS = {
  date_num: (d) => d.toISOString().slice(0, 10),
  date_slash: (d) => d.toLocaleDateString(),
  date: (d) => d.toLocaleDateString("en-US", DAY),
  date_short: (d) => d.toLocaleDateString("en-US", { ...DAY, month: "short" }),
  date_long: (d) => d.toLocaleDateString("en-US", { ...DAY, weekday: "long" }),
  time: (d) => d.toLocaleTimeString([], { hour: "numeric", minute: "2-digit" }),
  time_secs: (d) => d.toLocaleTimeString([], { hour: "numeric", minute: "2-digit", second: "2-digit" }),
  ago: (d) => ago(d),
};

function pretty(name, moment) {
  const days = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(moment).setHours(0, 0, 0, 0)) / 86_400_000);
  const near = { 0: "today", 1: "yesterday", [-1]: "tomorrow" }[days];
  return near ?? FORMATS[name.replace("_pretty", "")](moment);
}

export function ago(moment) {
  const seconds = Math.max(0, (Date.now() - moment.getTime()) / 1000);
  for (const [name, size] of [["day", 86_400], ["hour", 3600], ["minute", 60]]) {
    const count = Math.floor(seconds / size);
    if (count) return `${count} ${name}${count > 1 ? "s" : ""} ago`;
  }
  return "just now";
}

export function formatted(seconds, format) {
  const moment = new Date(seconds * 1000);
  return format.replace(/\{(\w+)\}/g, (whole, name) => {
    if (name.endsWith("_pretty")) return FORMATS[name.replace("_pretty", "")] ? pretty(name, moment) : whole;
    return FORMATS[name]?.(moment) ?? whole;
  });
}

function date(inner, fallback) {
  const [seconds, format, url] = inner.split("^");
  const moment = new Date(Number(seconds) * 1000);
  if (!format || Number.isNaN(moment.getTime())) return fallback ?? inner;
  const shown = h("time", { datetime: moment.toISOString(), title: moment.toLocaleString() }, decoded(formatted(Number(seconds), format)));
  return url ? link(decoded(url), shown) : shown;
}

// A text object: mrkdwn, or plain text whose shortcodes alone mean something.
export function textObject(found) {
  if (!found) return [];
  if (found.type === "mrkdwn") return mrkdwn(found.text);
  if (found.emoji === false) return [found.text];
  return withEmoji(found.text);
}
