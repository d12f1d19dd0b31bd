// A bill as the editor holds it: what the server said last, with the operations on top that it has not seen yet.
// No state is ever changed in place, so the one before an operation is still there to go back to.

/** The bill after an operation; the same object where the operation changes nothing here. */
export function apply(bill, op) {
  const { kind } = op
  if (kind === "set_text") return withLine(bill, op.line, (line) => retyped(line, op.text))
  if (kind === "accept") return withLine(bill, op.line, accepted)
  if (kind === "shape") return withLine(bill, op.line, (line) => ({ ...line, polygon: op.polygon }))
  if (kind === "delete") return withLines(bill, op.line, (lines, at) => lines.toSpliced(at, 1))
  if (kind === "split") {
    if (lineOf(bill, op.new)) return bill
    return withLines(bill, op.line, (lines, at) => lines.toSpliced(at, 1, ...halves(lines[at], op)))
  }
  if (kind === "join") {
    return withLines(bill, op.line, (lines, at) => {
      const other = lines.find((line) => line.id === op.with)
      if (!other) return lines
      const text = `${lines[at].text} ${other.text}`.trim()
      const joined = { ...retyped(lines[at], text), polygon: around([lines[at].polygon, other.polygon]) }
      return lines.with(at, joined).filter((line) => line !== other)
    })
  }
  if (kind === "add") {
    if (lineOf(bill, op.line)) return bill
    const line = retyped({ id: op.line, polygon: op.polygon, segments: [] }, op.text)
    return withPage(bill, op.page, (lines) => {
      const at = lines.findIndex((other) => other.id === op.after) + 1
      return lines.toSpliced(at, 0, line)
    })
  }
  if (kind === "set_field") {
    const { value, sources = [] } = op
    const found = value === null ? null : { ...bill.fields?.[op.name], value, text: String(value), sources, confidence: 1 }
    return { ...bill, fields: { ...bill.fields, [op.name]: found } }
  }
  if (kind === "set_items") {
    const before = bill.fields?.items ?? []
    return { ...bill, fields: { ...bill.fields, items: op.items.map((item, at) => ({ ...before[at], ...item })) } }
  }
  if (kind === "undo" && op.restore) return restore(bill, op.restore)
  return bill
}

/** What `restore` needs to make `before` out of `after`. */
export function difference(before, after) {
  const there = new Map(everyLine(after).map((line) => [line.id, line]))
  const put = []
  for (const page of before.pages) {
    page.lines.forEach((line, at) => {
      if (there.get(line.id) !== line) put.push({ page: page.number, at, line })
      there.delete(line.id)
    })
  }
  const fields = before.fields === after.fields ? undefined : before.fields
  return { put, drop: [...there.keys()], fields }
}

export function restore(bill, { put, drop, fields }) {
  let now = { ...bill, fields: fields === undefined ? bill.fields : fields }
  if (drop.length) now = { ...now, pages: now.pages.map((page) => ({ ...page, lines: page.lines.filter((line) => !drop.includes(line.id)) })) }
  for (const { page, at, line } of put) {
    now = withPage(now, page, (lines) => {
      const place = lines.findIndex((other) => other.id === line.id)
      return place < 0 ? lines.toSpliced(at, 0, line) : lines.with(place, line)
    })
  }
  return now
}

export const everyLine = (bill) => bill.pages.flatMap((page) => page.lines)
export const lineOf = (bill, id) => everyLine(bill).find((line) => line.id === id)
export const pageOf = (bill, id) => bill.pages.find((page) => page.lines.some((line) => line.id === id))
export const wordsOf = (line) => line.segments.flatMap((segment) => segment.words)

/** The words of a line with the place where each stands in its text: [{ word, start, end }]. */
export function placed(line) {
  let from = 0
  return wordsOf(line).flatMap((word) => {
    const start = line.text.indexOf(word.text, from)
    if (start < 0) return []
    from = start + word.text.length
    return [{ word, start, end: from }]
  })
}

function withPage(bill, number, change) {
  return { ...bill, pages: bill.pages.map((page) => (page.number === number ? { ...page, lines: change(page.lines) } : page)) }
}

function withLines(bill, id, change) {
  const page = pageOf(bill, id)
  if (!page) return bill
  return withPage(bill, page.number, (lines) => change(lines, lines.findIndex((line) => line.id === id)))
}

const withLine = (bill, id, change) => withLines(bill, id, (lines, at) => lines.with(at, change(lines[at])))

// Until the server has laid the words anew, the line as a whole is what is known.
function retyped(line, text) {
  const word = { text, polygon: line.polygon, confidence: 1 }
  return { ...line, text, confidence: 1, checked: true, segments: text ? [{ ...word, words: [word] }] : [] }
}

function accepted(line) {
  const sure = (part) => ({ ...part, confidence: 1 })
  const segments = line.segments.map((segment) => ({ ...sure(segment), words: segment.words.map(sure) }))
  return { ...sure(line), segments, checked: true }
}

function halves(line, { at, new: id }) {
  const [a, b, c, d] = line.polygon
  const share = line.text.length ? at / line.text.length : 0.5
  const top = between(a, b, share)
  const bottom = between(d, c, share)
  const left = retyped({ ...line, polygon: [a, top, bottom, d] }, line.text.slice(0, at).trim())
  return [left, retyped({ ...line, id, polygon: [top, b, c, bottom] }, line.text.slice(at).trim())]
}

