// A curve over time as SVG, drawn in pixels, so that text keeps its size.

import { element, keyed, setText, svg } from './dom.js'

const SIDE = 2
const TOP = 1.8, BOTTOM = 2, LABEL = 4.8 // in heights of its text
const COLUMNS_UP_TO = 31
const SHRINK_AFTER = 30_000

/**
 * One chart in a `figure`. `draw` takes `{title, buckets, unknown, value}`: a bucket is
 * `{label, value, compared, state}` with the state `over`, `running` or `ahead`; `unknown` is from where on, in
 * buckets, nothing is known, or `null`; `pace` the sum of the last full length of a bucket, up to now; `value(number)` writes a value, `axis(number)` one of the axis.
 */
export class Chart {
  #svg
  #readout
  #table
  #drawn = ''
  #data = null
  #at = null
  #top = 0
  #smallSince = null

  constructor(figure) {
    this.#svg = svg('svg', { role: 'img', tabindex: 0 })
    this.#readout = element('p', { className: 'readout', 'aria-live': 'polite' })
    this.#table = element('tbody')
    const summary = element('summary', {}, 'As a table')
    this.details = element('details', {}, summary, element('table', {}, this.#table))
    this.details.addEventListener('toggle', () => this.#fillTable())
    figure.append(this.#svg, this.#readout, this.details)
    new ResizeObserver(() => this.#render()).observe(this.#svg)
    this.#svg.addEventListener('pointermove', event => this.#point(event.offsetX))
    this.#svg.addEventListener('pointerleave', () => this.#choose(null))
    this.#svg.addEventListener('blur', () => this.#choose(null))
    this.#svg.addEventListener('keydown', event => this.#key(event))
  }

  draw(data) {
    if (data.title !== this.#data?.title) this.#top = 0
    this.#data = data
    this.#render()
    this.#fillTable()
  }

  #render() {
    const { clientWidth: width, clientHeight: height } = this.#svg
    if (!this.#data || !width || !height) return
    const { buckets, unknown, pace } = this.#data
    const top = this.#fit(Math.max(0, ...buckets.flatMap(each => [each.value, each.compared ?? 0])))
    const em = parseFloat(getComputedStyle(this.#svg).fontSize)
    const drawn = JSON.stringify([width, height, em, top, unknown, pace, this.#at, buckets])
    if (drawn === this.#drawn) return
    this.#drawn = drawn
    const step = (width - 2 * SIDE) / buckets.length
    const [ceiling, floor] = [TOP * em, height - BOTTOM * em]
    const scale = {
      x: index => SIDE + (index + 0.5) * step,
      y: value => floor - (Math.max(0, value) / top) * (floor - ceiling),
      step, width, height, top, em, ceiling, floor,
    }
    this.#svg.setAttribute('viewBox', `0 0 ${width} ${height}`)
    this.#svg.setAttribute('aria-label', this.#summary())
    const columns = buckets.length <= COLUMNS_UP_TO
    this.#svg.replaceChildren(
      DEFINITIONS.cloneNode(true),
      grid(scale),
      ...(columns ? columnsOf(buckets, scale) : curvesOf(buckets, pace, scale)),
      ...labels(buckets, scale),
      ...amounts(scale, this.#data.axis),
      ...(unknown === null ? [] : [hatched(unknown, scale)]),
      ...this.#crosshair(scale),
    )
  }

  /** The top of the axis: it grows at once, and shrinks only after the values have been small for a while. */
  #fit(highest) {
    const fitting = niceTop(highest)
    if (fitting > this.#top || this.#top > 20 * fitting) this.#top = fitting
    if (fitting >= this.#top) this.#smallSince = null
    else {
      this.#smallSince ??= performance.now()
      if (performance.now() - this.#smallSince > SHRINK_AFTER) this.#top = fitting
    }
    return this.#top
  }

  #summary() {
    const { title, buckets, value } = this.#data
    const peak = buckets.reduce((best, each) => (each.value > best.value ? each : best), buckets[0])
    return `${title}. Highest ${peak.label}: ${value(peak.value)}. The arrow keys go through it.`
  }

  #point(x) {
    const { buckets } = this.#data ?? { buckets: [] }
    const step = (this.#svg.clientWidth - 2 * SIDE) / buckets.length
    this.#choose(Math.max(0, Math.min(buckets.length - 1, Math.floor((x - SIDE) / step))))
  }

  #key(event) {
    const last = (this.#data?.buckets.length ?? 0) - 1
    const running = this.#data?.buckets.findIndex(each => each.state === 'running') ?? last
    const at = this.#at ?? (running < 0 ? last : running)
    const next = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: last, Escape: null }[event.key]
    if (next === undefined) return
    event.preventDefault()
    this.#choose(next === null ? null : Math.max(0, Math.min(last, next)))
  }

  #choose(index) {
    this.#at = index
    const bucket = this.#data?.buckets[index]
    setText(this.#readout, bucket ? this.#sentence(bucket) : '')
    this.#render()
  }

  #sentence({ label, value, compared, state }) {
    const words = this.#data.value
    const now = state === 'ahead' ? 'still to come' : words(value) + (state === 'running' ? ' so far' : '')
    return `${label}: ${now}${isNumber(compared) ? `, before ${words(compared)}` : ''}`
  }

  #crosshair({ x, y, ceiling, floor }) {
    const bucket = this.#data.buckets[this.#at]
    if (!bucket) return []
    const at = x(this.#at)
    const line = svg('line', { class: 'crosshair', x1: at, x2: at, y1: ceiling, y2: floor })
    const value = bucket.state === 'ahead' ? (bucket.compared ?? 0) : bucket.value
    return [line, svg('circle', { class: 'crosshair', cx: at, cy: y(value), r: 4 })]
  }

  #fillTable() {
    if (!this.details.open || this.#data === null) return
    const { buckets, value } = this.#data
    const make = () => element('tr', {}, element('th', { scope: 'row' }), element('td'), element('td'))
    keyed(this.#table, buckets, each => each.label, make, (row, { label, value: now, compared, state }) => {
      setText(row.children[0], label)
      setText(row.children[1], state === 'ahead' ? '' : value(now))
      setText(row.children[2], isNumber(compared) ? value(compared) : '')
    })
  }
}

const isNumber = value => typeof value === 'number'

/** The next number of the form 1, 1.5, 2, 3, 4, 5, 6 or 8 times a power of ten. */
function niceTop(highest) {
  if (highest <= 0) return 1
  const power = 10 ** Math.floor(Math.log10(highest))
  return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].find(step => step * power >= highest * 1.04) * power || highest
}

const path = (points, attributes) =>
  svg('path', { d: points.map(([x, y], i) => `${i ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(1)}`).join(''), ...attributes })

function grid({ y, width, top }) {
  const line = part => {
    const at = Math.round(y(top * part)) + 0.5
    return svg('line', { x1: SIDE, x2: width - SIDE, y1: at, y2: at })
  }
  return svg('g', { class: 'grid' }, ...[0, 0.5, 1].map(line))
}

const amounts = ({ y, top, em }, axis) =>
  [0.5, 1].map(part => svg('text', { class: 'amount', x: SIDE, y: y(top * part) - 0.4 * em }, axis(top * part)))

function columnsOf(buckets, { x, y, step }) {
  const wide = step * (step > 90 ? 0.5 : 0.7)
  const column = (index, value, style, width) =>
    svg('rect', {
      class: style, x: x(index) - width / 2, width, y: y(value), height: Math.max(0, y(0) - y(value)), rx: 2,
    })
  return buckets.flatMap(({ value, compared, state }, index) => [
    ...(compared ? [column(index, compared, 'ghost', wide)] : []),
    ...(state === 'ahead' || value === 0 ? [] : [column(index, value, `now ${state}`, compared ? wide * 0.6 : wide)]),
  ])
}

function curvesOf(buckets, pace, { x, y, step, em }) {
  const over = buckets.flatMap(({ value, state }, i) => (state === 'over' ? [[x(i), y(value)]] : []))
  const ghost = buckets.flatMap(({ compared }, i) => (isNumber(compared) ? [[x(i), y(compared)]] : []))
  const running = buckets.findIndex(({ state }) => state === 'running')
  // The line ends in the sum up to now of a whole length: the running bucket alone would look like a crash.
  if (pace !== null && running >= 0) over.push([x(running), y(pace)])
  const area = (points, style) => (points.length ? [path(closed(points, y(0)), { class: style })] : [])
  const drawn = [...area(ghost, 'ghost'), ...area(over, 'area'), path(over, { class: 'line' })]
  if (running >= 0) {
    const width = Math.max(3, step * 0.8)
    const top = Math.min(y(buckets[running].value), y(0) - 2)
    drawn.push(svg('rect', { class: 'now running', x: x(running) - width / 2, width, y: top, height: y(0) - top, rx: 2 }))
    if (pace !== null) drawn.push(svg('circle', { class: 'now', cx: x(running), cy: y(pace), r: 0.35 * em }))
  }
  return drawn
}

const closed = (points, base) => [[points[0][0], base], ...points, [points.at(-1)[0], base]]

function labels(buckets, { x, width, height, em }) {
  let last = -Infinity
  return buckets.flatMap(({ label, short, tick }, index) => {
    const at = x(index)
    if (tick === false || at - last < LABEL * em || at < 1.5 * em || at > width - 1.5 * em) return []
    last = at
    return [svg('text', { class: 'label', x: at, y: height - 0.6 * em }, short ?? label)]
  })
}

function hatched(from, { x, step, width, ceiling, floor }) {
  const left = Math.min(width - SIDE - step, x(from) - step / 2)
  return svg('rect', {
    class: 'unknown', x: left, width: width - SIDE - left, y: ceiling, height: floor - ceiling,
  })
}

const DEFINITIONS = svg(
  'defs',
  {},
  svg(
    'pattern',
    { id: 'hatch', width: 7, height: 7, patternUnits: 'userSpaceOnUse', patternTransform: 'rotate(45)' },
    svg('rect', { width: 2, height: 7, class: 'hatch' }),
  ),
  svg(
    'linearGradient',
    { id: 'fade', x1: 0, x2: 0, y1: 0, y2: 1 },
    svg('stop', { offset: 0 }),
    svg('stop', { offset: 1 }),
  ),
)
