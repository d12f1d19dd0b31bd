// The lines of the bill, one text box each, under one another. The chosen one has its picture right above it.

import { fillClash, frame, placed, wordsOf } from "./document.js"
import { put } from "./picture.js"

const LEAST_CROP = 30 // CSS pixels of height that a line's picture has at least
const MOST_CROP = 64
export const PAUSE = 800 // milliseconds without a key after which what was typed is an edit

export class Lines {
  /** @param to who is told: chosen(id, word), typing(id, text), edited(id, text), key(event), settled(conflict, mine), changedBy(conflict) -> text */
  constructor(root, t, to) {
    this.list = root.querySelector(".lines")
    this.crop = root.querySelector(".crop")
    this.part = this.crop.firstElementChild.cloneNode(true)
    this.template = root.querySelector(".line-template")
    this.headings = new Map()
    this.t = t
    this.to = to
    this.rows = new Map() // line id -> its nodes
    this.order = []
    this.chosen = null
    this.observer = new ResizeObserver(() => this.drawCrop())
    this.observer.observe(this.list)
    this.list.onpointerdown = (event) => {
      const row = event.target.closest(".line")
      // The gutter and the picture of a line belong to its text.
      if (row && !event.target.closest("textarea, button")) {
        event.preventDefault()
        this.focus(row.dataset.line)
      }
    }
  }

  close() {
    this.observer.disconnect()
    clearTimeout(this.timer)
  }

  get ids() {
    return this.order
  }

  /** @param pages as of the bill, their lines with a `grade`; @param conflicts line id -> conflict */
  show(pages, conflicts, editable) {
    this.pages = pages
    const [stood, had] = [this.order.indexOf(this.chosen), this.rows.get(this.chosen)?.input.matches(":focus")]
    this.order = pages.flatMap((page) => page.lines.map((line) => line.id))
    const nodes = []
    const seen = new Set(this.order)
    for (const [id, row] of this.rows) {
      if (seen.has(id)) continue
      row.node.remove()
      this.rows.delete(id)
    }
    let number = 0
    for (const page of pages) {
      if (pages.length > 1) nodes.push(this.heading(page.number))
      for (const line of page.lines) {
        number += 1
        const row = this.rows.get(line.id) ?? this.create(line.id)
        this.fill(row, line, number, editable)
        this.showConflict(row, conflicts.get(line.id))
        nodes.push(row.node)
      }
    }
    // Only what stands elsewhere is moved: a moved text box would lose the focus.
    nodes.forEach((node, at) => this.list.children[at] !== node && this.list.insertBefore(node, this.list.children[at] ?? null))
    if (!this.rows.has(this.chosen)) {
      this.crop.remove()
      this.chosen = null
      // Whoever was in a line that went goes on in the one that took its place.
      const next = this.order[Math.min(stood, this.order.length - 1)]
      if (had && next) this.focus(next)
    }
    const first = this.rows.get(this.chosen) ?? this.rows.get(this.order[0])
    this.admit(first)
    this.drawCrop()
  }

  heading(number) {
    if (!this.headings.has(number)) {
      const node = document.createElement("li")
      node.className = "heading"
      node.textContent = this.t("page", { n: number })
      this.headings.set(number, node)
    }
    return this.headings.get(number)
  }

  create(id) {
    const node = this.template.content.firstElementChild.cloneNode(true)
    node.dataset.line = id
    const input = node.querySelector("textarea")
    const row = { id, node, input, marks: node.querySelector(".marks-of-text"), badge: node.querySelector(".badge"), clash: node.querySelector(".clash"), committed: "" }
    input.onfocus = () => this.choose(id)
    input.oninput = () => this.typed(row)
    input.onblur = () => {
      this.commit(row)
      row.input.value = row.committed = row.line.text
      this.paint(row)
    }
    input.onkeydown = (event) => this.to.key(event)
    input.onselect = input.onkeyup = input.onclick = () => this.follow(row)
    this.rows.set(id, row)
    return row
  }

  fill(row, line, number, editable) {
    if (row.input.readOnly === editable) row.input.readOnly = !editable
    if (row.line === line && row.number === number) return
    row.number = number
    row.node.querySelector(".number").textContent = number
    const dirty = row.input.value !== row.committed
    row.line = line
    // What is being typed stays, whatever comes from elsewhere; so does a blank that a word is yet to follow.
    const typing = row.input.matches(":focus") && plain(row.input.value) === line.text
    row.committed = typing && !dirty ? row.input.value : line.text
    if (!dirty && !typing && row.input.value !== line.text) {
      const caret = row.input.selectionStart
      row.input.value = line.text
      if (row.id === this.chosen) row.input.setSelectionRange(caret, caret)
    }
    row.node.dataset.grade = line.grade
    const note = line.grade ? this.t(`grade_${line.grade}`) : ""
    row.badge.title = note
    row.input.setAttribute("aria-label", note ? this.t("line_label_note", { n: number, note }) : this.t("line_label", { n: number }))
    this.paint(row)
  }

