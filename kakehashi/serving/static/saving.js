// Decisions on their way to the server's disk: in order, again and again until they are there.

import { ask } from "/static/shared.js";

const SLICE = 500; // decisions that are sent together
const AGAIN = 2000; // milliseconds until what could not be stored is sent again

const bare = ({ start, end, type }) => ({ start, end, type });

export class Saver {
  #sentences;
  #page;
  #past = []; // what decisions have replaced, for undo
  #unsaved = 0;
  waiting = Promise.resolve();

  /** @param page has who(), changed(sentences), problem(text), saved(). */
  constructor(sentences, page) {
    this.#sentences = sentences;
    this.#page = page;
    addEventListener("beforeunload", (event) => {
      if (this.#unsaved) event.preventDefault();
    });
  }

  /** Change sentences now, and on the disk in order; [sentence, {state, mentions}] each. */
  decide(changes, { remember = true } = {}) {
    const before = changes.map(([sentence]) => [sentence, { state: sentence.state, mentions: sentence.mentions }]);
    if (remember) this.#past.push(before);
    for (const [sentence, change] of changes) Object.assign(sentence, change);
    for (let begin = 0; begin < changes.length; begin += SLICE) {
      const entries = changes.slice(begin, begin + SLICE).map(([sentence]) =>
        ({ sentence, state: sentence.state, mentions: sentence.mentions.map(bare), times: sentence.times ?? 0 }));
      this.#unsaved += 1;
      this.waiting = this.waiting.then(() => this.#store(entries));
    }
  }

  /** Decide the opposite of the last decision; returns what has changed, or nothing. */
  undo() {
    const before = this.#past.pop();
    if (before) this.decide(before, { remember: false });
    return before;
  }

  async #store(entries) {
    for (;;) {
      // Of a sentence that somebody else has changed meanwhile, nothing more that rests on the old one.
      const valid = entries.filter(({ sentence, times }) => (sentence.times ?? 0) === times);
      const decisions = valid.map(({ sentence, state, mentions }) =>
        ({ number: sentence.number, version: sentence.version, state, mentions }));
      try {
        if (valid.length) {
          const { sentences } = await ask("/v1/review/decisions", { who: this.#page.who(), decisions });
          for (const { number, version, who, at } of sentences) {
            Object.assign(this.#sentences[number - 1], { version, who, at });
          }
        }
        this.#unsaved -= 1;
        if (!this.#unsaved) this.#page.saved();
        return;
      } catch (error) {
        if (error.status === 409) this.#replace(error.problem.sentences); // and store the others
        else if (error.status === 422) {
          this.#unsaved -= 1;
          this.#page.problem(`Not saved: ${error.message}`);
          return;
        } else {
          this.#page.problem(`Not saved yet; this page goes on trying. ${error.message}`);
          await new Promise((resolve) => setTimeout(resolve, AGAIN));
        }
      }
    }
  }

  #replace(theirs) {
    for (const sentence of theirs) {
      const mine = this.#sentences[sentence.number - 1];
      Object.assign(mine, sentence, { times: (mine.times ?? 0) + 1 });
    }
    this.#past.length = 0;
    this.#page.changed(theirs);
  }
}
