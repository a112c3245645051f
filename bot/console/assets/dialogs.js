// Confirm dialogs and modals, as native <dialog>s: focus stays inside, Escape closes.

import { h } from "./dom.js";
import { icon } from "./icons.js";
import { drawBlocks } from "./blocks.js";
import { textObject } from "./mrkdwn.js";
import { act, notice, store } from "./store.js";

export function confirmed(found) {
  return new Promise((resolve) => {
    const answer = (value) => {
      resolve(value);
      dialog.close();
      dialog.remove();
    };
    const dialog = h("dialog", { class: "modal confirm", "aria-labelledby": "confirm-title", on: { cancel: () => answer(false) } },
      h("h2", { id: "confirm-title" }, textObject(found.title)),
      h("div", { class: "modal-body" }, textObject(found.text)),
      h("footer", {},
        h("button", { type: "button", class: "button", on: { click: () => answer(false) } }, textObject(found.deny)),
        h("button", { type: "button", class: `button ${found.style === "danger" ? "danger" : "primary"} solid`, "data-confirm": "yes", on: { click: () => answer(true) } }, textObject(found.confirm))));
    document.getElementById("layer").append(dialog);
    dialog.showModal();
  });
}

const answersOf = new Map();
let shown = null;

// Draws the topmost view; an updated view keeps what was typed into blocks and elements of the same ids.
export function drawModal() {
  const view = store.views.at(-1);
  if (!view) {
    shown?.dialog.close();
    shown?.dialog.remove();
    shown = null;
    answersOf.clear();
    return;
  }
  if (shown?.hash === view.hash && shown.id === view.id) return;
  open(view, {});
}

function open(view, errors) {
  const focus = shown?.id === view.id ? document.activeElement?.getAttribute("data-focus") : null;
  const before = shown?.dialog;
  const answers = answersOf.get(view.id) ?? {};
  answersOf.set(view.id, answers);
  const dialog = modal(view, answers, errors);
  shown = { id: view.id, hash: view.hash, dialog };
  document.getElementById("layer").append(dialog);
  dialog.showModal();
  before?.close();
  before?.remove();
  const wanted = focus ? `[data-focus="${CSS.escape(focus)}"]` : "[aria-invalid], [autofocus], .modal-body input, .modal-body textarea, .modal-body select";
  dialog.querySelector(wanted)?.focus();
}

function modal(view, answers, errors) {
  const place = {
    answers,
    errors,
    press: (block, element, chosen) => act("press", { view_id: view.id, block_id: block.block_id, action_id: element.action_id, chosen, answers }),
  };
  const close = (all) => act("close", { view_id: view.id, all });
  const submit = h("button", { type: "submit", class: "button primary solid" }, textObject(view.submit));
  const form = h("form", {
    method: "dialog", novalidate: true,
    on: {
      submit: async (event) => {
        event.preventDefault();
        submit.disabled = true;
        const answer = await act("submit", { view_id: view.id, answers });
        submit.disabled = false;
        if (answer.error) notice(answer.error);
        if (answer.errors && shown?.id === view.id) open(view, answer.errors);
      },
    },
  },
  h("div", { class: "modal-body" }, h("div", { class: "modal-notices", role: "status" }), drawBlocks(view.blocks, place)),
  h("footer", {},
    h("button", { type: "button", class: "button", on: { click: () => close(false) } }, view.close ? textObject(view.close) : store.views.length > 1 ? "Back" : "Cancel"),
    view.submit && submit));
  return h("dialog", {
    class: "modal", "aria-labelledby": `title-${view.id}`,
    on: { cancel: (event) => { event.preventDefault(); close(false); } },
  },
  h("header", {}, h("h2", { id: `title-${view.id}` }, textObject(view.title)),
    h("button", { type: "button", class: "plain", "aria-label": "Close", on: { click: () => close(true) } }, icon("close"))),
  form);
}

// Slack's trouble with a modal is said inside it, where the eyes are.
export function drawModalNotices() {
  const about = store.notices.filter((found) => !found.channel);
  if (!shown) return;
  shown.dialog.querySelector(".modal-notices")?.replaceChildren(...about.slice(-1).map((found) => h("p", { class: "fault" }, found.text)));
}

