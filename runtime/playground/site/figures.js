/** Numbers of a turn as the server counts them, the tool's decision, and the frames as they went over the wire. */

import { byId, everyFrame, html } from "./drawing.js";
import { spell } from "./timing.js";

const USAGE = [["prompt_tokens", "prompt"], ["completion_tokens", "completion"], ["cached_tokens", "cached"], ["total_tokens", "total"]];
const TIMINGS = [["queue_ms", "queue"], ["route_ms", "route"], ["ttft_ms", "first token"], ["total_ms", "whole turn"]];
const FRAMES = 200;

/** @param {import("./conversation.js").Turn | null} turn */
export function showFigures(turn) {
  const usage = USAGE.map(([name, label]) => [label, turn?.usage?.[name] ?? "–"]);
  const timings = TIMINGS.map(([name, label]) => [label, spell(turn?.timings?.[name])]);
  const rows = usage.flatMap((row, index) => [row, timings[index]]);
  const end = turn?.finishReason ?? (turn && turn.outcome !== "running" ? turn.outcome : "–");
  rows.push(["ended", end], ["frames", turn ? turn.arrivals.length : "–"]);
  const drawn = rows.map(([label, value]) => html("div", {}, html("dt", {}, label), html("dd", {}, String(value))));
  byId("figures").replaceChildren(...drawn);
}

/** @param {import("./conversation.js").Turn | null} turn @param {boolean | null} routes */
export function showDecision(turn, routes) {
  const call = turn?.toolcall ?? null;
  const score = byId("score");
  byId("decision").dataset.yes = call ? String(call.yes) : "none";
  byId("decision-word").textContent = call ? (call.yes ? "yes" : "no") : "none";
  byId("decision-more").textContent = call
    ? `${call.score === null ? "no score" : `score ${call.score.toFixed(3)}`}, after ${spell(call.ms)}`
    : routes === false
      ? "This server chats and decides on no tool."
      : "A server with a tool model decides before it answers.";
  score.hidden = call?.score === null || call === null;
  score.value = call?.score ?? 0;
}

/** The newest frames. Tokens of one turn in a row are one line, or nothing else would be seen. */
export class FrameLog {
  /** @type {{out: boolean, type: string, id: string, count: number, detail: string}[]} */
  #lines = [];
  #panel = byId("frames");
  #draw = everyFrame(() => this.#show());

  constructor() {
    this.#panel.addEventListener("toggle", () => this.#draw());
  }

  /** @param {boolean} out @param {{type: string, request_id: string, payload: Record<string, any>}} frame */
  add(out, frame) {
    const last = this.#lines[0];
    if (frame.type === "token" && last?.type === "token" && last.id === frame.request_id) {
      last.count += 1;
    } else {
      const detail = frame.type === "token" ? "" : JSON.stringify(frame.payload).slice(0, 400);
      this.#lines = [{ out, type: frame.type, id: frame.request_id, count: 1, detail }, ...this.#lines.slice(0, FRAMES - 1)];
    }
    if (this.#panel.open) this.#draw();
  }

  #show() {
    if (!this.#panel.open) return;
    byId("frame-list").replaceChildren(
      ...this.#lines.map(({ out, type, count, detail }) => {
        const name = html("b", {}, count > 1 ? `${type} ×${count}` : type);
        return html("li", { class: out ? "out" : "in", title: detail }, out ? "→ " : "← ", name, ` ${detail}`);
      }),
    );
  }
}
