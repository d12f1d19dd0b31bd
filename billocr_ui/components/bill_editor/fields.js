// What is on the bill: merchant, date, sums, and a table of its items. A field that has the focus takes the words that
// are clicked on the picture.

import { amountOf, dayOf, fillClash, timeOf } from "./document.js"
import { PAUSE } from "./lines.js"

// In the order in which a person asks for them; the last value says which are shown even while they are empty.
const FIELDS = [
  ["company", "text", true], ["date", "date", true], ["time", "time"], ["address", "lines"], ["vat_id", "text"],
  ["subtotal", "money"], ["discount", "money"], ["service", "money"], ["rounding", "money"], ["total", "money", true],
  ["currency", "code", true], ["change", "money"],
] // prettier-ignore
const COLUMNS = [["name", "text"], ["quantity", "money"], ["unit_price", "money"], ["amount", "money"]]
const READ = { money: amountOf, date: dayOf, time: timeOf, code: (text) => text.trim().toUpperCase().match(/^[A-Z]{3}$/u)?.[0] ?? null }

export class Fields {
  /** @param to who is told: edited(name, value, sources), items(items), focused(sources or null), left(), settled(conflict, mine), changedBy(conflict) -> text */
  constructor(root, t, to, clash) {
    this.root = root.querySelector(".found")
    this.t = t
    this.to = to
    this.nodes = new Map()
    this.fields = {}
    for (const [name, kind, always] of FIELDS) this.create(root, name, kind, always, clash)
    this.more = root.querySelector('[data-do="more-fields"]')
    this.items = root.querySelector(".items tbody")
    this.itemTemplate = root.querySelector(".item-template")
    this.itemsClash = { clash: root.querySelector(".items").appendChild(clash()) }
    this.items.addEventListener("input", () => this.later(() => this.commitItems()))
    this.items.addEventListener("focusout", (event) => this.items.contains(event.relatedTarget) || this.commitItems())
    root.querySelector('[data-do="add-item"]').onclick = () => this.addItem(true)
  }

  create(root, name, kind, always, clash) {
    const node = root.querySelector(".field-template").content.firstElementChild.cloneNode(true)
    const input = document.createElement(kind === "lines" ? "textarea" : "input")
    if (kind === "date" || kind === "time") input.type = kind
    if (kind === "money") input.inputMode = "decimal"
    if (kind === "lines") input.rows = 2
    if (kind === "code") input.maxLength = 3
    Object.assign(input, { id: `field-${name}`, autocomplete: "off", spellcheck: false })
    const label = node.querySelector("label")
    label.htmlFor = input.id
    label.textContent = this.t(`field_${name}`)
    const note = node.querySelector(".note")
    note.id = `note-${name}`
    input.setAttribute("aria-describedby", note.id)
    node.querySelector(".control").prepend(input)
    node.dataset.kind = kind
    const field = { name, kind, always, node, input, note, committed: "", sources: [], clash: node.appendChild(clash()) }
    input.onfocus = () => {
      field.fresh = true
      this.to.focused(this.fields[name]?.sources ?? [])
      this.active = field
    }
    input.oninput = () => {
      field.sources = this.fields[name]?.sources ?? []
      this.later(() => this.commit(field))
    }
    input.onblur = () => {
      this.commit(field)
      this.active = null
      this.to.focused(null)
    }
    input.onkeydown = (event) => {
      if (event.isComposing) return
      if (event.key === "Enter" && !event.ctrlKey && !event.metaKey && !(kind === "lines" && event.shiftKey)) {
        event.preventDefault()
        this.step(input, event.shiftKey ? -1 : 1)
      } else if (event.key === "Escape") {
        event.preventDefault()
        if (input.value === field.committed) this.to.left()
        input.value = field.committed
      }
    }
    root.querySelector(name === "company" || FIELDS.findIndex(([other]) => other === name) < 5 ? ".fields.head" : ".fields.sums").append(node)
    this.nodes.set(name, field)
  }

  later(act) {
    clearTimeout(this.timer)
    this.timer = setTimeout(act, PAUSE)
  }

  close() {
    clearTimeout(this.timer)
  }

  /** Everything that is typed and no edit yet becomes one. */
  commitAll() {
    if (this.active?.name) this.commit(this.active)
    this.commitItems()
  }

