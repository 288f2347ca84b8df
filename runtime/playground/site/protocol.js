/** Frames of the wire protocol, and ids. No DOM, no socket. */

/**
 * One frame, either way.
 * @typedef {{type: string, session_id: string, request_id: string, payload: Record<string, any>}} Frame
 */

/** What the server keeps of a history at most: messages, and characters of all of them. */
const HISTORY_MESSAGES = 512;
const HISTORY_CHARACTERS = 200_000;

/**
 * A new id. Not `crypto.randomUUID`: pages over plain HTTP do not have it.
 * @param {string} prefix
 */
export function newId(prefix) {
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  return `${prefix}-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

/**
 * The address of the server's WebSocket, beside the page's own. Browsers cannot set headers on it, so the key is in it.
 * @param {string} page the page's address
 * @param {string} key
 */
export function socketAddress(page, key) {
  const address = new URL("ws", page);
  address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
  address.search = "";
  address.hash = "";
  address.searchParams.set("api_key", key);
  return address.href;
}

/**
 * A frame that came in; null if it is none. The server sends none that is broken, a proxy may.
 * @param {unknown} data
 * @returns {Frame | null}
 */
export function parse(data) {
  if (typeof data !== "string") return null;
  try {
    const frame = JSON.parse(data);
    const whole = frame && typeof frame.type === "string" && typeof frame.request_id === "string";
    return whole && typeof frame.payload === "object" && frame.payload !== null ? frame : null;
  } catch {
    return null;
  }
}

/** How many Unicode code points a text has; half a surrogate pair at its end does not count. */
export function codePoints(/** @type {string} */ text) {
  let count = 0;
  for (const each of text) count += 1;
  const last = text.charCodeAt(text.length - 1);
  return last >= 0xd800 && last <= 0xdbff ? count - 1 : count;
}

/**
 * The first so many code points of a text.
 * @param {string} text
 * @param {number} count
 */
export function firstCodePoints(text, count) {
  let at = 0;
  for (const each of text) {
    if (count <= 0) break;
    at += each.length;
    count -= 1;
  }
  return text.slice(0, at);
}

/**
 * The newest messages that a server takes.
 * @param {{role: string, content: string}[]} messages
 */
export function recent(messages) {
  const kept = [];
  let characters = 0;
  for (const message of messages.slice(-HISTORY_MESSAGES).reverse()) {
    characters += codePoints(message.content);
    if (characters > HISTORY_CHARACTERS) break;
    kept.push(message);
  }
  return kept.reverse();
}
