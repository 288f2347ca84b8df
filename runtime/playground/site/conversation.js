/**
 * A conversation as the client sees it: its turns, and the session machine read off the frames. No DOM, no socket.
 *
 * It outlives connections: after a new one the next turn is a `start` that brings the history along.
 */

import { firstCodePoints, newId, recent } from "./protocol.js";

/**
 * `outcome`: `refused` was never acknowledged, `lost` went with its connection. `heard`: code points, null for all.
 * @typedef {{id: string, kind: "start" | "message" | "followup", user: string, sentAt: number, acked: boolean,
 *   stopping: boolean, text: string, heard: number | null, arrivals: number[], endedAt: number | null,
 *   outcome: "running" | "done" | "cancelled" | "error" | "refused" | "lost", finishReason: string | null,
 *   toolcall: {yes: boolean, score: number | null, ms: number} | null, usage: Record<string, number | null> | null,
 *   timings: Record<string, number | null> | null, error: Record<string, any> | null}} Turn
 */
/** @typedef {"closed" | "idle" | "opening" | "routing" | "streaming" | "cancelling"} Phase */
/** @typedef {{request_id: string, chars: number} | null} Played */

export class Conversation {
  /** @type {Turn[]} */
  turns = [];
  isConnected = false;
  /** Whether this server decides on tools; null until a turn has shown it. @type {boolean | null} */
  routes = null;
  #isStarted = false;
  /** What the server was not told yet. @type {Played} */
  #untold = null;
  /** Turns before this one belong to earlier connections. */
  #first = 0;

  /** A connection is there; the server knows nothing of before. */
  connected() {
    this.isConnected = true;
    this.#isStarted = false;
    this.#untold = null;
    this.#first = this.turns.length;
    this.routes = null;
  }

  /** It is gone, and what ran with it. @param {number} now */
  lost(now) {
    this.isConnected = false;
    for (const turn of this.turns) if (turn.outcome === "running") this.#end(turn, "lost", now);
  }

  /** Begin anew: nothing was said. */
  forget() {
    this.turns = [];
    this.#first = 0;
  }

  /** The turn that runs; of several the newest. @returns {Turn | null} */
  get running() {
    return this.turns.findLast((turn) => turn.outcome === "running") ?? null;
  }

  /** Where the session is. `opening`: it routes or streams already, and no turn has shown yet which of them.
   * @returns {Phase} */
  get phase() {
    if (!this.isConnected) return "closed";
    const active = this.turns.filter((turn) => turn.outcome === "running");
    if (active.some((turn) => turn.stopping)) return "cancelling";
    const turn = active.at(-1);
    if (!turn?.acked) return "idle";
    if (turn.kind === "followup" || turn.toolcall || turn.text || this.routes === false) return "streaming";
    return this.routes ? "routing" : "opening";
  }