  show(fields, grade, conflicts, editable) {
    this.fields = fields ?? {}
    this.editable = editable
    for (const field of this.nodes.values()) {
      const found = this.fields[field.name]
      const value = found?.value == null ? "" : field.kind === "time" ? found.value.slice(0, 5) : found.value
      const dirty = field.input.value !== field.committed
      field.committed = value
      if (!dirty && field.input.value !== value) field.input.value = value
      field.input.readOnly = !editable
      const corrected = this.fields.corrected?.includes(field.name)
      field.grade = found && !corrected ? grade(found.confidence) : ""
      field.node.dataset.grade = corrected ? "checked" : field.grade
      if (!dirty) this.say(field, this.noteOf(field, found))
      field.node.hidden = !field.always && !found && !this.all && this.active !== field
      this.showConflict(field, conflicts.get(field.name))
    }
    this.more.hidden = !editable || this.all || [...this.nodes.values()].every(({ node }) => !node.hidden)
    this.root.querySelector('[data-do="add-item"]').hidden = !editable
    this.showOthers()
    this.showItems()
    this.showConflict(this.itemsClash, conflicts.get("items"))
  }

  noteOf(field, found) {
    const days = (found?.candidates ?? []).filter((day) => day !== found.value)
    if (days.length && !this.fields.corrected?.includes("date")) return { key: "or_day", day: days[0] }
    return field.grade ? { key: `grade_${field.grade}` } : null
  }

  say(field, note) {
    field.note.replaceChildren()
    // That a value is unsure is marked, and said to those who cannot see the mark.
    field.note.classList.toggle("said", Boolean(note?.key?.startsWith("grade_")))
    if (!note) return
    if (note.day) {
      const button = document.createElement("button")
      button.type = "button"
      button.textContent = this.t("or_day", { day: new Date(note.day).toLocaleDateString(this.t("locale"), { dateStyle: "medium", timeZone: "UTC" }) })
      button.disabled = !this.editable
      button.onclick = () => this.to.edited("date", note.day, this.fields.date.sources)
      field.note.append(button)
    } else {
      field.note.textContent = this.t(note.key)
    }
  }

  showOthers() {
    const money = (found) => found?.value ?? ""
    const rows = [
      ...(this.fields.taxes ?? []).map((tax) => [tax.rate == null ? this.t("tax") : this.t("tax_rate", { rate: Number(tax.rate) }), money(tax.amount)]),
      ...(this.fields.payments ?? []).map((pay) => [this.t(`paid_${pay.method}`), money(pay.amount)]),
    ]
    const state = JSON.stringify(rows)
    if (state === this.shownOthers) return
    this.shownOthers = state
    const list = this.root.querySelector(".others")
    list.hidden = !rows.length
    list.replaceChildren(
      ...rows.flatMap(([label, value]) => {
        const [term, detail] = [document.createElement("dt"), document.createElement("dd")]
        term.textContent = label
        detail.textContent = value
        return [term, detail]
      }),
    )
  }

  commit(field) {
    const written = field.input.value.trim()
    if (field.input.value === field.committed || !this.editable) return
    const value = written === "" ? null : READ[field.kind] ? READ[field.kind](written, this.fields.decimal_separator ?? ".") : written
    const wrong = written !== "" && value === null
    field.input.setAttribute("aria-invalid", String(wrong))
    if (wrong) return this.say(field, { key: `not_${field.kind}` })
    field.committed = field.input.value = value ?? ""
    this.say(field, null)
    this.to.edited(field.name, value, value === null ? [] : field.sources)
    field.fresh = true
  }

  /** A word of the picture for the field that has the focus. */
  take(word, page) {
    const field = this.active
    if (!field || !this.editable) return
    const source = { page, polygon: word.polygon }
    const read = READ[field.kind]
    if (read) {
      const value = read(word.text, this.fields.decimal_separator ?? ".")
      if (value === null) return field.name && this.say(field, { key: `not_${field.kind}` })
      field.input.value = value
      field.sources = field.row ? [...field.sources, source] : [source]
    } else {
      // The first word begins anew, the next ones follow it.
      field.input.value = field.fresh ? word.text : `${field.input.value} ${word.text}`
      field.sources = field.fresh ? [source] : [...field.sources, source]
      field.fresh = false
    }
    this.to.focused(field.sources)
    if (field.row) field.row.item = { ...field.row.item, sources: field.sources }
    this.later(() => (field.row ? this.commitItems() : this.commit(field)))
  }

  focusFirst() {
    this.root.querySelector("input").focus()
  }

  // Enter goes through the fields and the table as through a form.
  step(input, by) {
    const all = [...this.root.querySelectorAll("input, textarea")].filter((other) => other.offsetParent)
    all[all.indexOf(input) + by]?.focus()
  }

  // ---- items

