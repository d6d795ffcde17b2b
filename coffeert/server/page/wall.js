// A screen that nobody touches: it stays on, moves a little against burn-in, and is dim at night.

import { byId } from './dom.js'
import { minutesOfDay } from './figures.js'

const NIGHT = { from: 22 * 60, until: 6 * 60 }
const BUSY_MINUTES = 15

export class Wall {
  constructor() {
    document.documentElement.classList.add('wall')
    document.addEventListener('visibilitychange', () => this.#stayOn())
    this.#stayOn()
  }

  /** Bring shift and dimming to a moment, in Unix seconds. */
  tick(now, view) {
    const turn = Math.floor(now / 60)
    byId('figures').style.translate = `${0.6 * Math.cos(turn)}vmin ${0.6 * Math.sin(turn)}vmin`
    document.documentElement.classList.toggle('night', view !== null && isNight(now, view))
  }

  /** Browsers allow it over TLS only; elsewhere the device's settings must keep the screen on. */
  async #stayOn() {
    if (document.hidden || !navigator.wakeLock) return
    await navigator.wakeLock.request('screen').catch(() => null)
  }
}

function isNight(now, view) {
  const minutes = minutesOfDay(now, view.calendarOf().zone)
  if (minutes >= NIGHT.until && minutes < NIGHT.from) return false
  for (const [start] of view.cells('minute')) {
    if (start > view.asOf - BUSY_MINUTES * 60) return false
  }
  return true
}
