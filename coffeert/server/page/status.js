// How far the figures can be trusted: connected or not, how old, what ails the server.

import { duration, timeText } from './format.js'

const STALE_AFTER = 2
// Causes first: without a database nothing is counted.
const PARTS = {
  database: 'PostgreSQL', redis: 'Redis', aggregator: 'Counting', intake: 'Taking orders',
  durability: 'The standby', sockets: 'The connections',
}

/**
 * Return `{state, words, fault, old}`: `state` is `starting`, `live`, `stale`, `lost` or `login`; `fault` says
 * what is wrong in a line; `old`: the figures are those of an earlier moment.
 */
export function statusOf(feed) {
  const { replica, link } = feed
  const fault = !replica.understood ? 'This page is older than the server. Load it again.' : troublesOf(replica.health)
  if (link === 'login') return { state: 'login', words: 'logged out', fault: '', old: true }
  if (replica.view === null) return { state: 'starting', words: 'connecting', fault: feed.reason, old: false }
  const age = (feed.now() - replica.view.dataTime) / 1000
  if (link !== 'up') return { state: 'lost', words: lostWords(feed), fault: feed.reason, old: true }
  const limit = Math.max(STALE_AFTER, 2 * (replica.health?.aggregator?.interval_s ?? 0))
  if (age > limit || feed.silence > feed.silentAfter) {
    const seconds = Math.max(age, feed.silence / 1000)
    return { state: 'stale', words: `no news for ${duration(seconds)}`, fault, old: true }
  }
  return { state: 'live', words: 'live', fault, old: false }
}

function lostWords(feed) {
  const { zone } = feed.replica.view.calendarOf()
  const since = (feed.now() - (performance.now() - feed.lostAt)) / 1000
  return `not connected since ${timeText(since, zone, 'second')}`
}

function troublesOf(health) {
  const unwell = Object.keys(PARTS).filter(part => health?.[part]?.ok === false)
  return unwell.map(part => `${PARTS[part]}: ${health[part].reason ?? 'not well'}`).join(' · ')
}
