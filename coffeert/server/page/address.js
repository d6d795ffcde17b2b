// What is shown stands in the address: period, stores, drinks and face, so that it can be kept and sent.

export const PERIODS = {
  today: { name: 'Today', words: 'today' },
  '60m': { name: '60 min', words: 'in 60 minutes' },
  '24h': { name: '24 h', words: 'in 24 hours' },
  '7d': { name: '7 days', words: 'in 7 days' },
  '30d': { name: '30 days', words: 'in 30 days' },
}

/** Read what an address asks for; an unknown period is today. */
export function readAddress(search = location.search) {
  const query = new URLSearchParams(search)
  const period = query.get('period')
  return {
    period: Object.hasOwn(PERIODS, period) ? period : 'today',
    store: query.getAll('store'),
    drink: query.getAll('drink'),
    wall: query.has('wall'),
  }
}

/** Return the address, relative to the page, of what is shown with some of it changed. */
export function addressOf(shown, changed = {}) {
  const { period, store, drink, wall } = { ...shown, ...changed }
  const query = new URLSearchParams()
  if (period !== 'today') query.set('period', period)
  for (const code of store) query.append('store', code)
  for (const code of drink) query.append('drink', code)
  const text = query.toString()
  if (wall) return `?wall${text && `&${text}`}`
  return text ? `?${text}` : './'
}

/** Return the address with a code of `kind`, `store` or `drink`, chosen alone, or none if it was. */
export function toggled(shown, kind, code) {
  const alone = shown[kind].length === 1 && shown[kind][0] === code
  return addressOf(shown, { [kind]: alone ? [] : [code] })
}
