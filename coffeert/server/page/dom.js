// The few things that every panel does with the document. Text is always set as text: nothing here, or
// anywhere in the page, makes HTML out of it.

export const byId = id => document.getElementById(id)

/** Make an element: `properties` are set as such, those with a hyphen and `role` as attributes. */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag)
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes('-') || name === 'role' || name === 'scope') made.setAttribute(name, value)
    else made[name] = value
  }
  made.append(...children)
  return made
}

export function svg(tag, attributes = {}, ...children) {
  const made = document.createElementNS('http://www.w3.org/2000/svg', tag)
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value)
  made.append(...children)
  return made
}

/** Set a node's text, and leave the document alone if it has that already. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text
}

export function show(node, shown) {
  if (node.hidden === shown) node.hidden = !shown
}

/**
 * Bring the children of `parent` to one for each item, in this order. A child stays the same element as
 * long as its key is there, so that focus and selection survive.
 */
export function keyed(parent, items, keyOf, make, update) {
  const known = (parent.keyed ??= new Map())
  const kept = new Set()
  let place = parent.firstChild
  for (const item of items) {
    const key = keyOf(item)
    let child = known.get(key)
    const fresh = child === undefined
    if (fresh) known.set(key, (child = make(item)))
    kept.add(key)
    if (child !== place) parent.insertBefore(child, place)
    else place = child.nextSibling
    update(child, item, fresh)
  }
  for (const [key, child] of known) {
    if (!kept.has(key)) {
      known.delete(key)
      child.remove()
    }
  }
}
