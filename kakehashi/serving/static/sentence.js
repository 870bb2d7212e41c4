// The sentence that is being reviewed: its text with mentions and chosen words, and the list of mentions.

import { $, make, paint, percent } from "/static/shared.js";

/** Whether a mention does not begin and end with tokens, so that no tagger of them can learn it. */
export const isLost = ({ tokens }, { start, end }) =>
  !tokens.some(([begin]) => begin === start) || !tokens.some(([, stop]) => stop === end);

/**
 * Show a sentence.
 *
 * @param chosen a range without a mention, {start, end}, or null.
 * @param active the number of the mention that keys are about, or -1.
 * @param colour the number of a type that paint() takes.
 * @param remove is called with the number of a mention.
 */
export function draw(sentence, { chosen, active, colour, remove }) {
  const { text, tokens, mentions } = sentence;
  const edges = [0, text.length, ...tokens.flat(), ...mentions.flatMap(({ start, end }) => [start, end])];
  if (chosen) edges.push(chosen.start, chosen.end);
  const cuts = [...new Set(edges)].sort((a, b) => a - b);
  const parts = [];
  let mark = null;
  for (let n = 0; n + 1 < cuts.length; n++) {
    const [start, end] = [cuts[n], cuts[n + 1]];
    const place = mentions.findIndex((mention) => mention.start <= start && end <= mention.end);
    const piece = make("span", {}, text.slice(start, end));
    piece.classList.toggle("chosen", !!chosen && chosen.start <= start && end <= chosen.end);
    if (place < 0) {
      mark = null;
      parts.push(piece);
      continue;
    }
    if (mentions[place].start === start || !mark) {
      const { type, probability } = mentions[place];
      mark = paint(make("mark", {}), colour(type));
      mark.dataset.label = probability == null ? type : `${type} ${percent(probability)}`;
      mark.dataset.place = String(place);
      mark.classList.toggle("active", place === active);
      mark.classList.toggle("doubtful", probability != null && probability < 0.5);
      parts.push(mark);
    }
    mark.append(piece);
  }
  $("sentence").replaceChildren(...parts);
  $("mentions").replaceChildren(...mentions.map((mention, place) => {
    const string = text.slice(mention.start, mention.end);
    const button = make("button", { type: "button", ariaLabel: `Remove ${string}` }, "×");
    button.addEventListener("click", () => remove(place));
    const item = make("li", {}, paint(make("mark", {}, string), colour(mention.type)), mention.type, button);
    if (isLost(sentence, mention)) item.append(make("span", { className: "lost" }, "not at the edges of words: cannot be learned"));
    return item;
  }));
}

/** The range of the text that the mouse has selected: {start, end}; both are the same after a click. */
export function selected() {
  const selection = getSelection();
  if (!selection.rangeCount) return null;
  const range = selection.getRangeAt(0);
  const before = document.createRange();
  before.selectNodeContents($("sentence"));
  before.setEnd(range.startContainer, range.startOffset);
  selection.removeAllRanges();
  const start = before.toString().length;
  return { start, end: start + range.toString().length };
}
