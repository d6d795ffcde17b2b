// What the live view does not hold: last week, the usual week, which stores are quieter than they should be.

import { fetchJson } from './requests.js'

const EVERY = { today: 60_000, stores: 60_000, drinks: 60_000, week: 600_000, activity: 15_000 }
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

  /** Ask for what is shown and due; `names` are those of the menu, which alone can be asked for. */
  refresh(shown, names) {
    const known = ['store', 'drink'].every(kind => shown[kind].every(code => names[kind].has(code)))
    for (const name of Object.keys(EVERY)) {
      if (shown.wall && (name === 'drinks' || name === 'week')) continue
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

const GROUPS = { today: 'quarter', stores: 'store', drinks: 'drink', week: 'weekday,hour' }

function keyOf(name, { store, drink }) {
  if (name === 'activity') return 'api/activity'
  const query = new URLSearchParams()
  query.set('period', name === 'week' ? '28-days' : 'today')
  query.set('by', GROUPS[name])
  if (name !== 'week') query.set('compare', 'last-week')
  if (name !== 'stores') for (const code of store) query.append('store', code)
  if (name !== 'drinks') for (const code of drink) query.append('drink', code)
  return `api/report?${query}`
}