  /**
   * A turn by what the user says. The session's fields go out with the first one of a connection.
   * @param {string} text
   * @param {{persona: Record<string, any>, sampling: Record<string, any>, played: Played, now: number}} with_
   */
  say(text, { persona, sampling, played, now }) {
    const fields = { user_utterance: text, sampling, ...this.#told(played) };
    if (this.#isStarted) return this.#begin("message", text, fields, now);
    const history = this.history();
    return this.#begin("start", text, { ...fields, ...persona, ...(history.length ? { history } : {}) }, now);
  }

  /**
   * The words that say what is on the screen: one frame, or two, as a follow-up has no place for what was heard.
   * @param {string} text
   * @param {Played} played
   * @param {number} now
   */
  followUp(text, played, now) {
    const told = this.#told(played);
    const stop = "played" in told ? [{ type: "cancel", request_id: this.running?.id ?? newId("cancel"), payload: told }] : [];
    return [...stop, this.#begin("followup", text, { analysis_text: text }, now)];
  }

  get canFollowUp() {
    return this.isConnected && this.#isStarted;
  }

  /**
   * Stop the turn that runs; null if none does. A turn that is being stopped already is not stopped again.
   * @param {Played} played
   */
  cancel(played) {
    this.heard(played);
    const turn = this.running;
    if (!turn || turn.stopping) return null;
    turn.stopping = true;
    return { type: "cancel", request_id: turn.id, payload: { reason: "client_request", ...this.#told(null) } };
  }

  /** What was heard of a reply; the next frame that may say so tells the server. @param {Played} played */
  heard(played) {
    const turn = played && this.turn(played.request_id);
    if (!turn) return;
    turn.heard = played.chars;
    this.#untold = this.isConnected && this.turns.indexOf(turn) >= this.#first ? played : null;
  }

  /** @param {string | null} id */
  turn(id) {
    return this.turns.findLast((turn) => turn.id === id) ?? null;
  }

  /**
   * A frame of the server. Returns the turn that it changed, or null: the frame is about none.
   * @param {import("./protocol.js").Frame} frame
   * @param {number} now
   */
  take(frame, now) {
    const { type, payload } = frame;
    if (type === "cancelled") return this.#cancelled(frame, now);
    const turn = this.turn(frame.request_id);
    if (!turn || turn.outcome !== "running") return null;
    if (type === "ack") {
      turn.acked = true;
      this.#isStarted = true;
    } else if (type === "toolcall") {
      turn.toolcall = { yes: payload.status === "yes", score: payload.score, ms: now - turn.sentAt };
      this.routes = true;
    } else if (type === "token") {
      if (turn.kind !== "followup") this.routes ??= false;
      turn.text += payload.text;
      turn.arrivals.push(now);
    } else if (type === "done") {
      this.#end(turn, "done", now, payload);
    } else if (type === "error") {
      turn.error = payload;
      turn.stopping = false; // of a cancel, perhaps, that was refused
      if ("usage" in payload) this.#end(turn, "error", now, payload);
      else if (!turn.acked) this.#end(turn, "refused", now);
    }
    return turn;
  }

  /** What was said so far, as the server is told in a new session: of each reply what was heard.
   * @returns {{role: string, content: string}[]} */
  history() {
    const messages = [];
    for (const turn of this.turns) {
      if (turn.outcome === "refused" || turn.outcome === "running") continue;
      messages.push({ role: "user", content: turn.user });
      const kept = turn.heard === null ? turn.text : firstCodePoints(turn.text, turn.heard).replace(/ +$/, "");
      if (kept.trim()) messages.push({ role: "assistant", content: kept });
    }
    return recent(messages);
  }

  /** @param {Played} played */
  #told(played) {
    this.heard(played);
    const told = this.#untold;
    this.#untold = null;
    return told ? { played: told } : {};
  }

  /** @param {Turn["kind"]} kind @param {string} user @param {Record<string, any>} payload @param {number} now */
  #begin(kind, user, payload, now) {
    const before = this.running;
    if (before) before.stopping = true;
    const id = newId("turn");
    this.turns.push({
      ...{ id, kind, user, sentAt: now, acked: false, stopping: false, text: "", heard: null, arrivals: [] },
      ...{ endedAt: null, outcome: "running", finishReason: null, toolcall: null, usage: null, timings: null },
      error: null,
    });
    return { type: kind, request_id: id, payload };
  }

  /** @param {import("./protocol.js").Frame} frame @param {number} now */
  #cancelled({ request_id, payload }, now) {
    const turn = this.turn(payload.turn ?? request_id);
    if (turn?.outcome !== "running" || payload.reason === "not_running") return null;
    this.#end(turn, "cancelled", now, payload);
    return turn;
  }

  /** @param {Turn} turn @param {Turn["outcome"]} outcome @param {number} now @param {Record<string, any>} payload */
  #end(turn, outcome, now, payload = {}) {
    turn.outcome = outcome;
    turn.endedAt = now;
    turn.stopping = false;
    turn.usage = payload.usage ?? null;
    turn.timings = payload.timings ?? null;
    turn.finishReason = payload.finish_reason ?? null;
    // A turn that is refused stops nothing: what it wanted to interrupt goes on.
    if (outcome === "refused") for (const each of this.turns) each.stopping = false;
  }
}
