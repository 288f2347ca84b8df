/** Times of one turn as a picture, and of all turns as a strip to choose from. */

import { byId, html, svg } from "./drawing.js";
import { ceiling, highest, quantile, spell, times } from "./timing.js";

const WIDTH = 340;
const LEFT = 6;
const RIGHT = 334;
const TOP = 16;
const FLOOR = 106;
const PARTS = 164; // two units wide each
const STRIP_TURNS = 36;

export class Plots {
  #plot = byId("plot");
  #strip = byId("strip");
  /** The turn that was chosen; null follows the newest. @type {string | null} */
  #chosen = null;

  /** @param {() => void} changed somebody chose a turn */
  constructor(changed) {
    this.#strip.addEventListener("click", (/** @type {any} */ event) => {
      const button = event.target.closest("button");
      if (!button) return;
      this.#chosen = button === this.#strip.lastElementChild ? null : button.dataset.turn;
      changed();
    });
    this.#strip.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.#move(event));
  }

  /** @param {import("./conversation.js").Turn[]} turns */
  chosen(turns) {
    return turns.find((turn) => turn.id === this.#chosen) ?? turns.at(-1) ?? null;
  }

  /** @param {import("./conversation.js").Turn[]} turns */
  draw(turns) {
    const turn = this.chosen(turns);
    if (turn) this.#drawTurn(turn, turns.indexOf(turn) + 1);
    else this.#drawNothing();
    this.#drawStrip(turns, turn);
  }

  #drawNothing() {
    byId("plot-title").textContent = "Turn";
    for (const id of ["ttft", "p50", "p99"]) byId(id).textContent = "–";
    this.#plot.setAttribute("aria-label", "No turn yet");
    this.#plot.replaceChildren(
      svg("path", { class: "axis", d: `M${LEFT} ${FLOOR}.5H${RIGHT}` }),
      svg("text", { x: WIDTH / 2, y: 64, "text-anchor": "middle" }, "a turn draws itself here"),
    );
  }

  /** @param {import("./conversation.js").Turn} turn @param {number} number */
  #drawTurn(turn, number) {
    const seen = times(turn);
    const [p50, p99] = [quantile(seen.gaps, 0.5), quantile(seen.gaps, 0.99)];
    byId("plot-title").textContent = `Turn ${number}`;
    byId("ttft").textContent = spell(seen.ttft);
    byId("p50").textContent = spell(p50);
    byId("p99").textContent = spell(p99);
    const parts = [`Turn ${number}: first token after ${spell(seen.ttft)}`, `${seen.arrivals.length} token frames`];
    if (p50 !== null) parts.push(`between them ${spell(p50)} at the median, ${spell(p99)} at most but for one in a hundred`);
    this.#plot.setAttribute("aria-label", parts.join(", "));
    this.#plot.dataset.points = String(seen.gaps.length);
    this.#plot.replaceChildren(...picture(seen, p50));
  }

  /** @param {import("./conversation.js").Turn[]} turns @param {import("./conversation.js").Turn | null} chosen */
  #drawStrip(turns, chosen) {
    const shown = turns.slice(-STRIP_TURNS);
    const firsts = shown.map((turn) => times(turn).ttft);
    const top = Math.max(...firsts.map((ttft) => ttft ?? 0), 1);
    while (this.#strip.childElementCount > shown.length) this.#strip.firstElementChild.remove();
    while (this.#strip.childElementCount < shown.length) this.#strip.append(html("button", { type: "button" }));
    shown.forEach((turn, index) => {
      const button = this.#strip.children[index];
      const number = turns.length - shown.length + index + 1;
      button.dataset.turn = turn.id;
      button.dataset.outcome = turn.outcome;
      button.setAttribute("aria-label", `Turn ${number}: first token ${spell(firsts[index])}, ${turn.outcome}`);
      button.setAttribute("aria-pressed", String(turn === chosen));
      button.title = `${number}: ${spell(firsts[index])}`;
      button.tabIndex = turn === chosen ? 0 : -1;
      button.style.setProperty("--share", String((firsts[index] ?? 0) / top));
    });
  }

  /** One stop of the Tab key for all of them; arrows go from one to the next. @param {KeyboardEvent} event */
  #move(event) {
    const buttons = Array.from(this.#strip.children);
    const at = buttons.indexOf(/** @type {any} */ (document.activeElement));
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: buttons.length - 1 }[event.key];
    if (at < 0 || to === undefined || !buttons[to]) return;
    event.preventDefault();
    buttons[to].focus();
    buttons[to].click();
  }
}

/**
 * The wait for the first token as a shaded stretch, then a bar for every gap at the moment when it ended.
 * @param {import("./timing.js").Times} seen
 * @param {number | null} median
 */
function picture(seen, median) {
  const end = ceiling(Math.max(seen.total ?? 0, seen.arrivals.at(-1) ?? 0, 1));
  const top = ceiling(Math.max(...highest(seen.arrivals.slice(1), seen.gaps, end, 1).map((each) => each.value), 1));
  const x = (/** @type {number} */ ms) => LEFT + (Math.min(ms, end) / end) * (RIGHT - LEFT);
  const y = (/** @type {number} */ ms) => FLOOR - (Math.min(ms, top) / top) * (FLOOR - TOP);
  const drawn = [];
  if (seen.ttft !== null) {
    drawn.push(svg("rect", { class: "wait", x: LEFT, y: TOP, width: Math.max(x(seen.ttft) - LEFT, 1), height: FLOOR - TOP }));
    drawn.push(svg("path", { class: "first", d: `M${x(seen.ttft)} ${TOP}V${FLOOR}` }));
  }
  const bar = (RIGHT - LEFT) / PARTS;
  for (const { part, value } of highest(seen.arrivals.slice(1), seen.gaps, end, PARTS)) {
    const height = Math.max(FLOOR - y(value), 1);
    drawn.push(svg("rect", { class: "gap", x: LEFT + part * bar, y: FLOOR - height, width: bar * 0.8, height }));
  }
  if (median !== null) {
    drawn.push(svg("path", { class: "median", d: `M${x(seen.ttft ?? 0)} ${y(median)}H${RIGHT}` }));
  }
  if (seen.total !== null) drawn.push(svg("path", { class: "end", d: `M${x(seen.total)} ${TOP}V${FLOOR}` }));
  drawn.push(svg("path", { class: "axis", d: `M${LEFT} ${FLOOR}.5H${RIGHT}` }));
  drawn.push(svg("text", { x: LEFT, y: FLOOR + 14 }, "0"));
  drawn.push(svg("text", { x: RIGHT, y: FLOOR + 14, "text-anchor": "end" }, spell(end)));
  drawn.push(svg("text", { x: RIGHT, y: TOP - 5, "text-anchor": "end" }, `gaps up to ${spell(top)}`));
  if (seen.ttft !== null) {
    const late = x(seen.ttft) > WIDTH * 0.4;
    const place = { x: x(seen.ttft) + (late ? -4 : 0), y: TOP - 5, class: "strong", "text-anchor": late ? "end" : "start" };
    drawn.push(svg("text", place, `TTFT ${spell(seen.ttft)}`));
  }
  return drawn;
}