  /** Marks under the words that the machine was unsure of, as far as they still stand there. */
  paint(row) {
    const { line, input, marks } = row
    const parts = []
    let [from, at] = [0, 0]
    const push = (text, grade = "") => {
      if (!text) return
      const last = parts.at(-1)
      if (last && last.grade === grade) last.text += text
      else parts.push({ text, grade })
    }
    for (const { word } of line.checked ? [] : placed(line)) {
      const start = input.value.indexOf(word.text, from)
      if (start < 0) continue
      push(input.value.slice(at, start))
      push(word.text, word.grade)
      from = at = start + word.text.length
    }
    push(input.value.slice(at))
    while (marks.childNodes.length > parts.length) marks.lastChild.remove()
    parts.forEach(({ text, grade }, place) => {
      const span = marks.children[place] ?? marks.appendChild(document.createElement("span"))
      if (span.textContent !== text) span.textContent = text
      if (span.className !== grade) span.className = grade
    })
    // A box that ends with a break, or is empty, would be a row too low.
    if (!parts.length) marks.append(document.createElement("span").appendChild(document.createTextNode(" ")))
  }

  // ---- the chosen line

  choose(id) {
    const row = this.rows.get(id)
    if (!row) return
    if (this.chosen !== id) {
      const before = this.rows.get(this.chosen)
      if (before) {
        before.node.classList.remove("chosen")
        this.commit(before)
      }
      this.chosen = id
      row.node.classList.add("chosen")
      this.admit(row)
      row.node.prepend(this.crop)
      this.drawCrop()
      row.node.scrollIntoView({ block: "nearest" })
    }
    this.to.chosen(id, this.wordAt(row))
  }

  // One line takes part in the order of the Tab key: the chosen one.
  admit(row) {
    if (this.admitted === row) return
    if (this.admitted) this.admitted.input.tabIndex = -1
    this.admitted = row
    if (row) row.input.tabIndex = 0
  }

  focus(id, start = null, end = start) {
    const row = this.rows.get(id)
    if (!row) return
    row.input.focus({ preventScroll: true })
    this.choose(id)
    const caret = start ?? row.input.value.length
    row.input.setSelectionRange(caret, end ?? caret)
    this.follow(row)
    row.node.scrollIntoView({ block: "nearest" })
  }

  move(by) {
    const at = this.order.indexOf(this.chosen)
    const next = this.order[at < 0 ? 0 : Math.max(0, Math.min(this.order.length - 1, at + by))]
    if (next) this.focus(next)
    return at + by >= 0 && at + by < this.order.length
  }

  /** Choose the next (1) or the previous (-1) word that the machine was unsure of; false where there is none. */
  unsure(by) {
    const all = this.order.flatMap((id) => {
      const row = this.rows.get(id)
      if (row.line.checked || row.input.value !== row.line.text) return []
      return placed(row.line).filter(({ word }) => word.grade).map((place) => ({ id, ...place }))
    })
    if (!all.length) return false
    const row = this.rows.get(this.chosen)
    const [line, caret] = [row ? this.order.indexOf(this.chosen) : -1, row?.input.selectionStart ?? 0]
    const after = ({ id, start }) => Math.sign(this.order.indexOf(id) - line || start - caret)
    // Whoever stands at the first word's own beginning without having it chosen has not been there yet.
    const fresh = row && row.input.selectionStart === row.input.selectionEnd
    const next =
      by > 0
        ? (all.find((place) => after(place) > 0 || (fresh && after(place) === 0)) ?? all[0])
        : (all.findLast((place) => after(place) < 0) ?? all.at(-1))
    this.focus(next.id, next.start, next.end)
    return true
  }

  wordAt(row) {
    if (row.input.value !== row.line.text) return null
    const caret = row.input.selectionStart
    return placed(row.line).find(({ start, end }) => start <= caret && caret <= end)?.word ?? null
  }

  follow(row) {
    if (row.id !== this.chosen) return
    this.to.chosen(row.id, this.wordAt(row))
    this.drawCrop()
  }

