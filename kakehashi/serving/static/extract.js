// The page that shows what a model finds in a text, as it is typed.

import { $, Refused, ask, characters, make, paint, percent } from "/static/shared.js";

const EXAMPLES = {
  ja: "明日の朝七時に東京の天気を教えて\n来週の金曜日、横浜の中華料理店を四人で予約して\n高橋さんに「十分遅れます」とメールを送って",
  zh: "告诉我北京明天的天气\n明天早上七点叫醒我",
  ko: "서울의 내일 날씨 알려 줘\n내일 아침 일곱 시에 깨워 줘",
  th: "พรุ่งนี้อากาศที่กรุงเทพเป็นอย่างไร",
  hi: "कल दिल्ली का मौसम कैसा रहेगा",
  ar: "ما حالة الطقس غدا في القاهرة",
  ru: "Какая завтра погода в Москве?\nРазбуди меня завтра в семь утра.",
  el: "Τι καιρό θα κάνει αύριο στην Αθήνα;",
  de: "Wie wird das Wetter morgen in Berlin?\nWeck mich morgen früh um sieben.",
  fr: "Quel temps fera-t-il demain à Paris ?\nRéveille-moi demain à sept heures.",
  other: "Wake me up at seven tomorrow morning.\nBook a table for four at a Chinese restaurant in Leeds on Friday.\nPlay some jazz in the kitchen.",
};
const READINGS = { ja: "kana", zh: "pinyin" };
const DELAY = 120; // milliseconds without a key before the server is asked

let models = [];
let limits = {};
let found = null; // {lines, results}: what was asked last, and the answer
let request = null;
let timer = 0;

const model = () => models.find((each) => each.name === $("model").value) ?? models[0];

async function begin() {
  try {
    ({ models, limits } = await ask("/v1/model"));
  } catch (error) {
    say(error.message, true);
    if (error.status === 503) setTimeout(begin, 1000);
    return;
  }
  $("model").replaceChildren(...models.map(({ name }) => make("option", {}, name)));
  $("choice").hidden = models.length < 2;
  choose();
}

function choose() {
  const { name, types, segmenter, version } = model();
  $("about").textContent = `${name} · ${types.length} types · ${segmenter} · kakehashi ${version}`;
  for (const id of ["text", "found", "rows"]) $(id).lang = model().language ?? "";
  $("script").textContent = READINGS[model().language] ?? "as in the dictionary";
  look();
}

/** Ask for the entities of the text that is there now. */
async function look() {
  clearTimeout(timer);
  request?.abort();
  const lines = $("text").value.split("\n");
  const texts = lines.filter((line) => line.trim());
  if (!texts.length) {
    found = null;
    show();
    return;
  }
  const long = texts.find((text) => characters(text) > limits.characters);
  if (texts.length > limits.texts || long) {
    const most = long ? `${limits.characters} characters in a line` : `${limits.texts} lines`;
    say(`This page takes at most ${most}. For more, send a stream of lines (/openapi.json).`, true);
    return;
  }
  request = new AbortController();
  const asked = { texts, model: model().name, offsets: "utf16", tokens: true };
  try {
    const { results } = await ask("/v1/extract", asked, request);
    found = { lines, results, texts };
    show();
  } catch (error) {
    if (error.name === "AbortError") return;
    say(error.message, true);
    if (error instanceof Refused && error.status === 503) timer = setTimeout(look, 1000);
  }
}

