// Requests to the server that has sent this page, which may lie under a path: addresses are relative.

const TIMEOUT = 10_000

/** A refusal, in the server's words. */
export class Refused extends Error {
  constructor(status, detail) {
    super(detail)
    this.status = status
  }
}

/** Fetch JSON, or send `body` as JSON; throws `Refused`, or an `Error` if there is no answer. */
export async function fetchJson(path, body) {
  const post = body !== undefined && {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  }
  let response
  try {
    const url = new URL(path, document.baseURI)
    response = await fetch(url, { ...post, signal: AbortSignal.timeout(TIMEOUT) })
  } catch {
    throw new Error('The server cannot be reached.')
  }
  const answer = await response.json().catch(() => null)
  if (!response.ok || answer === null) {
    throw new Refused(response.status, answer?.detail ?? `The server answers with ${response.status}.`)
  }
  return answer
}
