// What each frame does to our copy of the view: versions, epochs, gaps (docs/protocol.md).

import { View } from './view.js'

const PROTOCOL = 2

/** The state at (epoch, version). `apply` returns true if the server must be asked for a snapshot. */
export class Replica {
  view = null
  epoch = ''
  version = 0
  totals = null
  menu = null
  health = null
  hello = null
  gaps = 0
  agrees = null
  #asked = false // for a snapshot that has not come yet
  #behind = null

  apply(frame) {
    switch (frame.type) {
      case 'hello':
        this.#asked = false
        this.#behind = null
        this.hello = frame
        this.menu = frame.menu
        return false
      case 'menu':
        this.menu = frame.menu
        return false
      case 'snapshot':
        return this.#snapshot(frame)
      case 'delta':
        return this.#delta(frame)
      case 'heartbeat':
        return this.#heartbeat(frame)
    }
    return false // of a kind that a later server may send
  }

  get understood() {
    return this.hello === null || this.hello.protocol === PROTOCOL
  }

  get resumeQuery() {
    return this.view === null ? '' : `?${new URLSearchParams({ epoch: this.epoch, version: this.version })}`
  }

  #snapshot({ epoch, version, view }) {
    this.#asked = false
    this.#behind = null
    // One that was prepared before what we have; the delta after it covers the rest.
    if (epoch === this.epoch && version < this.version) return false
    this.view = new View(view)
    this.#reached(epoch, version, view)
    return false
  }

  #delta({ epoch, from, to, view }) {
    if (this.view === null || epoch !== this.epoch || from > this.version) return this.#gap()
    if (to <= this.version) return false
    this.view.apply(view)
    this.#reached(epoch, to, view)
    return false
  }

  #reached(epoch, version, columns) {
    this.epoch = epoch
    this.version = version
    this.totals = columns.totals
    const agreed = this.agrees
    this.agrees = this.view.agrees(columns.totals)
    if (!this.agrees && agreed !== false) console.warn('sums differ at version', version)
  }

  #heartbeat({ epoch, version, data_time, health }) {
    this.health = health
    const ours = epoch === this.epoch
    if (ours && version === this.version && this.view !== null) {
      this.view.dataTime = Math.max(this.view.dataTime, Date.parse(data_time))
    }
    if (ours && version <= this.version) {
      this.#behind = null
      return false
    }
    const before = this.#behind
    this.#behind = { epoch, version }
    // The change may follow right behind; it is missing if the next heartbeat comes first.
    if (before === null || (before.epoch === this.epoch && before.version <= this.version)) return false
    this.#behind = null
    this.#asked = false
    return this.#gap()
  }

  #gap() {
    if (this.#asked) return false
    this.#asked = true
    this.gaps += 1
    return true
  }
}
