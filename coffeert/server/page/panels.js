// Every panel: what it shows of the figures, in an owner's words.

import { addressOf, PERIODS, toggled } from './address.js'
import { Chart } from './chart.js'
import { byId, element, keyed, setText, show } from './dom.js'
import { curveOf, isChosen, lastMinutes, lastQuarters, matches, minutesOfDay, sumsOf } from './figures.js'
import { clockText, count, dateText, duration, timeText } from './format.js'
import { drawWeek } from './heatmap.js'

const MINUTES_OF_A_DAY = 1440
const NOTICED = 3
const RECENT_MS = 3_600_000

/** Draws everything out of `{shown, view, names, money, reports, now, status}`. */
export class Panels {
  #chart = new Chart(byId('curve'))

  draw(at) {
    const { shown, view } = at
    const sums = sumsOf(view, shown)
    const today = at.reports.get('today', shown)
    const isToday = shown.period === 'today'
    const sentences = sentencesOf(at, sums, isToday ? today : null)
    keyed(byId('sentence'), sentences, ({ key }) => key, span, (node, { text, look }) => {
      setText(node, `${text} `)
      node.classList.toggle('look', Boolean(look))
    })
    this.#tiles(at, sums, isToday ? today : null)
    this.#curve(at, isToday ? today : null)
    this.#week(at)
    breakdown(at, 'store', sums.store)
    breakdown(at, 'drink', sums.drink)
    quiet(at)
    yesterday(at)
    lastOrders(at)
  }

  #tiles(at, sums, report) {
    const { money, shown } = at
    const [orders, , cents] = sums.total
    setText(byId('takings-title'), `Takings ${PERIODS[shown.period].words}${scope(at)}`)
    figure('takings', money.text(cents))
    change(byId('takings-change'), report, 'takings_change')
    figure('orders-sum', count(orders))
    change(byId('orders-change'), report, 'orders_change', false)
    figure('each', orders > 0 ? money.text(cents / orders) : '–')
    change(byId('each-change'), report, 'per_order_change', false)
    figure('lately', count(lastMinutes(at.view, shown, 10)[0]))
    figure('selling', selling(at))
  }

  #curve(at, report) {
    const { shown, view, money } = at
    // The report comes soon, unless nothing comes any more.
    const awaited = !at.status.old && at.reports.pending('today', shown)
    if (shown.period === 'today' && !report && awaited) return
    const { title, buckets } = report ? quarters(at, report) : plain(at)
    setText(byId('curve-title'), `${title}${scope(at)}`)
    show(byId('curve-legend'), buckets.some(({ compared }) => compared))
    // The ghost is the whole day, also what is still to come.
    if (report) setText(byId('compared-title'), report.compared?.title.replace(/ by [\d:]+$/, '') ?? '')
    this.#chart.draw({
      title: `${title}${scope(at)}`,
      buckets,
      pace: report ? lastMinutes(view, shown, 15)[2] : null,
      unknown: at.status.old ? unknownFrom(at, buckets, shown, view) : null,
      value: cents => money.text(cents),
      axis: cents => money.whole(cents),
    })
  }

  #week(at) {
    const report = at.reports.get('week', at.shown)
    show(byId('week'), Boolean(report?.rows.length))
    if (!report?.rows.length) return
    const { zone, date } = at.view.calendarOf()
    const weekday = new Date(date * 1000).getUTCDay() || 7
    const now = [weekday, Math.floor(minutesOfDay(Math.floor(at.now), zone) / 60)]
    drawWeek(byId('week-table'), report, { money: at.money, now, value: cell => at.money.whole(cell.cents) })
  }
}

function figure(id, text) {
  setText(byId(id), text)
  byId(id).style.setProperty('--length', text.length)
}

/** How many stores sell as they usually do at this time, or have just sold. */
function selling({ reports, shown, names, status }) {
  const activity = status.old ? null : reports.get('activity', shown)
  if (!activity) {
    const chosen = [...names.store.keys()].filter(code => isChosen(shown.store, code))
    return `– of ${count(chosen.length)}`
  }
  const stores = activity.stores.filter(({ store }) => isChosen(shown.store, store))
  const recent = Date.parse(activity.as_of) - RECENT_MS
  const sells = ({ quiet, last_sale: last, usually_open: open }) =>
    !quiet && last !== null && (open || Date.parse(last) > recent)
  return `${count(stores.filter(sells).length)} of ${count(stores.length)}`
}

