// The page on which suggestions are corrected. Offsets here are UTF-16 units, as the browser counts.

import { Saver } from "/static/saving.js";
import { $, ask, make, paint, percent } from "/static/shared.js";

const ACTIONS = {
  accept: ["a", "Enter", "Accept the sentence as it stands, and go on"],
  reject: ["r", "", "Reject the sentence: it is not to be trained on"],
  flag: ["f", "", "Flag the sentence for somebody else"],
  skip: [" ", "", "Go on without a decision"],
  undo: ["z", "Backspace", "Undo"],
  remove: ["x", "Delete", "Remove the mention"],
  everywhere: ["i", "", "Mark all identical strings that wait for a decision like this mention"],
  other: ["t", "", "Choose another type by its name"],
  search: ["/", "", "Search"],
  previous: ["ArrowUp", "k", "The sentence before"],
  next: ["ArrowDown", "j", "The sentence after"],
  help: ["?", "h", "This help"],
};
const SIGNS = { unseen: "○", predicted: "◔", reviewed: "✓", rejected: "✕", flagged: "⚑" };
const DIGITS = [..."1234567890"];
const ROWS = 40; // of the list that are on the page

let sentences = [];
let shown = []; // those that the filters leave, in order
let types = [];
let palette = []; // ten types that have a digit, and up to ten that have one with Shift
let current = null;
let chosen = null; // a range without a mention: {start, end}
let active = -1; // the mention of the current sentence that keys are about
let saver = null;

const isOpen = ({ state }) => state === "unseen" || state === "predicted";

async function begin() {
  let answer;
  try {
    answer = await ask("/v1/review");
  } catch (error) {
    say(error.message, true);
    if (error.status === 503 || error.status === 0) setTimeout(begin, 1000);
    return;
  }
  ({ sentences, types } = answer);
  saver = new Saver(sentences, page);
  $("about").textContent = answer.batch;
  $("who").value = localStorage.getItem("annotator") ?? answer.annotator;
  const counts = new Map(types.map((type) => [type, 0]));
  for (const { type } of sentences.flatMap(({ mentions }) => mentions)) counts.set(type, counts.get(type) + 1);
  const often = [...types].sort((a, b) => counts.get(b) - counts.get(a));
  palette = often.filter((type, place) => place < 10 || (place < 20 && counts.get(type)));
  $("types").replaceChildren(...types.map((type) => make("option", { value: type })));
  $("type").append(...types.map((type) => make("option", {}, type)));
  $("state").append(...Object.keys(SIGNS).map((state) => make("option", {}, state)));
  $("palette").replaceChildren(...palette.map(button));
  const unknown = types.slice(answer.known);
  if (unknown.length) say(`The model does not know ${unknown.join(", ")}; they can be used all the same.`);
  filter();
  go(shown[0] ?? sentences[0]);
}

function button(type, number) {
  const digit = DIGITS[number % 10];
  const key = make("kbd", {}, number < 10 ? digit : `⇧${digit}`);
  const result = paint(make("button", { type: "button" }, key, ` ${type}`), types.indexOf(type));
  result.addEventListener("click", () => label(type));
  return result;
}

const trust = ({ mentions }) => Math.min(1, ...mentions.map((mention) => mention.probability ?? 1));

// What is shown

function filter() {
  const [text, state, type, order] = ["search", "state", "type", "order"].map((id) => $(id).value);
  const least = $("least").value / 100;
  $("least-value").textContent = `${$("least").value} %`;
  shown = sentences.filter((sentence) =>
    (state === "open" ? isOpen(sentence) || sentence === current : !state || sentence.state === state)
    && (!text || sentence.text.includes(text) || sentence.id === text)
    && (!type || sentence.mentions.some((mention) => mention.type === type))
    && trust(sentence) >= least);
  if (order === "doubt") shown.sort((a, b) => trust(a) - trust(b));
  if (order === "random") shown.sort((a, b) => scatter(a.number) - scatter(b.number));
  list();
}

const scatter = (number) => Math.imul(number, 2654435761) >>> 0; // always the same order

