// What the live view does not hold: last week, the usual week, which stores are too quiet, older orders.

import { fetchJson } from './requests.js'
import { newestFirst } from './view.js'

const EVERY = { today: 60_000, stores: 60_000, drinks: 60_000, week: 600_000, yesterday: 600_000, activity: 15_000 }
const NOT_ON_A_WALL = ['drinks', 'week', 'yesterday']
const ORDERS_EVERY = 10_000
const FIRST_ROWS = 20
const PAGE = 100
const OLD_AFTER = 3 // times that pause

/** Asks the server for reports again and again, and keeps the last answer of each: `{value, at}`. */
export class Reports {
  #answers = new Map() // by name: {key, value, at}
  #asked = new Map() // by name: {key, at}
  #onAnswer

  constructor(onAnswer) {
    this.#onAnswer = onAnswer
  }

  /** Return the last answer, `null` without one or if it is old. */
  get(name, shown) {
    const answer = this.#answers.get(name)
    const usable = answer && answer.key === keyOf(name, shown)
    return usable && performance.now() - answer.at < OLD_AFTER * EVERY[name] ? answer.value : null
  }

  /** Return true if the first answer is still to come. */
  pending(name, shown) {
    const asked = this.#asked.get(name)
    const key = keyOf(name, shown)
    return asked?.key !== key || (!asked.failed && this.#answers.get(name)?.key !== key)
  }

  /** Ask for what is shown and due; `known`: the menu has it all, which alone can be asked for. */
  refresh(shown, known) {
    for (const name of Object.keys(EVERY)) {
      if (shown.wall && NOT_ON_A_WALL.includes(name)) continue
      const key = keyOf(name, shown)
      const asked = this.#asked.get(name)
      if (asked?.key === key && performance.now() - asked.at < EVERY[name]) continue
      this.#asked.set(name, { key, at: performance.now(), failed: !known })
      if (known) this.#ask(name, key)
    }
  }

  /** Ask for everything again: the server may be another one, or a day may have begun. */
  expire() {
    this.#asked.clear()
  }

  async #ask(name, key) {
    try {
      const value = await fetchJson(key)
      if (this.#asked.get(name)?.key !== key) return
      this.#answers.set(name, { key, value, at: performance.now() })
      this.#onAnswer()
    } catch {
      // The panels do without, as with a server that has no reports; it is asked again later.
      const asked = this.#asked.get(name)
      if (asked?.key === key) asked.failed = true
      this.#onAnswer()
    }
  }
}

const QUERIES = {
  today: { by: 'quarter' },
  stores: { by: 'store' },
  drinks: { by: 'drink' },
  week: { period: '28-days', by: 'weekday,hour', compare: '' },
  yesterday: { period: 'yesterday', compare: 'usual', details: 1 },
}

function keyOf(name, { store, drink }) {
  if (name === 'activity') return 'api/activity'
  const query = codesOf({ store: name === 'stores' ? [] : store, drink: name === 'drinks' ? [] : drink })
  const { period = 'today', by, compare, details } = { compare: 'last-week', ...QUERIES[name] }
  for (const [field, value] of Object.entries({ period, by, compare, details })) if (value) query.set(field, value)
  return `api/report?${query}`
}

const codesOf = shown => new URLSearchParams(['store', 'drink'].flatMap(kind => shown[kind].map(code => [kind, code])))

/** The orders that a filter lets through: those of the view, and pages of the server, which reach further back. */
export class Orders {
  #query
  #onAnswer
  #known = new Map() // by id
  #voided = new Set()
  #rows = FIRST_ROWS
  #newest // of the first page
  #total = null
  #next
  #at = -Infinity

  constructor(shown, onAnswer) {
    this.#query = codesOf(shown)
    this.#onAnswer = onAnswer
  }

  /** Return `{orders, voided, total, more}`: newest first; `total` is `null` if it is not known. */
  list(recent, live) {
    for (const { voids } of recent) if (voids) this.#voided.add(voids)
    const all = newestFirst(new Map([...live.map(order => [order.order_id, order]), ...this.#known]).values())
    const fresh = all.findIndex(({ order_id: id }) => id === this.#newest)
    const total = this.#total === null ? null : this.#total + (fresh < 0 ? all.length : fresh)
    const more = all.length > this.#rows || (this.#next !== null && all.length > 0)
    return { orders: all.slice(0, this.#rows), voided: this.#voided, total, more }
  }

  /** Ask for what is due; without a filter the view has the newest ones. */
  refresh() {
    const wanted = this.#query.size > 0 || this.#rows > FIRST_ROWS
    if (wanted && performance.now() - this.#at >= ORDERS_EVERY) this.#ask()
  }

  more() {
    this.#rows += PAGE
    if (this.#rows > this.#known.size && this.#next !== null) this.#ask(this.#next)
    else this.#onAnswer()
  }

  async #ask(before) {
    const query = new URLSearchParams(this.#query)
    query.set('limit', PAGE)
    if (before) query.set('before', before)
    else this.#at = performance.now()
    const page = await fetchJson(`api/orders?${query}`).catch(() => null) // it is asked again later
    if (page === null) return
    const { orders, next, total } = page
    if (!before) {
      // While no older page is shown, this one is all that is needed: what came before it would pile up. And if
      // more came than a page has, what is known lies behind a gap.
      if (this.#rows <= PAGE || !orders.some(({ order_id: id }) => this.#known.has(id))) {
        this.#known.clear()
        this.#voided.clear()
      }
      this.#newest = orders[0]?.order_id
      this.#total = total
    }
    if (before || this.#known.size === 0) this.#next = next
    for (const order of orders) {
      this.#known.set(order.order_id, order)
      if (order.voided_by) this.#voided.add(order.order_id)
    }
    this.#onAnswer()
  }
}
