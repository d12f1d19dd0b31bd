// Logs in, signs up, changes a password, deletes an account. What is typed goes straight to the API by a request of the browser's own and
// never into the component's state, which Streamlit would send along.

const FIELDS = {
  login: ["email", "password"],
  sign_up: ["name", "email", "password"],
  password: ["current", "password"],
  leave: ["current"],
}
const LABELS = { password: { password: "new" }, leave: { current: "password" } }

const mounted = new WeakMap()

function mount(root) {
  const form = root.querySelector("form")
  // A page may hold two of these.
  const hint = root.querySelector(".login-hint")
  hint.id = `login-hint-${crypto.randomUUID?.() ?? Math.random()}`
  form.elements.password.setAttribute("aria-describedby", hint.id)
  const state = { root, form, kind: null, data: null }
  form.onsubmit = (event) => {
    event.preventDefault()
    submit(state)
  }
  root.querySelector(".login-switch").onclick = () => {
    show(state, state.kind === "login" ? "sign_up" : "login")
    form.elements.email.focus()
  }
  root.querySelector(".login-demo").onclick = () => enter(state, "POST", "/api/v1/accounts/demo", {})
  return state
}

function say(state, sentence, kind = "message") {
  for (const name of ["message", "done"]) {
    const part = state.root.querySelector(".login-" + name)
    part.textContent = name === kind ? sentence : ""
    part.hidden = name !== kind || !sentence
  }
}

function show(state, kind) {
  const { root, form, data } = state
  const { words } = data
  state.kind = kind
  say(state, kind === data.kind ? data.refused || "" : "")
  for (const field of root.querySelectorAll(".login-field")) {
    const name = field.dataset.field
    const asked = FIELDS[kind].includes(name) && !(name === "current" && !data.has_password)
    field.hidden = !asked
    field.querySelector("input").disabled = !asked
    field.querySelector("span").textContent = words[LABELS[kind]?.[name] ?? name]
  }
  const isNew = kind !== "login"
  form.elements.password.autocomplete = isNew ? "new-password" : "current-password"
  root.querySelector(".login-hint").textContent = kind === "sign_up" || kind === "password" ? words.password_hint : ""
  if (data.email && kind === "sign_up") {
    form.elements.email.value = data.email
    form.elements.email.readOnly = true
  } else form.elements.email.readOnly = false
  root.querySelector(".login-send").textContent = words["send_" + kind]
  const change = root.querySelector(".login-switch")
  change.hidden = !data.sign_up
  change.textContent = words[kind === "login" ? "to_sign_up" : "to_login"]
  const demo = root.querySelector(".login-demo")
  demo.hidden = !data.demo
  demo.textContent = words.demo
}

function providers(state) {
  const { data, root } = state
  const links = (data.providers || []).map(({ title, name }) => {
    const link = document.createElement("a")
    const query = new URLSearchParams({ next: here() })
    if (data.invitation) query.set("invitation", data.invitation)
    if (data.kind === "password") query.set("link", "1")
    link.href = `/auth/oidc/${name}/login?${query}`
    // Streamlit would take a link to its own host for one of its pages.
    link.target = "_self"
    link.textContent = data.words[data.kind === "password" ? "add_provider" : "provider"].replace("{title}", title)
    return link
  })
  root.querySelector(".login-others").replaceChildren(...links)
}

// The address without what only concerns logging in.
function here() {
  const url = new URL(location.href)
  for (const name of ["invitation", "refused"]) url.searchParams.delete(name)
  return url.pathname + url.search
}

async function submit(state) {
  const { form, data, kind } = state
  const typed = Object.fromEntries(new FormData(form))
  if (!form.checkValidity()) {
    say(state, data.words.incomplete)
    form.querySelector("input:invalid").focus()
    return
  }
  if (kind === "login") await enter(state, "POST", "/api/v1/session", typed)
  else if (kind === "sign_up") await enter(state, "POST", "/api/v1/accounts", { ...typed, invitation: data.invitation })
  else if (kind === "leave") {
    if (await send(state, "DELETE", "/api/v1/me", { password: typed.current || "" })) location.replace("/")
  } else if (await send(state, "PUT", "/api/v1/password", { current: "", ...typed })) {
    form.reset()
    say(state, data.words.changed, "done")
  }
}

async function enter(state, method, path, body) {
  // Loaded anew: a connection of Streamlit's knows its user from its beginning.
  if (!(await send(state, method, path, body))) return
  if (here() === location.pathname + location.search) location.reload()
  else location.replace(here())
}

async function send(state, method, path, body) {
  const { root, data } = state
  const buttons = root.querySelectorAll("button")
  for (const button of buttons) button.disabled = true
  say(state, "")
  try {
    const answer = await fetch(path, {
      method,
      headers: { "Content-Type": "application/json", "Accept-Language": data.language },
      body: JSON.stringify(body),
    })
    if (answer.ok) {
      if (state.kind === "password") for (const button of buttons) button.disabled = false
      return true
    }
    const problem = await answer.json().catch(() => ({}))
    say(state, problem.detail || data.words.broken)
  } catch {
    say(state, data.words.offline)
  }
  for (const button of buttons) button.disabled = false
  return false
}

export default function ({ data, parentElement }) {
  let state = mounted.get(parentElement)
  if (!state) mounted.set(parentElement, (state = mount(parentElement)))
  const first = state.data === null
  state.data = data
  if (first) show(state, data.kind)
  providers(state)
}
