// Decisions on their way to the server's disk: in order, again and again until they are there.

import { ask } from "/static/shared.js";

const SLICE = 500; // decisions that are sent together
const AGAIN = 1000; // milliseconds until what could not be stored is sent again

const bare = ({ start, end, type }) => ({ start, end, type });

/** A name that no other act has; what is sent twice under one name is done once. */
const newAct = () => [...crypto.getRandomValues(new Uint32Array(3))].map((n) => n.toString(36)).join("-");

export class Saver {
  #sentences;
  #page;
  #unsaved = 0;
  waiting = Promise.resolve();

  /** @param page has who(), changed(sentences), problem(text), saved(number that is not). */
  constructor(sentences, page) {
    this.#sentences = sentences;
    this.#page = page;
    addEventListener("beforeunload", (event) => {
      if (this.#unsaved) event.preventDefault();
    });
  }

  /** Change sentences now, and on the disk in order; [sentence, {state, mentions}] each. */
  decide(changes) {
    const act = newAct();
    for (const [sentence, change] of changes) Object.assign(sentence, change);
    for (let begin = 0; begin < changes.length; begin += SLICE) {
      const entries = changes.slice(begin, begin + SLICE).map(([sentence]) =>
        ({ sentence, state: sentence.state, mentions: sentence.mentions.map(bare), times: sentence.times ?? 0 }));
      this.#queue(() => this.#store(entries, act));
    }
  }

  /** Take back the last act of this annotator; returns its sentences, and how many are kept. */
  async undo() {
    const act = newAct();
    let answer;
    await this.#queue(async () => {
      answer = await this.#ask("/v1/review/undo", { act });
      this.#replace(answer.sentences);
    });
    return answer;
  }

  #queue(work) {
    this.#unsaved += 1;
    this.#page.saved(this.#unsaved);
    this.waiting = this.waiting.then(work).catch((error) => this.#page.problem(error.message)).then(() => {
      this.#unsaved -= 1;
      this.#page.saved(this.#unsaved);
    });
    return this.waiting;
  }

  /** Ask until there is an answer, or a refusal that stays one. */
  async #ask(path, body) {
    for (;;) {
      try {
        return await ask(path, body && { who: this.#page.who(), ...body });
      } catch (error) {
        if (error.status === 409 || error.status === 422) throw error;
        this.#page.problem(`Not saved yet; this page goes on trying. ${error.message}`);
        await new Promise((resolve) => setTimeout(resolve, AGAIN));
      }
    }
  }

  async #store(entries, act) {
    for (;;) {
      // Of a sentence that somebody else has changed meanwhile, nothing more that rests on the old one.
      const valid = entries.filter(({ sentence, times }) => (sentence.times ?? 0) === times);
      if (!valid.length) return;
      const decisions = valid.map(({ sentence, state, mentions }) =>
        ({ number: sentence.number, version: sentence.version, state, mentions }));
      try {
        const { sentences } = await this.#ask("/v1/review/decisions", { act, decisions });
        for (const { number, version, who, at } of sentences) {
          Object.assign(this.#sentences[number - 1], { version, who, at });
        }
        return;
      } catch (error) {
        let theirs = error.problem.sentences; // of 409; the others are stored then
        if (error.status === 422) {
          const { sentences } = await this.#ask("/v1/review");
          theirs = decisions.map(({ number }) => sentences[number - 1]);
        }
        this.#replace(theirs);
        this.#page.changed(theirs, error.status === 422 ? error.message : "");
      }
    }
  }

  #replace(theirs) {
    for (const sentence of theirs) {
      const mine = this.#sentences[sentence.number - 1];
      Object.assign(mine, sentence, { times: (mine.times ?? 0) + 1 });
    }
  }
}
