// What the editor does without a page: edits applied and taken back, boxes, and amounts and dates as people write them.

import assert from "node:assert/strict"
import { readFile } from "node:fs/promises"
import { test } from "node:test"

const source = await readFile(new URL("../../billocr_ui/components/bill_editor/document.js", import.meta.url), "utf8")
const { amountOf, apply, around, boxed, dayOf, difference, frame, restore, stretched, timeOf } = await import(
  `data:text/javascript,${encodeURIComponent(source)}`
)

const box = (left, top, width) => [[left, top], [left + width, top], [left + width, top + 10], [left, top + 10]]
const line = (id, text, top) => {
  const word = { text, polygon: box(0, top, 100), confidence: 0.5 }
  return { id, text, polygon: box(0, top, 100), confidence: 0.5, segments: [{ ...word, words: [word] }] }
}
const bill = {
  pages: [{ number: 1, width: 200, height: 200, lines: [line("a", "Green tea", 0), line("b", "2.40", 20)] }],
  fields: { total: { value: "2.40", sources: [] }, items: [] },
}
const texts = ({ pages }) => pages[0].lines.map(({ text }) => text)

for (const [op, after] of [
  [{ kind: "set_text", line: "a", text: "Black tea" }, ["Black tea", "2.40"]],
  [{ kind: "split", line: "a", at: 6, new: "n-1" }, ["Green", "tea", "2.40"]],
  [{ kind: "join", line: "a", with: "b" }, ["Green tea 2.40"]],
  [{ kind: "delete", line: "a" }, ["2.40"]],
  [{ kind: "add", line: "n-1", page: 1, polygon: box(0, 9, 50), text: "new", after: "a" }, ["Green tea", "new", "2.40"]],
  [{ kind: "accept", line: "a" }, ["Green tea", "2.40"]],
  [{ kind: "set_field", name: "total", value: null }, ["Green tea", "2.40"]],
]) {
  test(`${op.kind} shows at once, a second time changes nothing, and is taken back as a whole`, () => {
    const now = apply(bill, op)
    assert.notEqual(now, bill)
    assert.deepEqual(texts(now), after)
    assert.deepEqual(texts(apply(now, op)), after)
    assert.deepEqual(restore(now, difference(bill, now)), bill)
    assert.deepEqual(restore(bill, difference(now, bill)), now)
  })
}

test("an edit of a line that is gone changes nothing", () => {
  assert.equal(apply(bill, { kind: "set_text", line: "gone", text: "x" }), bill)
})

test("amounts are read as people of either convention write them, and nothing else is one", () => {
  for (const [written, separator, value] of [
    ["1.234,50 €", ".", "1234.50"], ["1,234.56", ".", "1234.56"], ["2,40", ".", "2.40"], ["12.5", ",", "12.5"],
    ["1.234", ",", "1234"], ["1.234", ".", "1.2340"], ["1,234", ".", "1234"], ["12,-", ",", "12"], ["-3.00", ".", "-3.00"],
    ["3.00-", ".", "-3.00"], ["1'234.50", ".", "1234.50"], ["1 234,5", ",", "1234.5"], [".50", ".", "0.50"],
    ["much", ".", null], ["", ".", null], ["Total 12", ".", null],
  ]) assert.equal(amountOf(written, separator), value, written) // prettier-ignore
})

test("dates and times become ISO 8601, days before months unless that cannot be", () => {
  assert.equal(dayOf("24.12.2025"), "2025-12-24")
  assert.equal(dayOf("12/31/25"), "2025-12-31")
  assert.equal(dayOf("2026-03-04"), "2026-03-04")
  assert.equal(dayOf("31.02.2026"), null)
  assert.equal(timeOf("at 9:41 h"), "09:41")
  assert.equal(timeOf("25:00"), null)
})

test("a leaning box keeps its lean when a corner is drawn or two boxes are joined", () => {
  const leaning = boxed({ x: 50, y: 50, angle: 0.2, width: 60, height: 10 })
  const wider = stretched(leaning, 2, [leaning[2][0] + 20 * Math.cos(0.2), leaning[2][1] + 20 * Math.sin(0.2)])
  assert.ok(Math.abs(frame(wider).width - 80) < 0.3)
  assert.ok(Math.abs(frame(wider).angle - 0.2) < 0.01)
  assert.deepEqual(wider[0], leaning[0])
  const beside = boxed({ x: 50 + 70 * Math.cos(0.2), y: 50 + 70 * Math.sin(0.2), angle: 0.2, width: 60, height: 10 })
  assert.ok(Math.abs(frame(around([leaning, beside])).width - 130) < 0.3)
})
