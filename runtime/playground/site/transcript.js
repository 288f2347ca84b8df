/** The conversation on the page. Text of the model is appended as text, once before each picture. */

import { byId, everyFrame, html } from "./drawing.js";
import { firstCodePoints } from "./protocol.js";
import { spell, times } from "./timing.js";

const NEAR_PX = 60;
const ENDS = {
  done: ["done", "good"],
  cancelled: ["stopped", "warm"],
  error: ["failed", "bad"],
  refused: ["not taken", "bad"],
  lost: ["connection lost", "bad"],
};

export class Transcript {
  #list = byId("turns");
  #scroll = byId("scroll");
  /** @type {Map<string, {item: HTMLElement, reply: HTMLElement, node: Text, facts: HTMLElement, shown: number}>} */
  #rows = new Map();
  /** @type {Map<string, import("./conversation.js").Turn>} */
  #changed = new Map();
  #write = everyFrame(() => this.#writeAll());

  /** A turn is new, or something of it changed. @param {import("./conversation.js").Turn} turn */
  update(turn) {
    this.#changed.set(turn.id, turn);
    this.#write();
  }

  clear() {
    this.#rows.clear();
    this.#changed.clear();
    this.#list.replaceChildren();
    byId("welcome").hidden = false;
  }

  #writeAll() {
    const scroll = this.#scroll;
    const atEnd = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < NEAR_PX;
    let isNew = false;
    for (const turn of this.#changed.values()) {
      isNew ||= !this.#rows.has(turn.id);
      this.#writeTurn(turn);
    }
    this.#changed.clear();
    if (atEnd || isNew) scroll.scrollTop = scroll.scrollHeight;
  }

  /** @param {import("./conversation.js").Turn} turn */
  #writeTurn(turn) {
    const row = this.#rows.get(turn.id) ?? this.#begin(turn);
    if (turn.text.length > row.shown) {
      row.node.appendData(turn.text.slice(row.shown));
      row.shown = turn.text.length;
    }
    const isLive = turn.outcome === "running" && !turn.stopping;
    row.reply.classList.toggle("live", isLive);
    if (turn.heard !== null && !isLive) this.#markHeard(row, turn);
    row.facts.replaceChildren(...facts(turn).map(([text, tone]) => html("span", tone ? { "data-tone": tone } : {}, text)));
  }

  /** @param {import("./conversation.js").Turn} turn */
  #begin(turn) {
    byId("welcome").hidden = true;
    const node = document.createTextNode("");
    const reply = html("div", { class: "reply", dir: "auto" }, node);
    const facts_ = html("p", { class: "facts" });
    const said = html("p", { class: "said", dir: "auto", "data-kind": turn.kind }, turn.user);
    const item = html("li", { class: "turn", "data-turn": turn.id }, said, reply, facts_);
    this.#list.append(item);
    const row = { item, reply, node, facts: facts_, shown: 0 };
    this.#rows.set(turn.id, row);
    return row;
  }

  /** What nobody heard is still there to read, and looks like it. */
  #markHeard(/** @type {any} */ row, /** @type {import("./conversation.js").Turn} */ turn) {
    const heard = firstCodePoints(turn.text, turn.heard ?? 0);
    const rest = turn.text.slice(heard.length);
    row.node = document.createTextNode(heard);
    row.reply.replaceChildren(row.node);
    if (rest) row.reply.append(html("span", { class: "unheard", title: "not heard" }, rest));
  }
}

/** @param {import("./conversation.js").Turn} turn @returns {[string, string][]} */
function facts(turn) {
  /** @type {[string, string][]} */
  const found = [];
  const seen = times(turn);
  if (turn.outcome !== "running") {
    const [word, tone] = ENDS[turn.outcome];
    found.push([turn.finishReason === "length" ? `${word}, at its greatest length` : word, tone]);
  } else if (turn.stopping) {
    found.push(["stopping", "warm"]);
  }
  if (turn.toolcall) found.push([`tool ${turn.toolcall.yes ? "yes" : "no"}`, turn.toolcall.yes ? "warm" : ""]);
  if (seen.ttft !== null && turn.outcome !== "running") found.push([`TTFT ${spell(seen.ttft)}`, ""]);
  const tokens = turn.usage?.completion_tokens;
  const spoken = seen.total !== null && seen.ttft !== null ? seen.total - seen.ttft : 0;
  if (tokens) found.push([`${tokens} tokens`, ""]);
  if (tokens && tokens > 1 && spoken > 50) found.push([`${Math.round(((tokens - 1) / spoken) * 1000)} tokens/s`, ""]);
  if (turn.heard !== null) found.push([`heard ${turn.heard} characters`, "warm"]);
  return found;
}
