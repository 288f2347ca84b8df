/** The playground: what the user does becomes frames, what the server says becomes a picture. */

import { ofClosing, ofError } from "./advice.js";
import { Announcer } from "./announcer.js";
import { Conversation } from "./conversation.js";
import { byId, everyFrame } from "./drawing.js";
import { FrameLog, showDecision, showFigures } from "./figures.js";
import { Form } from "./form.js";
import { Link } from "./link.js";
import { Machine } from "./machine.js";
import { tabStorage } from "./memory.js";
import { Plots } from "./plots.js";
import { Screen } from "./screen.js";
import { Transcript } from "./transcript.js";
import { Voice } from "./voice.js";
import { fillVoices } from "./voices.js";

/** Hidden for longer, a page asks whether its connection still lives before anybody types into it. */
const AWAY_MS = 60_000;
/** A server that closes says why just before. */
const WHY_MS = 3_000;

class Playground {
  /** Kept here and nowhere else: in no storage, no address of the page, no element once it was used. */
  #key = "";
  /** @type {import("./advice.js").Advice | null} */
  #lastError = null;
  #lastErrorAt = 0;
  #hiddenAt = 0;
  #attempts = 0;
  /** What to do when the connection is closed that was asked to end. @type {(() => void) | null} */
  #afterClose = null;
  /** Persona of the session that runs, as it was sent. */
  #sent = "";

  conversation = new Conversation();
  machine = new Machine();
  transcript = new Transcript();
  announcer = new Announcer();
  frames = new FrameLog();
  screen = new Screen();
  form = new Form(tabStorage(), () => this.#settingsChanged());
  plots = new Plots(() => this.#refresh());
  link = new Link({
    ready: () => this.#ready(),
    frame: (frame) => this.#take(frame),
    closed: (closing) => void this.#closed(closing),
  });
  voice = new Voice(window.speechSynthesis, window.SpeechSynthesisUtterance, () => this.#refresh());
  #refresh = everyFrame(() => this.#draw());

  begin() {
    fillVoices(this.voice, this.form);
    this.screen.listen({
      connect: (key) => this.#connect(key),
      disconnect: () => this.link.close(),
      say: (text) => this.#say(text),
      stop: () => this.#stop(),
      followUp: (text) => this.#followUp(text),
      fresh: () => this.#restart(true),
      apply: () => this.#restart(false),
      reconnect: () => this.#connect(this.#key),
    });
    document.addEventListener("visibilitychange", () => this.#comeBack());
    // A voice goes on after its page is left.
    window.addEventListener("pagehide", () => void this.voice.stop());
    this.#settingsChanged();
    this.#refresh();
  }

  /** @param {string} key */
  #connect(key) {
    this.#key = key;
    this.#attempts += 1;
    this.#lastError = null;
    this.#afterClose = null;
    this.screen.connecting();
    this.link.open(key);
  }

  #ready() {
    this.conversation.connected();
    this.machine.show(this.conversation.phase);
    this.screen.connected();
    this.announcer.say(this.conversation.turns.length ? "Connected. The conversation goes on." : "Connected.");
    this.#settingsChanged();
    this.#refresh();
  }

  /** @param {string} text */
  #say(text) {
    if (!this.conversation.isConnected) return;
    const persona = this.form.persona();
    const frame = this.conversation.say(text, {
      ...{ persona, sampling: this.form.sampling() },
      ...{ played: this.voice.stop(), now: performance.now() },
    });
    if (frame.type === "start") this.#sent = JSON.stringify(persona);
    this.#send(frame);
  }

  /** @param {string} text */
  #followUp(text) {
    for (const frame of this.conversation.followUp(text, this.voice.stop(), performance.now())) this.#send(frame);
  }

