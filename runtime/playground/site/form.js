/** The settings on the page, read as the protocol's fields and kept for this tab. */

import { byId, html } from "./drawing.js";
import { recall, remember } from "./memory.js";

const PROMPT =
  "You are Robin, a warm and curious companion on the phone. You answer in one to three short sentences, in plain " +
  "spoken English, without lists or emoji. You ask back now and then.";
/** Name of the field, its label, its step. The ranges are the server's: it says what they are when they are left. */
const SAMPLES = [
  ["temperature", "Temperature", "0.05"],
  ["top_p", "Top p", "0.01"],
  ["top_k", "Top k", "1"],
  ["min_p", "Min p", "0.01"],
  ["repetition_penalty", "Repetition penalty", "0.01"],
  ["presence_penalty", "Presence penalty", "0.05"],
  ["frequency_penalty", "Frequency penalty", "0.05"],
];
const KEPT = ["prompt", "gender", "personality", "speak", "voice", "beat", ...SAMPLES.map(([name]) => name), "sanitize"];

export class Form {
  /** @param {Storage | null} storage @param {() => void} changed */
  constructor(storage, changed) {
    this.storage = storage;
    const grid = byId("samples");
    for (const [name, label, step] of SAMPLES) {
      const field = html("input", { id: name, type: "number", step, min: "0", inputmode: "decimal", placeholder: "default" });
      grid.append(html("div", {}, html("label", { for: name }, label), field));
    }
    const choice = html("select", { id: "sanitize" });
    choice.append(html("option", { value: "" }, "default"), html("option", { value: "yes" }, "to be spoken"));
    choice.append(html("option", { value: "no" }, "as the model has it"));
    grid.append(html("div", {}, html("label", { for: "sanitize" }, "Text"), choice));
    byId("prompt").value = PROMPT;
    this.kept = recall(storage);
    this.#fill(this.kept);
    for (const id of KEPT) byId(id).addEventListener("input", () => (this.keep(), changed()));
  }

  /** The fields of a `start`. */
  persona() {
    const [chat_prompt, gender, personality] = ["prompt", "gender", "personality"].map((id) => byId(id).value.trim());
    return { chat_prompt, ...(gender && { gender }), ...(personality && { personality }) };
  }

  /** The fields of `sampling`; null takes the server's own value again. @returns {Record<string, any>} */
  sampling() {
    const values = SAMPLES.map(([name]) => [name, byId(name).value === "" ? null : Number(byId(name).value)]);
    const text = byId("sanitize").value;
    return Object.fromEntries([...values, ["sanitize_output", text === "" ? null : text === "yes"]]);
  }

  get speaks() {
    return byId("speak").checked;
  }

  get keepsAlive() {
    return byId("beat").checked;
  }

  keep() {
    remember(this.storage, Object.fromEntries(KEPT.map((id) => [id, value(byId(id))])));
  }

  /** @param {Record<string, unknown>} kept */
  #fill(kept) {
    for (const id of KEPT) {
      const field = byId(id);
      if (field.type === "checkbox") field.checked = kept[id] === true;
      else if (typeof kept[id] === "string") field.value = kept[id];
    }
  }
}

/** @param {any} field */
function value(field) {
  return field.type === "checkbox" ? field.checked : field.value;
}
