// The bill editor: picture, lines and fields of a bill, linked with each other, and every edit on its way to the server
// at once. Text from bills goes into textContent and value alone: it may say anything.

import { apply, difference, everyLine, fillClash, frame, lineOf, pageOf, wordsOf } from "./document.js"
import { Fields } from "./fields.js"
import { History, Newer } from "./history.js"
import { Lines } from "./lines.js"
import { Picture } from "./picture.js"
import { identifier, Queue } from "./queue.js"

const THREE_COLUMNS = 1000 // CSS pixels of width from which the fields stand beside the lines
const TWO_COLUMNS = 700 // below it, everything stands under one another

const KEYS = [
  ["keys_move", ["Enter ↓", "key_next"], ["Shift+Enter ↑", "key_previous"], ["Alt+↓", "key_unsure"], ["Alt+↑", "key_unsure_before"], ["F6", "key_fields"]],
  ["keys_change", ["Alt+Enter", "key_accept"], ["Esc", "key_revert"], ["Ctrl+Z Ctrl+Y", "key_undo"], ["Ctrl+B", "key_split"], ["Ctrl+J", "key_join"], ["Ctrl+D", "key_delete"], ["Ctrl+I", "key_add"], ["Ctrl+M", "key_shape"]],
  ["keys_picture", ["Alt+Page_Up Alt+Page_Down", "key_zoom"], ["Alt+Home", "key_whole"], ["Shift+drag", "key_draw"], ["+ − 0", "key_picture"]],
  ["keys_else", ["Ctrl+Enter", "key_done"], ["? F1", "key_help"]],
] // prettier-ignore

const mounted = new WeakMap()

export default function ({ data, parentElement, setTriggerValue }) {
  let editor = mounted.get(parentElement)
  if (editor && editor.data.bill !== data.bill) {
    editor.close()
    editor = null
  }
  if (!editor) mounted.set(parentElement, (editor = new Editor(parentElement)))
  editor.send = setTriggerValue
  editor.open(data)
  return () => {
    mounted.get(parentElement)?.close()
    mounted.delete(parentElement)
  }
}

class Editor {
  constructor(root) {
    this.find = (selector) => root.querySelector(selector)
    this.root = this.find(".editor")
    this.base = null // the bill as the server said last
    this.bill = null // the same with what is on its way
    this.done = [] // edits that can be undone, newest last: { entry, back, forth }
    this.undone = []
    this.t = (key, values = {}) => this.text(key, values)
  }

  text(key, values) {
    const { strings } = this.data
    const said = strings["count" in values && !(key in strings) ? `${key}.${this.plurals.select(values.count)}` : key]
    return said.replace(/\{(\w+)\}/gu, (_, name) => values[name] ?? "")
  }

  /** Begin with a bill, or take what has changed about it. */
  open(data) {
    const first = !this.data
    const again = !first && data.result !== this.data.result
    this.data = data
    if (first) this.build()
    this.queue.readable = data.result > 0
    this.root.classList.toggle("reviewing", Boolean(data.review))
    this.find('[data-do="done"]').hidden = !data.review
    this.find('[data-do="skip"]').hidden = !data.review
    if (!this.base) this.show()
    // A reader has nothing to bring; what waits under another right stays where it is.
    if (first && data.editable) this.queue.start()
    else if (first || again) this.queue.look()
  }

