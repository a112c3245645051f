// Interactive elements. `place` has answers ({block_id: {action_id: chosen}}), press(block, element, chosen) and,
// in a form, inForm: inputs of a form answer only when the form is submitted.

import { h, safeUrl } from "./dom.js";
import { confirmed } from "./dialogs.js";
import { textObject } from "./mrkdwn.js";
import { store } from "./store.js";

export function element(found, block, place, more = {}) {
  const draw = DRAW[found.type];
  if (!draw) return h("em", { class: "quiet" }, `This console cannot draw “${found.type}”.`);
  return draw(found, new Answer(found, block, place), {
    id: more.id ?? `el-${block.block_id}-${found.action_id}`,
    "aria-describedby": more.described,
    "aria-invalid": more.invalid ? "true" : null,
    "aria-required": more.required ? "true" : null,
    "aria-label": more.id ? null : found.accessibility_label ?? plain(found.placeholder) ?? found.action_id,
    "data-focus": `${block.block_id}/${found.action_id}`,
  });
}

const plain = (text) => text?.text ?? null;

class Answer {
  constructor(found, block, place) {
    Object.assign(this, { found, block, place });
  }

  get chosen() {
    return this.place.answers[this.block.block_id]?.[this.found.action_id];
  }

  // A form's inputs are kept until it is submitted; everything else is told to the app at once.
  async choose(chosen, { tell = true } = {}) {
    if (this.found.confirm && !(await confirmed(this.found.confirm))) return false;
    (this.place.answers[this.block.block_id] ??= {})[this.found.action_id] = chosen;
    const silent = this.block.type === "input" && !this.block.dispatch_action;
    if (tell && !silent) await this.place.press(this.block, this.found, chosen);
    return true;
  }
}

function button(found, answer, attributes) {
  const style = { primary: "primary", danger: "danger" }[found.style] ?? "";
  const node = h("button", {
    type: "button", class: `button ${style}`, "data-focus": attributes["data-focus"], "data-action": found.action_id,
    "aria-label": found.accessibility_label,
    on: {
      click: async () => {
        if (found.confirm && !(await confirmed(found.confirm))) return;
        const url = safeUrl(found.url);
        if (url) window.open(url, "_blank", "noopener,noreferrer");
        node.disabled = true;
        node.classList.add("busy");
        await answer.place.press(answer.block, found, null);
        node.disabled = false;
        node.classList.remove("busy");
        if (document.activeElement === document.body && node.isConnected) node.focus();
      },
    },
  }, textObject(found.text));
  return node;
}

function optionsOf(found) {
  const people = [...store.users.values()].filter((user) => !user.deleted && !user.is_bot);
  const channels = [...store.channels.values()].map((channel) => ({ value: channel.id, text: `#${channel.name}` }));
  if (/users_select$/.test(found.type)) return [{ options: people.map((u) => ({ value: u.id, text: u.profile.real_name })) }];
  if (/(channels|conversations)_select$/.test(found.type)) return [{ options: channels }];
  const listed = (options) => (options ?? []).map((option) => ({ value: option.value, text: option.text.text }));
  if (found.option_groups) return found.option_groups.map((group) => ({ label: plain(group.label), options: listed(group.options) }));
  return [{ options: listed(found.options) }];
}

function startOf(found) {
  const several = found.initial_options?.map((option) => option.value) ?? found.initial_users ?? found.initial_channels ?? found.initial_conversations;
  if (several) return several;
  return found.initial_option?.value ?? found.initial_user ?? found.initial_channel ?? found.initial_conversation ?? null;
}

function select(found, answer, attributes) {
  const multiple = found.type.startsWith("multi_");
  const now = answer.chosen ?? startOf(found);
  const isChosen = (value) => (multiple ? (now ?? []).includes(value) : now === value);
  const items = optionsOf(found).map(({ label, options }) => {
    const drawn = options.map(({ value, text }) => h("option", { value, selected: isChosen(value) }, text));
    return label ? h("optgroup", { label }, drawn) : drawn;
  });
  const first = multiple ? null : h("option", { value: "", selected: !now }, plain(found.placeholder) ?? "Choose…");
  const node = h("select", {
    ...attributes, class: "select", multiple, size: multiple ? Math.min(6, Math.max(2, (found.options ?? []).length || 4)) : null,
    on: {
      change: async () => {
        const chosen = multiple ? [...node.selectedOptions].map((option) => option.value) : node.value || null;
        if (!(await answer.choose(chosen)) && !multiple) node.value = now ?? "";
      },
    },
  }, first, items);
  return node;
}

