// Tags text with a model of `kakehashi export`, through ONNX Runtime: German, English, other
// languages with spaces. Usage: node tag.cjs model.onnx < sentences.txt
"use strict";
const fs = require("fs");
const ort = require("onnxruntime-node");

// The metadata of an ONNX file: field 14 of its protobuf, a key (1) and a value (2) each.
function readMetadata(bytes) {
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++];
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  const fields = function* (end) {
    while (at < end) {
      const tag = varint();
      if (tag % 8 === 0) varint();
      else {
        const length = varint(), begin = at;
        yield [tag >> 3, begin, begin + length];
        at = begin + length;
      }
    }
  };
  const metadata = {};
  for (const [field, begin, end] of fields(bytes.length)) {
    if (field !== 14) continue;
    at = begin;
    const entry = [];
    for (const [part, from, to] of fields(end)) entry[part] = bytes.toString("utf8", from, to);
    metadata[entry[1]] = entry[2] || "";
  }
  return metadata;
}

// The segmenter `words` of kakehashi/text/words.py, for composed text (NFC): offsets are JavaScript's.
const CHAR = "[\\p{L}\\p{N}]";
const LOWER = "a-zß-öø-ÿα-ωά-ώа-ёѐ-џ", UPPER = "A-ZÀ-ÖØ-ÞΑ-ΫЀ-Я";
const NAME = "(?= +[A-Z][\\p{L}\\p{N}_])";
const END = `(?:(?<=\\p{Nd})|(?<=${CHAR}[${LOWER}]))\\.(?=[${UPPER}]${CHAR})`;
const words = (joiners) => new RegExp(
  `(?<=${CHAR})['’][sS](?!${CHAR})` +
  `|(?<!${CHAR})(?:Mr|Mrs|Ms|Dr|Prof|St|Jr|Sr|Inc|Corp|Ltd|Co|vs)\\.` +
  `|(?<!${CHAR})(?:\\p{L}\\.){2,}(?!${CHAR})` +
  `|(?<!${CHAR})[A-Z]\\.${NAME}` +
  `|${CHAR}+(?:(?:['’](?![sS](?!${CHAR}))|(?!${END})[${joiners}]|_+|(?<=\\p{Nd})[,:/](?=\\p{Nd}))${CHAR}+)*` +
  "|([^\\s\\u0085\\u061c\\u200b\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069\\x1c-\\x1f])\\1*", "gu");
const SEGMENTERS = { words: words("\\-.&@"), "words+hyphen": words(".&@"), whitespace: /[^\s\u0085\u061c\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\x1c-\x1f]+/gu };

// What mentions do not begin or end with (kakehashi/text/edges.py), as far as signs go.
function signOf(form) {
  if (/^[%％‰°]+$/u.test(form) || /[\p{L}\p{N}]/u.test(form.normalize("NFKC"))) return "";
  const last = Array.from(form).pop();
  if (/\p{Ps}/u.test(last)) return "OPENING";
  if (/\p{Pe}/u.test(last)) return "CLOSING";
  return /\p{P}/u.test(last) ? "PUNCTUATION" : /\p{Sc}/u.test(last) ? "" : "SYMBOL";
}

function trimmed(signs, [firsts, lasts]) {
  let begin = 0, end = signs.length;
  while (begin < end) {
    const pairs = new Map(), open = [], halves = [];
    for (let i = begin; i < end; i++) {
      if (signs[i] === "OPENING") open.push(i);
      else if (signs[i] === "CLOSING" && open.length) {
        const other = open.pop();
        pairs.set(i, other).set(other, i);
      } else if (signs[i] === "CLOSING") halves.push(i);
    }
    const half = [...halves, ...open].sort((a, b) => a - b)[0], last = end - 1;
    const first = signs[begin], final = signs[last];
    if (first && !firsts.includes(first) && (pairs.get(begin) ?? last) === last) begin++;
    else if (final && !lasts.includes(final) && (pairs.get(last) ?? begin) === begin) end--;
    else if (half === undefined) break;
    else if (half - begin > last - half) end = half;
    else begin = half + 1;
  }
  return [begin, end];
}

