/**
 * A client of Bill OCR's REST API, in one file and without dependencies, for browsers and Node 20.
 *
 *     import { Billocr } from "/client/billocr.js";
 *
 *     const client = new Billocr();                                                    // in a page of Bill OCR itself
 *     const client = new Billocr({ url: "https://bills.example.org", token: "bo_…" }); // anywhere else
 *     const bill = await client.upload(file, { onProgress: (share) => console.log(share) });
 *     await client.waitUntilRead(bill.id);
 *     const { pages, fields } = await client.document(bill.id);
 *
 * Every method throws a {@link BillocrError} for what the server refuses or where it cannot be reached.
 */

/** @typedef {"received" | "reading" | "read" | "failed"} Status */
/** @typedef {"text" | "json" | "csv" | "items" | "xlsx" | "alto" | "page" | "hocr" | "pdf"} Format */
/** @typedef {[[number, number], [number, number], [number, number], [number, number]]} Polygon Corners, clockwise from the text's top left, in pixels of the page. */
/**
 * @typedef {object} Bill
 * @property {string} id
 * @property {string} name the file's name
 * @property {string} media_type
 * @property {number} bytes
 * @property {number} pages
 * @property {Status} status
 * @property {string | null} failure why the last reading failed
 * @property {string | null} merchant
 * @property {string | null} billed_on ISO 8601
 * @property {string | null} total a decimal number
 * @property {string | null} currency ISO 4217
 * @property {number} revision number of the newest correction; 0 before the first
 * @property {"unreviewed" | "in_review" | "reviewed"} review
 * @property {string} created_at
 * @property {string} updated_at
 */
/** @typedef {{ text: string, polygon: Polygon, confidence: number }} Word */
/** @typedef {Word & { words: Word[] }} Segment */
/** @typedef {Word & { id: string, row: number, checked: boolean, segments: Segment[] }} Line */
/** @typedef {{ number: number, width: number, height: number, quality: object, lines: Line[] }} Page */
/** @typedef {{ code: string, field: string, text: string }} Warning */
/** @typedef {Record<string, any>} Fields Of each field its printed `text`, its `value`, where it stands and how sure that is; null where not found. */
/**
 * @typedef {object} Document
 * @property {number} revision
 * @property {number} result the reading that the corrections stand on
 * @property {Page[]} pages
 * @property {Fields} fields
 * @property {Warning[]} warnings
 * @property {object | null} machine_newer where a later reading differs
 */
/** @typedef {{ revision: number, fields: Fields, warnings: Warning[] }} FieldsNow */
/**
 * @typedef {object} Edits
 * @property {string} client_id of this editor
 * @property {number} base the last revision that this editor has seen
 * @property {number} [result] the reading that this editor shows
 * @property {{ seq: number, op: { kind: string } & Record<string, any> }[]} operations
 */
/**
 * @typedef {object} Outcome
 * @property {number} revision
 * @property {number} acknowledged all edits up to this number need no sending again
 * @property {Record<string, number>} revisions the revision that each edit became
 * @property {Record<string, any>[]} conflicts edits that were not applied
 * @property {(Line & { page: number, after: string | null })[]} lines as they are now, of those that changed
 * @property {string[]} removed
 * @property {Fields | null} fields null where they stayed as they were
 * @property {Warning[]} warnings
 */
/** @typedef {{ number: number, author: string | null, at: string, operation: object, lines: string[], fields: string[], changes: object[] }} Revision */
/** @typedef {{ id: number, level: "view" | "edit", name: string, email: string | null, group_id: number | null }} Share */
/** @typedef {{ id: number, name: string, email: string | null, role: string, kind: string, expires_at: string | null }} Me */
/** @typedef {{ id: string, name: string, prefix: string, scopes: string[], created_at: string, expires_at: string | null, used_at: string | null }} Token */
/** @typedef {{ limit: number | null, used: number | null, resets_at: string | null }} Use */
/**
 * @typedef {object} Wanted Which bills; what is left out does not matter.
 * @property {string} [search] words that must all occur in name, merchant or text
 * @property {Status} [status]
 * @property {"unreviewed" | "in_review" | "reviewed"} [review]
 * @property {string} [billed_from]
 * @property {string} [billed_to]
 * @property {string | number} [total_from]
 * @property {string | number} [total_to]
 * @property {"all" | "own" | "shared"} [whose]
 * @property {boolean} [trash]
 */
