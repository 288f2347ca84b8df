/** A stream of text in pieces that can be spoken: whole sentences, as soon as each is complete. No DOM. */

/** A piece of a reply. `start` and `end` are positions in the reply's text, in UTF-16 units as strings have them. */
/** @typedef {{text: string, start: number, end: number}} Piece */

const END = /[.!?…]+["'”’)\]]*(?=\s)|[。！？]+[”」』）]*|\n+/gu;
/** Where a sentence does not end, it is cut: browsers stop in the middle of what takes them longer than 15 seconds. */
const LONGEST = 240;

export class Sentences {
  #text = "";
  #taken = 0;

  /**
   * What is complete with this text.
   * @param {string} delta
   * @returns {Piece[]}
   */
  push(delta) {
    this.#text += delta;
    const pieces = [];
    END.lastIndex = this.#taken;
    for (let found = END.exec(this.#text); found; found = END.exec(this.#text)) {
      pieces.push(...this.#take(found.index + found[0].length));
    }
    while (this.#text.length - this.#taken > LONGEST) pieces.push(...this.#take(this.#cut()));
    return pieces.filter((piece) => /[\p{L}\p{N}]/u.test(piece.text));
  }

  /**
   * The rest, at the reply's end.
   * @returns {Piece[]}
   */
  flush() {
    return this.#take(this.#text.length).filter((piece) => /[\p{L}\p{N}]/u.test(piece.text));
  }

  #cut() {
    const upTo = this.#taken + LONGEST;
    const comma = this.#text.lastIndexOf(", ", upTo);
    if (comma > this.#taken) return comma + 1;
    const space = this.#text.lastIndexOf(" ", upTo);
    if (space > this.#taken) return space;
    const splits = /[\ud800-\udbff]/.test(this.#text[upTo - 1]);
    return splits ? upTo - 1 : upTo;
  }

  /** @param {number} end */
  #take(end) {
    const start = this.#taken;
    this.#taken = end;
    return end > start ? [{ text: this.#text.slice(start, end), start, end }] : [];
  }
}