/** Fill the note about an edit that met another's; `settled(conflict, mine)` hears what the person chose. */
export function fillClash(node, conflict, { by, theirs, mine }, settled) {
  node.querySelector(".by").textContent = by
  node.querySelector(".theirs").textContent = theirs
  node.querySelector(".mine").textContent = mine
  node.querySelector('[data-take="theirs"]').onclick = () => settled(conflict, false)
  node.querySelector('[data-take="mine"]').onclick = () => settled(conflict, true)
}

// ---- shapes: four corners, clockwise from the text's own top left

const between = ([x, y], [u, v], share) => [x + (u - x) * share, y + (v - y) * share]

/** The line's own axes: centre, angle in radians, width along the text and height across it. */
export function frame(polygon) {
  const [a, b, c, d] = polygon
  const angle = Math.atan2(b[1] - a[1] + c[1] - d[1], b[0] - a[0] + c[0] - d[0])
  return { angle, ...extent([polygon], angle) }
}

/** The tightest box at an angle around polygons. */
function extent(polygons, angle) {
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)]
  const points = polygons.flat().map(([x, y]) => [x * cos + y * sin, y * cos - x * sin])
  const [us, vs] = [points.map(([u]) => u), points.map(([, v]) => v)]
  const [left, right, top, bottom] = [Math.min(...us), Math.max(...us), Math.min(...vs), Math.max(...vs)]
  const [u, v] = [(left + right) / 2, (top + bottom) / 2]
  return { x: u * cos - v * sin, y: u * sin + v * cos, width: right - left, height: bottom - top }
}

export function boxed({ x, y, angle, width, height }) {
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)]
  const corner = (u, v) => [x + u * cos - v * sin, y + u * sin + v * cos].map((value) => Math.round(value * 10) / 10)
  const [u, v] = [width / 2, height / 2]
  return [corner(-u, -v), corner(u, -v), corner(u, v), corner(-u, v)]
}

export function around(polygons) {
  const { angle } = frame(polygons[0])
  return boxed({ angle, ...extent(polygons, angle) })
}

export function moved(polygon, dx, dy) {
  return polygon.map(([x, y]) => [Math.round((x + dx) * 10) / 10, Math.round((y + dy) * 10) / 10])
}

/** The box with one corner (0..3) drawn to a point, the opposite corner staying where it is. */
export function stretched(polygon, corner, [x, y], least = 4) {
  const { angle } = frame(polygon)
  const [fixedX, fixedY] = polygon[(corner + 2) % 4]
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)]
  const [right, down] = [corner === 1 || corner === 2 ? 1 : -1, corner >= 2 ? 1 : -1]
  const [dx, dy] = [x - fixedX, y - fixedY]
  const width = Math.max(least, right * (dx * cos + dy * sin))
  const height = Math.max(least, down * (dy * cos - dx * sin))
  const [u, v] = [(right * width) / 2, (down * height) / 2]
  return boxed({ x: fixedX + u * cos - v * sin, y: fixedY + u * sin + v * cos, angle, width, height })
}

// ---- what people write

/** An amount as people write it as a plain decimal, or null where it is none: "1.234,50 €" -> "1234.50". */
export function amountOf(written, separator = ".") {
  const signs = written.replace(/[^\d.,'’-]/gu, "").replace(/[.,]-+$/u, "")
  const minus = signs.includes("-") ? "-" : ""
  let text = signs.replace(/['’-]/gu, "")
  if (!/^[\d.,]*\d$/u.test(text) || /\p{L}{4}/u.test(written)) return null
  const last = Math.max(text.lastIndexOf("."), text.lastIndexOf(","))
  if (last >= 0) {
    const sign = text[last]
    const alone = !text.includes(sign === "." ? "," : ".")
    const grouping = alone && text.length - last === 4 && (sign !== separator || text.indexOf(sign) !== last)
    const whole = text.slice(0, last).replace(/[.,]/gu, "")
    text = grouping ? whole + text.slice(last + 1) : `${whole || "0"}.${text.slice(last + 1)}`
  }
  // Three decimals alone could be read as thousands.
  return minus + text + (/\.\d{3}$/u.test(text) ? "0" : "")
}

/** A date as people write it as ISO 8601, or null: day before month unless it cannot be. */
export function dayOf(written) {
  const iso = written.match(/\b(\d{4})[-./](\d{1,2})[-./](\d{1,2})\b/u)
  const [, first, second, third] = iso ?? written.match(/\b(\d{1,2})\s*[-./]\s*(\d{1,2})\s*[-./]\s*(\d{4}|\d{2})\b/u) ?? []
  if (!first) return null
  let [year, month, day] = iso ? [first, second, third] : [third.padStart(4, "20"), second, first]
  if (!iso && Number(month) > 12) [month, day] = [day, month]
  const date = new Date(Date.UTC(year, month - 1, day))
  if (date.getUTCDate() !== Number(day) || date.getUTCMonth() !== month - 1) return null
  return date.toISOString().slice(0, 10)
}

/** A time of day as HH:MM, or null. */
export function timeOf(written) {
  const [, hour, minute] = written.match(/\b([01]?\d|2[0-3])[:.h]([0-5]\d)\b/u) ?? []
  return hour ? `${hour.padStart(2, "0")}:${minute}` : null
}