function list() {
  const place = Math.max(0, shown.indexOf(current));
  const first = Math.max(0, Math.min(place - ROWS / 2, shown.length - ROWS));
  $("list").replaceChildren(...shown.slice(first, first + ROWS).map((sentence) => {
    const sign = make("span", { title: sentence.state }, SIGNS[sentence.state]);
    sign.setAttribute("aria-label", sentence.state);
    const row = make("button", { type: "button" }, sign, make("span", {}, sentence.text));
    row.setAttribute("aria-current", String(sentence === current));
    row.addEventListener("click", () => go(sentence));
    return make("li", {}, row);
  }));
  const open = shown.filter(isOpen).length;
  $("shown").textContent = `${shown.length} shown, ${open} to decide`;
  $("bulk").disabled = !open;
  $("bulk").textContent = `Accept all ${open}`;
  const counts = Object.keys(SIGNS).map((state) =>
    [state, sentences.filter((sentence) => sentence.state === state).length]);
  $("counts").textContent = counts.filter(([, n]) => n).map(([state, n]) => `${n} ${state}`).join(" · ");
  const decided = sentences.filter((sentence) => !isOpen(sentence)).length;
  $("progress").value = sentences.length ? decided / sentences.length : 0;
}

function go(sentence) {
  if (!sentence) return;
  current = sentence;
  chosen = null;
  active = sentence.mentions.length ? 0 : -1;
  list();
  draw();
}

function draw() {
  const { number, text, tokens, mentions, state, hidden, who, id } = current;
  $("place").textContent = `Sentence ${number} of ${sentences.length}${id ? ` · ${id}` : ""}`;
  const by = who && !isOpen(current) ? ` by ${who}` : "";
  $("badge").textContent = `${SIGNS[state]} ${state}${by}${hidden ? " · suggestions hidden" : ""}`;
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
      mark = paint(make("mark", {}), types.indexOf(mentions[place].type));
      const { type, probability } = mentions[place];
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
    const remove = make("button", { type: "button", ariaLabel: `Remove ${text.slice(mention.start, mention.end)}` }, "×");
    remove.addEventListener("click", () => { active = place; act("remove"); });
    const shape = paint(make("mark", {}, text.slice(mention.start, mention.end)), types.indexOf(mention.type));
    const item = make("li", {}, shape, mention.type, remove);
    if (isLost(mention)) item.append(make("span", { className: "lost" }, "not at the edges of words: cannot be learned"));
    return item;
  }));
  if (document.activeElement === document.body) $("sentence").focus(); // what had the focus is gone
}

const isLost = ({ start, end }) =>
  !current.tokens.some(([begin]) => begin === start) || !current.tokens.some(([, stop]) => stop === end);

function say(text, isProblem = false) {
  $("status").textContent = text;
  $("status").classList.toggle("problem", isProblem);
}

// What is decided

const page = {
  who: () => $("who").value.trim() || "unknown",
  problem: (text) => say(text, true),
  saved() {
    if ($("status").textContent.startsWith("Not saved yet")) say("Saved.");
  },
  changed([sentence]) {
    list();
    draw();
    const by = sentence.who ? ` by ${sentence.who}` : "";
    say(`Sentence ${sentence.number} was changed${by} meanwhile, and is shown as it is now; decide again.`, true);
  },
};

function finish(state) {
  const place = shown.indexOf(current);
  saver.decide([[current, { state }]]);
  go(shown.slice(place + 1).find(isOpen) ?? shown.find(isOpen) ?? current);
  if (!shown.some(isOpen)) {
    filter();
    say("Nothing of what is shown waits for a decision.");
  } else say("");
}

/** Give a type to the chosen range, or to the active mention. */
function label(type) {
  const range = chosen ?? current.mentions[active];
  if (!range) return say("Choose words first: drag over them, or use the arrow keys, with Shift for more.");
  const { start, end } = range;
  const others = current.mentions.filter((mention) => mention.end <= start || end <= mention.start);
  const mention = { start, end, type, probability: null };
  const mentions = [...others, mention].sort((a, b) => a.start - b.start);
  saver.decide([[current, { mentions }]]);
  chosen = null;
  active = mentions.indexOf(mention);
  say(isLost(mention) ? "This mention does not begin and end with words: no tagger of these words can learn it." : "");
  draw();
}

