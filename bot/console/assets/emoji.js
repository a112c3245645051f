// The shortcodes that incident messages use; an unknown one is shown as it is written.

import { emojiNode } from "./icons.js";

const COMMON = {
  rotating_light: "🚨", warning: "⚠️", fire: "🔥", bell: "🔔", no_bell: "🔕", mute: "🔇", white_check_mark: "✅", x: "❌",
  heavy_check_mark: "✔️", question: "❓", grey_question: "❔", exclamation: "❗", bangbang: "‼️", no_entry: "⛔", no_entry_sign: "🚫",
  red_circle: "🔴", large_orange_circle: "🟠", large_yellow_circle: "🟡", large_green_circle: "🟢", large_blue_circle: "🔵",
  white_circle: "⚪", black_circle: "⚫", large_red_square: "🟥", large_orange_square: "🟧", large_yellow_square: "🟨",
  large_green_square: "🟩", eyes: "👀", mag: "🔍", mag_right: "🔎", hourglass: "⌛", hourglass_flowing_sand: "⏳", clock1: "🕐",
  alarm_clock: "⏰", stopwatch: "⏱️", timer_clock: "⏲️", chart_with_upwards_trend: "📈", chart_with_downwards_trend: "📉",
  bar_chart: "📊", clipboard: "📋", memo: "📝", pencil: "📝", book: "📖", books: "📚", bookmark: "🔖", link: "🔗", pushpin: "📌",
  gear: "⚙️", wrench: "🔧", hammer: "🔨", hammer_and_wrench: "🛠️", rocket: "🚀", package: "📦", lock: "🔒", unlock: "🔓", key: "🔑",
  shield: "🛡️", thumbsup: "👍", "+1": "👍", thumbsdown: "👎", "-1": "👎", ok_hand: "👌", raised_hands: "🙌", wave: "👋", pray: "🙏",
  clap: "👏", tada: "🎉", sparkles: "✨", star: "⭐", zap: "⚡", boom: "💥", robot_face: "🤖", ship: "🚢", anchor: "⚓", lighthouse: "🗼",
  arrow_up: "⬆️", arrow_down: "⬇️", arrow_right: "➡️", arrow_left: "⬅️", arrow_upper_right: "↗️", arrow_lower_right: "↘️",
  leftwards_arrow_with_hook: "↩️", arrows_counterclockwise: "🔄", repeat: "🔁", rewind: "⏪", fast_forward: "⏩",
  double_vertical_bar: "⏸️", black_square_for_stop: "⏹️", arrow_forward: "▶️", information_source: "ℹ️", bulb: "💡", skull: "💀",
  ghost: "👻", bug: "🐛", snowflake: "❄️", ice_cube: "🧊", thermometer: "🌡️", brain: "🧠", dna: "🧬", test_tube: "🧪", microscope: "🔬",
  busts_in_silhouette: "👥", bust_in_silhouette: "👤", speech_balloon: "💬", loudspeaker: "📢", mega: "📣", email: "📧", phone: "☎️",
  construction: "🚧", traffic_light: "🚥", heavy_minus_sign: "➖", heavy_plus_sign: "➕", recycle: "♻️", wastebasket: "🗑️",
  floppy_disk: "💾", desktop_computer: "🖥️", computer: "💻", electric_plug: "🔌", battery: "🔋", satellite: "🛰️", globe_with_meridians: "🌐",
  sos: "🆘", hand: "✋", raised_hand: "✋", smile: "😄", slightly_smiling_face: "🙂", thinking_face: "🤔", sweat_smile: "😅", cry: "😢", scream: "😱", sunglasses: "😎",
  shrug: "🤷", point_right: "👉", ocean: "🌊", sun_behind_cloud: "🌤", mortar_board: "🎓", eye: "👁", jigsaw: "🧩",
  ballot_box_with_check: "☑️", large_blue_square: "🟦",
  heart: "❤️", green_heart: "💚", blue_heart: "💙", calendar: "📅", date: "📅", crystal_ball: "🔮", dart: "🎯", label: "🏷️",
};

const SHORTCODE = /:([a-z0-9_+'-]+):/g;

// A plain text with its shortcodes drawn.
export function withEmoji(text) {
  return text.split(SHORTCODE).flatMap((part, index) => (index % 2 ? emoji(part) ?? `:${part}:` : part));
}

export function emoji(name) {
  return COMMON[name] ? emojiNode(name, COMMON[name]) : null;
}
