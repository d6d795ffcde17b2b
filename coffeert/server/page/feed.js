// One WebSocket at a time, for ever: connects, resumes, notices silence, and comes back.

import { Replica } from './replica.js'
import { fetchJson } from './requests.js'

const TIMEOUT = 10_000
const QUICK_FOR = 300_000 // after a loss come back soon for so long
const MAX_DELAY = { quick: 2_000, slow: 15_000 }

/**
 * Follows the server. `link` is `connecting`, `up`, `lost` or `login`; `onChange(frame)` is called after each
 * frame and `onLink()` when the link changes. Times are in milliseconds of `performance.now()`.
 */
export class Feed {
  replica = new Replica()
  link = 'connecting'
  reason = ''
  lostAt = null
  retryAt = null
  lastMessage = null
  hasLogin = false
  clockOffset = null // the server's clock minus ours, milliseconds
  #socket = null
  #attempts = 0
  #timer = null
  #asked = null // by the server: the delay before the next attempt

  constructor({ onChange, onLink }) {
    this.onChange = onChange
    this.onLink = onLink
    for (const event of ['online', 'pageshow', 'resume', 'visibilitychange']) {
      const target = event === 'visibilitychange' || event === 'resume' ? document : window
      target.addEventListener(event, () => this.#awake())
    }
    setInterval(() => this.#checkSilence(), 1000)
  }

  /** The server's time, in Unix milliseconds. */
  now() {
    // Until the first heartbeat, the time up to which all is counted is the best guess.
    return Date.now() + (this.clockOffset ?? this.replica.view.dataTime - Date.now())
  }

  get heartbeat() {
    return (this.replica.hello?.heartbeat ?? 1) * 1000
  }

  get silence() {
    return this.lastMessage === null ? 0 : performance.now() - this.lastMessage
  }

  /** Milliseconds without a frame that are longer than the pause between two heartbeats. */
  get silentAfter() {
    return Math.max(2000, 2 * this.heartbeat)
  }

  async connect() {
    clearTimeout(this.#timer)
    this.#timer = this.retryAt = null
    this.#leave()
    if (this.link !== 'lost') this.#set('connecting')
    const attempt = (this.#socket = {}) // until there is a socket: only the last attempt goes on
    try {
      // The page learns here whether it may read: a WebSocket does not tell why it was refused.
      const login = await fetchJson('login')
      if (this.#socket !== attempt) return
      this.hasLogin = login.login
      if (!login.known) this.#set('login')
      else this.#open()
    } catch (error) {
      if (this.#socket === attempt) this.#lose(error.message)
    }
  }

  #open() {
    const url = new URL(`ws/dashboard${this.replica.resumeQuery}`, document.baseURI)
    url.protocol = url.protocol.replace('http', 'ws')
    const socket = (this.#socket = new WebSocket(url))
    const timer = setTimeout(() => this.#lose(CLOSED_WAY), TIMEOUT)
    let opened = false
    socket.onmessage = ({ data }) => this.#receive(socket, JSON.parse(data))
    socket.onopen = () => {
      clearTimeout(timer)
      opened = true
      this.lastMessage = performance.now()
    }
    socket.onclose = ({ code }) => {
      clearTimeout(timer)
      if (this.#socket !== socket) return
      this.#lose(REASONS[code] ?? (opened ? 'The connection to the server is lost.' : CLOSED_WAY))
    }
  }

  #receive(socket, frame) {
    if (this.#socket !== socket) return
    this.lastMessage = performance.now()
    if (frame.type === 'goodbye') this.#asked = frame.retry_after * 1000
    if (frame.type === 'heartbeat') this.clockOffset = Date.parse(frame.server_time) - Date.now()
    if (this.replica.apply(frame)) socket.send('{"type": "resync"}')
    if (this.link !== 'up' && this.replica.view !== null && frame.type !== 'hello') this.#up()
    this.onChange(frame)
  }

  #up() {
    this.#attempts = 0
    this.lostAt = null
    this.#set('up')
  }

  #lose(reason) {
    this.#leave()
    this.lostAt ??= this.lastMessage ?? performance.now()
    const cap = performance.now() - this.lostAt < QUICK_FOR ? MAX_DELAY.quick : MAX_DELAY.slow
    const delay = this.#asked ?? Math.min(cap, 250 * 2 ** this.#attempts) * (0.5 + Math.random() / 2)
    this.#asked = null
    this.#attempts = Math.min(this.#attempts + 1, 10)
    this.retryAt = performance.now() + delay
    this.#timer = setTimeout(() => this.connect(), delay)
    this.#set('lost', reason)
  }

  #leave() {
    const socket = this.#socket
    this.#socket = null
    if (socket instanceof WebSocket) socket.close()
  }

  /** After sleep, a change of the network or of the tab: do not wait for timers that slept as well. */
  #awake() {
    if (document.hidden || this.link === 'login') return
    if (this.link === 'lost' || this.silence > this.silentAfter) this.connect()
  }

  #checkSilence() {
    if (this.link === 'up' && this.silence > Math.max(TIMEOUT, 5 * this.heartbeat)) {
      this.#lose('Nothing comes from the server any more.')
    }
  }

  #set(link, reason = '') {
    this.link = link
    this.reason = reason
    this.onLink()
  }
}

// It has just answered over HTTP.
const CLOSED_WAY = 'The server answers, but its WebSocket does not open. A proxy must pass Upgrade and Host.'
const REASONS = {
  1012: 'The server restarts.',
  4001: 'The login has expired.',
  4008: 'This device was too slow to follow.',
}
