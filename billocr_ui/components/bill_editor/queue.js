// Edits on their way to the server. Each waits in the browser's storage until the server has said that it has it, so
// neither a reload nor a lost connection loses one; numbers make a repeated delivery harmless.

const FIRST_WAIT = 500 // milliseconds before a failed delivery is tried again; doubled up to LONGEST_WAIT
const LONGEST_WAIT = 15_000
const POLL = 4_000 // milliseconds between looks for changes from elsewhere
const MOST = 200 // edits in one request
const KEEPALIVE_LIMIT = 60_000 // bytes that a request may have which outlives its page

export class Queue {
  /**
   * @param {string} url of the bill in the API
   * @param {string} name of this person's edits of this bill in the browser's storage
   * @param {{answered: Function, document: Function, changed: Function, refused: Function}} to who is told
   */
  constructor(url, name, to) {
    this.url = url
    this.prefix = `billocr:edits:${name}:`
    this.client = identifier()
    this.to = to
    this.seq = 0
    this.pending = [] // { client, seq, base, result, op }, oldest first
    this.conflicts = [] // edits that met another's, until the person has chosen
    this.draft = null // what is being typed and is no edit yet
    this.revision = 0
    this.result = null // the reading whose lines the edits name
    this.wait = FIRST_WAIT
    this.trouble = null // "offline", "login" or "gone" while deliveries fail
    this.open = true
    this.readable = false // whether there is a document yet
    this.channel = new BroadcastChannel(this.prefix)
    this.channel.onmessage = () => this.look()
    // A lock says that this tab lives, so that another one leaves its edits alone.
    navigator.locks?.request(this.prefix + this.client, () => new Promise((done) => (this.release = done)))
    this.listeners = {
      online: () => this.retry(),
      pagehide: () => this.deliver(true),
      beforeunload: (event) => this.pending.length && event.preventDefault(),
    }
    for (const [event, act] of Object.entries(this.listeners)) window.addEventListener(event, act)
    this.onVisible = () => this.look()
    document.addEventListener("visibilitychange", this.onVisible)
    this.poll = setInterval(() => document.hidden || !navigator.onLine || this.look(), POLL)
  }

  /** Take over what earlier tabs of this bill left behind, then begin. */
  async start() {
    const held = (await navigator.locks?.query())?.held.map((lock) => lock.name) ?? []
    for (const key of Object.keys(localStorage)) {
      if (!key.startsWith(this.prefix) || key === this.prefix + this.client || held.includes(key)) continue
      const left = JSON.parse(localStorage.getItem(key))
      const client = key.slice(this.prefix.length)
      this.pending.push(...left.pending)
      this.conflicts.push(...left.conflicts)
      if (left.draft) this.pending.push({ client, seq: left.seq + 1, ...left.draft })
      this.keep()
      localStorage.removeItem(key)
    }
    this.to.changed()
    await this.look()
    this.deliver()
  }

  close() {
    this.open = false
    clearInterval(this.poll)
    clearTimeout(this.timer)
    this.deliver(true)
    this.channel.close()
    this.release?.()
    for (const [event, act] of Object.entries(this.listeners)) window.removeEventListener(event, act)
    document.removeEventListener("visibilitychange", this.onVisible)
  }

  /** Hand in an edit. `base` is the newest revision that the person had seen. */
  push(op, base = this.revision) {
    const entry = { client: this.client, seq: ++this.seq, base, result: this.result, op }
    this.pending.push(entry)
    this.draft = null
    this.keep()
    this.to.changed()
    this.deliver()
    return entry
  }

  keepDraft(op, base) {
    this.draft = op && { op, base, result: this.result }
    this.keep()
  }

  settle(conflict) {
    this.conflicts = this.conflicts.filter((other) => other !== conflict)
    this.keep()
  }

  keep() {
    const { seq, pending, draft, conflicts } = this
    const key = this.prefix + this.client
    if (pending.length || draft || conflicts.length) localStorage.setItem(key, JSON.stringify({ seq, pending, draft, conflicts }))
    else localStorage.removeItem(key)
  }

  retry() {
    clearTimeout(this.timer)
    this.timer = null
    this.deliver()
  }

