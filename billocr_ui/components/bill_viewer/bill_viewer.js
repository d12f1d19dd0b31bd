// The picture of a bill beside its text. The photo lies inside the SVG, so that boxes cannot drift from it, and every
// coordinate is a pixel of the upload's page. Text from bills goes into textContent alone: it may say anything.

const SVG = "http://www.w3.org/2000/svg"
const STACK_BELOW = 720 // CSS pixels of width: then the text stands under the picture
const STEP = 1.35
const CLOSEST = 6 // CSS pixels for one pixel of the upload, at most
const DRAG = 4 // CSS pixels that a pointer may tremble and still click

const mounted = new WeakMap()

export default function ({ data, parentElement }) {
  let viewer = mounted.get(parentElement)
  if (!viewer) mounted.set(parentElement, (viewer = new Viewer(parentElement)))
  viewer.show(data)
  return () => {
    viewer.close()
    mounted.delete(parentElement)
  }
}

class Viewer {
  constructor(root) {
    const find = (selector) => root.querySelector(selector)
    this.root = find(".viewer")
    this.svg = find("svg")
    this.photo = find(".photo")
    this.lineBoxes = find(".line-boxes")
    this.wordBoxes = find(".word-boxes")
    this.fieldBoxes = find(".field-boxes")
    this.text = find(".text")
    this.find = find
    this.shown = "" // what is drawn now, to leave it alone while nothing changes
    this.pane = { width: 1, height: 1 }
    this.view = null // { x, y: centre in upload pixels; scale: CSS pixels for one of them }
    this.pointers = new Map()
    this.listen()
  }

  close() {
    this.observer.disconnect()
  }

  // ---- what is shown

  show(data) {
    const shown = JSON.stringify(data)
    if (shown === this.shown) return
    const sameBill = this.data?.bill === data.bill
    this.shown = shown
    this.data = data
    this.number = sameBill && this.number < data.pages.length ? this.number : 0
    this.showFields()
    this.showPage(this.number, sameBill)
  }

  showPage(number, keepView = false) {
    this.number = number
    this.page = this.data.pages[number]
    this.line = this.word = -1
    const count = this.data.pages.length
    this.find(".pager").hidden = count < 2
    this.find(".page").textContent = `${number + 1} of ${count}`
    this.find('[data-do="previous"]').disabled = number === 0
    this.find('[data-do="next"]').disabled = number === count - 1
    this.fieldBoxes.replaceChildren()
    this.find(".missing").hidden = true
    if (this.photo.getAttribute("href") !== this.page.picture) this.photo.setAttribute("href", this.page.picture)
    this.showText()
    if (this.page.width) this.setSize(this.page.width, this.page.height, keepView)
    else this.measure(keepView)
  }

  // Before a bill has been read its size is known to the picture alone.
  measure(keepView) {
    const page = this.page
    const probe = new Image()
    probe.onload = () => page === this.page && this.setSize(probe.naturalWidth, probe.naturalHeight, keepView)
    probe.src = page.picture
  }

  setSize(width, height, keepView) {
    const same = this.size?.width === width && this.size?.height === height
    this.size = { width, height }
    this.photo.setAttribute("width", width)
    this.photo.setAttribute("height", height)
    if (!(keepView && same && this.view)) this.fit()
    this.draw()
  }

