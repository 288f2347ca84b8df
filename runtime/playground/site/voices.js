/** The choice of voices, as far as this browser has any. They come late in some. */

import { byId, html } from "./drawing.js";

/** @param {import("./voice.js").Voice} voice @param {import("./form.js").Form} form */
export function fillVoices(voice, form) {
  const [choice, row] = [byId("voice"), byId("voice-row")];
  const wanted = String(form.kept.voice ?? "");
  const fill = () => {
    const voices = voice.synthesis?.getVoices() ?? [];
    const names = voices.map((each) => html("option", { value: each.name }, `${each.name} (${each.lang})`));
    choice.replaceChildren(html("option", { value: "" }, "the browser’s own"), ...names);
    choice.value = voices.some((each) => each.name === wanted) ? wanted : "";
    voice.voiceName = choice.value;
    row.hidden = voices.length < 2;
  };
  if (!voice.isThere) {
    byId("speak").disabled = true;
    byId("speak").checked = false;
    byId("speak-hint").textContent = "This browser has no speech of its own.";
    return;
  }
  fill();
  voice.synthesis?.addEventListener?.("voiceschanged", fill);
}