  build() {
    const { root, t } = this
    this.plurals = new Intl.PluralRules(t("locale"))
    for (const node of root.querySelectorAll("[data-t]")) node.textContent = t(node.dataset.t)
    for (const template of root.querySelectorAll("template")) {
      for (const node of template.content.querySelectorAll("[data-t]")) node.textContent = t(node.dataset.t)
      for (const node of template.content.querySelectorAll("[data-label]")) node.setAttribute("aria-label", t(node.dataset.label))
    }
    for (const node of root.querySelectorAll("[data-label]")) node.setAttribute("aria-label", t(node.dataset.label))
    for (const node of root.querySelectorAll("button:is([data-label], [data-title])")) {
      node.title = t(node.dataset.label ?? node.dataset.title) + (node.dataset.key ? ` (${node.dataset.key})` : "")
    }
    this.find(".keys").replaceChildren(...KEYS.map(([title, ...rows]) => this.keysOf(title, rows)))
    const settled = (conflict, mine) => this.settle(conflict, mine)
    this.picture = new Picture(root, t, {
      picked: (id, point) => this.pick(id, point),
      word: (word, page) => this.fields.take(word, page),
      drawn: (polygon, page) => this.add(polygon, page),
      shaped: (line, polygon) => this.edit({ kind: "shape", line, polygon }),
      back: () => this.lines.chosen && this.lines.focus(this.lines.chosen),
    })
    this.lines = new Lines(root, t, {
      chosen: (id, word) => this.picture.select(id, word),
      typing: (line, text) => this.typing(line, text),
      edited: (line, text) => this.edit({ kind: "set_text", line, text }, this.typingBase),
      key: (event) => this.keyInLine(event),
      settled,
      changedBy: (conflict) => this.changedBy(conflict),
    })
    const clash = () => {
      const node = this.find(".line-template").content.querySelector(".clash").cloneNode(true)
      node.hidden = true
      return node
    }
    this.fields = new Fields(root, t, {
      edited: (name, value, sources) => this.edit({ kind: "set_field", name, value, sources }),
      items: (items) => this.edit({ kind: "set_items", items }),
      focused: (sources) => {
        this.picture.pick(sources !== null && this.data.editable)
        this.picture.point(sources ?? [])
      },
      left: () => this.lines.focus(this.lines.chosen ?? this.lines.ids[0]),
      settled,
      changedBy: (conflict) => this.changedBy(conflict),
    }, clash) // prettier-ignore
    this.history = new History(root, t, this.data.api, {
      undo: (revision) => this.edit({ kind: "undo", revision }),
      revert: (to) => this.edit({ kind: "revert", to }),
    })
    this.newer = new Newer(root, t, this.data.api, { chosen: () => this.queue.look(), failed: (why) => this.say(t("refused", { why })) })
    this.queue = new Queue(this.data.api, `${this.data.user}:${this.data.bill}`, {
      answered: (answer, batch, conflicts) => this.answered(answer, batch, conflicts),
      document: (document) => this.arrived(document),
      changed: () => this.status(),
      refused: (entries, why) => this.refused(entries, why),
    })
    this.listen()
  }

  keysOf(title, rows) {
    const [section, heading, list] = ["section", "h3", "dl"].map((tag) => document.createElement(tag))
    heading.textContent = this.t(title)
    for (const [keys, name] of rows) {
      const [term, detail] = [document.createElement("dt"), document.createElement("dd")]
      detail.textContent = this.t(name)
      for (const key of keys.split(" ")) {
        const node = document.createElement("kbd")
        node.textContent = key.replaceAll("_", " ")
        term.append(node, " ")
      }
      list.append(term, detail)
    }
    section.append(heading, list)
    return section
  }

  close() {
    this.leave()
    this.queue.close()
    this.picture.close()
    this.lines.close()
    this.fields.close()
    this.observer.disconnect()
    window.removeEventListener("pagehide", this.onLeave, true)
    document.removeEventListener("keydown", this.onKey)
  }

  // What is typed at this moment becomes an edit before anything else happens to the page.
  leave() {
    this.lines.commit()
    this.fields.commitAll()
  }

  // ---- what is shown

  arrived(document) {
    const early = document.revision < this.queue.revision && document.result === this.base?.result
    if (early) return
    const first = !this.base
    // What has stayed the same stays the same object, so that nothing of it is drawn anew.
    const known = new Map(first ? [] : everyLine(this.base).map((line) => [JSON.stringify(line), line]))
    const pages = document.pages.map((page) => ({
      ...page,
      picture: this.data.pages[page.number - 1].picture,
      lines: page.lines.map((line) => known.get(JSON.stringify(line)) ?? line),
    }))
    this.base = { ...document, pages }
    this.queue.revision = document.revision
    this.queue.result = document.result
    this.refresh()
    if (first && this.data.review && matchMedia("(pointer: fine)").matches) this.lines.unsure(1) || this.lines.move(0)
  }

  refresh() {
    if (!this.base) return
    this.bill = this.queue.pending.reduce((bill, { op }) => apply(bill, op), this.base)
    this.show()
  }