function scope({ shown, names }) {
  const list = kind => shown[kind].map(code => names[kind].get(code) ?? code)
  return [...list('store'), ...list('drink')].map(name => ` · ${name}`).join('')
}

const span = () => element('span')

/** The day in words; what to look at comes last. */
function sentencesOf(at, sums, report) {
  const { view, shown, names, money, now } = at
  const { zone } = view.calendarOf()
  const [orders, , cents] = sums.total
  const change = report?.total.takings_change?.percent
  const compared = change == null ? '' : `: ${over(change)} ${report.compared.title}`
  const period = shown.period === 'today' ? '' : ` ${PERIODS[shown.period].words}`
  const best = shown.drink.length === 1 ? undefined : leader(sums.drink)
  return [
    { key: 'time', text: `${timeText(now, zone, 'weekday')}, ${timeText(now, zone)}.` },
    {
      key: 'sums',
      text: `${count(orders)} ${orders === 1 ? 'order' : 'orders'}${period}, ${money.text(cents)}${compared}.`,
    },
    ...(best === undefined ? [] : [{ key: 'best', text: `${names.drink.get(best) ?? best} leads.` }]),
    ...(report?.stores_without_sale ? [{ key: 'waiting', text: waiting(report) }] : []),
    ...quietStores(at).map(store => ({ key: store.store, text: `${store.name} is quiet${howLong(store, now)}.`, look: true })),
  ]
}

function waiting({ stores_without_sale: stores, stores_compared: all }) {
  return `${count(stores)} of ${count(all)} stores ${stores === 1 ? 'has' : 'have'} sold nothing yet.`
}

/** The day before in words: what it took, how that was against the usual, and what has changed since. */
function yesterday({ reports, shown, money }) {
  const report = reports.get('yesterday', shown)
  show(byId('yesterday'), Boolean(report?.total.figures.orders || report?.details?.closing))
  if (report) setText(byId('yesterday'), dayInWords(report, money))
}

function dayInWords({ total, compared, details }, money) {
  const { orders, takings, receipts, orders_with_receipt: covered } = total.figures
  const amount = text => money.text(money.cents(text))
  const { percent } = total.takings_change ?? {}
  const usual = total.usual_range
  const range = usual ? `, which took ${amount(usual.lowest_takings)} to ${amount(usual.highest_takings)}` : ''
  const against = percent == null ? '' : `: ${over(percent)} ${compared.title}${range}`
  const said = [`Yesterday ${count(orders)} ${orders === 1 ? 'order' : 'orders'}, ${amount(takings)}${against}.`]
  if (receipts > 0) {
    const share = covered > 0 && covered < orders ? `, for ${Math.floor((100 * covered) / orders)} % of the orders` : ''
    said.push(`${count(receipts)} ${receipts === 1 ? 'receipt' : 'receipts'}${share}.`)
  }
  if (details?.closing) said.push(closingInWords(details.closing, amount))
  return said.join(' ')
}

function closingInWords({ number, changed, recut }, amount) {
  const late = changed?.late_orders
  const since = changed
    ? `: ${count(late)} ${late === 1 ? 'order' : 'orders'} came since (${changed.difference.takings > 0 ? '+' : ''}${amount(changed.difference.takings)})`
    : ''
  return `Closing ${number}${since}${recut ? '; a calendar was changed since' : ''}.`
}

const over = percent => (percent === 0 ? 'as much as' : `${Math.abs(percent)} % ${percent > 0 ? 'over' : 'under'}`)

/** The drink with the highest takings, if several are sold. */
function leader(sums) {
  if (sums.size < 2) return undefined
  const takings = code => sums.get(code)[2]
  const [best] = [...sums.keys()].sort((a, b) => takings(b) - takings(a) || (a < b ? -1 : 1))
  return takings(best) > 0 ? best : undefined
}

function change(node, report, field, words = true) {
  const found = report?.total[field]
  show(node, Boolean(found))
  if (!found) return
  const { percent, reason } = found
  const compared = percent === null ? reason : `vs ${report.compared.title}`
  setText(node, `${signed(percent)} ${words ? compared : ''}`)
}

