// The page's own signs as inline SVG, and emoji for machines that have no font for them.

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

// Without an emoji font every emoji is the same empty box, so two different ones measure and look alike.
function hasEmojiFont() {
  const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  context.canvas.width = context.canvas.height = 24;
  const drawn = ["🔥", "🚢"].map((sign) => {
    context.clearRect(0, 0, 24, 24);
    context.font = "16px sans-serif";
    context.fillText(sign, 2, 18);
    return context.getImageData(0, 0, 24, 24).data.join();
  });
  return drawn[0] !== drawn[1];
}

const capable = hasEmojiFont();
const ROUND = "●";
const STAND_IN = {
  rotating_light: ["▲", "red"], warning: ["▲", "yellow"], fire: ["▲", "orange"], red_circle: [ROUND, "red"],
  large_orange_circle: [ROUND, "orange"], large_yellow_circle: [ROUND, "yellow"], large_green_circle: [ROUND, "green"],
  large_blue_circle: [ROUND, "blue"], white_circle: ["○", "grey"], black_circle: [ROUND, "grey"], large_red_square: ["■", "red"],
  large_orange_square: ["■", "orange"], large_yellow_square: ["■", "yellow"], large_green_square: ["■", "green"],
  white_check_mark: ["✔", "green"], heavy_check_mark: ["✔", "green"], x: ["✘", "red"], no_entry: ["⊘", "red"], no_entry_sign: ["⊘", "red"],
  question: ["?", "red"], grey_question: ["?", "grey"], exclamation: ["!", "red"], information_source: ["ℹ", "blue"], bulb: ["✦", "yellow"],
  eyes: ["◉◉", "grey"], hourglass_flowing_sand: ["⧗", "grey"], hourglass: ["⧗", "grey"], rocket: ["➚", "blue"], mag: ["⌕", "grey"], mag_right: ["⌕", "grey"], sos: ["SOS", "red"], hand: ["☞", "grey"], ok_hand: ["✔", "grey"], bust_in_silhouette: ["☺", "grey"], lock: ["⚿", "grey"], rewind: ["«", "grey"], stopwatch: ["◷", "grey"], bangbang: ["‼", "red"],
  chart_with_upwards_trend: ["↗", "red"], chart_with_downwards_trend: ["↘", "blue"], tada: ["✸", "yellow"], wrench: ["⚒", "grey"],
  shrug: ["?", "grey"], point_right: ["☛", "blue"], ocean: ["≈", "blue"], sun_behind_cloud: ["☀", "yellow"], mortar_board: ["▲", "grey"],
  eye: ["◉", "grey"], jigsaw: ["◈", "blue"], ballot_box_with_check: ["☑", "green"], test_tube: ["⚗", "blue"], ice_cube: ["❄", "blue"],
  alarm_clock: ["◷", "red"], dart: ["◎", "red"], bar_chart: ["▤", "blue"], mute: ["♪", "grey"], link: ["∞", "grey"],
  gear: ["⚙", "grey"], book: ["▤", "grey"], clipboard: ["▤", "grey"], memo: ["✎", "grey"], zap: ["⚡", "yellow"], thumbsup: ["✔", "green"],
  arrows_counterclockwise: ["⟳", "blue"], leftwards_arrow_with_hook: ["↩", "grey"], bell: ["♪", "yellow"], no_bell: ["♪", "grey"],
};

// Whether an emoji has to be drawn by other means here, and can be.
export function needsStandIn(name) {
  return !capable && name in STAND_IN;
}

export function emojiNode(name, sign) {
  if (capable) return h("span", { role: "img", "aria-label": name.replaceAll("_", " "), title: `:${name}:` }, sign);
  const [shape, colour] = STAND_IN[name] ?? [`:${name}:`, "grey"];
  return h("span", { class: `emoji ${colour}`, role: "img", "aria-label": name.replaceAll("_", " "), title: `:${name}:` }, shape);
}
