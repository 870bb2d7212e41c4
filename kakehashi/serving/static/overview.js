// The batch, asked for before the rest of the page is there.

import { ask } from "/static/shared.js";

export const overview = ask("/v1/review");
overview.catch(() => {}); // review.js says what is wrong
