// The message list of a channel and of a thread.

import { arrange, h } from "./dom.js";
import { drawBlocks } from "./blocks.js";
import { emoji } from "./emoji.js";
import { icon } from "./icons.js";
import { ago, mrkdwn } from "./mrkdwn.js";
import { act, changed, messagesOf, nameOf, notice, store } from "./store.js";

const drawn = new Map();
const answersOf = new Map();
const TOGETHER = 300;

const moment = (ts) => new Date(Number(ts) * 1000);
const clock = (ts) => moment(ts).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
const day = (ts) => moment(ts).toLocaleDateString("en-US", { weekday: "long", month: "long", day: "numeric" });

export function drawChannel(box, channel, { openThread, newSince }) {
  const found = messagesOf(channel).filter((m) => !m.thread_ts || m.thread_ts === m.ts || m.is_broadcast);
  draw(box, `channel/${channel}`, found, noticesFor(channel), { openThread, newSince, dated: true });
}

export function drawThread(box, channel, ts) {
  const found = messagesOf(channel).filter((m) => m.ts === ts || m.thread_ts === ts);
  draw(box, `thread/${channel}/${ts}`, found, [], { dated: false, inThread: true });
}

function noticesFor(channel) {
  return store.notices.filter((found) => found.channel === channel && !found.about);
}

function draw(box, scope, messages, notices, options) {
  const atEnd = sticks(box) || box.dataset.scope !== scope;
  const nodes = [];
  let before = null;
  let today = null;
  let marked = false;
  const everything = [...messages, ...notices.map((found) => ({ ...found, notice: true }))].sort((a, b) => (a.ts < b.ts ? -1 : 1));
  for (const item of everything) {
    if (options.dated && today !== day(item.ts)) {
      today = day(item.ts);
      nodes.push(kept(`${scope}/day/${day(item.ts)}`, "", () => h("div", { class: "day" }, h("span", {}, day(item.ts)))));
      before = null;
    }
    if (options.newSince && !marked && !item.notice && item.ts > options.newSince && item.user !== store.me) {
      marked = true;
      nodes.push(kept(`${scope}/new`, "", () => h("div", { class: "fresh", role: "separator" }, h("span", {}, "New"))));
    }
    if (item.notice) {
      nodes.push(kept(`${scope}/notice/${item.id}`, "", () => slackNotice(item)));
      before = null;
      continue;
    }
    const grouped = before && before.user === item.user && Boolean(before.only_for) === Boolean(item.only_for) && item.ts - before.ts < TOGETHER;
    const trouble = store.notices.filter((found) => found.about === item.ts).at(-1);
    const state = JSON.stringify([item, grouped, trouble?.id]);
    nodes.push(kept(`${scope}/${item.ts}`, state, () => message(item, { ...options, grouped, trouble })));
    before = item;
  }
  if (!nodes.length) nodes.push(kept(`${scope}/empty`, "", () => h("p", { class: "empty" }, "Nothing was said here yet.")));
  const focus = box.contains(document.activeElement) ? document.activeElement.getAttribute("data-focus") : null;
  const item = document.activeElement?.closest?.("[data-ts]")?.dataset.ts;
  arrange(box, nodes);
  if (focus && !box.contains(document.activeElement)) {
    box.querySelector(`[data-ts="${CSS.escape(item ?? "")}"] [data-focus="${CSS.escape(focus)}"]`)?.focus();
  }
  box.dataset.scope = scope;
  if (atEnd) {
    sticky.set(box, true);
    box.scrollTop = box.scrollHeight;
  }
}

const sticky = new WeakMap();

// Whether the reader is at the end, where new messages and late pictures keep them.
function sticks(box) {
  if (!sticky.has(box)) {
    sticky.set(box, true);
    box.addEventListener("scroll", () => sticky.set(box, box.scrollHeight - box.scrollTop - box.clientHeight < 60));
    box.addEventListener("load", () => sticky.get(box) && box.scrollTo(0, box.scrollHeight), true);
  }
  return sticky.get(box);
}

// A node stays the same as long as what it shows does.
function kept(key, state, make) {
  const found = drawn.get(key);
  if (found && found.state === state) return found.node;
  const node = make();
  drawn.set(key, { state, node });
  return node;
}

export function forgetDrawn() {
  drawn.clear();
}

export function avatar(user) {
  const found = store.users.get(user);
  const name = found?.profile.real_name ?? user;
  if (found?.is_bot) return h("img", { class: "avatar", src: "/assets/icon.svg", alt: "" });
  const initials = name.split(/\s+/).map((word) => word[0]).slice(0, 2).join("");
  const shade = [...user].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % 6;
  return h("span", { class: `avatar shade-${shade}`, "aria-hidden": "true" }, initials);
}

