// A page of the bill with its lines. The photo lies inside the SVG, so that boxes cannot drift from it, and every
// coordinate is a pixel of the upload's page.

import { boxed, frame, moved, stretched, wordsOf } from "./document.js"

const SVG = "http://www.w3.org/2000/svg"
const STEP = 1.35
const CLOSEST = 6 // CSS pixels for one pixel of the upload, at most
const LONG = 1.4 // a page that would be as many times wider in the pane if it were not for its length
const DRAG = 4 // CSS pixels that a pointer may tremble and still click
const NUDGE = 0.05 // of the line's height, for one press of an arrow key

export class Picture {
  /** @param to who is told: picked(line), word(word, page), drawn(polygon, page), shaped(line, polygon), turned(page) */
  constructor(root, t, to) {
    this.find = (selector) => root.querySelector(selector)
    this.t = t
    this.to = to
    this.svg = this.find(".canvas")
    this.photo = this.find(".photo")
    this.pane = { width: 1, height: 1 }
    this.untouched = true // nobody has zoomed yet
    this.view = null // { x, y: centre in upload pixels; scale: CSS pixels for one of them }
    this.boxes = new Map() // line id -> { line, node }
    this.pointers = new Map()
    this.page = null
    this.mode = "look" // "shape": the chosen line's box is being moved; "draw": a new line's box is drawn
    this.listen()
  }

  close() {
    this.observer.disconnect()
  }

  // ---- what is shown

  /** @param pages [{ number, picture, width, height, lines }], width and height 0 while they are not known */
  show(pages) {
    this.pages = pages
    const number = this.page?.number ?? pages[0].number
    this.turn((pages.find((page) => page.number === number) ?? pages[0]).number)
  }

  turn(number) {
    const same = this.page?.number === number
    this.page = this.pages.find((page) => page.number === number)
    const [at, count] = [this.pages.indexOf(this.page), this.pages.length]
    this.find(".pager").hidden = count < 2
    this.find(".page").textContent = this.t("page_of", { n: at + 1, count })
    this.find('[data-do="previous-page"]').disabled = at === 0
    this.find('[data-do="next-page"]').disabled = at === count - 1
    if (this.photo.getAttribute("href") !== this.page.picture) {
      this.find(".missing").hidden = true
      this.photo.setAttribute("href", this.page.picture)
    }
    this.place()
    if (this.page.width) this.setSize(this.page.width, this.page.height, same)
    else this.measure(same)
  }

  leaf(by) {
    const page = this.pages[this.pages.indexOf(this.page) + by]
    if (page) this.turn(page.number)
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
    if (keepView && same && this.view) this.draw()
    else this.home()
  }

  /** Boxes for the page's lines; nodes are kept by line. */
  place() {
    const before = this.boxes
    this.boxes = new Map()
    for (const line of this.page.lines) {
      const node = before.get(line.id)?.node ?? svgElement("polygon", { "data-line": line.id })
      if (before.get(line.id)?.line !== line) {
        node.setAttribute("points", line.polygon.join(" "))
        node.setAttribute("class", line.grade ?? "")
      }
      this.boxes.set(line.id, { line, node })
    }
    const layer = this.find(".line-boxes")
    const nodes = [...this.boxes.values()].map(({ node }) => node)
    if (nodes.length !== layer.children.length || nodes.some((node, at) => node !== layer.children[at])) layer.replaceChildren(...nodes)
    this.mark()
    this.placeWords()
  }

  // Words can be clicked while a field waits for them.
  placeWords() {
    const words = this.picking ? this.page.lines.flatMap(wordsOf) : []
    this.find(".word-boxes").replaceChildren(
      ...words.map((word) => {
        const node = svgElement("polygon", { points: word.polygon.join(" ") })
        node.word = word
        return node
      }),
    )
  }

  pick(on) {
    if (this.picking === on) return
    this.picking = on
    this.svg.classList.toggle("picking", on)
    this.placeWords()
  }

  select(id, word) {
    const changed = this.chosen !== id
    if (changed && this.mode === "shape") this.setMode("look")
    this.chosen = id
    this.word = word
    this.sources = null
    const page = this.pages.find((page) => page.lines.some((line) => line.id === id))
    if (page && page !== this.page) this.turn(page.number)
    else this.mark()
    const line = page?.lines.find((line) => line.id === id)
    if (line && changed) this.reveal(line.polygon)
    if (word) this.reveal(word.polygon)
  }