  /** Stop the reply and the voice, whichever there is. */
  #stop() {
    const frame = this.conversation.cancel(this.voice.stop());
    if (frame) this.#send(frame);
    this.#drawAllTurns();
  }

  /** @param {{type: string, request_id: string, payload: Record<string, any>}} frame */
  #send(frame) {
    this.link.send(frame.type, frame.request_id, frame.payload);
    this.frames.add(true, frame);
    this.screen.clearNotice();
    this.#drawAllTurns();
  }

  /** @param {import("./protocol.js").Frame} frame */
  #take(frame) {
    this.frames.add(false, frame);
    const before = this.conversation.phase;
    const turn = this.conversation.take(frame, performance.now());
    this.machine.show(this.conversation.phase);
    if (frame.type === "error") this.#tellError(frame, turn);
    if (turn) this.#follow(turn, frame);
    if (frame.type !== "token" || before !== this.conversation.phase) this.#refresh();
  }

  /** @param {import("./conversation.js").Turn} turn @param {import("./protocol.js").Frame} frame */
  #follow(turn, frame) {
    this.transcript.update(turn);
    const isOver = turn.outcome !== "running";
    if (frame.type === "token" && !turn.stopping) {
      if (this.form.speaks) this.voice.push(turn.id, frame.payload.text);
      if (!this.form.speaks || !this.voice.isThere) this.announcer.push(turn.id, frame.payload.text);
    }
    if (isOver && frame.type === "done") this.voice.finish(turn.id);
    if (isOver) this.announcer.finish(turn.id);
    if (turn.outcome === "cancelled" || turn.outcome === "error") this.#silence(turn.id);
    if (frame.type === "toolcall") this.announcer.say(`Tool decision: ${turn.toolcall?.yes ? "yes" : "no"}.`);
    this.#refresh();
  }

  /** The server stopped a turn that is being said: what was heard of it is all there is. @param {string} id */
  #silence(id) {
    if (this.voice.heardOf(id) !== null) this.conversation.heard(this.voice.stop());
  }

  /** @param {import("./protocol.js").Frame} frame @param {import("./conversation.js").Turn | null} turn */
  #tellError(frame, turn) {
    const advice = ofError(frame.payload);
    this.#lastError = advice;
    this.#lastErrorAt = performance.now();
    this.screen.notice(advice, advice.again === "resend" && turn && turn.kind !== "followup" ? turn.user : null);
  }

  /** @param {import("./link.js").Closing} closing */
  async #closed(closing) {
    const last = performance.now() - this.#lastErrorAt < WHY_MS ? this.#lastError : null;
    this.conversation.lost(performance.now());
    this.conversation.heard(this.voice.stop());
    this.machine.show(this.conversation.phase);
    this.screen.disconnected();
    this.#drawAllTurns();
    const [after, attempts] = [this.#afterClose, this.#attempts];
    this.#afterClose = null;
    if (after) return after();
    const unready = closing.opened || last || closing.byUs ? null : await whyUnready();
    if (attempts !== this.#attempts) return;
    const advice = ofClosing(closing, last, unready);
    if (!advice.again) this.#key = "";
    if (closing.byUs) this.announcer.say(`${advice.title}.`);
    else this.screen.notice(advice, null);
  }

  /** A new session: with nothing of this one, or with its history and the persona as it is now. */
  #restart(/** @type {boolean} */ forget) {
    const begin = () => {
      if (forget) {
        this.conversation.forget();
        this.transcript.clear();
      }
      this.#refresh();
    };
    if (!this.conversation.isConnected) return begin();
    this.#afterClose = () => {
      begin();
      this.#connect(this.#key);
    };
    this.voice.stop();
    this.link.close();
  }

  #comeBack() {
    if (document.hidden) this.#hiddenAt = performance.now();
    else if (performance.now() - this.#hiddenAt > AWAY_MS) this.link.ask();
  }

  #settingsChanged() {
    this.link.keepAlive(this.form.keepsAlive);
    this.voice.voiceName = byId("voice").value;
    // Who turns it off in the middle of a reply reads on: nothing was interrupted.
    if (!this.form.speaks) this.voice.stop();
    const began = this.conversation.isConnected && this.conversation.canFollowUp;
    byId("locked").hidden = !began || this.#sent === JSON.stringify(this.form.persona());
    this.#refresh();
  }

  #drawAllTurns() {
    for (const turn of this.conversation.turns.slice(-4)) this.transcript.update(turn);
    this.machine.show(this.conversation.phase);
    this.#refresh();
  }

  #draw() {
    const { turns, running, routes, isConnected } = this.conversation;
    const turn = this.plots.chosen(turns);
    this.plots.draw(turns);
    showFigures(turn);
    showDecision(turns.findLast((each) => each.toolcall) ?? null, routes);
    this.screen.busy({ isRunning: running !== null, isSpeaking: this.voice.isSpeaking, isConnected });
    byId("followup").disabled = !this.conversation.canFollowUp;
  }
}

/** Why a server that refuses takes nobody in; null if it does not say. */
async function whyUnready() {
  try {
    const answer = await fetch(new URL("readyz", document.baseURI), { cache: "no-store" });
    const told = await answer.json();
    return answer.ok ? null : `It is up and not ready: ${told.reason ?? told.status}.`;
  } catch {
    return null; // it is not there at all
  }
}

new Playground().begin();
