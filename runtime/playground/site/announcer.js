/** What a screen reader says: events at once, replies in whole sentences, a few at a time and never token by token. */

import { byId } from "./drawing.js";
import { Sentences } from "./sentences.js";

const PAUSE_MS = 2500;

export class Announcer {
  #region = byId("announcer");
  #sentences = new Sentences();
  #turn = "";
  /** @type {string[]} */
  #waiting = [];
  #timer = 0;

  /** Say an event. @param {string} text */
  say(text) {
    this.#waiting.push(text);
    this.#speak();
  }

  /** Text of a reply. @param {string} turn @param {string} delta */
  push(turn, delta) {
    if (turn !== this.#turn) this.#sentences = new Sentences();
    this.#turn = turn;
    this.#waiting.push(...this.#sentences.push(delta).map((piece) => piece.text.trim()));
    if (this.#waiting.length && !this.#timer) this.#timer = window.setTimeout(() => this.#speak(), PAUSE_MS);
  }

  /** A reply is over: its rest is said. @param {string} turn */
  finish(turn) {
    if (turn === this.#turn) this.#waiting.push(...this.#sentences.flush().map((piece) => piece.text.trim()));
    this.#turn = "";
    this.#speak();
  }

  #speak() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    if (this.#waiting.length) this.#region.textContent = this.#waiting.join(" ");
    this.#waiting = [];
  }
}