function show() {
  const least = $("least").value / 100;
  const mode = new FormData($("options")).get("reading");
  const types = model()?.types ?? [];
  $("least-value").textContent = `${$("least").value} %`;
  const rows = [];
  const paragraphs = [];
  let number = 0;
  for (const [index, line] of (found?.lines ?? []).entries()) {
    if (!line.trim()) {
      paragraphs.push(make("p", {}, "\u00a0"));
      continue;
    }
    const { mentions, tokens } = found.results[number++];
    const kept = mentions.filter((mention) => mention.probability >= least);
    paragraphs.push(paragraph(line, tokens, kept, mode, types));
    rows.push(...kept.map((mention) => row(mention, line, index + 1, types)));
  }
  $("found").replaceChildren(...paragraphs);
  $("rows").replaceChildren(...rows);
  $("table").hidden = !rows.length;
  $("copy").disabled = !found;
  const isRead = ({ text, reading, view }) => reading || view !== text;
  $("readings").hidden = !found?.results.some(({ tokens }) => tokens.some(isRead));
  const words = rows.length === 1 ? "1 entity" : `${rows.length} entities`;
  say(found ? `${words} found.` : "");
}

function paragraph(line, tokens, mentions, mode, types) {
  const result = make("p", { dir: "auto" });
  let place = 0;
  let [mention, ...rest] = mentions;
  let into = result;
  for (const token of tokens) {
    into.append(line.slice(place, token.start));
    if (mention && token.start === mention.start) {
      into = paint(make("mark", {}), types.indexOf(mention.type));
      into.classList.toggle("doubtful", mention.probability < 0.5);
      result.append(into);
    }
    place = token.end;
    if (mention && place === mention.end) {
      const label = make("span", { className: "label" }, mention.type, " ");
      label.append(make("span", { className: "probability" }, percent(mention.probability)));
      into.append(make("span", { className: "last" }, written(token, mode), label));
      into = result;
      [mention, ...rest] = rest;
    } else into.append(written(token, mode));
  }
  result.append(line.slice(place));
  return result;
}

/** A token, with its reading above it where that says more than the token. */
function written({ text, reading, view }, mode) {
  const above = mode === "view" ? view : reading;
  const obvious = mode === "view" ? view === text : !/\p{Script=Han}/u.test(text);
  if (!mode || !above || obvious) return text;
  const lang = /[\u3041-\u30ff]/.test(above) ? "ja" : "und-Latn";
  return make("ruby", {}, text, make("rt", { lang }, above));
}

function row({ start, end, text, type, probability }, line, number, types) {
  const mark = paint(make("mark", {}, text), types.indexOf(type));
  const meter = make("meter", { min: 0, max: 1, value: probability });
  meter.setAttribute("aria-hidden", "true");
  const range = `${characters(line, start)}–${characters(line, end)}`;
  return make("tr", {},
    make("td", {}, mark),
    make("td", { lang: "en" }, type),
    make("td", { className: "measure" }, meter, ` ${percent(probability, 1)}`),
    make("td", { className: "number" }, String(number)),
    make("td", { className: "number" }, range));
}

function say(text, isProblem = false) {
  $("status").textContent = text;
  $("status").classList.toggle("problem", isProblem);
}

async function copy() {
  const least = $("least").value / 100;
  const records = found.results.map(({ mentions }, number) => {
    const text = found.texts[number];
    const kept = mentions.filter((mention) => mention.probability >= least);
    const counted = kept.map((mention) => ({
      ...mention,
      start: characters(text, mention.start),
      end: characters(text, mention.end),
    }));
    return JSON.stringify({ text, mentions: counted });
  });
  try {
    await navigator.clipboard.writeText(`${records.join("\n")}\n`);
    say("Copied: a JSON object a line, offsets in code points, as kakehashi reads them.");
  } catch {
    say("The browser does not let this page copy; it does over https or on localhost.", true);
  }
}

$("text").addEventListener("input", (event) => {
  if (event.isComposing) return; // the text is that of an input method, and not final
  clearTimeout(timer);
  timer = setTimeout(look, DELAY);
});
$("text").addEventListener("compositionend", look);
$("model").addEventListener("change", choose);
$("options").addEventListener("input", show);
$("options").addEventListener("submit", (event) => event.preventDefault());
$("copy").addEventListener("click", copy);
$("clear").addEventListener("click", () => {
  $("text").value = "";
  $("text").focus();
  look();
});
$("example").addEventListener("click", () => {
  $("text").value = EXAMPLES[model()?.language] ?? EXAMPLES.other;
  look();
});
begin();
