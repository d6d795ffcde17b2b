// The page: follows the server, and draws what the address asks for, four times a second at most.

import { readAddress } from './address.js'
import { byId, setText, show } from './dom.js'
import { Feed } from './feed.js'
import { Money, timeText } from './format.js'
import { LoginForm, logOut, useLink } from './login.js'
import { drawAddress, Panels } from './panels.js'
import { Orders, Reports } from './reports.js'
import { statusOf } from './status.js'
import { Wall } from './wall.js'

const PAINT_EVERY = 250

const panels = new Panels()
const reports = new Reports(() => paintSoon())
const feed = new Feed({ onChange: onFrame, onLink })
const login = new LoginForm(() => feed.connect())
let shown = readAddress()
let orders = new Orders(shown, paintSoon)
const wall = shown.wall ? new Wall() : null
let names = { store: new Map(), drink: new Map() }
let money = new Money(null)
let server = null
let date = null
let painted = -Infinity
let waiting = null

function onFrame({ type, server: version }) {
  const { menu, view } = feed.replica
  if (type === 'hello' || type === 'menu') {
    names = { store: namesOf(menu.stores), drink: namesOf(menu.drinks) }
    money = new Money(menu)
    drawAddress(shown, names)
  }
  if (type === 'hello') {
    // Another version of the server has another page, perhaps: take that.
    if (server !== null && server !== version) location.reload()
    server = version
    reports.expire()
  }
  const today = view?.calendarOf().date
  if (today !== date) {
    date = today
    reports.expire()
  }
  paintSoon()
}

const namesOf = entries => new Map(entries.map(({ code, name }) => [code, name]))

function onLink() {
  document.documentElement.classList.toggle('logged-out', feed.link === 'login')
  login.show(feed.link === 'login')
  show(byId('logout'), feed.hasLogin && feed.link !== 'login')
  tick()
}

function paintSoon() {
  if (waiting !== null || document.hidden) return
  const delay = Math.max(0, PAINT_EVERY - (performance.now() - painted))
  waiting = setTimeout(() => requestAnimationFrame(paint), delay)
}

function paint() {
  clearTimeout(waiting)
  waiting = null
  painted = performance.now()
  const { view, agrees, version } = feed.replica
  const status = statusOf(feed)
  const root = document.documentElement
  root.dataset.state = status.state
  root.classList.toggle('old', status.old)
  setText(byId('status'), status.words)
  setText(byId('fault'), [status.fault, unknownNames()].filter(Boolean).join(' · '))
  show(byId('fault'), byId('fault').textContent !== '')
  if (view === null) return
  const now = feed.now() / 1000
  const { zone } = view.calendarOf()
  setText(byId('clock'), timeText(now, zone, 'zone'))
  const asOf = `as of ${timeText(view.dataTime / 1000, zone, 'second')}`
  setText(byId('checked'), agrees ? `figures checked ✓ · ${asOf}` : `figures differ from the server's · ${asOf}`)
  byId('checked').classList.toggle('wrong', !agrees)
  root.dataset.version = `${feed.replica.epoch}.${version}`
  panels.draw({ shown, view, names, money, reports, orders, now, status })
  show(byId('figures'), feed.link !== 'login')
  wall?.tick(now, view)
}

/** Codes in the address that nobody knows: better said than shown as nothing sold. */
function unknownNames() {
  const { view } = feed.replica
  if (view === null) return ''
  const unknown = kind => shown[kind].filter(code => !names[kind].has(code) && !view.knows(kind, code))
  return ['store', 'drink'].flatMap(kind => unknown(kind).map(code => `No ${kind} is called ${code}.`)).join(' ')
}

function tick() {
  if (feed.link === 'up' && !document.hidden) {
    const known = ['store', 'drink'].every(kind => shown[kind].every(code => names[kind].has(code)))
    reports.refresh(shown, known)
    if (known && !shown.wall) orders.refresh()
  }
  paintSoon()
}

function go(address) {
  history.pushState(null, '', address)
  follow()
}

function follow() {
  shown = readAddress()
  orders = new Orders(shown, paintSoon)
  drawAddress(shown, names)
  tick()
  paint() // at once: links hold the address that they were drawn with
}

document.addEventListener('click', event => {
  const link = event.target.closest('a[href]')
  const plain = !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) && event.button === 0
  if (link === null || !plain || link.closest('nav, #filters, table') === null) return
  event.preventDefault()
  go(link.href)
})
window.addEventListener('popstate', follow)
byId('older').addEventListener('click', () => orders.more())
document.addEventListener('visibilitychange', paintSoon)
byId('logout').addEventListener('click', async () => {
  await logOut().catch(() => null)
  location.reload()
})

drawAddress(shown, names)
setInterval(tick, 1000)
login.complain(await useLink())
await feed.connect()