  show() {
    const { bill, data } = this
    const pages = bill ? bill.pages.map((page) => ({ ...page, lines: page.lines.map((line) => this.graded(line)) })) : data.pages
    this.picture.show(pages)
    const lines = bill ? everyLine(bill) : []
    const conflicts = { lines: new Map(), fields: new Map() }
    for (const conflict of this.queue.conflicts) {
      if (conflict.field) conflicts.fields.set(conflict.field, conflict)
      else conflicts.lines.set(conflict.line, conflict)
    }
    this.lines.show(bill ? pages : [], conflicts.lines, data.editable)
    this.find(".found").hidden = !bill
    if (bill) this.fields.show(bill.fields, (confidence) => this.grade(confidence), conflicts.fields, data.editable)
    this.showLost(this.queue.conflicts.filter(({ line }) => line && !lines.some(({ id }) => id === line)))
    const unsure = pages.flatMap((page) => page.lines ?? []).flatMap((line) => (line.checked ? [] : wordsOf(line))).filter(({ grade }) => grade).length
    this.find('[data-do="unsure"]').hidden = !lines.length
    this.find('[data-do="unsure"]').disabled = !unsure
    this.find(".count").textContent = unsure ? this.t("unsure_words", { count: unsure }) : this.t("none_unsure")
    const empty = this.find(".empty")
    empty.hidden = lines.length > 0
    empty.textContent = this.t(bill ? "no_text" : data.state === "failed" ? "no_text_failed" : data.result ? "loading" : "no_text_yet")
    const warnings = bill?.warnings ?? []
    this.find(".warnings").hidden = !warnings.length
    const said = warnings.map((warning) => warning.text)
    if (String(said) !== this.warned) {
      this.warned = String(said)
      this.find(".warnings ul").replaceChildren(
        ...said.map((text) => {
          const item = document.createElement("li")
          item.textContent = text
          return item
        }),
      )
    }
    for (const button of this.root.querySelectorAll("[data-edits]")) button.hidden = !data.editable || !lines.length
    const newer = bill?.machine_newer
    this.find(".newer").hidden = !newer || !data.editable
    if (newer) this.find(".newer-text").textContent = this.t("machine_newer", { count: newer.lines.length })
    this.status()
  }

  grade(confidence) {
    return confidence < this.data.doubtful ? "doubtful" : confidence < this.data.unsure ? "unsure" : ""
  }

  // Graded once a line: the same line is the same object until it changes.
  graded(line) {
    this.grades ??= new WeakMap()
    let graded = this.grades.get(line)
    if (!graded) {
      const marked = (word) => ({ ...word, grade: line.checked ? "" : this.grade(word.confidence) })
      const segments = line.segments.map((segment) => ({ ...segment, words: segment.words.map(marked) }))
      const grades = segments.flatMap((segment) => segment.words.map((word) => word.grade))
      const grade = line.checked ? "checked" : ["doubtful", "unsure"].find((each) => grades.includes(each)) ?? ""
      this.grades.set(line, (graded = { ...line, segments, grade }))
    }
    return graded
  }

  status() {
    const { queue, data } = this
    const count = queue.pending.length
    const state = !data.editable ? "reading" : queue.trouble ?? (count || queue.draft ? "saving" : "saved")
    const pill = this.find(".status")
    const text = this.t(`status_${state}`, { count })
    if (pill.textContent !== text) pill.textContent = text
    pill.dataset.state = state
    if (this.leaving && !count && !queue.conflicts.length) {
      this.send(this.leaving, data.bill)
      this.leaving = null
    }
    this.find('[data-do="undo"]').disabled = !this.done.length
    this.find('[data-do="redo"]').disabled = !this.undone.length
  }

  say(text) {
    const toast = this.find(".toast")
    toast.textContent = text
    toast.hidden = false
    clearTimeout(this.toast)
    this.toast = setTimeout(() => (toast.hidden = true), 8000)
  }

  // ---- edits

  edit(op, base) {
    if (!this.data.editable || !this.base) return
    const before = this.bill
    this.typingBase = undefined
    const after = apply(before, op)
    const entry = this.queue.push(op, base)
    this.done.push({ entry, back: difference(before, after), forth: difference(after, before) })
    this.undone = []
    this.refresh()
  }