  showText() {
    const { lines } = this.page
    const { unsure, doubtful } = this.data
    const grade = (confidence) => (confidence < doubtful ? "doubtful" : confidence < unsure ? "unsure" : "")
    const rows = new Map()
    this.nodes = lines.map((line, index) => {
      const option = element("div", "line", { role: "option", id: `line-${index}`, "aria-selected": "false" })
      option.dataset.line = index
      const words = line.words.map((word, place) => {
        const span = element("span", `word ${grade(word.confidence)}`)
        span.textContent = word.text
        span.dataset.line = index
        span.dataset.word = place
        if (grade(word.confidence)) span.title = `${Math.round(word.confidence * 100)} % sure`
        return span
      })
      words.forEach((span, place) => option.append(place ? " " : "", span))
      if (!rows.has(line.row)) rows.set(line.row, element("div", "row", { role: "presentation" }))
      rows.get(line.row).append(option)
      return { option, words }
    })
    this.text.replaceChildren(...[...rows.entries()].sort(([a], [b]) => a - b).map(([, row]) => row))
    this.text.removeAttribute("aria-activedescendant")

    this.boxes = lines.map((line, index) => polygon(line.polygon, { line: index }))
    this.lineBoxes.replaceChildren(...this.boxes)
    this.words = lines.map((line, index) =>
      line.words.map((word, place) => polygon(word.polygon, { line: index, word: place }, grade(word.confidence))),
    )
    this.wordBoxes.replaceChildren(...this.words.flat())

    this.unsure = lines.flatMap((line, index) =>
      line.words.flatMap((word, place) => (word.confidence < unsure ? [[index, place]] : [])),
    )
    const read = this.data.version > 0
    this.find(".texthead").hidden = !lines.length
    this.find(".keys").hidden = !lines.length
    this.find(".boxes").hidden = !lines.length
    this.find(".legend").hidden = !this.unsure.length
    this.find('[data-do="unsure"]').hidden = !this.unsure.length
    this.find(".count").textContent = `(${this.unsure.length})`
    const empty = this.find(".empty")
    empty.hidden = lines.length > 0
    empty.textContent = read
      ? "No text was found on this page."
      : this.data.state === "failed"
        ? "There is no text, since this bill could not be read."
        : "The text will stand here as soon as it has been read."
  }

  showFields() {
    const { fields } = this.data
    this.find(".found").hidden = !fields.length
    let items = null
    const list = this.find(".fields")
    list.replaceChildren()
    this.fieldNodes = fields.map((field, index) => {
      const kind = field.item ? "item" : field.label === "Total" ? "total" : ""
      const node = element("button", `field ${kind}`, { type: "button", title: `Printed: ${field.printed}` })
      const [label, value] = [element("span", "label"), element("span", "value")]
      label.textContent = field.label
      value.textContent = field.value
      if (field.note) {
        const note = element("span", field.warn ? "note warn" : "note")
        note.textContent = field.note
        if (field.item) value.prepend(note)
        else value.append(note)
      }
      node.append(label, value)
      node.onclick = () => this.selectField(index)
      if (field.item) {
        if (!items) list.append((items = element("div", "items")))
        items.append(node)
      } else {
        list.append(node)
      }
      return node
    })
  }

  // ---- what is chosen

  select(line, word = -1, focus = false) {
    this.mark(this.line, this.word, "selected", false)
    this.nodes[this.line]?.option.setAttribute("aria-selected", "false")
    this.clearField()
    this.line = line
    this.word = word
    this.mark(line, word, "selected", true)
    const node = this.nodes[line]
    if (!node) return
    node.option.setAttribute("aria-selected", "true")
    this.text.setAttribute("aria-activedescendant", node.option.id)
    node.option.scrollIntoView({ block: "nearest" })
    if (focus) this.text.focus({ preventScroll: true })
    this.reveal(word >= 0 ? this.page.lines[line].words[word].polygon : this.page.lines[line].polygon)
  }

  selectField(index) {
    const { places } = this.data.fields[index]
    const page = places.length ? this.data.pages.findIndex((page) => page.number === places[0].page) : -1
    if (page >= 0 && page !== this.number) this.showPage(page)
    this.mark(this.line, this.word, "selected", false)
    this.clearField()
    this.line = this.word = -1
    this.fieldNodes[index].classList.add("selected")
    const here = places.filter((place) => place.page === this.page.number)
    this.fieldBoxes.replaceChildren(...here.map((place) => polygon(place.polygon, {})))
    if (here.length) this.reveal(here.flatMap((place) => place.polygon))
  }

  clearField() {
    for (const node of this.fieldNodes) node.classList.remove("selected")
    this.fieldBoxes.replaceChildren()
  }

  hover(line, word) {
    if (line === this.hovered?.[0] && word === this.hovered?.[1]) return
    if (this.hovered) this.mark(...this.hovered, "hover", false)
    this.hovered = [line, word]
    this.mark(line, word, "hover", true)
  }

  mark(line, word, name, on) {
    const nodes = [this.boxes[line], this.nodes[line]?.option, this.words[line]?.[word], this.nodes[line]?.words[word]]
    for (const node of nodes) node?.classList.toggle(name, on)
  }

  step(by) {
    const count = this.nodes.length
    if (!count) return
    this.select(this.line < 0 ? (by > 0 ? 0 : count - 1) : Math.max(0, Math.min(count - 1, this.line + by)))
  }