  /** Show where a field stands: sources as [{ page, polygon }]. */
  point(sources) {
    this.sources = sources
    const here = sources[0] && this.pages.find((page) => page.number === sources[0].page)
    if (here && here !== this.page) this.turn(here.number)
    else this.mark()
    if (here) this.reveal(sources.filter((source) => source.page === here.number).flatMap(({ polygon }) => polygon))
  }

  mark() {
    for (const [id, { node }] of this.boxes) node.classList.toggle("selected", id === this.chosen)
    const line = this.boxes.get(this.chosen)?.line
    const marks = []
    if (line && this.word) marks.push(svgElement("polygon", { points: this.word.polygon.join(" "), class: "word" }))
    for (const { page, polygon } of this.sources ?? []) {
      if (page === this.page.number) marks.push(svgElement("polygon", { points: polygon.join(" "), class: "source" }))
    }
    const shown = marks.map((mark) => mark.outerHTML).join("")
    if (shown !== this.marked) this.find(".marks").replaceChildren(...marks)
    this.marked = shown
    this.handles(line && this.mode === "shape" ? this.shape : null)
  }

  // ---- a line's box

  setMode(mode) {
    const line = this.boxes.get(this.chosen)?.line
    if (mode === "shape" && !line) return
    const before = this.mode
    this.mode = mode
    this.svg.dataset.mode = mode
    if (before === "shape" && this.shape) {
      if (line && String(this.shape) !== String(line.polygon)) this.to.shaped(this.chosen, this.shape)
      this.shape = null
    }
    if (mode === "shape") {
      this.shape = line.polygon
      this.reveal(line.polygon)
      this.svg.focus({ preventScroll: true })
    }
    this.find(".hint").textContent = mode === "look" ? "" : this.t(mode === "shape" ? "hint_shape" : "hint_draw")
    this.find(".hint").hidden = mode === "look"
    for (const button of this.svg.getRootNode().querySelectorAll("[data-mode-of]")) {
      button.setAttribute("aria-pressed", String(button.dataset.modeOf === mode))
    }
    this.mark()
  }

  cancel() {
    if (this.mode === "shape") this.shape = this.boxes.get(this.chosen)?.line.polygon
    this.band = null
    this.find(".band").setAttribute("points", "")
    this.setMode("look")
  }

  handles(polygon) {
    const layer = this.find(".handles")
    if (!polygon) return layer.replaceChildren()
    const radius = 7 / (this.view?.scale ?? 1)
    const body = svgElement("polygon", { points: polygon.join(" "), class: "body" })
    const corners = polygon.map(([cx, cy], corner) => svgElement("circle", { cx, cy, r: radius, "data-corner": corner }))
    layer.replaceChildren(body, ...corners)
  }

  nudge(dx, dy, stretch) {
    const { height } = frame(this.shape)
    const step = Math.max(0.5, height * NUDGE)
    const [x, y] = this.shape[2]
    this.shape = stretch ? stretched(this.shape, 2, [x + dx * step, y + dy * step]) : this.shifted(this.shape, dx * step, dy * step)
    this.reveal(this.shape)
    this.handles(this.shape)
  }

  // ---- where the picture stands

  get fitScale() {
    return Math.min(this.pane.width / this.size.width, this.pane.height / this.size.height) * 0.98
  }

  // A long bill begins at its head, as wide as the pane: as a whole it could not be read.
  home() {
    const { width, height } = this.size
    const wide = (this.pane.width / width) * 0.98
    if (wide < this.fitScale * LONG) return this.fit()
    this.view = { x: width / 2, y: 0, scale: wide }
    this.draw()
  }

  /** The whole page. */
  fit() {
    this.view = { x: this.size.width / 2, y: this.size.height / 2, scale: this.fitScale }
    this.draw()
  }

  /** Zoom so that the upload's pixel under a point of the pane stays there. */
  zoom(factor, at = { x: this.pane.width / 2, y: this.pane.height / 2 }) {
    if (!this.size) return
    this.untouched = false
    const { x, y, scale } = this.view
    const next = Math.max(this.fitScale, Math.min(Math.max(CLOSEST, this.fitScale), scale * factor))
    const [dx, dy] = [at.x - this.pane.width / 2, at.y - this.pane.height / 2]
    this.view = { x: x + dx / scale - dx / next, y: y + dy / scale - dy / next, scale: next }
    this.draw()
  }

