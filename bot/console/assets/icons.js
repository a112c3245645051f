// The page's own signs as inline SVG, and emoji, which the page's own font draws.

import { h } from "./dom.js";

const SVG = "http://www.w3.org/2000/svg";
const PATHS = {
  eye: "M1 8s2.5-5 7-5 7 5 7 5-2.5 5-7 5-7-5-7-5zM8 6a2 2 0 100 4 2 2 0 000-4",
  pin: "M6 1h4l-.5 4L12 8v2H4V8l2.500-3zM8 10v5",
  reply: "M2 3h12v8H7l-3 3v-3H2z",
  file: "M3 1h6l4 4v10H3zM9 1v4h4",
  lock: "M4 7h8v7H4zM5.500 7V5a2.500 2.500 0 015 0v2",
  image: "M2 3h12v10H2zM2 11l4-4 3 3 2-2 3 3",
  warning: "M8 2l7 12H1zM8 6.500v3.500M8 12v.500",
  send: "M2 2l12 6-12 6 2-6zM4 8h10",
  close: "M4 4l8 8M12 4l-8 8",
};

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

export function emojiNode(name, sign) {
  return h("span", { class: "emoji", role: "img", "aria-label": name.replaceAll("_", " "), title: `:${name}:` }, sign);
}