  nextUnsure() {
    const after = ([line, word]) => line > this.line || (line === this.line && word > this.word)
    const next = this.unsure.find(after) ?? this.unsure[0]
    if (next) this.select(...next, true)
  }

  // ---- where the picture stands

  get fitScale() {
    return Math.min(this.pane.width / this.size.width, this.pane.height / this.size.height) * 0.98
  }

  fit() {
    this.view = { x: this.size.width / 2, y: this.size.height / 2, scale: this.fitScale }
    this.draw()
  }

  // Zoom so that the upload's pixel under a point of the pane stays there.
  zoom(factor, at = { x: this.pane.width / 2, y: this.pane.height / 2 }) {
    if (!this.size) return
    const { x, y, scale } = this.view
    const next = Math.max(this.fitScale, Math.min(Math.max(CLOSEST, this.fitScale), scale * factor))
    const [dx, dy] = [at.x - this.pane.width / 2, at.y - this.pane.height / 2]
    this.view = { x: x + dx / scale - dx / next, y: y + dy / scale - dy / next, scale: next }
    this.draw()
  }

  pan(dx, dy) {
    const before = { ...this.view }
    this.view.x -= dx / this.view.scale
    this.view.y -= dy / this.view.scale
    this.draw()
    return before.x !== this.view.x || before.y !== this.view.y
  }

  reveal(points) {
    if (!this.size) return
    const xs = points.map(([x]) => x)
    const ys = points.map(([, y]) => y)
    const { x, y, scale } = this.view
    const [halfWidth, halfHeight] = [this.pane.width / scale / 2, this.pane.height / scale / 2]
    const outside = (low, high, centre, half) => low < centre - half * 0.95 || high > centre + half * 0.95
    if (outside(Math.min(...xs), Math.max(...xs), x, halfWidth)) this.view.x = (Math.min(...xs) + Math.max(...xs)) / 2
    if (outside(Math.min(...ys), Math.max(...ys), y, halfHeight)) this.view.y = (Math.min(...ys) + Math.max(...ys)) / 2
    this.draw()
  }

  zoomToLine(line) {
    const points = this.page.lines[line]?.polygon
    if (!points) return
    const xs = points.map(([x]) => x)
    const width = Math.max(...xs) - Math.min(...xs)
    const ys = points.map(([, y]) => y)
    const scale = Math.max(this.fitScale, Math.min(CLOSEST, (this.pane.width * 0.9) / width))
    this.view = { x: (Math.min(...xs) + Math.max(...xs)) / 2, y: (Math.min(...ys) + Math.max(...ys)) / 2, scale }
    this.draw()
  }

  draw() {
    if (!this.view || !this.size) return
    const { width, height } = this.pane
    const { scale } = this.view
    const within = (centre, size, span) => (size <= span ? size / 2 : Math.max(span / 2, Math.min(size - span / 2, centre)))
    this.view.x = within(this.view.x, this.size.width, width / scale)
    this.view.y = within(this.view.y, this.size.height, height / scale)
    const [w, h] = [width / scale, height / scale]
    this.svg.setAttribute("viewBox", `${this.view.x - w / 2} ${this.view.y - h / 2} ${w} ${h}`)
    const times = scale / this.fitScale
    this.svg.classList.toggle("zoomed", times > 1.01)
    this.find(".percent").textContent = `${Math.round(times * 100)} %`
  }

  // ---- what the person does

