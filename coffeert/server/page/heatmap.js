// The usual week: takings by weekday and hour, as a table whose cells are shaded.

import { element, keyed, setText } from './dom.js'

const WEEKDAYS = ['Mo', 'Tu', 'We', 'Th', 'Fr', 'Sa', 'Su']

/** Draw a report of weekdays and hours; `now` is the running `[weekday, hour]`, `value` writes an amount. */
export function drawWeek(table, report, { money, now, value }) {
  const cells = new Map()
  for (const { keys, figures, days } of report.rows) {
    const [weekday, hour] = [Number(keys[0]), Number(keys[1].slice(0, 2))]
    cells.set(`${weekday} ${hour}`, { orders: figures.orders / (days || 1), cents: money.cents(figures.takings) / (days || 1) })
  }
  const hours = [...cells.keys()].map(key => Number(key.split(' ')[1]))
  const [first, last] = [Math.min(...hours), Math.max(...hours)]
  const columns = Array.from({ length: last - first + 1 }, (_, i) => first + i)
  const most = Math.max(...[...cells.values()].map(cell => cell.cents), 1)
  keyed(table.tHead.rows[0], ['', ...columns], String, heading, (cell, hour) => {
    setText(cell, hour === '' ? '' : String(hour))
  })
  const rows = WEEKDAYS.map((name, i) => ({ name, weekday: i + 1 }))
  keyed(table.tBodies[0], rows, row => row.name, weekdayRow, (row, { name, weekday }) => {
    keyed(row, ['', ...columns], String, hour => (hour === '' ? row.firstChild : element('td')), (cell, hour) => {
      if (hour === '') return setText(cell, name)
      const found = cells.get(`${weekday} ${hour}`)
      cell.style.setProperty('--share', found ? (found.cents / most).toFixed(3) : '0')
      cell.classList.toggle('now', now[0] === weekday && now[1] === hour)
      cell.title = found ? `${name} ${hour}:00 usually ${value(found)}` : ''
      setText(cell, found ? value(found) : '')
    })
  })
}

const heading = () => element('th', { scope: 'col' })
const weekdayRow = () => element('tr', {}, element('th', { scope: 'row' }))
