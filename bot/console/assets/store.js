// The state as the server tells it, kept live by server-sent events; everything else draws from here.

const listeners = new Set();
let source = null;

export const store = {
  me: "",
  state: null,
  users: new Map(),
  groups: new Map(),
  channels: new Map(),
  messages: new Map(),
  notices: [],
  views: [],
  home: null,
  connected: false,
};

export function onChange(listener) {
  listeners.add(listener);
}

export function changed(kind = "all") {
  for (const listener of listeners) listener(kind);
}

const keyOf = (channel, ts) => `${channel}/${ts}`;

async function load() {
  const response = await fetch(`/page/state?user=${encodeURIComponent(store.me)}`);
  const state = await response.json();
  store.state = state;
  store.me = state.me;
  store.users = new Map(state.users.map((user) => [user.id, user]));
  store.groups = new Map(state.groups.map((group) => [group.id, group]));
  store.channels = new Map(state.channels.map((channel) => [channel.id, channel]));
  store.messages = new Map(state.messages.map((message) => [keyOf(message.channel, message.ts), message]));
  store.views = state.views;
  store.home = state.home;
  changed();
}

export async function become(user) {
  store.me = user ?? "";
  store.notices = [];
  source?.close();
  if (!store.me) await load();
  source = new EventSource(`/page/stream?user=${encodeURIComponent(store.me)}`);
  source.onopen = async () => {
    store.connected = true;
    await load();
  };
  source.onerror = () => {
    store.connected = false;
    changed("connection");
  };
  source.onmessage = (event) => take(JSON.parse(event.data));
}

function take(change) {
  if (change.kind === "message" && change.message) {
    store.messages.set(keyOf(change.channel, change.ts), change.message);
    countReplies(change.message);
  } else if (change.kind === "gone") {
    store.messages.delete(keyOf(change.channel, change.ts));
    if (change.thread_ts) countReplies({ channel: change.channel, thread_ts: change.thread_ts });
  } else if (change.kind === "channel") {
    store.channels.set(change.channel.id, change.channel);
  } else if (change.kind === "views") {
    store.views = change.views;
  } else if (change.kind === "home") {
    store.home = change.home;
  } else if (change.kind === "notice") {
    notice(change.text, change.channel, change.ts);
    return;
  }
  changed(change.kind);
}

function countReplies(message) {
  const key = keyOf(message.channel, message.thread_ts);
  const parent = message.thread_ts && message.thread_ts !== message.ts ? store.messages.get(key) : null;
  if (!parent) return;
  const replies = messagesOf(message.channel).filter((m) => m.thread_ts === parent.ts && m.ts !== parent.ts && !m.only_for);
  store.messages.set(key, {
    ...parent,
    reply_count: replies.length,
    reply_users: [...new Set(replies.map((m) => m.user))],
    latest_reply: replies.at(-1)?.ts,
  });
}

export function messagesOf(channel) {
  return [...store.messages.values()].filter((m) => m.channel === channel).sort((a, b) => (a.ts < b.ts ? -1 : 1));
}

// Slack's own words to this user; they last until the page is left or closed by hand.
export function notice(text, channel = null, ts = null) {
  store.notices.push({ text, channel, about: ts, ts: String(Date.now() / 1000), id: store.notices.length });
  changed("notice");
}

export async function act(what, body) {
  try {
    const response = await fetch(`/page/${what}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ user: store.me, ...body }),
    });
    return await response.json();
  } catch {
    return { error: "The console cannot be reached." };
  }
}

export function nameOf(user) {
  const found = store.users.get(user);
  return found ? found.profile.real_name || found.name : user;
}

// What was read up to, for each user and channel; kept in this browser.
const readKey = (channel) => `read/${store.me}/${channel}`;

export function readUpTo(channel) {
  return localStorage.getItem(readKey(channel)) ?? "0";
}

export function markRead(channel) {
  const last = messagesOf(channel).at(-1);
  if (last && last.ts > readUpTo(channel)) localStorage.setItem(readKey(channel), last.ts);
}

export function unread(channel) {
  const since = readUpTo(channel);
  const fresh = messagesOf(channel).filter((m) => m.ts > since && m.user !== store.me);
  const groups = [...store.groups.values()].filter((g) => g.users?.includes(store.me)).map((g) => `<!subteam^${g.id}`);
  const calls = [`<@${store.me}`, "<!channel", "<!here", ...groups];
  const said = (m) => `${m.text} ${JSON.stringify(m.blocks ?? [])}`;
  return { any: fresh.length > 0, mentions: fresh.filter((m) => calls.some((call) => said(m).includes(call))).length };
}