function everywhere() {
  const pattern = current.mentions[active];
  if (!pattern) return say("Choose a mention first (Tab).");
  const string = current.text.slice(pattern.start, pattern.end);
  const changes = [];
  for (const sentence of sentences.filter((each) => each !== current && isOpen(each) && !each.hidden)) {
    let mentions = sentence.mentions;
    for (const [start] of sentence.tokens) {
      const end = start + string.length;
      if (!sentence.text.startsWith(string, start) || !sentence.tokens.some(([, stop]) => stop === end)) continue;
      const same = mentions.find((mention) => mention.start === start && mention.end === end);
      if (same?.type === pattern.type) continue;
      if (!same && mentions.some((mention) => mention.start < end && start < mention.end)) continue;
      mentions = [...mentions.filter((mention) => mention !== same), { start, end, type: pattern.type, probability: null }];
    }
    if (mentions !== sentence.mentions) changes.push([sentence, { mentions: mentions.sort((a, b) => a.start - b.start) }]);
  }
  if (changes.length) saver.decide(changes);
  list();
  say(`${string} is ${pattern.type} in ${changes.length} more sentences that wait for a decision.`);
}

function undo() {
  const before = saver.undo();
  if (!before) return say("Nothing to undo.");
  filter();
  go(before[0][0]);
  say(before.length > 1 ? `${before.length} decisions undone.` : "Undone.");
}

async function write() {
  try {
    await saver.waiting;
    const { states, agreement, out } = await ask("/v1/review/export", {});
    const parts = Object.entries(agreement).filter(([, { f1 }]) => f1 != null).map(([name, { f1 }]) => `${f1} with ${name}`);
    say(`${states.reviewed} sentences written to ${out}.${parts.length ? ` F1 of the model: ${parts.join(", ")}.` : ""}`);
  } catch (error) {
    say(error.message, true);
  }
}

const DO = {
  accept: () => finish("reviewed"),
  reject: () => finish("rejected"),
  flag: () => finish("flagged"),
  skip: () => step(1, isOpen),
  undo,
  everywhere,
  remove() {
    if (active < 0) return;
    saver.decide([[current, { mentions: current.mentions.filter((_, place) => place !== active) }]]);
    active = Math.min(active, current.mentions.length - 1);
    draw();
  },
  other: () => $("other").focus(),
  search: () => $("search").focus(),
  previous: () => step(-1),
  next: () => step(1),
  help: () => $("keys").showModal(),
};

function act(name) {
  if (current || name === "help") DO[name]();
}

function step(by, accepts = () => true) {
  const place = shown.indexOf(current);
  const rest = by > 0 ? shown.slice(place + 1) : shown.slice(0, Math.max(0, place)).reverse();
  go(rest.find(accepts));
}

// Keys and mouse

function move(by, extend) {
  const { tokens } = current;
  if (!tokens.length) return;
  const at = chosen ?? current.mentions[active];
  let first = at ? tokens.findIndex(([, end]) => end > at.start) : -1;
  let last = at ? tokens.findLastIndex(([start]) => start < at.end) : -1;
  if (!at) first = last = by > 0 ? 0 : tokens.length - 1;
  else if (extend && by > 0) last = Math.min(last + 1, tokens.length - 1);
  else if (extend) last = Math.max(last - 1, first);
  else first = last = Math.max(0, Math.min(tokens.length - 1, (by > 0 ? last : first) + by));
  chosen = { start: tokens[first][0], end: tokens[last][1] };
  active = -1;
  draw();
}

