// What the panels show, chosen out of the view: sums of a period, by store and by drink, and its curve.

import { memoized, timeText } from './format.js'
import { DAY } from './view.js'

const DAYS = { '7d': 7, '30d': 30 }
const QUARTER = 900

const zero = () => [0, 0, 0]
const add = (sums, totals) => totals.forEach((total, i) => (sums[i] += total))

function addTo(map, key, totals) {
  if (!map.has(key)) map.set(key, zero())
  add(map.get(key), totals)
}

export const isChosen = (codes, code) => codes.length === 0 || codes.includes(code)
export const matches = (shown, { store, drink }) => isChosen(shown.store, store) && isChosen(shown.drink, drink)

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
    if (isChosen(shown.drink, pair.drink)) addTo(sums.store, pair.store, totals)
    if (isChosen(shown.store, pair.store)) addTo(sums.drink, pair.drink, totals)
  }
  return sums
}

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

/** The local time of an instant, in minutes after midnight. */
export const minutesOfDay = (seconds, zone) =>
  quarterOfDay(zone, Math.floor(seconds / QUARTER)) + Math.floor((seconds % QUARTER) / 60)

// Clocks change at whole quarters, and formatting a time costs far more than looking it up.
const quarterOfDay = memoized((zone, quarter) => {
  const [hours, minutes] = timeText(quarter * QUARTER, zone).split(':')
  return Number(hours) * 60 + Number(minutes)
})