  typing(line, text) {
    this.typingBase ??= this.queue.revision
    this.queue.keepDraft(text === null ? null : { kind: "set_text", line, text }, this.typingBase)
    if (text === null) this.typingBase = undefined
    this.status()
  }

  undo() {
    this.leave()
    this.goBack(this.done, this.undone)
  }

  redo() {
    this.leave()
    this.goBack(this.undone, this.done)
  }

  goBack(from, to) {
    const step = from.pop()
    if (!step) return
    const { revision, seq } = step.entry
    const op = revision ? { kind: "undo", revision } : { kind: "undo", waits: seq }
    const entry = this.queue.push({ ...op, restore: step.back })
    to.push({ entry, back: step.forth, forth: step.back })
    this.refresh()
    const line = step.back.put[0]?.line.id
    if (line && lineOf(this.bill, line)) this.lines.focus(line)
  }

  accept() {
    const now = this.lines.current
    if (now && !this.lines.commit() && !now.line.checked) this.edit({ kind: "accept", line: now.id })
    this.lines.unsure(1) || this.lines.move(1)
  }

  split() {
    const now = this.lines.current
    if (!now) return
    const at = now.caret
    this.lines.commit()
    if (!now.text.slice(0, at).trim() || !now.text.slice(at).trim()) return this.say(this.t("split_where"))
    const id = `n-${identifier()}`
    this.edit({ kind: "split", line: now.id, at, new: id })
    this.lines.focus(id, 0)
  }

  join() {
    const now = this.lines.current
    const page = now && pageOf(this.bill, now.id)
    const next = page?.lines[page.lines.findIndex((line) => line.id === now.id) + 1]
    if (!next) return
    this.lines.commit()
    this.edit({ kind: "join", line: now.id, with: next.id })
    this.lines.focus(now.id, now.text.length + 1)
  }

  remove() {
    const now = this.lines.current
    if (!now) return
    const at = this.lines.ids.indexOf(now.id)
    this.lines.revert()
    this.edit({ kind: "delete", line: now.id })
    const next = this.lines.ids[Math.min(at, this.lines.ids.length - 1)]
    if (next) this.lines.focus(next)
  }

  /** A new line where a person has drawn it, among the lines by its height on the page. */
  add(polygon, page) {
    const { y } = frame(polygon)
    const above = page.lines.filter((line) => frame(line.polygon).y < y)
    this.insert(polygon, page.number, above.at(-1)?.id ?? null)
  }

  /** A new line by keyboard: right below the chosen one, to be moved from there. */
  addBelow() {
    const now = this.lines.current
    if (!now) return this.picture.setMode("draw")
    this.lines.commit()
    const page = pageOf(this.bill, now.id)
    const { angle, height } = frame(now.line.polygon)
    const down = height * 1.2
    this.insert(this.picture.shifted(now.line.polygon, -Math.sin(angle) * down, Math.cos(angle) * down), page.number, now.id)
  }

  insert(polygon, page, after) {
    const id = `n-${identifier()}`
    this.edit({ kind: "add", line: id, page, polygon, text: "", after })
    this.lines.focus(id)
  }

  // ---- answers

  answered(answer, batch, conflicts) {
    const { base } = this
    if (!base) return void this.queue.look()
    const own = batch.filter((entry) => entry.revision)
    // An edit that had arrived before, unheard, is not in the answer a second time.
    const whole = own.every((entry) => entry.tries === 1 && entry.client === this.queue.client)
    const gapless = whole && answer.revision === this.queue.revision + own.length && !conflicts.length
    // A fetched bill may have come before the answer, and be newer than it.
    const late = answer.revision < this.queue.revision
    let next = own.reduce((bill, { op }) => apply(bill, op), base)
    next = { ...next, fields: answer.fields ?? next.fields, warnings: answer.warnings }
    next.pages = next.pages.map((page) => ({ ...page, lines: page.lines.filter((line) => !answer.removed.includes(line.id)) }))
    for (const { page, after, ...line } of answer.lines) {
      next.pages = next.pages.map((each) => {
        if (each.number !== page) return each
        const lines = each.lines.filter((other) => other.id !== line.id)
        lines.splice(lines.findIndex((other) => other.id === after) + 1, 0, line)
        return { ...each, lines }
      })
    }
    if (!late) this.base = next
    // Somebody else's edits in between are not in the answer: until they are fetched, they have not been seen.
    if (gapless) this.queue.revision = answer.revision
    else this.queue.look(true)
    for (const conflict of conflicts) {
      // The newest revision is seen with the choice itself.
      const lost = conflict.line && !lineOf(this.base, conflict.line)
      if (lost) conflict.was = { line: lineOf(this.bill, conflict.line), page: pageOf(this.bill, conflict.line)?.number }
      if (conflict.mine?.kind === "undo") this.say(this.t("undo_conflict"))
    }
    const kept = new Set(conflicts.map(({ seq }) => seq))
    const stands = ({ entry }) => !(entry.client === batch[0].client && kept.has(entry.seq))
    this.done = this.done.filter(stands)
    this.undone = this.undone.filter(stands)
    this.queue.keep()
    this.refresh()
  }