document.addEventListener("keydown", (event) => {
  if (event.isComposing || event.keyCode === 229 || $("keys").open || document.querySelector("dialog[open]")) return;
  if ((event.ctrlKey || event.metaKey) && event.key === "s") {
    event.preventDefault();
    write();
    return;
  }
  const { target, key } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || target.matches("input, select, textarea")) return;
  if (target.matches("button, summary") && [" ", "Enter"].includes(key)) return;
  if (key === "Tab" && target === $("sentence") && current) {
    const place = active + (event.shiftKey ? -1 : 1);
    if (place < 0 || place >= current.mentions.length) return; // on to what the page has next
    event.preventDefault();
    active = place;
    chosen = null;
    draw();
    return;
  }
  if (key === "ArrowLeft" || key === "ArrowRight") {
    event.preventDefault();
    move(key === "ArrowRight" ? 1 : -1, event.shiftKey);
    return;
  }
  if (key === "Escape") {
    chosen = null;
    draw();
    return;
  }
  const digit = event.code.startsWith("Digit") && event.shiftKey ? 10 + ((Number(event.code.slice(5)) + 9) % 10) : DIGITS.indexOf(key);
  if (palette[digit] !== undefined) {
    event.preventDefault();
    label(palette[digit]);
    return;
  }
  const found = Object.entries(ACTIONS).find(([, keys]) => keys.slice(0, 2).includes(key.length === 1 ? key.toLowerCase() : key));
  if (found) {
    event.preventDefault();
    act(found[0]);
  }
});

$("sentence").addEventListener("mouseup", (event) => {
  const selection = getSelection();
  if (!selection.rangeCount || !current) return;
  const range = selection.getRangeAt(0);
  const before = document.createRange();
  before.selectNodeContents($("sentence"));
  before.setEnd(range.startContainer, range.startOffset);
  let start = before.toString().length;
  let end = start + range.toString().length;
  const mark = event.target.closest("mark");
  if (start === end && mark) {
    active = Number(mark.dataset.place);
    chosen = null;
  } else {
    if (!event.altKey) {
      const inside = current.tokens.filter(([from, to]) => (start === end ? from <= start && start < to : from < end && start < to));
      if (!inside.length) return;
      [start, end] = [inside[0][0], inside.at(-1)[1]];
    }
    chosen = start < end ? { start, end } : null;
    active = -1;
  }
  selection.removeAllRanges();
  draw();
});

$("filters").addEventListener("input", filter);
$("filters").addEventListener("submit", (event) => event.preventDefault());
for (const id of ["search", "other"]) {
  $(id).addEventListener("keydown", (event) => {
    if (event.isComposing || !["Enter", "Escape"].includes(event.key)) return;
    if (id === "other" && event.key === "Enter") {
      if (!types.includes($("other").value)) return say(`There is no type ${$("other").value}.`, true);
      label($("other").value);
      $("other").value = "";
    } else if (event.key === "Enter") go(shown[0]);
    $("sentence").focus();
  });
}
$("bulk").addEventListener("click", () => {
  const open = shown.filter(isOpen);
  saver.decide(open.map((sentence) => [sentence, { state: "reviewed" }]));
  filter();
  go(shown.find(isOpen) ?? current);
  say(`${open.length} sentences accepted as they stand; Z undoes it.`);
});
$("who").addEventListener("change", () => localStorage.setItem("annotator", $("who").value.trim()));
$("export").addEventListener("click", write);
$("help").addEventListener("click", () => act("help"));
for (const each of document.querySelectorAll("[data-action]")) {
  each.addEventListener("click", () => act(each.dataset.action));
}
const named = (key) => make("kbd", {}, { " ": "Space", ArrowUp: "↑", ArrowDown: "↓" }[key] ?? key);
const rows = [["1 … 0", "Type of the chosen words or of the mention; with Shift the next ten"],
  ["← →", "Choose a word; with Shift more"], ["Tab", "The next mention, with Shift the one before"],
  ["Ctrl S", "Write the files"]].map(([key, words]) => [[make("kbd", {}, key)], words]);
rows.push(...Object.values(ACTIONS).map(([one, two, words]) => [[named(one), ...(two ? [" ", named(two)] : [])], words]));
$("key-rows").replaceChildren(...rows.map(([keys, words]) => make("tr", {}, make("td", {}, ...keys), make("td", {}, words))));
$("sentence").focus();
begin();