  /** The line straight and large, without the blank paper between its parts; around the caret where it is too long. */
  drawCrop() {
    const row = this.rows.get(this.chosen)
    const page = row && this.pages.find((page) => page.lines.some((line) => line.id === row.id))
    const space = row && row.node.clientWidth - row.input.parentNode.offsetLeft + row.node.offsetLeft - 8
    this.crop.toggleAttribute("hidden", !page?.width || space <= 0)
    if (!page?.width || space <= 0) return
    const { line } = row
    const { y, x, angle, height } = frame(line.polygon)
    const [tall, margin] = [height * 1.4, height * 0.35]
    const parts = (line.segments.length ? line.segments : [line]).map(({ polygon }) => upright(polygon, angle, x, y))
    const long = parts.reduce((sum, { width }) => sum + width + 2 * margin, 0)
    const scale = Math.max(LEAST_CROP / tall, Math.min(MOST_CROP / tall, space / long))
    const word = this.wordAt(row)
    const share = row.input.value.length ? row.input.selectionStart / row.input.value.length : 0
    // With the word that is being looked at in the middle, as far as the ends allow.
    const shown = Math.min(long, space / scale)
    const left = Math.max(0, Math.min(long - shown, long * share - shown / 2))
    put(this.crop, { width: shown * scale, height: tall * scale, viewBox: `${left} 0 ${shown} ${tall}` })
    let at = 0
    while (this.crop.childElementCount > parts.length) this.crop.lastElementChild.remove()
    parts.forEach(({ left: from, width }, place) => {
      const part = this.crop.children[place] ?? this.crop.appendChild(this.part.cloneNode(true))
      const [group, image, under] = [part.firstElementChild, part.querySelector("image"), part.querySelector("polyline")]
      const wide = width + 2 * margin
      put(part, { x: at, width: wide, height: tall, viewBox: `${from - margin} ${y - tall / 2} ${wide} ${tall}` })
      put(group, { transform: `rotate(${(-angle * 180) / Math.PI} ${x} ${y})` })
      put(image, { href: page.picture, width: page.width, height: page.height })
      put(under, { points: word && wordsOf(line).length > 1 ? [word.polygon[3], word.polygon[2]].join(" ") : "" })
      at += wide
    })
  }

  // ---- typing

  typed(row) {
    if (/[\r\n]/u.test(row.input.value)) row.input.value = row.input.value.replace(/\s*[\r\n]+\s*/gu, " ")
    this.paint(row)
    this.to.typing(row.id, row.input.value === row.committed ? null : row.input.value)
    clearTimeout(this.timer)
    this.timer = setTimeout(() => this.commit(row), PAUSE)
    this.drawCrop()
  }

  /** Make an edit of what was typed; false where nothing was. */
  commit(row = this.rows.get(this.chosen)) {
    if (!row || row.input.value === row.committed || !this.rows.has(row.id)) return false
    clearTimeout(this.timer)
    const text = plain(row.input.value)
    const same = text === row.line.text
    row.committed = row.input.value
    if (same) this.to.typing(row.id, null)
    else this.to.edited(row.id, text)
    return !same
  }

  /** Back to the line as it was before it was typed in; false where it was not. */
  revert() {
    const row = this.rows.get(this.chosen)
    if (!row || row.input.value === row.committed) return false
    clearTimeout(this.timer)
    row.input.value = row.committed
    this.to.typing(row.id, null)
    this.paint(row)
    return true
  }

  get current() {
    const row = this.rows.get(this.chosen)
    return row && { id: row.id, line: row.line, caret: row.input.selectionStart, text: row.input.value, dirty: row.input.value !== row.committed }
  }

  showConflict(row, conflict) {
    if (row.conflict === conflict) return
    row.conflict = conflict
    row.clash.hidden = !conflict
    if (!conflict) return
    const mine = conflict.mine.text ?? this.t(`did_${conflict.mine.kind}`)
    fillClash(row.clash, conflict, { by: this.to.changedBy(conflict), theirs: conflict.theirs?.text ?? row.line.text, mine }, this.to.settled)
  }
}

// As the server keeps a line: single blanks, none at its ends.
const plain = (text) => text.replace(/\s+/gu, " ").trim()

// From where to where a part of a line goes, once the line has been turned upright around (x, y).
function upright(polygon, angle, x, y) {
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)]
  const us = polygon.map(([px, py]) => x + (px - x) * cos + (py - y) * sin)
  return { left: Math.min(...us), width: Math.max(...us) - Math.min(...us) }
}
