/** The connection: one WebSocket at a time, its heartbeat, and why it is gone. */

import { newId, parse, socketAddress } from "./protocol.js";

/** Well below the server's usual idle limit (150 s), and below the minute to which browsers slow hidden pages' timers. */
const HEARTBEAT_MS = 50_000;
const ANSWER_MS = 8_000;

/**
 * How a connection ended. `opened`: whether there was one; `byUs`: it was asked for.
 * @typedef {{code: number, reason: string, opened: boolean, byUs: boolean}} Closing
 */

export class Link {
  /** @type {WebSocket | null} */
  #socket = null;
  #opened = false;
  #byUs = false;
  #heartbeat = 0;
  #patience = 0;
  /** @type {string | null} */
  #ping = null;

  /**
   * @param {{ready: () => void, frame: (frame: import("./protocol.js").Frame) => void,
   *   closed: (closing: Closing) => void}} listener `ready`: the key was right and there was a place
   */
  constructor(listener) {
    this.listener = listener;
    this.sessionId = "";
    this.keepsAlive = false;
  }

  get isOpen() {
    return this.#socket?.readyState === WebSocket.OPEN && this.#opened;
  }

  /** The key goes into the socket's address, the one place a browser has for it, and is not kept here. */
  open(/** @type {string} */ key) {
    this.#forget();
    this.#opened = this.#byUs = false;
    this.sessionId = newId("page");
    const socket = new WebSocket(socketAddress(document.baseURI, key));
    this.#socket = socket;
    this.#expectAnswer();
    // A server says nothing of its own accord: the answer to a ping is how it says yes to a key.
    socket.onopen = () => this.ask();
    socket.onmessage = (event) => this.#take(socket, event.data);
    socket.onclose = (event) => this.#closed(socket, { code: event.code, reason: event.reason });
  }

  /** End the session; the server closes. */
  close() {
    if (!this.#socket) return;
    this.#byUs = true;
    if (this.isOpen) this.send("end", newId("end"), {});
    else this.#abandon();
    this.#expectAnswer();
  }

  /** @param {string} type @param {string} requestId @param {Record<string, any>} payload */
  send(type, requestId, payload) {
    this.#socket?.send(JSON.stringify({ type, session_id: this.sessionId, request_id: requestId, payload }));
  }

  /** Ask whether the server is there. A connection may be dead without a word, after a night for example. */
  ask() {
    if (this.#ping !== null || this.#socket?.readyState !== WebSocket.OPEN) return;
    this.#ping = newId("ping");
    this.send("ping", this.#ping, {});
    this.#expectAnswer();
  }

  /** @param {boolean} wanted */
  keepAlive(wanted) {
    this.keepsAlive = wanted;
    clearInterval(this.#heartbeat);
    if (wanted && this.#socket) this.#heartbeat = window.setInterval(() => this.ask(), HEARTBEAT_MS);
  }

  /** @param {WebSocket} socket @param {unknown} data */
  #take(socket, data) {
    if (socket !== this.#socket) return;
    const frame = parse(data);
    if (!frame) return;
    if (frame.type !== "pong") return this.listener.frame(frame);
    if (frame.request_id !== this.#ping) return;
    this.#ping = null;
    clearTimeout(this.#patience);
    if (this.#opened) return;
    this.#opened = true;
    this.keepAlive(this.keepsAlive);
    this.listener.ready();
  }

  /** Whatever was asked of the server: it has so long to answer. */
  #expectAnswer() {
    clearTimeout(this.#patience);
    this.#patience = window.setTimeout(() => this.#abandon(), ANSWER_MS);
  }

  /** Wait for no close of the other side. */
  #abandon() {
    const socket = this.#socket;
    if (!socket) return;
    this.#closed(socket, { code: 1006, reason: "" });
    socket.close();
  }

  /** @param {WebSocket} socket @param {{code: number, reason: string}} how */
  #closed(socket, how) {
    if (socket !== this.#socket) return;
    const closing = { ...how, opened: this.#opened, byUs: this.#byUs };
    this.#forget();
    this.listener.closed(closing);
  }

  #forget() {
    const socket = this.#socket;
    this.#socket = null;
    this.#opened = false;
    this.#ping = null;
    clearInterval(this.#heartbeat);
    clearTimeout(this.#patience);
    if (socket && socket.readyState < WebSocket.CLOSING) socket.close();
  }
}