  /** Send what waits, oldest first. `leaving`: the page goes away, the request stays. */
  async deliver(leaving = false) {
    // What an undo waited for is gone.
    while (this.pending[0]?.op.waits) this.pending.shift()
    if (!this.pending.length || (!leaving && (this.sending || this.timer))) return
    const [{ client, base, result }] = this.pending
    const end = this.pending.findIndex((entry) => entry.client !== client || entry.base !== base || entry.result !== result || entry.op.waits)
    const batch = this.pending.slice(0, this.alone ? 1 : Math.min(end < 0 ? MOST : end, MOST))
    if (!batch.length) return
    for (const entry of batch) entry.tries = (entry.tries ?? 0) + 1
    const operations = batch.map(({ seq, op: { restore, waits, ...op } }) => ({ seq, op }))
    const body = JSON.stringify({ client_id: client, base, result, operations })
    this.sending = true
    this.to.changed()
    try {
      const answer = await fetch(`${this.url}/operations`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body,
        keepalive: leaving && body.length < KEEPALIVE_LIMIT,
        signal: leaving ? undefined : AbortSignal.timeout(LONGEST_WAIT),
      })
      if (answer.status >= 500 || answer.status === 429 || answer.status === 408) throw new TypeError(answer.statusText)
      this.sending = false
      if (answer.ok) this.wait = FIRST_WAIT
      this.trouble = null
      if (answer.ok) this.acknowledge(batch, await answer.json())
      else await this.refuse(batch, answer)
    } catch (error) {
      if (!(error instanceof TypeError || error instanceof DOMException)) throw error
      this.stumble("offline")
    } finally {
      this.sending = false
    }
    this.to.changed()
    this.deliver()
  }

  acknowledge(batch, answer) {
    this.alone = false
    const done = new Set(batch)
    this.pending = this.pending.filter((entry) => !done.has(entry))
    const conflicts = answer.conflicts.map((conflict) => ({ ...conflict, mine: batch.find(({ seq }) => seq === conflict.seq)?.op }))
    for (const entry of batch) {
      const revision = answer.revisions[entry.seq]
      for (const later of this.waiting(entry)) {
        if (revision) later.op = { kind: "undo", revision, restore: later.op.restore }
        else this.pending = this.pending.filter((other) => other !== later)
      }
      entry.revision = revision
    }
    this.conflicts.push(...conflicts.filter(({ mine }) => mine && mine.kind !== "undo"))
    this.keep()
    this.to.answered(answer, batch, conflicts)
    if (this.open) this.channel.postMessage(answer.revision)
  }

  /** Undos of an edit, which wait for the number that it gets. */
  waiting({ client, seq }) {
    return this.pending.filter((later) => later.client === client && later.op.waits === seq)
  }

  async refuse(batch, answer) {
    if (answer.status === 401) return this.stumble("login")
    // Unshared, or in the trash: it may come back, and the edits with it.
    if (answer.status === 403 || answer.status === 404) return this.stumble("gone")
    // Which of them it was is found out by sending them one by one.
    if (batch.length > 1) return void (this.alone = true)
    const problem = await answer.json().catch(() => ({}))
    const gone = [...batch, ...batch.flatMap((entry) => this.waiting(entry))]
    this.pending = this.pending.filter((entry) => !gone.includes(entry))
    this.alone = false
    this.keep()
    this.to.refused(gone, problem.detail ?? problem.title ?? answer.statusText)
  }

  stumble(trouble) {
    this.trouble = trouble
    if (!this.open) return
    this.timer = setTimeout(() => this.retry(), this.wait)
    this.wait = Math.min(2 * this.wait, LONGEST_WAIT)
  }

  /** Fetch the bill where it has changed since; `anew`: in any case. */
  async look(anew = false) {
    if (anew) this.etag = null
    if (!this.open || !this.readable) return
    if (this.looking) return void (this.again = anew)
    this.looking = true
    this.again = false
    try {
      const answer = await fetch(`${this.url}/document`, { headers: this.etag ? { "If-None-Match": this.etag } : {}, cache: "no-store" })
      if (answer.ok && this.open) {
        this.etag = answer.headers.get("ETag")
        this.to.document(await answer.json())
      }
    } catch (error) {
      if (!(error instanceof TypeError)) throw error // the next look finds the connection again
    } finally {
      this.looking = false
    }
    if (this.again) this.look(true)
  }
}

/** A random id; `crypto.randomUUID` is missing where the page did not come over HTTPS. */
export function identifier() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("")
}