  listen() {
    this.observer = new ResizeObserver(() => {
      const whole = !this.view || !this.size || this.view.scale <= this.fitScale * 1.01
      const { width, height } = this.svg.getBoundingClientRect()
      if (width && height) this.pane = { width, height }
      this.root.classList.toggle("narrow", this.root.clientWidth < STACK_BELOW)
      if (this.size && whole) this.fit()
      else this.draw()
    })
    this.observer.observe(this.root)
    this.observer.observe(this.svg)
    this.photo.onerror = () => (this.find(".missing").hidden = false)

    const actions = {
      previous: () => this.number > 0 && this.showPage(this.number - 1),
      next: () => this.number < this.data.pages.length - 1 && this.showPage(this.number + 1),
      in: () => this.zoom(STEP),
      out: () => this.zoom(1 / STEP),
      fit: () => this.size && this.fit(),
      unsure: () => this.nextUnsure(),
    }
    for (const button of this.root.querySelectorAll("[data-do]")) button.onclick = actions[button.dataset.do]
    const modes = [...this.root.querySelectorAll("button[data-boxes]")]
    for (const button of modes) {
      button.onclick = () => {
        this.svg.dataset.boxes = button.dataset.boxes
        for (const other of modes) other.setAttribute("aria-checked", String(other === button))
      }
    }

    const keys = {
      j: () => this.step(1), ArrowDown: () => this.step(1), k: () => this.step(-1), ArrowUp: () => this.step(-1),
      Home: () => this.nodes.length && this.select(0), End: () => this.nodes.length && this.select(this.nodes.length - 1),
      Enter: () => this.zoomToLine(this.line), u: actions.unsure,
      "+": actions.in, "=": actions.in, "-": actions.out, 0: actions.fit, "[": actions.previous, "]": actions.next,
    } // prettier-ignore
    this.root.onkeydown = (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) return
      if (event.key === "Enter" && event.target.closest("button")) return
      event.preventDefault()
      event.stopPropagation()
      keys[event.key]()
    }

    for (const side of [this.svg, this.text]) {
      side.onpointerover = (event) => event.pointerType !== "touch" && this.hover(...target(event))
      side.onpointerleave = () => this.hover(-1, -1)
    }
    this.text.onclick = (event) => {
      const [line, word] = target(event)
      if (line >= 0) this.select(line, word)
    }
    this.text.ondblclick = (event) => this.zoomToLine(target(event)[0])
    this.svg.onpointerdown = (event) => this.press(event)
    this.svg.onpointermove = (event) => this.move(event)
    this.svg.onpointerup = this.svg.onpointercancel = (event) => this.release(event)
    this.svg.onclick = (event) => {
      const [line, word] = target(event)
      if (line >= 0 && !this.dragged) this.select(line, word, true)
    }
    this.svg.ondblclick = (event) => target(event)[0] < 0 && this.zoom(STEP * STEP, this.point(event))
    this.svg.onwheel = (event) => {
      if (event.ctrlKey || event.metaKey) this.zoom(Math.exp(-event.deltaY / 300), this.point(event))
      // At the picture's edge the wheel goes on to scroll the page.
      else if (!this.svg.classList.contains("zoomed") || !this.pan(-event.deltaX, -event.deltaY)) return
      event.preventDefault()
    }
  }

  point(event) {
    const { left, top } = this.svg.getBoundingClientRect()
    return { x: event.clientX - left, y: event.clientY - top }
  }

  press(event) {
    if (event.button) return
    this.pointers.set(event.pointerId, this.point(event))
    this.dragged = false
    this.travelled = 0
  }

  move(event) {
    const before = this.pointers.get(event.pointerId)
    if (!before || !this.size) return
    const now = this.point(event)
    const other = [...this.pointers].find(([id]) => id !== event.pointerId)?.[1]
    this.pointers.set(event.pointerId, now)
    this.travelled += Math.hypot(now.x - before.x, now.y - before.y)
    if (this.travelled < DRAG) return
    if (!this.dragged) {
      this.dragged = true
      this.svg.setPointerCapture(event.pointerId)
      this.svg.classList.add("dragging")
    }
    if (other) {
      const distance = (point) => Math.hypot(point.x - other.x, point.y - other.y) || 1
      this.zoom(distance(now) / distance(before), { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 })
    } else if (this.svg.classList.contains("zoomed")) {
      this.pan(now.x - before.x, now.y - before.y)
    }
  }

  release(event) {
    this.pointers.delete(event.pointerId)
    if (!this.pointers.size) this.svg.classList.remove("dragging")
  }
}

function element(tag, className, attributes = {}) {
  const node = document.createElement(tag)
  node.className = className
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value)
  return node
}

function polygon(points, dataset, className = "") {
  const node = document.createElementNS(SVG, "polygon")
  node.setAttribute("points", points.map((point) => point.join(",")).join(" "))
  if (className) node.setAttribute("class", className)
  Object.assign(node.dataset, dataset)
  return node
}

// The line and word that an event happened on, -1 where there is none.
function target(event) {
  const node = event.target.closest?.("[data-line]")
  return node ? [Number(node.dataset.line), Number(node.dataset.word ?? -1)] : [-1, -1]
}
