// Who changed what and when, with the way back; and what a newer reading by the machine says otherwise.

import { frame } from "./document.js"

export class History {
  /** @param to who is told: undo(revision), revert(revision) */
  constructor(root, t, url, to) {
    this.dialog = root.querySelector(".history")
    this.list = this.dialog.querySelector("ol")
    this.note = this.dialog.querySelector(".note")
    this.older = this.dialog.querySelector('[data-do="older"]')
    this.template = root.querySelector(".revision-template")
    this.t = t
    this.url = url
    this.to = to
    this.older.onclick = () => this.load(this.last)
    this.dialog.onclick = (event) => event.target === this.dialog && this.dialog.close()
  }

  async open(editable) {
    this.editable = editable
    this.dialog.showModal()
    await this.load()
  }

  async load(before = null) {
    this.note.textContent = this.t("loading")
    const answer = await this.get(`/revisions${before ? `?before=${before}` : ""}`)
    if (!answer) return void (this.note.textContent = this.t("history_failed"))
    // There is no going back to where the bill is.
    const nodes = answer.revisions.map((revision, at) => this.show(revision, before === null && at === 0))
    if (before) this.list.append(...nodes)
    else this.list.replaceChildren(...nodes)
    this.last = answer.revisions.at(-1)?.number
    this.older.hidden = !this.last || this.last === 1
    this.note.textContent = this.list.children.length ? "" : this.t("history_empty")
  }

  async get(path) {
    try {
      const answer = await fetch(this.url + path, { cache: "no-store" })
      return answer.ok ? await answer.json() : null
    } catch (error) {
      if (error instanceof TypeError) return null
      throw error
    }
  }

  show({ number, author, at, operation, changes }, newest) {
    const node = this.template.content.firstElementChild.cloneNode(true)
    node.querySelector(".who").textContent = author ?? this.t("somebody")
    const when = node.querySelector("time")
    when.dateTime = at
    when.textContent = new Date(at).toLocaleString(this.t("locale"), { dateStyle: "medium", timeStyle: "short" })
    node.querySelector(".what").textContent = this.t(`did_${operation.kind}`, { n: operation.revision ?? operation.to ?? "" })
    const shown = node.querySelector(".changes")
    for (const { before, after } of changes.slice(0, 6)) shown.append(diff(before ?? "", after ?? ""))
    if (changes.length > 6) shown.append(this.t("and_more", { n: changes.length - 6 }))
    const [undo, revert] = node.querySelectorAll("button")
    undo.hidden = !this.editable
    revert.hidden = !this.editable || newest
    undo.setAttribute("aria-label", this.t("undo_this", { n: number }))
    revert.setAttribute("aria-label", this.t("back_to", { n: number }))
    undo.onclick = () => this.act(() => this.to.undo(number))
    revert.onclick = () => this.act(() => this.to.revert(number))
    return node
  }

  act(change) {
    this.dialog.close()
    change()
  }
}

/** What a newer reading says otherwise, line by line, to be chosen from. */
export class Newer {
  /** @param to who is told: chosen() when the server has taken the choice, failed(why) when it has not */
  constructor(root, t, url, to) {
    this.dialog = root.querySelector(".newer-reading")
    this.list = this.dialog.querySelector("ol")
    this.template = root.querySelector(".difference-template")
    this.button = this.dialog.querySelector('[data-do="take"]')
    this.t = t
    this.url = url
    this.to = to
    this.list.onchange = () => this.count()
    this.button.onclick = () => this.choose()
  }

  /** @param pages for their pictures; @param lines as the document's `machine_newer` has them */
  open(pages, lines) {
    this.list.replaceChildren(...lines.map((line) => this.show(line, pages.find((page) => page.number === line.page))))
    this.count()
    this.dialog.showModal()
  }

  show({ line, polygon, ours, machine, checked }, page) {
    const node = this.template.content.firstElementChild.cloneNode(true)
    const { x, y, width, height, angle } = frame(polygon)
    const [crop, image] = [node.querySelector("svg"), node.querySelector("image")]
    crop.setAttribute("viewBox", `${x - width / 2 - height} ${y - height * 0.75} ${width + 2 * height} ${height * 1.5}`)
    image.setAttribute("transform", `rotate(${(-angle * 180) / Math.PI} ${x} ${y})`)
    for (const [name, value] of [["href", page.picture], ["width", page.width], ["height", page.height]]) image.setAttribute(name, value)
    node.querySelectorAll("input").forEach((input) => (input.name = line))
    const [keep, take] = node.querySelectorAll("input")
    // What a person has seen to stays, unless they say otherwise.
    keep.checked = checked
    take.checked = !checked
    node.querySelector(".ours").textContent = ours ?? this.t("no_line")
    node.querySelector(".machine").replaceChildren(machine === null ? this.t("no_line") : diff(ours ?? "", machine))
    node.querySelector(".by").hidden = !checked
    return node
  }

  get taken() {
    return [...this.list.querySelectorAll('input[value="take"]:checked')].map((input) => input.name)
  }

  count() {
    const count = this.taken.length
    this.button.textContent = count ? this.t("take_lines", { count }) : this.t("take_none")
  }

  async choose() {
    this.button.disabled = true
    try {
      const answer = await fetch(`${this.url}/machine-newer`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ take: this.taken }),
      })
      this.dialog.close()
      if (answer.ok) this.to.chosen()
      else this.to.failed((await answer.json().catch(() => ({}))).detail ?? answer.statusText)
    } catch (error) {
      if (!(error instanceof TypeError)) throw error
      this.to.failed(this.t("no_connection"))
    } finally {
      this.button.disabled = false
    }
  }
}

/** Two texts as one line, what went struck out and what came underlined; whole words where most of one is new. */
export function diff(before, after) {
  const node = document.createElement("p")
  const [old, now] = [[...before], [...after]]
  let [start, end] = [0, 0]
  while (start < old.length && start < now.length && old[start] === now[start]) start += 1
  while (end < old.length - start && end < now.length - start && old.at(-1 - end) === now.at(-1 - end)) end += 1
  const part = (tag, text) => {
    if (!text.length) return
    const piece = document.createElement(tag)
    piece.textContent = text.join("")
    node.append(piece)
  }
  part("span", old.slice(0, start))
  part("del", old.slice(start, old.length - end))
  part("ins", now.slice(start, now.length - end))
  part("span", old.slice(old.length - end))
  return node
}