  /** An edit that makes no sense to the server is taken back, and said why. */
  refused(entries, why) {
    this.done = this.done.filter(({ entry }) => !entries.includes(entry))
    this.undone = this.undone.filter(({ entry }) => !entries.includes(entry))
    this.say(this.t("refused", { why }))
    this.refresh()
  }

  settle(conflict, mine) {
    this.queue.settle(conflict)
    if (mine) {
      const base = Math.max(this.queue.revision, conflict.revision)
      const { kind, text } = conflict.mine
      const line = conflict.line && lineOf(this.bill, conflict.line)
      if (conflict.line && !line && kind === "set_text" && conflict.was?.line) {
        const { polygon } = conflict.was.line
        this.edit({ kind: "add", line: `n-${identifier()}`, page: conflict.was.page, polygon, text, after: null }, base)
      } else this.edit(conflict.mine, base)
    }
    this.refresh()
    if (conflict.line && lineOf(this.bill, conflict.line)) this.lines.focus(conflict.line)
  }

  changedBy({ author }) {
    return author === this.data.name ? this.t("conflict_own") : author ? this.t("conflict_by", { name: author }) : this.t("conflict")
  }

  // Edits of lines that are gone have no line to stand beside.
  showLost(conflicts) {
    this.find(".lost").replaceChildren(
      ...conflicts.map((conflict) => {
        const node = this.find(".line-template").content.querySelector(".clash").cloneNode(true)
        node.hidden = false
        const mine = conflict.mine.text ?? this.t(`did_${conflict.mine.kind}`)
        fillClash(node, conflict, { by: this.changedBy(conflict), theirs: this.t("line_gone"), mine }, (...choice) => this.settle(...choice))
        node.querySelector('[data-take="mine"]').hidden = conflict.mine.kind !== "set_text" || !conflict.was?.line
        return node
      }),
    )
  }

  // ---- what the person does

  listen() {
    const actions = {
      "previous-page": () => this.picture.leaf(-1), "next-page": () => this.picture.leaf(1),
      in: () => this.picture.step(1), out: () => this.picture.step(-1), fit: () => this.picture.size && this.picture.fit(),
      draw: () => (this.picture.mode === "draw" ? this.picture.cancel() : this.picture.setMode("draw")),
      shape: () => (this.picture.mode === "shape" ? this.picture.setMode("look") : this.picture.setMode("shape")),
      unsure: () => (this.tab("text"), this.lines.unsure(1)), undo: () => this.undo(), redo: () => this.redo(),
      accept: () => this.accept(), split: () => this.split(), join: () => this.join(), remove: () => this.remove(),
      help: () => this.find(".help").showModal(), history: () => this.history.open(this.data.editable),
      done: () => this.finish("done"), skip: () => this.finish("skip"), newer: () => this.newer.open(this.bill.pages, this.bill.machine_newer.lines),
      "more-fields": () => {
        this.fields.all = true
        this.show()
      },
      close: (event) => event.target.closest("dialog").close(),
      text: () => this.tab("text"), fields: () => this.tab("fields"),
    } // prettier-ignore
    for (const button of this.root.querySelectorAll("[data-do]")) {
      if (actions[button.dataset.do]) button.onclick = actions[button.dataset.do]
      // The tools work on the line that is being written in, so they leave the focus there.
      if (button.closest(".tools")) button.onpointerdown = (event) => event.preventDefault()
    }
    this.root.onkeydown = (event) => {
      this.key(event)
      // Single letters mean something to Streamlit, wherever the focus is.
      event.stopPropagation()
    }
    // While nothing has the focus, the keys that begin are ours.
    this.onKey = (event) => {
      if (document.activeElement !== document.body || event.ctrlKey || event.metaKey || event.altKey) return
      if (event.key === "Enter" || event.key === "ArrowDown") this.lines.move(0)
      else if (event.key === "?") this.find(".help").showModal()
      else return
      event.preventDefault()
    }
    document.addEventListener("keydown", this.onKey)
    this.onLeave = () => this.leave()
    window.addEventListener("pagehide", this.onLeave, true)
    this.observer = new ResizeObserver(() => {
      const width = this.root.clientWidth
      this.root.dataset.columns = width >= THREE_COLUMNS ? 3 : width >= TWO_COLUMNS ? 2 : 1
    })
    this.observer.observe(this.root)
    this.tab("text")
  }

