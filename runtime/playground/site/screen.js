/** The controls: what can be pressed now, notices, and what the keyboard does. */

import { byId } from "./drawing.js";

/**
 * @typedef {{connect: (key: string) => void, disconnect: () => void, say: (text: string) => void, stop: () => void,
 *   followUp: (text: string) => void, fresh: () => void, apply: () => void, reconnect: () => void}} Wishes
 */

const ACTS = { reconnect: "Reconnect", resend: "Put it back" };

export class Screen {
  #words = byId("words");
  #key = byId("key");
  #act = () => {};
  /** What Escape stops. */
  #isBusy = false;

  /** @param {Wishes} wishes */
  listen(wishes) {
    byId("door").addEventListener("submit", (/** @type {Event} */ event) => {
      event.preventDefault();
      const key = this.#key.value.trim();
      this.#key.value = "";
      if (key) wishes.connect(key);
    });
    byId("disconnect").addEventListener("click", wishes.disconnect);
    byId("box").addEventListener("submit", (/** @type {Event} */ event) => {
      event.preventDefault();
      this.#sayWords(wishes);
    });
    byId("look").addEventListener("submit", (/** @type {Event} */ event) => {
      event.preventDefault();
      const text = byId("analysis").value.trim();
      if (text && !byId("followup").disabled) wishes.followUp(text);
      byId("analysis").value = text && !byId("followup").disabled ? "" : byId("analysis").value;
    });
    byId("stop").addEventListener("click", () => (wishes.stop(), this.#words.focus()));
    byId("fresh").addEventListener("click", () => (wishes.fresh(), this.#words.focus()));
    byId("apply").addEventListener("click", wishes.apply);
    byId("notice-close").addEventListener("click", () => (this.clearNotice(), this.#words.focus()));
    byId("notice-act").addEventListener("click", () => this.#act());
    for (const button of document.querySelectorAll(".try")) {
      button.addEventListener("click", () => this.#suggest(wishes, button.textContent ?? ""));
    }
    this.#reconnect = wishes.reconnect;
    this.#listenToKeys(wishes);
  }

  #reconnect = () => {};

  /** @param {Wishes} wishes */
  #listenToKeys(wishes) {
    this.#words.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
      // While an input method composes, Enter belongs to it.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#sayWords(wishes);
    });
    this.#words.addEventListener("input", () => this.#fit());
    document.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || event.isComposing || !this.#isBusy) return;
      event.preventDefault();
      wishes.stop();
    });
  }

  /** @param {Wishes} wishes */
  #sayWords(wishes) {
    const text = this.#words.value.trim();
    if (!text || byId("send").disabled) return;
    this.#words.value = "";
    this.#fit();
    wishes.say(text);
  }

  /** @param {Wishes} wishes @param {string} text */
  #suggest(wishes, text) {
    if (!byId("send").disabled) return wishes.say(text);
    this.#words.value = text;
    this.#fit();
    this.#key.focus();
  }

  /** The box is as high as what is in it. */
  #fit() {
    this.#words.style.height = "auto";
    this.#words.style.height = `${this.#words.scrollHeight}px`;
  }

  connecting() {
    this.#status("connecting", "connecting …");
    this.clearNotice();
    byId("connect").disabled = true;
  }

  connected() {
    this.#status("open", "connected");
    byId("connect").disabled = false;
    for (const part of ["connect", "key"]) byId(part).hidden = true;
    byId("door").querySelector("label").hidden = true;
    byId("disconnect").hidden = false;
    this.#words.placeholder = "Say something";
    this.clearNotice();
    this.#words.focus();
  }

  disconnected() {
    this.#status("closed", "not connected");
    byId("connect").disabled = false;
    for (const part of ["connect", "key"]) byId(part).hidden = false;
    byId("door").querySelector("label").hidden = false;
    byId("disconnect").hidden = true;
    this.#words.placeholder = "Connect first";
  }

  /** @param {{isRunning: boolean, isSpeaking: boolean, isConnected: boolean}} now */
  busy({ isRunning, isSpeaking, isConnected }) {
    this.#isBusy = isRunning || isSpeaking;
    const stop = byId("stop");
    if (!this.#isBusy && document.activeElement === stop) this.#words.focus();
    stop.hidden = !this.#isBusy;
    byId("send").disabled = !isConnected;
    byId("send").textContent = isRunning || isSpeaking ? "Barge in" : "Send";
  }

  /**
   * @param {import("./advice.js").Advice} advice
   * @param {string | null} words to be put back into the box
   */
  notice(advice, words) {
    byId("notice-title").textContent = `${advice.title}.`;
    byId("notice-text").textContent = advice.text;
    byId("notice").dataset.error = String(advice.isError);
    byId("notice").hidden = false;
    const act = advice.again === "resend" && words === null ? null : advice.again;
    byId("notice-act").hidden = act === null;
    byId("notice-act").textContent = act ? ACTS[act] : "";
    this.#act = () => {
      this.clearNotice();
      if (act === "reconnect") return this.#reconnect();
      this.#words.value = words ?? "";
      this.#fit();
      this.#words.focus();
    };
  }

  clearNotice() {
    byId("notice").hidden = true;
  }

  /** @param {string} state @param {string} text */
  #status(state, text) {
    byId("status").dataset.state = state;
    byId("status-text").textContent = text;
  }
}