function message(item, { openThread, grouped, trouble, inThread }) {
  const author = store.users.get(item.user);
  const when = h("time", { datetime: moment(item.ts).toISOString(), title: moment(item.ts).toLocaleString() }, clock(item.ts));
  const head = grouped ? null : h("div", { class: "author" },
    h("strong", {}, nameOf(item.user)),
    author?.is_bot && h("span", { class: "badge" }, "APP"),
    author?.is_restricted && h("span", { class: "badge" }, "Guest"),
    when);
  return h("article", {
    class: ["message", grouped && "grouped", item.only_for && "whisper"].filter(Boolean).join(" "),
    "data-ts": item.ts, "aria-label": `${nameOf(item.user)}, ${clock(item.ts)}`,
  },
  h("div", { class: "gutter" }, grouped ? h("span", { class: "late" }, when) : avatar(item.user)),
  h("div", { class: "body" },
    item.only_for && h("div", { class: "only" }, icon("eye"), " Only visible to you"),
    item.pinned_to && h("div", { class: "only" }, icon("pin"), " Pinned"),
    head,
    content(item),
    (item.files ?? []).map(file),
    reactions(item),
    trouble && h("div", { class: "trouble", role: "alert" }, icon("warning"), " ", trouble.text),
    !inThread && item.reply_count && thread(item, openThread)),
  !inThread && !item.only_for && h("div", { class: "tools" },
    h("button", { type: "button", class: "plain", "data-focus": "reply", "aria-label": "Reply in thread", title: "Reply in thread", on: { click: () => openThread(item.ts) } }, icon("reply"))));
}

function content(item) {
  const edited = item.edited && h("span", { class: "quiet", title: moment(item.edited.ts).toLocaleString() }, " (edited)");
  if (item.blocks?.length) {
    const key = `${item.channel}/${item.ts}`;
    if (!answersOf.has(key)) answersOf.set(key, {});
    const answers = answersOf.get(key);
    const press = async (block, element, chosen) => {
      const answer = await act("press", { channel: item.channel, ts: item.ts, block_id: block.block_id, action_id: element.action_id, chosen, answers });
      if (answer.error) notice(answer.error, item.channel, item.ts);
    };
    return h("div", { class: "blocks" }, drawBlocks(item.blocks, { answers, press }), edited);
  }
  return h("div", { class: "text" }, mrkdwn(item.text), edited);
}

function file(found) {
  const url = `/page/files/${encodeURIComponent(found.id)}`;
  if (/^image\/(png|jpeg|gif|webp)$/.test(found.mimetype)) {
    return h("figure", { class: "file image" }, h("figcaption", {}, found.title),
      h("a", { href: url, target: "_blank", rel: "noopener" }, h("img", { class: "picture large", src: url, alt: found.alt_txt || found.title })));
  }
  const size = found.size > 1024 ? `${Math.round(found.size / 1024)} kB` : `${found.size} B`;
  return h("a", { class: "file card", href: url, download: found.name }, icon("file"), h("span", {}, h("strong", {}, found.title), h("small", {}, `${found.filetype.toUpperCase()} · ${size}`)));
}

function reactions(item) {
  if (!item.reactions) return null;
  return h("div", { class: "reactions" }, item.reactions.map((found) =>
    h("span", { class: "reaction", title: found.users.map(nameOf).join(", ") }, emoji(found.name) ?? `:${found.name}:`, ` ${found.count}`)));
}

function thread(item, openThread) {
  const words = item.reply_count === 1 ? "1 reply" : `${item.reply_count} replies`;
  return h("button", { type: "button", class: "replies", "data-focus": "thread", on: { click: () => openThread(item.ts) } },
    h("span", { class: "faces" }, (item.reply_users ?? []).slice(0, 3).map(avatar)),
    h("strong", {}, words),
    item.latest_reply && h("span", { class: "quiet" }, `Last reply ${ago(moment(item.latest_reply))}`));
}

function slackNotice(found) {
  const dismiss = () => {
    store.notices = store.notices.filter((other) => other.id !== found.id);
    changed("notice");
  };
  return h("article", { class: "message whisper", role: "alert" },
    h("div", { class: "gutter" }, h("span", { class: "avatar shade-5", "aria-hidden": "true" }, "S")),
    h("div", { class: "body" },
      h("div", { class: "only" }, icon("eye"), " Only visible to you"),
      h("div", { class: "author" }, h("strong", {}, "Slackbot"), h("time", {}, clock(found.ts))),
      h("div", { class: "text" }, found.text)),
    h("div", { class: "tools" }, h("button", { type: "button", class: "plain", "aria-label": "Dismiss", on: { click: dismiss } }, icon("close"))));
}