class Recognizer {
  static async load(path) {
    const bytes = fs.readFileSync(path), metadata = readMetadata(bytes);
    if (!metadata.kakehashi) throw new Error(`${path}: was not written by kakehashi export`);
    const model = new Recognizer();
    model.settings = JSON.parse(metadata.kakehashi);
    for (const name of ["words", "ngrams"]) {
      model[name] = new Map(JSON.parse(metadata[name]).map((each, index) => [each, index + 1]));
    }
    model.tags = JSON.parse(metadata.tags);
    model.scores = metadata.transitions && JSON.parse(metadata.transitions);
    const { text, model: net } = model.settings;
    const name = text.segmenter + (text.segmenter === "words" && text.cut_hyphens ? "+hyphen" : "");
    model.pattern = SEGMENTERS[name];
    if (!model.pattern || net.word_view !== "original" || net.char_view !== "original") {
      throw new Error(`${path}: needs a dictionary or romanization, which this example has not`);
    }
    model.width = (net.word_width || 50) + 2 * net.char_lstm_width;
    model.session = await ort.InferenceSession.create(bytes);
    return model;
  }

  async tag(text) {
    const tokens = [...text.matchAll(this.pattern)].map((m) => ({ form: m[0], start: m.index, end: m.index + m[0].length }));
    if (!tokens.length) return [];
    const emissions = await this.emissions(tokens.map((token) => token.form.normalize("NFC")));
    const spans = this.spans(this.decode(emissions));
    const edges = this.settings.edges, signs = tokens.map((token) => signOf(token.form));
    return spans.flatMap(({ start, end, type }) => {
      const [from, to] = edges ? trimmed(signs.slice(start, end), edges[type] || [[], []]) : [0, end - start];
      if (from >= to) return [];
      const first = tokens[start + from].start, last = tokens[start + to - 1].end;
      const before = Array.from(text.slice(0, first)).length; // kakehashi counts code points
      const found = text.slice(first, last);
      return [{ start: before, end: before + Array.from(found).length, type, text: found }];
    });
  }

  async emissions(forms) {
    const n = this.settings.model.ngram, count = forms.length;
    const ngrams = forms.map((form) => {
      const letters = Array.from(form), found = [];
      for (let i = 0; i <= Math.max(letters.length - n, 0); i++) found.push(letters.slice(i, i + n).join(""));
      return found.map((each) => this.ngrams.get(each) || 0);
    });
    const longest = Math.max(...ngrams.map((each) => each.length));
    const ids = (values, dims) => new ort.Tensor("int64", BigInt64Array.from(values, BigInt), dims);
    const lengths = (values) => new ort.Tensor("int32", Int32Array.from(values), [values.length]);
    const { emissions } = await this.session.run({
      words: ids(forms.map((form) => this.words.get(form.normalize("NFKC").toLowerCase()) || 0), [count]),
      ngrams: ids(ngrams.flatMap((each) => [...each, ...Array(longest - each.length).fill(0)]), [count, longest]),
      ngram_lengths: lengths(ngrams.map((each) => each.length)),
      known: new ort.Tensor("float32", new Float32Array(0), [0, this.width]),
      tokens: ids(forms.keys(), [1, count]),
      lengths: lengths([count]),
    }, ["emissions"]);
    const wide = this.tags.length;
    return forms.map((_, row) => emissions.data.subarray(row * wide, (row + 1) * wide));
  }

  // The best tag of each token, or with transitions the best legal sequence (Viterbi).
  decode(emissions) {
    if (!this.scores) return emissions.map((row) => row.indexOf(Math.max(...row)));
    const n = this.tags.length, score = (a, b) => this.scores[a][b] ?? -Infinity;
    let best = Array.from(emissions[0], (each, tag) => each + score(n, tag));
    const back = emissions.slice(1).map((row) => {
      const from = [], next = [];
      for (let tag = 0; tag < n; tag++) {
        const ways = best.map((each, before) => each + score(before, tag));
        next.push(Math.max(...ways) + row[tag]);
        from.push(ways.indexOf(Math.max(...ways)));
      }
      best = next;
      return from;
    });
    const ends = best.map((each, tag) => each + score(tag, n));
    const path = [ends.indexOf(Math.max(...ends))];
    for (const from of back.reverse()) path.unshift(from[path[0]]);
    return path;
  }

  spans(path) {
    const found = [];
    let last = "O";
    path.forEach((id, at) => {
      const [prefix, type] = this.tags[id].split(/-(.*)/s), open = found[found.length - 1];
      if ("IE".includes(prefix) && !"OES".includes(last) && open.type === type) open.end = at + 1;
      else if (prefix !== "O") found.push({ start: at, end: at + 1, type });
      last = prefix;
    });
    return found;
  }
}

async function main() {
  const model = await Recognizer.load(process.argv[2]);
  for (const text of fs.readFileSync(0, "utf8").split("\n").slice(0, -1)) {
    console.log(JSON.stringify({ text, mentions: await model.tag(text) }));
  }
}

if (require.main === module) {
  main().catch((error) => {
    console.error(`error: ${error.message}`);
    process.exit(2);
  });
}
module.exports = { Recognizer };
