// The view of docs/protocol.md: cells of minutes, hours and days, and the sums over its windows.

const GRAINS = ['minute', 'hour', 'day']
const MINUTES = 3600, HOURS = 86400
export const DAY = 86400

const zero = () => [0, 0, 0]

function add(sums, totals, sign = 1) {
  for (let i = 0; i < 3; i++) sums[i] += sign * totals[i]
}

/** All cells that are kept, as of one version. Sums are `[orders, quantity, cents]`. */
export class View {
  #buckets = { minute: new Map(), hour: new Map(), day: new Map() } // start -> pair -> sums
  #sums = { minute: zero(), hour: zero(), day: zero() }
  #pairs = new Map()

  asOf = 0
  calendars = []
  recent = []
  dataTime = 0 // milliseconds
  #calendarOf = new Map()

  constructor(columns) {
    this.apply(columns)
  }

  apply(columns) {
    this.asOf = columns.as_of
    this.calendars = columns.days.map(calendar)
    this.#calendarOf = new Map(Object.entries(columns.calendar_of))
    this.dataTime = Date.parse(columns.data_time)
    const drinks = columns.drinks.length
    for (const grain of GRAINS) {
      for (const [start, keys, orders, quantity, cents] of columns[grain]) {
        keys.forEach((key, i) => {
          const store = columns.stores[Math.floor(key / drinks)]
          const pair = this.#pair(store, columns.drinks[key % drinks])
          this.#set(grain, start, pair, [orders[i], quantity[i], cents[i]])
        })
      }
      this.#drop(grain)
    }
    this.#addRecent(columns.recent)
  }

  /** The calendar of a store; that of `undefined` is the default one. */
  calendarOf(store) {
    return this.calendars[this.#calendarOf.get(store) ?? 0]
  }

  /** Our sums over each window, to be compared with the server's. */
  totals() {
    const today = zero()
    for (const [, , sums] of this.todayCells()) add(today, sums)
    return { ...this.#sums, today }
  }

  agrees(totals) {
    const own = this.totals()
    return [...GRAINS, 'today'].every(name => own[name].every((sum, i) => sum === totals[name][i]))
  }

  /** Iterate over `[start, pair, sums]` of a grain, or of the business day of each store. */
  *cells(grain) {
    for (const [start, bucket] of this.#buckets[grain]) {
      for (const [pair, sums] of bucket) yield [start, pair, sums]
    }
  }

  *todayCells() {
    for (const date of new Set(this.calendars.map(({ date }) => date))) {
      for (const [pair, sums] of this.#buckets.day.get(date) ?? []) {
        if (this.calendarOf(pair.store).date === date) yield [date, pair, sums]
      }
    }
  }

  /** Return true if a code of `kind`, `store` or `drink`, is in any cell. */
  knows(kind, code) {
    for (const pair of this.#pairs.values()) if (pair[kind] === code) return true
    return false
  }

  #pair(store, drink) {
    const key = `${store}\n${drink}`
    let pair = this.#pairs.get(key)
    if (pair === undefined) this.#pairs.set(key, (pair = { store, drink }))
    return pair
  }

  #set(grain, start, pair, sums) {
    let bucket = this.#buckets[grain].get(start)
    if (bucket === undefined) this.#buckets[grain].set(start, (bucket = new Map()))
    const before = bucket.get(pair)
    if (before !== undefined) add(this.#sums[grain], before, -1)
    if (sums.every(sum => sum === 0)) bucket.delete(pair)
    else {
      bucket.set(pair, sums)
      add(this.#sums[grain], sums)
    }
  }

  #drop(grain) {
    const after = { minute: this.asOf - MINUTES, hour: this.asOf - HOURS }[grain]
    const dates = this.calendars.map(({ date }) => date)
    for (const [start, bucket] of this.#buckets[grain]) {
      if (grain === 'day' && start > Math.max(...dates) - 30 * DAY) continue
      if (grain !== 'day' && start > after) continue
      for (const [pair, sums] of bucket) {
        if (grain !== 'day' || start <= this.calendarOf(pair.store).date - 30 * DAY) {
          add(this.#sums[grain], sums, -1)
          bucket.delete(pair)
        }
      }
      if (bucket.size === 0) this.#buckets[grain].delete(start)
    }
  }

  #addRecent(orders) {
    if (orders.length === 0) return
    const known = new Map([...this.recent, ...orders].map(order => [order.order_id, order]))
    this.recent = newestFirst(known.values()).slice(0, 50)
  }
}

export function newestFirst(orders) {
  const ranked = Array.from(orders, order => [instantKey(order.placed_at), order])
  ranked.sort(([a, x], [b, y]) => (a === b ? compare(y.order_id, x.order_id) : compare(b, a)))
  return ranked.map(([, order]) => order)
}

/** `starts`: minutes after midnight when a day starts; `hour`: when the running one began. */
const calendar = ([zone, starts, date, begins, ends, hour]) => ({ zone, starts, date, begins, ends, hour })

const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0)

// Times of the server end in Z and have microseconds or none: as text `...00Z` would sort after `...00.5Z`,
// and a `Date` has milliseconds only.
const instantKey = text => text.replace(/(\.\d+)?Z$/, '$1').padEnd(20, '.').padEnd(26, '0')
