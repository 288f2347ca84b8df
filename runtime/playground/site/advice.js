/** What errors and ends of connections mean to who sits here, and what to do about them. No DOM. */

/**
 * `again`: what a button offers: `reconnect` goes on with the history, `resend` puts the words back into the box.
 * @typedef {{title: string, text: string, again: "reconnect" | "resend" | null, isError: boolean}} Advice
 */

/** @type {Record<string, (details: Record<string, any>, message: string) => [string, string, Advice["again"]]>} */
const BY_REASON = {
  missing_key: () => ["The key was not accepted", "Type the server's key (TEXT_API_KEY) and connect again.", null],
  invalid_key: () => [
    "The key was not accepted",
    "Check it for missing characters and connect again. After too many wrong ones the server stops answering for a minute.",
    null,
  ],
  no_slot: () => ["All places are taken", "Everybody else is still talking. Try again in a few seconds.", "reconnect"],
  message_rate_limited: (details) => [
    "Too many turns",
    `This server takes ${details.limit} in ${spellSeconds(details.window_seconds)}. Send again in ${spellSeconds(details.retry_in)}.`,
    "resend",
  ],
  cancel_rate_limited: (details) => [
    "Too many cancels",
    `The reply goes on. A cancel is taken again in ${spellSeconds(details.retry_in)}.`,
    null,
  ],
  engine_unavailable: (details) => [
    "The engine is not up",
    `It starts or restarts. Send again${details.retry_in ? ` in ${spellSeconds(details.retry_in)}` : " soon"}.`,
    "resend",
  ],
  engine_queue_full: (details) => [
    "The engine's queue is full",
    `Send again${details.retry_in ? ` in ${spellSeconds(details.retry_in)}` : " soon"}.`,
    "resend",
  ],
  empty_model_output: () => ["The model said nothing", "Nothing was left to say. Ask in other words.", "resend"],
  generation_timeout: () => ["The reply took too long", "The server ended it. Ask for something shorter.", "resend"],
  engine_error: () => ["The engine failed in this reply", "The session goes on: send it again.", "resend"],
  followup_unavailable: () => ["No follow-up here", "This server only decides on tools; it does not chat.", null],
  chat_prompt_too_long: (_, message) => ["The persona is too long", message, "reconnect"],
};

const CLOSED = {
  1000: ["Disconnected", "The session has ended."],
  1001: ["The server is going away", "It shuts down or restarts. Wait until it is back, then go on where you were."],
  1006: ["The connection was lost", "The server or the network is gone. Go on where you were once they are back."],
  1008: ["The server has closed the connection", "It did not accept what was sent."],
  1009: ["Too much at once", "A message was larger than the server takes."],
  1011: ["The server made a mistake", "It had to close this connection. You can go on in a new one."],
  1013: ["The server has no room", "Wait a few seconds and try again."],
  4000: ["Closed after a long silence", "Nothing was said for a while. You can go on where you were."],
};

/** @param {number} seconds */
function spellSeconds(seconds) {
  return seconds === 1 ? "1 second" : `${seconds} seconds`;
}

/**
 * An error frame. Every message of the server says what to change: where nothing better is known, it is shown.
 * @param {Record<string, any>} payload
 * @returns {Advice}
 */
export function ofError(payload) {
  const details = payload.details ?? {};
  const known = BY_REASON[details.reason_code];
  const message = String(payload.message ?? "");
  const [title, text, again] = known?.(details, message) ?? [String(payload.code ?? "error"), message, "resend"];
  return { title, text, again, isError: true };
}

/**
 * The end of a connection. `last`: what the server said before it, if it did.
 * @param {import("./link.js").Closing} closing
 * @param {Advice | null} last
 * @param {string | null} unready why the server takes nobody, if it says so
 * @returns {Advice}
 */
export function ofClosing(closing, last, unready) {
  if (closing.byUs) return { title: CLOSED[1000][0], text: CLOSED[1000][1], again: null, isError: false };
  if (last) return { ...last, again: last.again === "resend" ? "reconnect" : last.again };
  if (!closing.opened && closing.code === 1006) {
    const why = unready ?? "Is it running? After too many wrong keys it refuses for a minute.";
    return { title: "The server could not be reached", text: why, again: "reconnect", isError: true };
  }
  const [title, text] = CLOSED[closing.code] ?? [`Closed (${closing.code})`, closing.reason || "No reason was given."];
  return { title, text, again: "reconnect", isError: closing.code !== 4000 };
}