  showItems() {
    const items = this.fields.items ?? []
    const state = JSON.stringify([items, this.editable])
    if (state === this.shownItems || this.changedItems()) return
    this.shownItems = state
    const rows = [...this.items.children]
    while (rows.length > items.length) rows.pop().remove()
    while (rows.length < items.length) rows.push(this.addItem())
    rows.forEach((row, at) => {
      row.item = items[at]
      COLUMNS.forEach(([name], column) => {
        const input = row.querySelectorAll("input")[column]
        const value = items[at][name] ?? ""
        const shown = name === "quantity" && value !== "" ? String(Number(value)) : value
        if (input.value !== shown) input.value = shown
        input.readOnly = !this.editable
      })
    })
    this.number()
    this.saved = this.written()
    this.root.querySelector(".items table").hidden = !rows.length
  }

  number() {
    ;[...this.items.children].forEach((row, at) => {
      row.querySelectorAll("input").forEach((input, column) => input.setAttribute("aria-label", this.t(`item_${COLUMNS[column][0]}`, { n: at + 1 })))
      row.querySelector("button").setAttribute("aria-label", this.t("item_remove", { n: at + 1 }))
      row.querySelector("button").hidden = !this.editable
    })
  }

  addItem(focus = false) {
    const row = this.itemTemplate.content.firstElementChild.cloneNode(true)
    row.querySelectorAll("input").forEach((input, column) => {
      input.onfocus = () => {
        this.active = { input, row, kind: COLUMNS[column][1], fresh: true, sources: row.item?.sources ?? [] }
        this.to.focused(this.active.sources)
      }
      input.onblur = () => {
        this.active = null
        this.to.focused(null)
      }
      input.onkeydown = (event) => {
        if (event.isComposing || event.ctrlKey || event.metaKey) return
        const by = { Enter: event.shiftKey ? -1 : 1, ArrowDown: 1, ArrowUp: -1 }[event.key]
        if (event.key === "Escape") return void this.to.left(event.preventDefault())
        if (!by) return
        event.preventDefault()
        const rows = [...this.items.children]
        const next = rows[rows.indexOf(row) + by] ?? (event.key === "Enter" && by > 0 && this.editable ? this.addItem(true) : null)
        next?.querySelectorAll("input")[column].focus()
      }
    })
    row.querySelector("button").onclick = () => {
      const next = row.nextElementSibling ?? row.previousElementSibling
      row.remove()
      this.commitItems()
      ;(next?.querySelector("button") ?? this.root.querySelector('[data-do="add-item"]')).focus()
    }
    this.items.append(row)
    this.root.querySelector(".items table").hidden = false
    if (focus) {
      this.number()
      row.querySelector("input").focus()
    }
    return row
  }

  written() {
    return JSON.stringify([...this.items.children].map((row) => [...row.querySelectorAll("input")].map((input) => input.value)))
  }

  changedItems() {
    return this.saved !== undefined && this.items.children.length > 0 && this.written() !== this.saved
  }

  commitItems() {
    if (this.saved === undefined || this.written() === this.saved || !this.editable) return
    const items = []
    let wrong = false
    for (const row of this.items.children) {
      const inputs = [...row.querySelectorAll("input")]
      if (inputs.every((input) => !input.value.trim())) continue
      const values = inputs.map((input, column) => {
        const written = input.value.trim()
        const value = written === "" ? null : COLUMNS[column][1] === "text" ? written : amountOf(written, this.fields.decimal_separator ?? ".")
        const bad = (written !== "" && value === null) || (value === null && COLUMNS[column][0] === "amount")
        input.setAttribute("aria-invalid", String(bad))
        wrong ||= bad
        return value
      })
      const item = Object.fromEntries(COLUMNS.map(([name], column) => [name, values[column]]))
      items.push({ ...item, name: item.name ?? "", sources: row.item?.sources ?? [] })
    }
    // A row that is not complete yet waits for the rest of it.
    if (wrong) return
    this.saved = this.written()
    this.shownItems = null
    this.to.items(items)
  }

  showConflict(field, conflict) {
    if (field.conflict === conflict) return
    field.conflict = conflict
    field.clash.hidden = !conflict
    if (!conflict) return
    const { theirs, mine } = conflict
    const items = (list) => list.map(({ name, amount }) => `${name} ${amount}`).join("\n")
    const said = (value) => (value?.value ?? (Array.isArray(value) ? items(value) : "")) || this.t("nothing")
    const sides = { by: this.to.changedBy(conflict), theirs: said(theirs), mine: said(mine.items ?? mine) }
    fillClash(field.clash, conflict, sides, this.to.settled)
  }
}