  /** Zoom in or out around the chosen line, which stays in view. */
  step(by) {
    this.zoom(STEP ** by)
    const line = this.boxes.get(this.chosen)?.line
    if (line) this.reveal((this.word ?? line).polygon)
  }

  pan(dx, dy) {
    const before = { ...this.view }
    this.view.x -= dx / this.view.scale
    this.view.y -= dy / this.view.scale
    this.draw()
    return before.x !== this.view.x || before.y !== this.view.y
  }

  reveal(points) {
    if (!this.size || !points.length) return
    const { width, height } = this.pane
    const inside = (values, centre, span, share) => {
      const [low, high] = [Math.min(...values), Math.max(...values)]
      const half = (span / this.view.scale / 2) * share
      if (high - low > 2 * half) return low + half // too long for the pane: from its beginning
      return low < centre - half || high > centre + half ? (low + high) / 2 : centre
    }
    this.view.x = inside(points.map(([x]) => x), this.view.x, width, 0.95)
    this.view.y = inside(points.map(([, y]) => y), this.view.y, height, 0.8)
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
    // Drawing a large photo anew costs more than all else: only where something has moved.
    if (!put(this.svg, { viewBox: `${this.view.x - w / 2} ${this.view.y - h / 2} ${w} ${h}` })) return
    const times = scale / this.fitScale
    this.svg.classList.toggle("zoomed", times > 1.01)
    this.find(".percent").textContent = `${Math.round(times * 100)} %`
    for (const circle of this.find(".handles").querySelectorAll("circle")) circle.setAttribute("r", 7 / scale)
  }

  // ---- what the person does

