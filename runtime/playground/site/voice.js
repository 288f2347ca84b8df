/**
 * Replies spoken as they would be heard, and how much of them was: by the browser's own speech, where there is one.
 *
 * What was heard ends before the word that is being said: its first boundary event is not its last sound. A voice
 * without such events counts whole sentences.
 */

import { Sentences } from "./sentences.js";
import { codePoints } from "./protocol.js";

/** @typedef {{id: string, text: string, heard: number, pieces: Sentences, complete: boolean, waiting: number}} Reply */

export class Voice {
  /** @type {Reply | null} */
  #reply = null;
  /** Utterances of before the last stop still report, in some browsers as if they had been said. */
  #era = 0;
  /** Chromium forgets an utterance that nobody holds, with its events. */
  #held = new Set();

  /**
   * @param {SpeechSynthesis | undefined} synthesis
   * @param {typeof SpeechSynthesisUtterance | undefined} Utterance
   * @param {() => void} changed something was heard, or it fell silent
   */
  constructor(synthesis, Utterance, changed) {
    this.synthesis = synthesis;
    this.Utterance = Utterance;
    this.changed = changed;
    this.language = "en";
    this.voiceName = "";
  }

  get isThere() {
    return Boolean(this.synthesis && this.Utterance);
  }

  /** Whether something is said, or will be once it is complete. */
  get isSpeaking() {
    return this.#reply !== null && (this.#reply.waiting > 0 || !this.#reply.complete);
  }

  /** Text of a reply; the first of a new one begins it. */
  push(/** @type {string} */ id, /** @type {string} */ delta) {
    if (!this.isThere) return;
    if (this.#reply?.id !== id) {
      this.stop();
      this.#reply = { id, text: "", heard: 0, pieces: new Sentences(), complete: false, waiting: 0 };
    }
    const reply = /** @type {Reply} */ (this.#reply);
    reply.text += delta;
    for (const piece of reply.pieces.push(delta)) this.#say(reply, piece);
  }

  /** A reply has ended by itself: what is left of it is said too. */
  finish(/** @type {string} */ id) {
    const reply = this.#reply;
    if (reply?.id !== id) return;
    for (const piece of reply.pieces.flush()) this.#say(reply, piece);
    reply.complete = true;
    if (!reply.waiting) this.#allSaid(reply);
  }

  /**
   * Fall silent at once. Says what was heard, in code points of the reply's text; null if nothing was being said.
   * @returns {{request_id: string, chars: number} | null}
   */
  stop() {
    const reply = this.#reply;
    this.#era += 1;
    this.#reply = null;
    this.#held.clear();
    if (!reply) return null;
    this.synthesis?.cancel();
    this.changed();
    return { request_id: reply.id, chars: codePoints(reply.text.slice(0, reply.heard)) };
  }

  /**
   * @param {Reply} reply
   * @param {import("./sentences.js").Piece} piece
   */
  #say(reply, piece) {
    const Utterance = /** @type {typeof SpeechSynthesisUtterance} */ (this.Utterance);
    const synthesis = /** @type {SpeechSynthesis} */ (this.synthesis);
    const utterance = new Utterance(piece.text);
    const era = this.#era;
    const heard = (/** @type {number} */ position) => {
      if (position <= reply.heard) return;
      reply.heard = Math.min(position, piece.end);
      this.changed();
    };
    const over = (/** @type {boolean} */ said) => {
      this.#held.delete(utterance);
      if (era !== this.#era) return;
      if (said) heard(piece.end);
      reply.waiting -= 1;
      if (!reply.waiting && reply.complete) this.#allSaid(reply);
    };
    utterance.lang = this.language;
    const voice = synthesis.getVoices().find((each) => each.name === this.voiceName);
    if (voice) utterance.voice = voice;
    utterance.onboundary = (event) => {
      if (event.name === "word" || !event.name) heard(piece.start + event.charIndex);
    };
    utterance.onend = () => over(true);
    utterance.onerror = () => over(false);
    reply.waiting += 1;
    this.#held.add(utterance);
    synthesis.speak(utterance);
  }

  /** Nothing interrupts a reply any more that was said to its end. */
  #allSaid(/** @type {Reply} */ reply) {
    if (this.#reply === reply) this.#reply = null;
    this.changed();
  }

  /** How far the reply of this turn was heard by now, in UTF-16 units; null if it is not being said. */
  heardOf(/** @type {string} */ id) {
    return this.#reply?.id === id ? this.#reply.heard : null;
  }
}