function signed(percent) {
  if (percent == null) return ''
  return percent > 0 ? `▲ ${percent} %` : percent < 0 ? `▼ ${-percent} %` : '= 0 %'
}

function plain({ view, shown }) {
  const { zone } = view.calendarOf()
  const buckets = curveOf(view, shown)
  const days = shown.period.endsWith('d')
  const name = days ? 'day' : shown.period === '60m' ? 'minute' : 'hour'
  const label = start => (days ? dateText(start, 'date') : timeText(start, zone))
  return {
    title: `Takings by the ${name}`,
    buckets: buckets.map(({ start, cents }, i) => ({
      label: label(start),
      short: days && buckets.length > 7 ? dateText(start) : label(start),
      value: cents,
      state: i === buckets.length - 1 ? 'running' : 'over',
    })),
  }
}

/** The quarter hours of today beside those of the compared day, from the first with anything to the last. */
function quarters({ view, shown, money, now }, report) {
  const { starts, zone } = view.calendarOf()
  const rows = new Map(report.rows.map(row => [minutes(row.keys[0]), row]))
  const fresh = lastQuarters(view, shown)
  const running = Math.floor(minutesOfDay(Math.floor(now), zone) / 15) * 15
  const since = time => (time - starts + MINUTES_OF_A_DAY) % MINUTES_OF_A_DAY
  const times = [...new Set([...rows.keys(), ...fresh.keys(), running])].sort((a, b) => since(a) - since(b))
  const comparing = report.compared !== null && report.rows.some(row => row.compared)
  const all = []
  for (let time = since(times[0]); time <= since(times.at(-1)); time += 15) {
    const clock = (time + starts) % MINUTES_OF_A_DAY
    const row = rows.get(clock)
    const state = clock === running ? 'running' : time < since(running) ? 'over' : 'ahead'
    const cents = fresh.get(clock)?.cents ?? (row ? money.cents(row.figures.takings) : 0)
    const compared = comparing ? (row?.compared ? money.cents(row.compared.takings) : 0) : null
    all.push({ label: clockText(clock), value: cents, compared, state, tick: clock % 60 === 0 })
  }
  return { title: 'Takings by the quarter hour', buckets: all }
}

const minutes = text => Number(text.slice(0, 2)) * 60 + Number(text.slice(3, 5))

/** From which bucket on nothing is known, since the last figures are of an earlier moment. */
function unknownFrom({ status, now }, buckets, shown, view) {
  const known = view.dataTime / 1000
  const { zone, begins } = view.calendarOf()
  const last = buckets.findLastIndex(({ state }) => state !== 'ahead')
  if (status.state === 'starting') return null
  const length = { '60m': 60, '24h': 3600, '7d': 86400, '30d': 86400 }[shown.period]
  if (length !== undefined) {
    const behind = Math.floor((now - known) / length)
    return Math.max(0, last - behind)
  }
  if (known < begins) return 0
  const clock = minutesOfDay(Math.floor(known), zone)
  const found = buckets.findLastIndex(({ label }) => minutes(label) <= clock)
  return found < 0 ? last : found
}

/** A table of stores or drinks, each a link that limits everything to it. */
function breakdown({ shown, names, money, reports }, kind, sums) {
  const table = `${kind}s`
  const report = shown.period === 'today' ? reports.get(table, shown) : null
  const changed = new Map(report?.rows.map(row => [row.keys[0], row.takings_change]))
  const listed = new Map([...names[kind].keys()].map(code => [code, [0, 0, 0]]))
  for (const [code, totals] of sums) listed.set(code, totals)
  const rows = [...listed].map(([code, [orders, pieces, cents]]) => ({ code, orders, pieces, cents }))
  rows.sort((a, b) => b.cents - a.cents || b.orders - a.orders || a.code.localeCompare(b.code))
  const sold = rows.filter(({ orders, cents }) => orders || cents)
  const most = Math.max(1, ...sold.map(({ cents }) => cents))
  byId(table).parentNode.classList.toggle('compared', changed.size > 0)
  const shownRows = kind === 'drink' && sold.length ? sold : rows
  keyed(byId(table), shownRows, ({ code }) => code, breakdownRow, (row, { code, orders, pieces, cents }) => {
    const [link] = row.cells[0].children
    const chosen = shown[kind].includes(code)
    setText(link, names[kind].get(code) ?? code)
    link.href = toggled(shown, kind, code)
    if (chosen) link.setAttribute('aria-current', 'true')
    else link.removeAttribute('aria-current')
    row.classList.toggle('none', orders === 0 && cents === 0)
    row.classList.toggle('other', shown[kind].length > 0 && !chosen)
    row.style.setProperty('--share', Math.max(0, cents / most).toFixed(3))
    setText(row.cells[2], money.text(cents))
    setText(row.cells[3], count(kind === 'drink' ? pieces : orders))
    setText(row.cells[4], signed(changed.get(code)?.percent))
  })
}

