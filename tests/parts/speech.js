// Stands in for the speech of a browser that has no voices: it says what a test tells it to. What it is given is checked
// against the browser's own interfaces, so that it takes nothing that a real one would not.
(() => {
  const Real = window.SpeechSynthesisUtterance;
  const own = window.speechSynthesis;
  const known = new Set(Object.getOwnPropertyNames(Real.prototype));

  class Utterance extends EventTarget {
    constructor(text) {
      super();
      if (typeof text !== "string") throw new TypeError("an utterance is made of a text");
      this.text = text;
      return new Proxy(this, {
        set(target, name, value) {
          if (!known.has(name)) throw new TypeError(`no utterance has ${String(name)}`);
          if (name.startsWith("on") && typeof value !== "function") throw new TypeError(`${name} is a function`);
          target[name] = value;
          return true;
        },
        get: (target, name) => (typeof target[name] === "function" ? target[name].bind(target) : target[name]),
      });
    }
  }

  const queue = [];
  const said = [];
  const synthesis = {
    speak(utterance) {
      if (!(utterance instanceof Utterance)) throw new TypeError("only an utterance can be spoken");
      queue.push(utterance);
      said.push(utterance.text);
    },
    cancel() {
      // As Firefox does it: what was cancelled reports its end.
      for (const utterance of queue.splice(0)) utterance.onend?.({ charIndex: 0, name: "" });
    },
    getVoices: () => [],
    addEventListener() {},
  };
  for (const name of Object.keys(synthesis)) {
    if (typeof own[name] !== "function") throw new TypeError(`speechSynthesis has no ${name}`);
  }
  const events = Object.getOwnPropertyNames(window.SpeechSynthesisEvent.prototype);
  for (const name of ["charIndex", "name"]) if (!events.includes(name)) throw new TypeError(`no event has ${name}`);

  Object.defineProperty(window, "speechSynthesis", { value: synthesis });
  Object.defineProperty(window, "SpeechSynthesisUtterance", { value: Utterance });
  window.voice = {
    said,
    waiting: () => queue.length,
    /** Begin to say the word that stands first at or behind a text of the utterance that is being said. */
    word(text) {
      const utterance = queue[0];
      const charIndex = utterance.text.indexOf(text);
      if (charIndex < 0) throw new RangeError(`it does not say ${text}`);
      utterance.onboundary?.({ name: "word", charIndex, charLength: text.length });
    },
    /** Say the utterance to its end. */
    end() {
      queue.shift().onend?.({ charIndex: 0, name: "" });
    },
  };
})();
