// What the panels show, chosen out of the view: sums of a period, by store and by drink, and its curve.

import { DAY } from './view.js'

const DAYS = { '7d': 7, '30d': 30 }
const QUARTER = 900

const zero = () => [0, 0, 0]
const add = (sums, totals) => totals.forEach((total, i) => (sums[i] += total))

function addTo(map, key, totals) {
  if (!map.has(key)) map.set(key, zero())
  add(map.get(key), totals)
}

const chosen = (codes, code) => codes.length === 0 || codes.includes(code)
const matches = (shown, pair) => chosen(shown.store, pair.store) && chosen(shown.drink, pair.drink)

/** Iterate over the cells of a period. */
function* cellsOf(view, period) {
  if (period === 'today') yield* view.todayCells()
  else if (period in DAYS) {
    for (const cell of view.cells('day')) if (daysAgo(view, cell) < DAYS[period]) yield cell
  } else yield* view.cells(period === '60m' ? 'minute' : 'hour')
}

const daysAgo = (view, [start, { store }]) => (view.calendarOf(store).date - start) / DAY

/** Sum a period under the filter; by store under that of drinks, by drink under that of stores. */
export function sumsOf(view, shown) {
  const sums = { total: zero(), store: new Map(), drink: new Map() }
  for (const [, pair, totals] of cellsOf(view, shown.period)) {
    if (matches(shown, pair)) add(sums.total, totals)
    if (chosen(shown.drink, pair.drink)) addTo(sums.store, pair.store, totals)
    if (chosen(shown.store, pair.store)) addTo(sums.drink, pair.drink, totals)
  }
  return sums
}

/** The sums of the running minute and those before it, `count` altogether. */
export function lastMinutes(view, shown, count) {
  const sums = zero()
  for (const [start, pair, totals] of view.cells('minute')) {
    if (start > view.asOf - count * 60 && matches(shown, pair)) add(sums, totals)
  }
  return sums
}

/**
 * The curve of a period: a bucket each as `{start, cents, orders}`, of which the last is still running.
 * What a till with a fast clock has sent for later counts in the last one.
 */
export function curveOf(view, shown) {
  const { starts, place } = AXES[shown.period](view)
  const buckets = starts.map(start => ({ start, cents: 0, orders: 0 }))
  for (const cell of cellsOf(view, shown.period === 'today' ? '24h' : shown.period)) {
    const [, pair, totals] = cell
    const index = place(cell)
    if (index === null || !matches(shown, pair)) continue
    const bucket = buckets[Math.min(buckets.length - 1, Math.max(0, index))]
    bucket.orders += totals[0]
    bucket.cents += totals[2]
  }
  return buckets
}

const steps = (last, count, step) => Array.from({ length: count }, (_, i) => last - (count - 1 - i) * step)

const AXES = {
  '60m': view => ({
    starts: steps(view.asOf, 60, 60),
    place: ([start]) => 59 - Math.floor((view.asOf - start) / 60),
  }),
  '24h': view => {
    const { hour } = view.calendarOf()
    const first = hour - 23 * 3600
    // Of zones with half hours, what begins within an hour of ours.
    return { starts: steps(hour, 24, 3600), place: ([start]) => Math.floor((start - first) / 3600) }
  },
  today: view => {
    const { begins, hour } = view.calendarOf()
    const count = Math.floor((hour - begins) / 3600) + 1
    const place = ([start, { store }]) => {
      const day = view.calendarOf(store)
      return start < day.begins ? null : Math.floor((start - day.begins) / 3600)
    }
    return { starts: steps(hour, Math.max(1, count), 3600), place }
  },
  ...Object.fromEntries(
    Object.entries(DAYS).map(([period, count]) => [
      period,
      view => ({
        starts: steps(view.calendarOf().date, count, DAY),
        place: cell => count - 1 - daysAgo(view, cell),
      }),
    ]),
  ),
}

/**
 * The quarter hours of the last hour that minutes cover wholly, and the running one, by the local time of
 * each store in minutes after midnight: what a report of a minute ago cannot know yet.
 */
export function lastQuarters(view, shown) {
  const first = Math.ceil((view.asOf - 3540) / QUARTER) * QUARTER
  const quarters = new Map()
  for (let start = first; start <= view.asOf; start += QUARTER) {
    quarters.set(minutesOfDay(start, view.calendarOf().zone), { cents: 0, orders: 0 })
  }
  for (const [start, pair, totals] of view.cells('minute')) {
    const { zone, begins } = view.calendarOf(pair.store)
    if (start < Math.max(first, begins) || !matches(shown, pair)) continue
    const key = minutesOfDay(Math.floor(start / QUARTER) * QUARTER, zone)
    if (!quarters.has(key)) quarters.set(key, { cents: 0, orders: 0 })
    const quarter = quarters.get(key)
    quarter.orders += totals[0]
    quarter.cents += totals[2]
  }
  return quarters
}

const offsets = new Map()

/** The local time of an instant, in minutes after midnight. */
export function minutesOfDay(seconds, zone) {
  // Clocks change at whole quarters, so an offset holds for one; making a format costs far more than this.
  const key = `${zone} ${Math.floor(seconds / QUARTER)}`
  if (!offsets.has(key)) {
    if (offsets.size > 500) offsets.clear()
    const parts = formatOf(zone).formatToParts(seconds * 1000)
    const part = type => Number(parts.find(found => found.type === type).value)
    offsets.set(key, (part('hour') * 60 + part('minute') - Math.floor((seconds % DAY) / 60) + 1440) % 1440)
  }
  return (Math.floor((seconds % DAY) / 60) + offsets.get(key)) % 1440
}

const formats = new Map()

function formatOf(timeZone) {
  if (!formats.has(timeZone)) {
    const options = { timeZone, hourCycle: 'h23', hour: 'numeric', minute: 'numeric' }
    formats.set(timeZone, new Intl.DateTimeFormat('en-GB', options))
  }
  return formats.get(timeZone)
}