  tab(name) {
    this.root.dataset.tab = name
    for (const button of this.root.querySelectorAll('[role="tab"]')) button.setAttribute("aria-selected", String(button.dataset.do === name))
  }

  // The bill is left when its last edit is saved, not before.
  finish(what) {
    this.leave()
    this.leaving = what
    this.status()
  }

  pick(id, [x, y]) {
    const line = everyLine(this.bill).find((line) => line.id === id)
    const inside = ({ polygon }) => {
      const [xs, ys] = [polygon.map(([px]) => px), polygon.map(([, py]) => py)]
      return Math.min(...xs) <= x && x <= Math.max(...xs) && Math.min(...ys) <= y && y <= Math.max(...ys)
    }
    const word = wordsOf(line).find(inside)
    const start = word ? line.text.indexOf(word.text) : -1
    this.tab("text")
    this.lines.focus(id, start < 0 ? null : start)
  }

  keyInLine(event) {
    if (event.isComposing || event.keyCode === 229) return
    const { key, shiftKey, altKey, ctrlKey, metaKey } = event
    const plain = !ctrlKey && !metaKey
    let act = null
    if (key === "Enter" && plain && !altKey) act = () => (this.lines.commit(), this.lines.move(shiftKey ? -1 : 1))
    else if (key === "Enter" && plain) act = () => this.accept()
    else if (key === "ArrowDown" && plain && !shiftKey) act = () => (altKey ? this.lines.unsure(1) : this.lines.move(1))
    else if (key === "ArrowUp" && plain && !shiftKey) act = () => (altKey ? this.lines.unsure(-1) : this.lines.move(-1))
    else if (key === "Escape" && this.lines.revert()) act = () => {}
    if (!act) return
    event.preventDefault()
    event.stopPropagation()
    act()
  }

  key(event) {
    if (event.isComposing || event.target.closest("dialog")) return
    const { key, shiftKey, altKey } = event
    const control = event.ctrlKey || event.metaKey
    const inLine = event.target.closest(".line textarea")
    const writing = event.target.matches("input, textarea")
    const letter = control && !altKey ? key.toLowerCase() : ""
    const acts = {
      b: inLine && (() => this.split()), j: inLine && (() => this.join()), d: inLine && (() => this.remove()),
      i: () => this.addBelow(), m: () => this.picture.setMode("shape"), "/": () => this.find(".help").showModal(),
      enter: this.data.review && (() => this.finish("done")),
    } // prettier-ignore
    let act = acts[letter]
    // What is being typed is undone by the browser, letter by letter; what is an edit already, by us.
    const typed = writing && (inLine ? this.lines.current?.dirty : this.fields.active && event.target.value !== this.fields.active.committed)
    if (letter === "z" && !typed) act = () => (shiftKey ? this.redo() : this.undo())
    if (letter === "y" && !typed) act = () => this.redo()
    if (altKey && !control) act = { PageUp: () => this.picture.step(1), PageDown: () => this.picture.step(-1), Home: () => this.picture.size && this.picture.fit() }[key]
    if (key === "F1" || (key === "?" && !writing)) act = () => this.find(".help").showModal()
    if (key === "F6") act = () => (inLine ? (this.tab("fields"), this.fields.focusFirst()) : (this.tab("text"), this.lines.focus(this.lines.chosen ?? this.lines.ids[0])))
    if (!act) return
    event.preventDefault()
    act()
  }
}