/** @typedef {Wanted & { order?: string, limit?: number, cursor?: string }} ListQuery */
/** @typedef {{ bills: Bill[], total: number, counts: Record<Status, number>, next_cursor: string | null }} Slice */
/** @typedef {{ signal?: AbortSignal }} Options */
/** @typedef {{ method?: string, query?: Record<string, any>, json?: unknown, signal?: AbortSignal }} Ask */

/** What the server refused, or that it could not be reached. `message` is a sentence for people. */
export class BillocrError extends Error {
  /**
   * @param {string} code for programs: `not_found`, `quota_exceeded`, …; `unreachable` without an answer
   * @param {string} message
   * @param {number} status of HTTP; 0 without an answer
   * @param {Record<string, any>} problem all members of the answer (RFC 9457), such as `limit` and `resets_at`
   * @param {unknown} [cause]
   */
  constructor(code, message, status = 0, problem = {}, cause = undefined) {
    super(message, { cause });
    this.name = "BillocrError";
    this.code = code;
    this.status = status;
    this.problem = problem;
  }
}

const TRIES = 4;
const GATEWAY = [502, 503, 504];

export class Billocr {
  #base;
  #token;
  #fetch;

  /**
   * @param {object} [options]
   * @param {string} [options.url] of the installation; left out in its own pages
   * @param {string} [options.token] an API token; without one, the browser's login counts
   * @param {typeof fetch} [options.fetch] another `fetch`, to keep cookies or to test
   */
  constructor({ url = "", token, fetch = (...asked) => globalThis.fetch(...asked) } = {}) {
    this.#base = `${url.replace(/\/+$/, "")}/api/v1`;
    this.#token = token;
    this.#fetch = fetch;
  }

  // ------------------------------------------------------------------------------------------------------- session

  /** Who you are. @returns {Promise<Me>} */
  me() {
    return this.#json("/session");
  }

  /** @param {string} email @param {string} password @returns {Promise<Me>} */
  logIn(email, password) {
    return this.#json("/session", { method: "POST", json: { email, password } });
  }

  /** @returns {Promise<void>} */
  async logOut() {
    await this.#ask("/session", { method: "DELETE" });
  }

  // --------------------------------------------------------------------------------------------------------- bills

