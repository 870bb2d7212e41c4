// What both pages need: elements, requests, the token, a colour and a line for each type.

export const $ = (id) => document.getElementById(id);

/** Make an element; children are elements or text, and text is never read as markup. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

export class Refused extends Error {
  constructor(status, detail, problem) {
    super(detail);
    this.status = status;
    this.problem = problem;
  }
}

const given = new URLSearchParams(location.hash.slice(1)).get("token");
if (given) {
  sessionStorage.setItem("token", given);
  history.replaceState(null, "", location.pathname); // it shall not stay in the address
}

/** Ask the server; the answer is JSON, and a problem is a Refused. */
export async function ask(path, body, { signal, method } = {}) {
  for (;;) {
    const token = sessionStorage.getItem("token");
    const headers = token ? { authorization: `Bearer ${token}` } : {};
    const options = { method: method ?? (body === undefined ? "GET" : "POST"), headers, signal };
    if (body !== undefined) {
      headers["content-type"] = "application/json";
      options.body = JSON.stringify(body);
    }
    let answer;
    try {
      answer = await fetch(path, options);
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Refused(0, "The server does not answer. Is it still running?");
    }
    if (answer.ok) return answer.json();
    const problem = await answer.json().catch(() => ({}));
    if (answer.status === 401) {
      await askForToken();
      continue;
    }
    throw new Refused(answer.status, problem.detail ?? answer.statusText, problem);
  }
}

let asking = null;

function askForToken() {
  asking ??= new Promise((resolve) => {
    const input = make("input", { type: "password", required: true, autocomplete: "off" });
    const label = make("label", {}, "Token of this server ", input);
    const form = make("form", { method: "dialog" }, label, make("button", {}, "Go on"));
    const dialog = make("dialog", {}, form);
    dialog.addEventListener("cancel", (event) => event.preventDefault());
    dialog.addEventListener("close", () => {
      sessionStorage.setItem("token", input.value.trim());
      dialog.remove();
      asking = null;
      resolve();
    });
    document.body.append(dialog);
    dialog.showModal();
  });
  return asking;
}

/** Give an element the colour and the kind of line of a type: neighbours in the list differ in both. */
export function paint(element, number) {
  element.style.setProperty("--hue", String((number * 137.5 + 245) % 360));
  element.dataset.line = String(number % 4);
  return element;
}

/** A probability in words; 100 % is only what is certain. */
export function percent(probability, digits = 0) {
  const unit = 10 ** digits;
  return `${(Math.floor(probability * 100 * unit) / unit).toFixed(digits)}\u00a0%`;
}

/** The number of characters, as Python counts them, before an offset in UTF-16 units. */
export const characters = (text, offset) => [...text.slice(0, offset)].length;
