/** The drawing of the session machine: which state is lit, and the way that was taken to it. */

import { byId } from "./drawing.js";

const EDGE_MS = 900;

export class Machine {
  #phase = "closed";
  #drawing = byId("machine");
  #word = byId("phase");
  #timer = 0;

  /** @param {import("./conversation.js").Phase} phase */
  show(phase) {
    if (phase === this.#phase) return;
    const shown = phase === "opening" ? "routing or streaming" : phase;
    this.#light(this.#phase, phase);
    this.#phase = phase;
    this.#word.textContent = shown;
    this.#drawing.setAttribute("aria-label", `The session machine: ${shown}`);
    this.#drawing.dataset.phase = phase;
  }

  /** @param {string} from @param {string} to */
  #light(from, to) {
    this.#drawing.classList.toggle("off", to === "closed");
    for (const node of this.#drawing.querySelectorAll("[data-phase]")) {
      const name = node.dataset.phase;
      node.classList.toggle("lit", name === to);
      node.classList.toggle("perhaps", to === "opening" && (name === "routing" || name === "streaming"));
    }
    // A barge-in leads from one turn straight into the next: the machine passes idle on its way.
    const edges = [`${from}-${to}`, ...(from === "cancelling" ? ["cancelling-idle", `idle-${to}`] : [])];
    for (const edge of this.#drawing.querySelectorAll("[data-edge]")) {
      edge.classList.toggle("taken", edges.includes(edge.dataset.edge));
    }
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => {
      for (const edge of this.#drawing.querySelectorAll(".taken")) edge.classList.remove("taken");
    }, EDGE_MS);
  }
}
