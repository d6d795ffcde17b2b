// Amounts, numbers and times as the owner reads them: the shop's currency and zone, the reader's digits.

const LOCALE = navigator.language
const WORDS = 'en-GB' // the page's own language: days and zones stand between its words

export const memoized = make => {
  const made = new Map()
  return (...key) => {
    const name = key.join()
    if (!made.has(name)) made.set(name, make(...key))
    return made.get(name)
  }
}

const numbers = memoized((currency, digits) => {
  const style = currency ? { style: 'currency', currency, currencyDisplay: 'narrowSymbol' } : {}
  const places = { minimumFractionDigits: digits, maximumFractionDigits: digits }
  return new Intl.NumberFormat(LOCALE, { ...style, ...places })
})

const times = memoized(
  (timeZone, options) => new Intl.DateTimeFormat(WORDS, { timeZone, hourCycle: 'h23', ...OPTIONS[options] }),
)

const HOUR = { hour: '2-digit', minute: '2-digit' }
const OPTIONS = {
  minute: HOUR,
  second: { ...HOUR, second: '2-digit' },
  zone: { ...HOUR, timeZoneName: 'short' },
  weekday: { weekday: 'long' },
  day: { day: 'numeric', month: 'short' },
  date: { weekday: 'short', day: 'numeric', month: 'short' },
}

export const count = number => numbers('', 0).format(number)

/** Money of one currency; `places` are those of the server's amounts, as in the prices of the menu. */
export class Money {
  constructor(menu) {
    this.currency = menu?.currency ?? ''
    this.places = decimals(menu?.drinks[0]?.price ?? '0.00')
  }

  /** Write minor units, exactly, with all places. */
  text(cents) {
    return numbers(this.currency, this.places).format(decimalText(cents, this.places))
  }

  /** Write minor units in whole units, for an axis. */
  whole(cents) {
    return numbers(this.currency, 0).format(decimalText(cents, this.places))
  }

  /** Read the server's decimal text into minor units. */
  cents(text) {
    return Math.round(Number(text) * 10 ** this.places)
  }
}

const decimals = text => text.split('.')[1]?.length ?? 0

function decimalText(cents, places) {
  const digits = String(Math.abs(Math.round(cents))).padStart(places + 1, '0')
  const text = places ? `${digits.slice(0, -places)}.${digits.slice(-places)}` : digits
  return cents < 0 ? `-${text}` : text
}

/** Write a Unix time in seconds as `minute`, `second`, `zone`, `weekday`, `day` or `date`. */
export const timeText = (seconds, zone, form = 'minute') => times(zone, form).format(seconds * 1000)

/** Write a business date, which is named by its midnight in UTC. */
export const dateText = (date, form = 'day') => timeText(date, 'UTC', form)

/** Write a duration in its largest unit. */
export function duration(seconds) {
  if (seconds < 60) return `${Math.floor(seconds)} s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`
  if (seconds < 2 * 86400) return `${Math.floor(seconds / 3600)} h`
  return `${Math.floor(seconds / 86400)} days`
}

export const clockText = minutes =>
  `${String(Math.floor(minutes / 60) % 24).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`
