// The composer: text, slash commands with their words, and @names, completed by keyboard or pointer.

import { h } from "./dom.js";
import { icon } from "./icons.js";
import { act, notice, store } from "./store.js";

export function composer(box, { label, channel, thread }) {
  const list = h("ul", { class: "suggestions", role: "listbox", id: `${box.id}-list`, "aria-label": "Suggestions", hidden: true });
  const field = h("textarea", {
    rows: 1, placeholder: label(), "aria-label": label(), "aria-autocomplete": "list",
    "aria-controls": list.id, autocomplete: "off", spellcheck: "true",
  });
  const send = h("button", { type: "submit", class: "send", "aria-label": "Send" }, icon("send"));
  const form = h("form", { class: "composer-form" }, list, field, send);
  let offered = [];
  let at = 0;

  function suggest() {
    offered = suggestions(field.value, field.selectionStart, Boolean(thread?.()));
    at = 0;
    show();
  }

  function show() {
    list.hidden = offered.length === 0;
    if (list.hidden) field.removeAttribute("aria-activedescendant");
    else field.setAttribute("aria-activedescendant", `${list.id}-${at}`);
    list.replaceChildren(...offered.map((found, index) => h("li", {
      id: `${list.id}-${index}`, role: "option", "aria-selected": String(index === at), class: "suggestion",
      on: { pointerdown: (event) => { event.preventDefault(); take(index); } },
    }, h("strong", {}, found.shown), found.hint && h("code", {}, found.hint), h("span", {}, found.description ?? ""))));
    list.children[at]?.scrollIntoView({ block: "nearest" });
  }

  function take(index) {
    const found = offered[index];
    const rest = field.value.slice(field.selectionStart);
    const before = field.value.slice(0, found.from) + found.text;
    field.value = before + rest;
    field.setSelectionRange(before.length, before.length);
    field.focus();
    suggest();
    grow();
  }

  function grow() {
    field.style.height = "auto";
    if (field.scrollHeight) field.style.height = `${Math.min(200, field.scrollHeight)}px`;
    send.disabled = !field.value.trim();
  }

  async function submit() {
    const text = field.value.trim();
    if (!text) return;
    field.value = "";
    offered = [];
    show();
    grow();
    const where = channel();
    const answer = await act("say", { channel: where, text, thread_ts: thread?.() ?? null });
    if (answer.error) notice(answer.error, where);
  }

  field.addEventListener("input", () => { suggest(); grow(); });
  field.addEventListener("blur", () => { offered = []; show(); });
  field.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (offered.length && step) {
      event.preventDefault();
      at = (at + step + offered.length) % offered.length;
      show();
    } else if (offered.length && (event.key === "Tab" || (event.key === "Enter" && !complete()))) {
      event.preventDefault();
      take(at);
    } else if (event.key === "Escape" && offered.length) {
      event.stopPropagation();
      offered = [];
      show();
    } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      submit();
    }
  });
  // Enter sends what is a whole command already, and completes what is not.
  const complete = () => offered[at].text.trim() === field.value.slice(offered[at].from).trim();
  form.addEventListener("submit", (event) => { event.preventDefault(); submit(); });
  box.replaceChildren(form);
  grow();
  return {
    relabel() {
      field.placeholder = label();
      field.setAttribute("aria-label", label());
    },
    focus: () => field.focus(),
  };
}

export function suggestions(text, caret, inThread) {
  const before = text.slice(0, caret);
  const commands = store.state?.commands ?? [];
  const named = before.match(/^\/\S*$/);
  if (named && !inThread) {
    return commands.filter((command) => command.name.startsWith(named[0]))
      .map((command) => ({ shown: command.name, hint: command.hint, description: command.description, text: `${command.name} `, from: 0 }));
  }
  const worded = before.match(/^(\/\S+) +(\S*)$/);
  const command = worded && commands.find((found) => found.name === worded[1]);
  if (command) {
    return command.words.filter(({ word }) => word.startsWith(worded[2]))
      .map(({ word, hint, description }) => ({ shown: word, hint, description, text: `${word}${hint ? " " : ""}`, from: before.length - worded[2].length }));
  }
  const mentioned = before.match(/(?:^|\s)@(\w*)$/);
  if (!mentioned) return [];
  const people = [...store.users.values()].filter((user) => !user.deleted).map((user) => ({ name: user.name, description: user.profile.real_name }));
  const groups = [...store.groups.values()].map((group) => ({ name: group.handle, description: group.name }));
  return [...people, ...groups].filter(({ name }) => name.startsWith(mentioned[1].toLowerCase())).slice(0, 8)
    .map(({ name, description }) => ({ shown: `@${name}`, description, text: `@${name} `, from: before.length - mentioned[1].length - 1 }));
}
