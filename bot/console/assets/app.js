// The page as a whole: what is open, the sidebar, the switch of users, light and dark.

import { arrange, h } from "./dom.js";
import { drawBlocks } from "./blocks.js";
import { composer } from "./composer.js";
import { icon } from "./icons.js";
import { drawModal, drawModalNotices } from "./dialogs.js";
import { drawChannel, drawThread, forgetDrawn } from "./messages.js";
import { drawKnowledge, watchKnowledge } from "./knowledge.js";
import { act, become, markRead, nameOf, onChange, readUpTo, store, unread } from "./store.js";

const HOME = "home";
const byId = (id) => document.getElementById(id);
const open = { channel: null, thread: null, newSince: "0" };
const composers = {};

function place() {
  const [channel, ts] = decodeURIComponent(location.hash.slice(1)).split("/");
  return { channel, ts };
}

function goTo(channel, thread = null) {
  location.hash = thread ? `${channel}/${thread}` : channel;
}

function follow() {
  const { channel, ts } = place();
  const first = [...store.channels.keys()][0];
  const wanted = channel === HOME || store.channels.has(channel) ? channel : first;
  if (wanted !== open.channel) {
    open.channel = wanted;
    open.newSince = wanted !== HOME && unread(wanted).any ? readUpTo(wanted) : "0";
    if (wanted === HOME) act("home", {});
  }
  const target = ts && store.messages.get(`${wanted}/${ts}`);
  open.thread = target ? target.thread_ts ?? ts : ts ?? null;
  document.body.classList.remove("with-sidebar");
  byId("menu").setAttribute("aria-expanded", "false");
  draw();
}

function drawSidebar() {
  const channels = [...store.channels.values()].filter((channel) => !channel.is_archived || channel.id === open.channel);
  const entry = (id, mark, name, { any = false, mentions = 0 } = {}) => h("a", {
    href: `#${encodeURIComponent(id)}`, class: ["entry", any && "unread"].filter(Boolean).join(" "), "aria-current": id === open.channel ? "page" : null,
  }, h("span", { class: "mark", "aria-hidden": "true" }, mark), h("span", { class: "name" }, name),
  mentions > 0 && h("span", { class: "count", "aria-label": `${mentions} mentions` }, mentions),
  any && !mentions && h("span", { class: "sr" }, " (unread)"));
  const directName = (channel) => (channel.is_im ? store.state.app.name : channel.name);
  const group = (label, entries) => entries.length > 0 && [h("h2", {}, label), h("ul", {}, entries.map((item) => h("li", {}, item)))];
  const listed = (found) => found.map((c) => entry(c.id, c.is_im ? "●" : c.is_private ? icon("lock") : "#", directName(c), unread(c.id)));
  byId("sidebar").replaceChildren(...[
    group("Channels", listed(channels.filter((channel) => !channel.is_im))),
    group("Direct messages", listed(channels.filter((channel) => channel.is_im))),
    group("Apps", [entry(HOME, "⚓", `${store.state.app.name} Home`)]),
  ].flat(2).filter(Boolean));
}

function drawHead() {
  const channel = store.channels.get(open.channel);
  byId("team").textContent = store.state.team;
  byId("channel-name").textContent = channel ? (channel.is_im ? store.state.app.name : `# ${channel.name}`) : `${store.state.app.name} Home`;
  byId("channel-topic").textContent = channel ? channel.topic.value : "Only visible to you";
  const waiting = unreadElsewhere();
  document.title = `${waiting ? `(${waiting}) ` : ""}${channel ? `#${channel.name}` : "Home"} – ${store.state.team}`;
}

function unreadElsewhere() {
  return [...store.channels.keys()].filter((id) => id !== open.channel && unread(id).any).length;
}

function drawUsers() {
  const people = [...store.users.values()].filter((user) => !user.is_bot && !user.deleted);
  const select = byId("user");
  select.replaceChildren(...people.map((user) => h("option", { value: user.id, selected: user.id === store.me },
    `${nameOf(user.id)}${user.is_restricted ? " (guest)" : ""}${user.is_stranger ? " (other team)" : ""}`)));
}

function drawHome() {
  const view = store.home;
  const press = (block, element, chosen) => act("press", { view_id: view.id, block_id: block.block_id, action_id: element.action_id, chosen, answers });
  const answers = {};
  const nodes = view ? [h("div", { class: "blocks home" }, drawBlocks(view.blocks, { answers, press }))] : [h("p", { class: "empty" }, "The app shows nothing here yet.")];
  arrange(byId("messages"), nodes);
}

function draw() {
  if (!store.state || !open.channel) return;
  const channel = store.channels.get(open.channel);
  drawHead();
  drawUsers();
  if (open.channel === HOME) drawHome();
  else drawChannel(byId("messages"), open.channel, { openThread: (ts) => goTo(open.channel, ts), newSince: open.newSince === "0" ? null : open.newSince });
  byId("composer-main").hidden = open.channel === HOME || channel?.is_archived;
  const threaded = open.channel !== HOME && open.thread;
  byId("thread").hidden = !threaded;
  document.body.classList.toggle("with-thread", Boolean(threaded));
  if (threaded) drawThread(byId("replies"), open.channel, open.thread);
  if (document.visibilityState === "visible" && open.channel !== HOME) markRead(open.channel);
  drawSidebar();
  drawModal();
  drawModalNotices();
  drawKnowledge();
  byId("connection").textContent = store.connected ? "" : "Reconnecting…";
  Object.values(composers).forEach((found) => found.relabel());
}

// What is drawn depends on who looks and on everybody's names; after a mere reconnection it may stay.
let seen = "";
function redrawForOthers() {
  const names = JSON.stringify([store.me, store.state.users, store.state.groups, [...store.channels.keys()]]);
  if (names !== seen) forgetDrawn();
  seen = names;
}

let waiting = false;
onChange((kind) => {
  if (kind === "all") {
    redrawForOthers();
    follow();
    document.documentElement.dataset.user = store.me;
  }
  if (waiting) return;
  waiting = true;
  queueMicrotask(() => {
    waiting = false;
    draw();
  });
});

function theme(name) {
  if (name) document.documentElement.dataset.theme = name;
}

const isDark = () => (document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";

byId("theme").addEventListener("click", () => {
  const name = isDark() ? "light" : "dark";
  localStorage.setItem("theme", name);
  theme(name);
});
byId("menu").addEventListener("click", () => {
  const shown = document.body.classList.toggle("with-sidebar");
  byId("menu").setAttribute("aria-expanded", String(shown));
});
byId("user").addEventListener("change", (event) => {
  sessionStorage.setItem("user", event.target.value);
  open.channel = null;
  become(event.target.value);
});
byId("thread-close").addEventListener("click", () => goTo(open.channel));
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && open.thread && !document.querySelector("dialog[open]")) goTo(open.channel);
});
document.addEventListener("visibilitychange", draw);
addEventListener("hashchange", follow);

composers.main = composer(byId("composer-main"), {
  label: () => {
    const channel = store.channels.get(open.channel);
    return channel ? `Message ${channel.is_im ? store.state.app.name : `#${channel.name}`}` : "Message";
  },
  channel: () => open.channel,
});
composers.thread = composer(byId("composer-thread"), { label: () => "Reply…", channel: () => open.channel, thread: () => open.thread });
watchKnowledge();
theme(localStorage.getItem("theme"));
become(new URLSearchParams(location.search).get("user") ?? sessionStorage.getItem("user"));