  listen() {
    this.observer = new ResizeObserver(() => {
      const { width, height } = this.svg.getBoundingClientRect()
      if (!width || !height) return
      this.pane = { width, height }
      if (this.size && this.untouched) this.home()
      else this.draw()
      const line = this.boxes.get(this.chosen)?.line
      if (line) this.reveal(line.polygon)
    })
    this.observer.observe(this.svg)
    this.photo.onerror = () => (this.find(".missing").hidden = false)
    this.svg.onkeydown = (event) => this.key(event)
    this.svg.onblur = () => this.mode === "shape" && !this.pointers.size && this.setMode("look")
    this.svg.onpointerdown = (event) => this.press(event)
    this.svg.onpointermove = (event) => this.drag(event)
    this.svg.onpointerup = this.svg.onpointercancel = (event) => this.release(event)
    this.svg.onclick = (event) => this.click(event)
    this.svg.ondblclick = (event) => !event.target.dataset.line && this.mode === "look" && this.zoom(STEP * STEP, this.spot(event))
    this.svg.onwheel = (event) => {
      if (event.ctrlKey || event.metaKey) this.zoom(Math.exp(-event.deltaY / 300), this.spot(event))
      // At the picture's edge the wheel goes on to scroll the page.
      else if (!this.svg.classList.contains("zoomed") || !this.pan(-event.deltaX, -event.deltaY)) return
      event.preventDefault()
    }
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key]
    const shaping = this.mode === "shape"
    if (arrows && shaping) this.nudge(...arrows, event.shiftKey)
    else if (arrows) this.pan(-60 * arrows[0], -60 * arrows[1])
    else if (event.key === "Enter" && shaping) this.to.back(this.setMode("look"))
    else if (event.key === "Escape") this.to.back(this.cancel())
    else if (event.key === "+" || event.key === "=") this.step(1)
    else if (event.key === "-") this.step(-1)
    else if (event.key === "0") this.fit()
    else return
    event.preventDefault()
    event.stopPropagation()
  }

  // A pointer's place in the pane, and on the page.
  spot({ clientX, clientY }) {
    const { left, top } = this.svg.getBoundingClientRect()
    return { x: clientX - left, y: clientY - top }
  }

  onPage({ x, y }) {
    const { scale } = this.view
    const within = (value, size) => Math.max(0, Math.min(size, value))
    return [
      within(this.view.x + (x - this.pane.width / 2) / scale, this.size.width),
      within(this.view.y + (y - this.pane.height / 2) / scale, this.size.height),
    ]
  }

  /** A box moved as far as the page goes. */
  shifted(polygon, dx, dy) {
    const by = (values, step, size) => Math.max(-Math.min(...values), Math.min(size - Math.max(...values), step))
    const [xs, ys] = [polygon.map(([x]) => x), polygon.map(([, y]) => y)]
    return moved(polygon, by(xs, dx, this.size.width), by(ys, dy, this.size.height))
  }

  press(event) {
    // A field that waits for words keeps the focus.
    if (this.picking) event.preventDefault()
    if (event.button || !this.size) return
    const spot = this.spot(event)
    this.pointers.set(event.pointerId, spot)
    this.dragged = false
    this.travelled = 0
    this.grip = null
    if (this.mode === "draw" || (event.shiftKey && this.mode === "look")) this.grip = { draw: this.onPage(spot) }
    else if (event.target.dataset.corner) this.grip = { corner: Number(event.target.dataset.corner) }
    else if (event.target.classList.contains("body")) this.grip = { body: true }
  }

  drag(event) {
    const before = this.pointers.get(event.pointerId)
    if (!before || !this.size) return
    const now = this.spot(event)
    const other = [...this.pointers].find(([id]) => id !== event.pointerId)?.[1]
    this.pointers.set(event.pointerId, now)
    this.travelled += Math.hypot(now.x - before.x, now.y - before.y)
    if (this.travelled < DRAG) return
    if (!this.dragged) {
      this.dragged = true
      this.svg.setPointerCapture(event.pointerId)
      this.svg.classList.add("dragging")
    }
    const [x, y] = this.onPage(now)
    if (other) {
      const distance = (point) => Math.hypot(point.x - other.x, point.y - other.y) || 1
      this.zoom(distance(now) / distance(before), { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 })
    } else if (this.grip?.draw) {
      this.band = this.boxBetween(this.grip.draw, [x, y])
      this.find(".band").setAttribute("points", this.band.join(" "))
    } else if (this.grip) {
      const [fromX, fromY] = this.onPage(before)
      this.shape = this.grip.body ? this.shifted(this.shape, x - fromX, y - fromY) : stretched(this.shape, this.grip.corner, [x, y])
      this.handles(this.shape)
    } else if (this.svg.classList.contains("zoomed")) {
      this.pan(now.x - before.x, now.y - before.y)
    }
  }

  release(event) {
    this.pointers.delete(event.pointerId)
    if (this.pointers.size) return
    this.svg.classList.remove("dragging")
    const { band } = this
    this.band = null
    this.find(".band").setAttribute("points", "")
    if (event.type === "pointercancel" || !band || !this.grip?.draw) return
    const { width, height } = frame(band)
    this.setMode("look")
    if (Math.min(width, height) * this.view.scale >= DRAG) this.to.drawn(band, this.page)
  }

  click(event) {
    if (this.dragged) return
    if (this.picking && event.target.word) return this.to.word(event.target.word, this.page.number, event.shiftKey)
    // Two clicks do what drawing does, for those who cannot drag.
    if (this.mode === "draw") {
      const point = this.onPage(this.spot(event))
      if (!this.first) return void (this.first = point)
      const box = this.boxBetween(this.first, point)
      this.first = null
      this.setMode("look")
      return this.to.drawn(box, this.page)
    }
    const id = event.target.dataset.line
    if (id && this.mode === "look" && !this.picking) this.to.picked(id, this.onPage(this.spot(event)))
  }

  // A new line leans as the others on the page do.
  boxBetween([ax, ay], [bx, by]) {
    const angles = this.page.lines.map((line) => frame(line.polygon).angle).sort((one, two) => one - two)
    const angle = angles[Math.floor(angles.length / 2)] ?? 0
    const [cos, sin] = [Math.cos(angle), Math.sin(angle)]
    const [dx, dy] = [bx - ax, by - ay]
    return boxed({ x: (ax + bx) / 2, y: (ay + by) / 2, angle, width: Math.abs(dx * cos + dy * sin), height: Math.abs(dy * cos - dx * sin) })
  }
}

/** Set attributes that differ; whether any did. */
export function put(node, attributes) {
  let changed = false
  for (const [name, value] of Object.entries(attributes)) {
    if (node.getAttribute(name) === String(value)) continue
    node.setAttribute(name, value)
    changed = true
  }
  return changed
}

export function svgElement(tag, attributes) {
  const node = document.createElementNS(SVG, tag)
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value)
  return node
}