function breakdownRow() {
  const [bar, ...numbers] = cells('bar', 'sum', 'number', 'change')
  bar.append(element('div'))
  return element('tr', {}, element('th', { scope: 'row' }, element('a')), bar, ...numbers)
}

function quietStores({ reports, shown }) {
  const stores = reports.get('activity', shown)?.stores ?? []
  return stores.filter(({ quiet, store }) => quiet && isChosen(shown.store, store))
}

function howLong({ last_sale: last, usual_gap: gap }, now) {
  if (last === null) return ''
  const usual = gap === null ? '' : ` (usually ${duration(gap)})`
  return ` for ${duration(Math.max(0, now - Date.parse(last) / 1000))}${usual}`
}

function quiet(at) {
  const stores = quietStores(at)
  show(byId('quiet'), stores.length > 0)
  keyed(byId('quiet-stores'), stores, ({ store }) => store, () => element('li'), (item, store) => {
    setText(item, `${store.name} quiet${howLong(store, at.now)}`)
  })
}

function lastOrders({ view, shown, names, money, orders: known }) {
  const live = view.recent.filter(order => order.voids === undefined && matches(shown, order))
  const { orders, voided, total, more } = known.list(view.recent, live)
  const limited = total === null ? '' : ` (${count(orders.length)} of ${count(total)})`
  setText(byId('orders-title'), `Last orders${limited}`)
  show(byId('older'), more)
  const arrived = []
  keyed(byId('orders'), orders, ({ order_id: id }) => id, orderRow, (row, order, fresh) => {
    const { store, drink, quantity, price, total, order_id: id } = order
    const { zone, begins } = view.calendarOf(store)
    const placed = Date.parse(order.placed_at) / 1000
    const day = placed < begins ? `${timeText(placed, zone, 'day')} ` : ''
    const pieces = Math.abs(quantity) === 1 ? '' : ` × ${count(Math.abs(quantity))}`
    const cancelled = voided.has(id) ? ' · cancelled' : quantity < 0 ? ' · refund' : ''
    setText(row.cells[0], `${day}${timeText(placed, zone, day ? 'minute' : 'second')}`)
    setText(row.cells[1], `${names.drink.get(drink) ?? drink}${pieces}${cancelled}`)
    setText(row.cells[2], names.store.get(store) ?? store)
    setText(row.cells[3], money.text(total === undefined ? money.cents(price) * quantity : money.cents(total)))
    row.classList.toggle('cancelled', voided.has(id))
    if (fresh) arrived.push(row)
  })
  // In a rush everything is new, and rows that light up would say nothing and cost a lot.
  if (arrived.length <= NOTICED) for (const row of arrived) row.classList.add('new')
}

const cells = (...names) => names.map(className => element('td', { className }))
const orderRow = () => element('tr', {}, ...cells('time', 'drink', 'store', 'sum'))

/** The links of periods and filters; they change only with the address. */
export function drawAddress(shown, names) {
  const periods = Object.entries(PERIODS)
  keyed(byId('periods'), periods, ([period]) => period, () => element('a'), (link, [period, { name }]) => {
    link.href = addressOf(shown, { period })
    if (shown.period === period) link.setAttribute('aria-current', 'page')
    else link.removeAttribute('aria-current')
    setText(link, name)
  })
  const chips = ['store', 'drink'].flatMap(kind => shown[kind].map(code => ({ kind, code })))
  const make = () => element('a')
  keyed(byId('filters'), chips, ({ kind, code }) => `${kind} ${code}`, make, (link, { kind, code }) => {
    link.href = addressOf(shown, { [kind]: shown[kind].filter(other => other !== code) })
    const name = names[kind].get(code) ?? code
    setText(link, `${name} ×`)
    link.setAttribute('aria-label', `Show more than ${name}`)
  })
}
