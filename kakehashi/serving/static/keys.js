// Keys and what they do: the usual ones, and those that somebody chose in this browser.

import { $, make } from "/static/shared.js";

const USUAL = {
  accept: ["a", "Enter"],
  reject: ["r"],
  flag: ["f"],
  skip: [" "],
  undo: ["z", "Backspace"],
  remove: ["x", "Delete"],
  everywhere: ["i"],
  other: ["t"],
  search: ["/"],
  previous: ["ArrowUp", "k"],
  next: ["ArrowDown", "j"],
  help: ["?", "h"],
};
const WORDS = {
  accept: "Accept the sentence as it stands, and go on",
  reject: "Reject the sentence: it is not to be trained on",
  flag: "Flag the sentence for somebody else",
  skip: "Go on without a decision",
  undo: "Undo",
  remove: "Remove the mention",
  everywhere: "Mark all identical strings that wait for a decision like this mention",
  other: "Choose another type by its name",
  search: "Search",
  previous: "The sentence before",
  next: "The sentence after",
  help: "This help",
};
const FIXED = [["← →", "Choose a word; with Shift more"], ["Tab", "The next mention, with Shift the one before"],
  ["Ctrl S", "Write the files"]];
const TAKEN = ["ArrowLeft", "ArrowRight", "Tab", "Escape"];
const MODIFIERS = ["Shift", "Control", "Alt", "AltGraph", "Meta", "CapsLock", "Process", "Dead", "Unidentified"];
const DIGITS = [..."1234567890"];
const KEPT = "keys"; // in localStorage: what was changed, {key: action}, or NOT and the action that it had
const TYPE = "type ";
const NOT = "not ";

/** The name of a pressed key; digits with Shift by their place, since layouts have other characters there. */
function nameOf({ key, code, shiftKey }) {
  if (shiftKey && code.startsWith("Digit")) return `Shift+${code.slice(5)}`;
  const name = key.length === 1 ? key.toLowerCase() : key;
  return shiftKey && (name.length > 1 || name !== name.toUpperCase()) ? `Shift+${name}` : name;
}

const SHOWN = { " ": "Space", ArrowUp: "↑", ArrowDown: "↓" };

function shownAs(name) {
  const key = name.replace("Shift+", "");
  const sign = SHOWN[key] ?? (key.length === 1 ? key.toUpperCase() : key);
  return key === name ? sign : `⇧${sign}`;
}

export class Keys {
  #types;
  #changed;
  #usual; // by key
  #actions; // by key, as chosen
  #waiting = null; // the action that the next key is for

  /**
   * @param types all types; the first `digits` of them have a digit, alone or with Shift.
   * @param changed is called when somebody changes a key.
   */
  constructor(types, digits, changed) {
    this.#types = types;
    this.#changed = changed;
    this.#usual = new Map(Object.entries(USUAL).flatMap(([action, keys]) => keys.map((key) => [key, action])));
    for (const [n, type] of types.slice(0, digits).entries()) {
      this.#usual.set(`${n < 10 ? "" : "Shift+"}${DIGITS[n % 10]}`, TYPE + type);
    }
    $("keys").addEventListener("keydown", (event) => this.#take(event));
    $("keys").addEventListener("close", () => { this.#waiting = null; });
    $("usual-keys").addEventListener("click", () => this.#keep({}));
    this.#apply();
  }

  /** What a pressed key does: {action} or {type}, or nothing. */
  find(event) {
    const found = this.#actions.get(nameOf(event));
    return found?.startsWith(TYPE) ? { type: found.slice(TYPE.length) } : found && { action: found };
  }

  /** The keys of an action, as they are shown. */
  of(action) {
    return [...this.#actions].filter(([, each]) => each === action).map(([key]) => shownAs(key));
  }

  ofType(type) {
    return this.of(TYPE + type);
  }

  /** Show all keys, and let them be changed. */
  open() {
    this.#list();
    $("keys").showModal();
    $("close-keys").focus();
  }

  #kept() {
    try {
      return JSON.parse(localStorage.getItem(KEPT)) ?? {};
    } catch {
      return {};
    }
  }

  #keep(kept) {
    localStorage.setItem(KEPT, JSON.stringify(kept));
    this.#apply();
    this.#list();
    this.#changed();
  }

  #apply() {
    const known = new Set([...Object.keys(USUAL), ...this.#types.map((type) => TYPE + type)]);
    this.#actions = new Map(this.#usual);
    for (const [key, action] of Object.entries(this.#kept())) {
      if (action === NOT + this.#usual.get(key)) this.#actions.delete(key);
      else if (known.has(action)) this.#actions.set(key, action); // another batch may have other types
    }
  }

  #list() {
    const row = (action, words) => {
      const keys = this.of(action).map((key) => make("kbd", {}, key));
      const button = make("button", { type: "button", value: action, ariaLabel: `Change the key: ${words}` }, ...(keys.length ? keys : ["–"]));
      button.addEventListener("click", () => {
        this.#waiting = action;
        button.replaceChildren("press a key");
      });
      return make("tr", {}, make("td", {}, button), make("td", {}, words));
    };
    $("key-rows").replaceChildren(
      ...FIXED.map(([key, words]) => make("tr", {}, make("td", {}, make("kbd", {}, key)), make("td", {}, words))),
      ...Object.entries(WORDS).map(([action, words]) => row(action, words)),
      ...this.#types.map((type) => row(TYPE + type, `Type ${type}`)),
    );
  }

  #take(event) {
    const { key } = event;
    if (this.#waiting === null || event.isComposing || MODIFIERS.includes(key)) return;
    event.preventDefault();
    event.stopPropagation();
    const action = this.#waiting;
    this.#waiting = null;
    const kept = this.#kept();
    if (!TAKEN.includes(key) && !event.ctrlKey && !event.altKey && !event.metaKey) {
      for (const [old, each] of this.#actions) if (each === action) kept[old] = NOT + action;
      kept[nameOf(event)] = action;
    }
    this.#keep(kept);
    [...$("key-rows").querySelectorAll("button")].find(({ value }) => value === action).focus();
  }
}
