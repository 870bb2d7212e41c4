// The page on which suggestions are corrected. Offsets here are UTF-16 units, as the browser counts.

import { Keys } from "/static/keys.js";
import { overview } from "/static/overview.js";
import { Saver } from "/static/saving.js";
import { draw as drawSentence, isLost, selected } from "/static/sentence.js";
import { $, ask, make, paint } from "/static/shared.js";

const SIGNS = { unseen: "○", predicted: "◔", reviewed: "✓", rejected: "✕", flagged: "⚑" };
const ROWS = 40; // of the list that are on the page

let sentences = [];
let shown = []; // those that the filters leave, in order
let types = [];
let ordered = []; // the same, those that were suggested most often first
let current = null;
let chosen = null; // a range without a mention: {start, end}
let active = -1; // the mention of the current sentence that keys are about
let saver = null;
let keys = null;
let rows = new Map(); // of the list, by sentence

const isOpen = ({ state }) => state === "unseen" || state === "predicted";

async function begin(first) {
  let answer;
  try {
    answer = await (first ? overview : ask("/v1/review"));
  } catch (error) {
    say(error.message, true);
    if (error.status === 503 || error.status === 0) setTimeout(begin, 1000);
    return;
  }
  ({ sentences, types } = answer);
  saver = new Saver(sentences, page);
  $("about").textContent = answer.batch;
  $("who").value = localStorage.getItem("annotator") ?? answer.annotator;
  ordered = [...new Set([...answer.frequent, ...types])];
  keys = new Keys(ordered, Math.max(10, Math.min(20, answer.frequent.length)), showKeys);
  showKeys();
  $("types").replaceChildren(...types.map((type) => make("option", { value: type })));
  $("type").append(...types.map((type) => make("option", {}, type)));
  $("state").append(...Object.keys(SIGNS).map((state) => make("option", {}, state)));
  const unknown = types.slice(answer.known);
  if (unknown.length) say(`The model does not know ${unknown.join(", ")}; they can be used all the same.`);
  filter();
  go(shown[0] ?? sentences[0]);
}

/** Show the keys beside what they do, and the types that have one. */
function showKeys() {
  for (const each of document.querySelectorAll("[data-action]")) {
    each.querySelector("kbd").textContent = keys.of(each.dataset.action)[0] ?? "";
  }
  $("palette").replaceChildren(...ordered.filter((type) => keys.ofType(type).length).map((type) => {
    const button = make("button", { type: "button" }, make("kbd", {}, keys.ofType(type)[0]), ` ${type}`);
    button.addEventListener("click", () => label(type));
    return paint(button, types.indexOf(type));
  }));
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
  list(true);
}

const scatter = (number) => Math.imul(number, 2654435761) >>> 0; // always the same order

/** Show the part of the list that the current sentence is in; rows that are there are kept. */
function list(isOther = false) {
  if (isOther || !rows.has(current)) {
    const place = Math.max(0, shown.indexOf(current));
    const first = Math.max(0, Math.min(place - ROWS / 2, shown.length - ROWS));
    rows = new Map(shown.slice(first, first + ROWS).map((sentence) => {
      const row = make("button", { type: "button" }, make("span"), make("span", {}, sentence.text));
      row.addEventListener("click", () => go(sentence));
      return [sentence, row];
    }));
    $("list").replaceChildren(...[...rows.values()].map((row) => make("li", {}, row)));
  }
  for (const [sentence, row] of rows) {
    const sign = row.firstChild;
    if (sign.title !== sentence.state) {
      Object.assign(sign, { title: sentence.state, textContent: SIGNS[sentence.state], ariaLabel: sentence.state });
    }
    const isCurrent = String(sentence === current);
    if (row.ariaCurrent !== isCurrent) row.ariaCurrent = isCurrent;
  }
  const open = shown.filter(isOpen).length;
  $("shown").textContent = `${shown.length} shown, ${open} to decide`;
  $("bulk").disabled = !open;
  $("bulk").textContent = `Accept all ${open}`;
  const counts = Object.fromEntries(Object.keys(SIGNS).map((state) => [state, 0]));
  for (const { state } of sentences) counts[state] += 1;
  $("counts").textContent = Object.entries(counts).filter(([, n]) => n).map(([state, n]) => `${n} ${state}`).join(" · ");
  $("progress").value = sentences.length ? 1 - (counts.unseen + counts.predicted) / sentences.length : 0;
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
  const { number, state, hidden, who, id } = current;
  $("place").textContent = `Sentence ${number} of ${sentences.length}${id ? ` · ${id}` : ""}`;
  const by = who && !isOpen(current) ? ` by ${who}` : "";
  $("badge").textContent = `${SIGNS[state]} ${state}${by}${hidden ? " · suggestions hidden" : ""}`;
  const remove = (place) => { active = place; act("remove"); };
  drawSentence(current, { chosen, active, colour: (type) => types.indexOf(type), remove });
  if (document.activeElement === document.body) $("sentence").focus(); // what had the focus is gone
}

function say(text, isProblem = false) {
  $("status").textContent = text;
  $("status").classList.toggle("problem", isProblem);
}

// What is decided

const page = {
  who: () => $("who").value.trim() || "unknown",
  problem: (text) => say(text, true),
  saved(unsaved) {
    $("saved").textContent = unsaved ? "saving …" : "saved";
    if (!unsaved && $("status").textContent.startsWith("Not saved yet")) say("Saved.");
  },
  changed([sentence], problem) {
    list();
    draw();
    const by = sentence.who ? ` by ${sentence.who}` : "";
    const why = problem ? `could not be saved (${problem})` : `was changed${by} meanwhile`;
    say(`Sentence ${sentence.number} ${why}, and is shown as it is now; decide again.`, true);
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
  say(isLost(current, mention) ? "This mention does not begin and end with words: no tagger of these words can learn it." : "");
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

async function undo() {
  const undone = await saver.undo();
  if (!undone) return;
  const n = undone.sentences.length;
  filter();
  if (n) go(sentences[undone.sentences[0].number - 1]);
  const kept = undone.kept ? ` ${undone.kept} that somebody has changed since are as they were.` : "";
  say(`${n > 1 ? `${n} decisions undone.` : n ? "Undone." : "Nothing to undo."}${kept}`);
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
  help: () => keys.open(),
};

function act(name) {
  if (current) DO[name]();
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
  if (event.isComposing || event.keyCode === 229 || document.querySelector("dialog[open]")) return;
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
  const { action, type } = keys?.find(event) ?? {};
  if (!action && !type) return;
  event.preventDefault();
  if (type) label(type);
  else act(action);
});

$("sentence").addEventListener("mouseup", (event) => {
  const range = current && selected();
  if (!range) return;
  let { start, end } = range;
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
  draw();
});

$("filters").addEventListener("input", filter);
$("filters").addEventListener("submit", (event) => event.preventDefault());
for (const id of ["search", "other"]) {
  $(id).addEventListener("keydown", (event) => {
    if (event.isComposing || !["Enter", "Escape"].includes(event.key)) return;
    if (id === "other" && event.key === "Enter") {
      const type = $("other").value;
      if (!types.includes(type)) return say(`There is no type ${type}; "kakehashi review --types" adds some.`, true);
      label(type);
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
  say(`${open.length} sentences accepted as they stand; they can be undone at once.`);
});
$("who").addEventListener("change", () => localStorage.setItem("annotator", $("who").value.trim()));
$("export").addEventListener("click", write);
for (const each of document.querySelectorAll("[data-action]")) each.addEventListener("click", () => act(each.dataset.action));
$("sentence").focus();
begin(true);