function overflow(found, answer, attributes) {
  const menu = h("div", { class: "menu-items", role: "menu", popover: "auto", id: `${attributes.id}-menu` },
    found.options.map((option) => h("button", {
      type: "button", class: "menu-item", role: "menuitem",
      on: {
        click: () => {
          menu.hidePopover();
          const url = safeUrl(option.url);
          if (url) window.open(url, "_blank", "noopener,noreferrer");
          answer.choose(option.value);
        },
      },
    }, textObject(option.text), option.description && h("small", {}, textObject(option.description)))));
  const opener = h("button", {
    type: "button", class: "button overflow", "aria-haspopup": "menu", "aria-label": "More actions",
    "data-focus": attributes["data-focus"],
    on: {
      click: () => {
        menu.showPopover();
        const box = opener.getBoundingClientRect();
        menu.style.top = `${Math.min(box.bottom + 4, innerHeight - menu.offsetHeight - 8)}px`;
        menu.style.left = `${Math.max(8, Math.min(box.left, innerWidth - menu.offsetWidth - 8))}px`;
        menu.querySelector("button")?.focus();
      },
    },
  }, "⋯");
  menu.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const items = [...menu.querySelectorAll("button")];
    items[(items.indexOf(document.activeElement) + step + items.length) % items.length].focus();
  });
  return h("span", {}, opener, menu);
}

function choices(found, answer, attributes) {
  const multiple = found.type === "checkboxes";
  const now = [answer.chosen ?? startOf(found) ?? []].flat();
  const group = h("div", { ...attributes, class: "choices", role: multiple ? "group" : "radiogroup", "aria-labelledby": `${attributes.id}-label`, "aria-required": multiple ? null : attributes["aria-required"], "aria-invalid": null },
    found.options.map((option, index) => h("label", { class: "choice" },
      h("input", {
        type: multiple ? "checkbox" : "radio", name: attributes.id, value: option.value, checked: now.includes(option.value),
        "data-focus": `${attributes["data-focus"]}/${index}`,
        on: {
          change: () => {
            const chosen = [...group.querySelectorAll("input:checked")].map((box) => box.value);
            answer.choose(multiple ? chosen : chosen[0] ?? null);
          },
        },
      }),
      h("span", {}, textObject(option.text), option.description && h("small", {}, textObject(option.description))))));
  return group;
}

function typed(kind) {
  return (found, answer, attributes) => {
    const multiline = kind === "text" && found.multiline;
    const node = h(multiline ? "textarea" : "input", {
      ...attributes, class: "text-input", type: multiline ? null : kind, rows: multiline ? 4 : null,
      placeholder: plain(found.placeholder), maxlength: found.max_length, min: found.min_value, max: found.max_value,
      step: kind === "number" ? (found.is_decimal_allowed ? "any" : "1") : null,
      autofocus: found.focus_on_load,
      value: answer.chosen ?? found.initial_value ?? "",
      on: {
        input: () => answer.choose(node.value, { tell: false }),
        keydown: (event) => event.key === "Enter" && !multiline && answer.choose(node.value),
      },
    });
    return node;
  };
}

function picker(kind, initial) {
  return (found, answer, attributes) => {
    const stored = answer.chosen ?? found[initial];
    const shown = kind === "datetime-local" && stored ? localTime(Number(stored)) : stored ?? "";
    const node = h("input", {
      ...attributes, class: "text-input short", type: kind, value: shown,
      on: {
        change: () => {
          const value = kind === "datetime-local" && node.value ? String(Math.floor(new Date(node.value).getTime() / 1000)) : node.value;
          answer.choose(value || null);
        },
      },
    });
    return node;
  };
}

function localTime(seconds) {
  const moment = new Date(seconds * 1000);
  return new Date(moment.getTime() - moment.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

const SELECTS = ["static", "users", "channels", "conversations"].flatMap((kind) => [`${kind}_select`, `multi_${kind}_select`]);

const DRAW = {
  button,
  workflow_button: button,
  overflow,
  checkboxes: choices,
  radio_buttons: choices,
  plain_text_input: typed("text"),
  number_input: typed("number"),
  email_text_input: typed("email"),
  url_text_input: typed("url"),
  datepicker: picker("date", "initial_date"),
  timepicker: picker("time", "initial_time"),
  datetimepicker: picker("datetime-local", "initial_date_time"),
  ...Object.fromEntries(SELECTS.map((kind) => [kind, select])),
};
