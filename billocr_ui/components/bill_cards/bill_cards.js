// Cards of bills. Nodes are kept by bill id and only their text changes, so polling never makes a picture flicker.
// Text from bills goes into textContent alone: it may say anything.
//
// A card is a plain link. Switching pages from Python while a fragment polls breaks the page: a poll that is under way
// still names the old page, and Streamlit goes back to it and clears the new one.

const ROWS_BELOW = 560 // CSS pixels

const mounted = new WeakMap()

function mount(root) {
  const list = root.querySelector(".cards")
  const state = { list, template: root.querySelector("#card"), nodes: new Map(), chosen: new Set(), compact: false, width: 1000 }
  const fit = () => list.classList.toggle("rows", state.compact || state.width < ROWS_BELOW)
  state.fit = fit
  state.observer = new ResizeObserver(([entry]) => {
    state.width = entry.contentRect.width
    fit()
  })
  state.observer.observe(list)
  return state
}

function create(state, send) {
  const node = state.template.content.firstElementChild.cloneNode(true)
  const image = node.querySelector("img")
  image.onerror = () => image.classList.add("missing")
  image.onload = () => image.classList.remove("missing")
  const again = node.querySelector(".again")
  again.onclick = () => {
    again.disabled = true
    send(node.dataset.bill)
  }
  node.querySelector(".pick input").onchange = (event) => {
    state.chosen[event.target.checked ? "add" : "delete"](node.dataset.bill)
    state.choose([...state.chosen])
  }
  return node
}

const put = (sentence, name) => sentence.replace("{name}", name)

function fill(state, node, card, { choosing, say }) {
  node.dataset.bill = card.id
  node.dataset.status = card.status
  node.querySelector(".open").href = card.href
  for (const name of ["title", "total", "facts", "when", "detail"]) {
    const part = node.querySelector("." + name)
    if (part.textContent !== card[name]) part.textContent = card[name]
  }
  node.querySelector(".title").title = card.name
  node.querySelector(".badge").textContent = card.label
  if (card.status !== "failed") node.querySelector(".again").disabled = false
  node.querySelector(".again").setAttribute("aria-label", put(say.again_name, card.name))
  node.querySelector(".again").textContent = say.again
  const pick = node.querySelector(".pick")
  pick.hidden = !choosing
  pick.firstElementChild.setAttribute("aria-label", put(say.pick_name, card.title))
  pick.firstElementChild.checked = state.chosen.has(card.id)
  const percent = Math.round(card.progress * 100)
  const track = node.querySelector(".track")
  track.setAttribute("aria-valuenow", percent)
  track.setAttribute("aria-label", put(say.reading_name, card.name))
  node.querySelector(".bar").style.width = percent + "%"
  const image = node.querySelector("img")
  if (image.getAttribute("src") !== card.picture) image.src = card.picture
}

export default function ({ data, parentElement, setTriggerValue, setStateValue }) {
  let state = mounted.get(parentElement)
  if (!state) mounted.set(parentElement, (state = mount(parentElement)))
  state.send = (bill) => setTriggerValue("again", bill)
  state.choose = (bills) => setStateValue("chosen", bills)
  state.list.setAttribute("aria-label", data.say.list)
  state.compact = data.compact
  if (!data.choosing) state.chosen.clear()
  state.fit()
  const kept = new Set()
  data.cards.forEach((card, index) => {
    kept.add(card.id)
    let node = state.nodes.get(card.id)
    if (!node) state.nodes.set(card.id, (node = create(state, (bill) => state.send(bill))))
    fill(state, node, card, data)
    if (state.list.children[index] !== node) state.list.insertBefore(node, state.list.children[index] ?? null)
  })
  for (const [id, node] of state.nodes) {
    if (!kept.has(id)) {
      node.remove()
      state.nodes.delete(id)
      if (state.chosen.delete(id)) state.choose([...state.chosen])
    }
  }
  return () => {
    state.observer.disconnect()
    mounted.delete(parentElement)
  }
}