  /**
   * Hand in a photo, scan or PDF. A connection that breaks is tried again; the bill is taken once all the same.
   *
   * @param {Blob} file
   * @param {object} [options]
   * @param {string} [options.name] of the file, if it is no `File`
   * @param {boolean} [options.keepDuplicate] take it even if the same bytes are here already
   * @param {string} [options.idempotencyKey] your own name for this upload, to go on after a restart
   * @param {(share: number) => void} [options.onProgress] told how much has been sent, 0 to 1
   * @param {AbortSignal} [options.signal]
   * @returns {Promise<Bill>}
   */
  async upload(file, { name, keepDuplicate = false, idempotencyKey = uuid(), onProgress, signal } = {}) {
    const form = new FormData();
    form.set("file", file, name ?? ("name" in file ? String(file.name) : "bill"));
    form.set("keep_duplicate", String(keepDuplicate));
    const headers = { ...this.#headers(), "Idempotency-Key": idempotencyKey };
    for (let tries = 1; ; tries += 1) {
      try {
        const answer = await this.#send(form, headers, onProgress, signal);
        return await (await checked(answer)).json();
      } catch (error) {
        const again =
          error instanceof BillocrError &&
          (error.code === "unreachable" || error.code === "under_way" || GATEWAY.includes(error.status));
        if (!again || tries === TRIES) throw error;
        await pause(500 * 2 ** (tries - 1), signal);
      }
    }
  }

  /** One slice of the bills. @param {ListQuery} [query] @param {Options} [options] @returns {Promise<Slice>} */
  list(query = {}, { signal } = {}) {
    return this.#json("/bills", { query, signal });
  }

  /**
   * All bills, newest first unless `order` says otherwise, fetched slice by slice:
   * `for await (const bill of client.bills({ search: "bakery" })) …`
   *
   * @param {ListQuery} [query]
   * @param {Options} [options]
   * @returns {AsyncGenerator<Bill, void, void>}
   */
  async *bills(query = {}, options = {}) {
    let cursor = query.cursor;
    do {
      const slice = await this.list({ limit: 100, ...query, cursor }, options);
      yield* slice.bills;
      cursor = slice.next_cursor ?? undefined;
    } while (cursor);
  }

  /** @param {string} id @param {Options} [options] @returns {Promise<Bill & { access: "view" | "edit" | "own" }>} */
  bill(id, { signal } = {}) {
    return this.#json(`/bills/${id}`, { signal });
  }

  /**
   * The bill, as soon as its text is there.
   *
   * @param {string} id
   * @param {object} [options]
   * @param {(status: Status, stage: string | null) => void} [options.onStatus] told at each look
   * @param {AbortSignal} [options.signal] such as `AbortSignal.timeout(60_000)`
   * @returns {Promise<Bill>}
   * @throws {BillocrError} `reading_failed`, with the reason
   */
  async waitUntilRead(id, { onStatus, signal } = {}) {
    for (let wait = 250; ; wait = Math.min(2000, wait * 1.5)) {
      const { bills } = await this.#json("/bills/status", { query: { id }, signal });
      const [state] = bills;
      if (!state) return this.bill(id, { signal }); // says why it is not there
      onStatus?.(state.status, state.stage);
      if (state.status === "failed") {
        throw new BillocrError("reading_failed", state.failure ?? "The bill could not be read.", 0, state);
      }
      if (state.status === "read") return this.bill(id, { signal });
      await pause(wait, signal);
    }
  }

  /** Read the bill once more with today's models; corrections stay. @param {string} id @returns {Promise<Bill>} */
  readAgain(id) {
    return this.#json(`/bills/${id}/read-again`, { method: "POST" });
  }

  /**
   * Address of a page's picture, for `<img>` where the browser is logged in.
   *
   * @param {string} id
   * @param {number} [page] from 1
   * @param {number} [size] pixels of the longer side
   */
  pictureUrl(id, page = 1, size = 1280) {
    return `${this.#base}/bills/${id}/pages/${page}/picture?size=${size}`;
  }

  /** A page's picture as JPEG. @param {string} id @param {number} [page] @param {number} [size] @returns {Promise<Blob>} */
  async picture(id, page = 1, size = 1280) {
    return (await this.#ask(`/bills/${id}/pages/${page}/picture`, { query: { size } })).blob();
  }

  /** The file as it was uploaded. @param {string} id @returns {Promise<Blob>} */
  async original(id) {
    return (await this.#ask(`/bills/${id}/original`)).blob();
  }

  // ---------------------------------------------------------------------------------------------- text and fields

  /** Text, boxes and fields as they are now, corrections included. @param {string} id @param {Options} [options] @returns {Promise<Document>} */
  document(id, { signal } = {}) {
    return this.#json(`/bills/${id}/document`, { signal });
  }

  /** Edit by numbered operations, which may be sent again. @param {string} id @param {Edits} edits @returns {Promise<Outcome>} */
  applyOperations(id, edits) {
    return this.#json(`/bills/${id}/operations`, { method: "POST", json: edits });
  }

  /** @param {string} id @returns {Promise<FieldsNow>} */
  fields(id) {
    return this.#json(`/bills/${id}/fields`);
  }

  /** Set one field as a whole; null clears it. @param {string} id @param {string} name @param {unknown} value @returns {Promise<FieldsNow>} */
  setField(id, name, value) {
    return this.#json(`/bills/${id}/fields/${encodeURIComponent(name)}`, { method: "PUT", json: { value } });
  }

  /** The history of corrections, newest first. @param {string} id @returns {AsyncGenerator<Revision, void, void>} */
  async *revisions(id) {
    let before;
    do {
      const slice = await this.#json(`/bills/${id}/revisions`, { query: { before, limit: 200 } });
      yield* slice.revisions;
      before = slice.next_before;
    } while (before);
  }

  /** Go back to how the bill was after a revision; 0 is what the machine read. @param {string} id @param {number} revision @returns {Promise<Document>} */
  restoreRevision(id, revision) {
    return this.#json(`/bills/${id}/revisions/${revision}/restore`, { method: "POST" });
  }

  // ------------------------------------------------------------------------------------------- sharing and the trash

  /** @param {string} id @returns {Promise<Share[]>} */
  shares(id) {
    return this.#json(`/bills/${id}/shares`);
  }

  /**
   * Show a bill to a person or a group.
   *
   * @param {string} id
   * @param {{ email: string, level?: "view" | "edit" } | { group_id: number, level?: "view" | "edit" }} receiver
   * @returns {Promise<Share>}
   */
  share(id, receiver) {
    return this.#json(`/bills/${id}/shares`, { method: "POST", json: receiver });
  }

  /** @param {string} id @param {number} shareId @returns {Promise<void>} */
  async unshare(id, shareId) {
    await this.#ask(`/bills/${id}/shares/${shareId}`, { method: "DELETE" });
  }

  /** Move a bill to the trash, where it lies for 30 days. @param {string} id @returns {Promise<void>} */
  async trash(id) {
    await this.#ask(`/bills/${id}`, { method: "DELETE" });
  }

  /** Take a bill back out of the trash. @param {string} id @returns {Promise<Bill>} */
  restore(id) {
    return this.#json(`/trash/${id}/restore`, { method: "POST" });
  }

  /** Remove a bill in the trash for good. @param {string} id @returns {Promise<void>} */
  async remove(id) {
    await this.#ask(`/trash/${id}`, { method: "DELETE" });
  }

  // -------------------------------------------------------------------------------------------------------- exports

  /**
   * Bills as one file: one by its id, several by a list of ids (100 at most), or all that are wanted.
   *
   * @param {string | string[] | Wanted} bills
   * @param {Format} format
   * @param {Options} [options]
   * @returns {Promise<{ name: string, content: Blob }>}
   */
  async export(bills, format, { signal } = {}) {
    if (Array.isArray(bills) && !bills.length) throw new RangeError("Name at least one bill to export.");
    const one = typeof bills === "string";
    const query = one ? { format } : { format, ...(Array.isArray(bills) ? { id: bills } : bills) };
    const answer = await this.#ask(one ? `/bills/${bills}/export` : "/exports", { query, signal });
    const [, name = "export"] = /filename\*=UTF-8''([^;]*)/.exec(answer.headers.get("Content-Disposition") ?? "") ?? [];
    return { name: decodeURIComponent(name), content: await answer.blob() };
  }

  // -------------------------------------------------------------------------------------------------------- account

  /** How far your limits are used. @returns {Promise<Record<string, Use>>} */
  usage() {
    return this.#json("/usage");
  }

  /** @returns {Promise<Token[]>} */
  tokens() {
    return this.#json("/tokens");
  }

  /**
   * Make a token for a program. Its secret, `token`, is shown this one time.
   *
   * @param {{ name: string, scopes: ("bills:read" | "bills:write")[], days?: number }} token
   * @returns {Promise<Token & { token: string }>}
   */
  createToken(token) {
    return this.#json("/tokens", { method: "POST", json: token });
  }

  /** @param {string} id @returns {Promise<void>} */
  async revokeToken(id) {
    await this.#ask(`/tokens/${id}`, { method: "DELETE" });
  }

  // ------------------------------------------------------------------------------------------------------- requests

  /** @returns {Record<string, string>} */
  #headers() {
    return this.#token ? { Authorization: `Bearer ${this.#token}` } : {};
  }

  /** @param {string} path @param {Ask} [options] @returns {Promise<any>} */
  async #json(path, options) {
    return (await this.#ask(path, options)).json();
  }

  /** @param {string} path @param {Ask} [options] */
  async #ask(path, { method = "GET", query = {}, json, signal } = {}) {
    const search = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) {
      for (const each of [value].flat()) if (each !== undefined && each !== null) search.append(name, String(each));
    }
    const body = json === undefined ? undefined : JSON.stringify(json);
    const sent = this.#headers();
    if (body !== undefined) sent["Content-Type"] = "application/json";
    const url = `${this.#base}${path}${search.size ? `?${search}` : ""}`;
    return checked(await reached(() => this.#fetch(url, { method, body, signal, headers: sent })));
  }

  /**
   * Send an upload. Only XMLHttpRequest tells a browser how far it has come, only a stream tells Node.
   *
   * @param {FormData} form
   * @param {Record<string, string>} headers
   * @param {((share: number) => void) | undefined} onProgress
   * @param {AbortSignal | undefined} signal
   * @returns {Promise<Response>}
   */
  async #send(form, headers, onProgress, signal) {
    const url = `${this.#base}/bills`;
    if (!onProgress) return reached(() => this.#fetch(url, { method: "POST", body: form, headers, signal }));
    if (typeof XMLHttpRequest !== "undefined") return sendByXhr(url, form, headers, onProgress, signal);
    const encoded = new Response(form);
    const type = encoded.headers.get("Content-Type") ?? "";
    const whole = await encoded.blob();
    let sent = 0;
    const counter = new TransformStream({
      transform(chunk, controller) {
        sent += chunk.byteLength;
        controller.enqueue(chunk);
        onProgress(sent / whole.size);
      },
    });
    const body = whole.stream().pipeThrough(counter);
    const streamed = { method: "POST", body, duplex: "half", headers: { ...headers, "Content-Type": type }, signal };
    return reached(() => this.#fetch(url, /** @type {RequestInit} */ (streamed)));
  }
}

/**
 * @param {string} url
 * @param {FormData} form
 * @param {Record<string, string>} headers
 * @param {(share: number) => void} onProgress
 * @param {AbortSignal} [signal]
 * @returns {Promise<Response>}
 */
function sendByXhr(url, form, headers, onProgress, signal) {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const request = new XMLHttpRequest();
    request.open("POST", url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
    request.onload = () => {
      const type = request.getResponseHeader("Content-Type") ?? "";
      resolve(new Response(request.responseText, { status: request.status, headers: { "Content-Type": type } }));
    };
    request.onerror = () => reject(unreachable());
    request.onabort = () => reject(signal?.reason);
    signal?.addEventListener("abort", () => request.abort(), { once: true });
    request.send(form);
  });
}

/** @param {() => Promise<Response>} ask */
async function reached(ask) {
  try {
    return await ask();
  } catch (error) {
    // What the caller broke off is the caller's own; fetch throws a TypeError for everything that went wrong on the way.
    throw error instanceof TypeError ? unreachable(error) : error;
  }
}

/** @param {unknown} [cause] */
function unreachable(cause) {
  return new BillocrError("unreachable", "Bill OCR cannot be reached. Please look at the connection.", 0, {}, cause);
}

/** @param {Response} answer @returns {Promise<Response>} */
async function checked(answer) {
  if (answer.ok) return answer;
  const type = answer.headers.get("Content-Type") ?? "";
  const text = await answer.text();
  const problem = type.startsWith("application/problem+json") ? JSON.parse(text) : {};
  const code = problem.type?.replace("urn:billocr:", "") ?? "refused";
  throw new BillocrError(code, problem.detail ?? `The server answered ${answer.status}.`, answer.status, problem);
}

/** @param {number} milliseconds @param {AbortSignal} [signal] @returns {Promise<void>} */
function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    signal?.addEventListener("abort", stop, { once: true });
  });
}

// crypto.randomUUID() is there only over HTTPS and on the machine itself.
function uuid() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
