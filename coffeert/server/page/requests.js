// Requests to the server that has sent this page, which may lie under a path: addresses are relative.

const TIMEOUT = 10_000

/** Fetch JSON, or send `body` as JSON; throws an `Error`, with the `status` if it is the server's refusal. */
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
    const { status } = response
    throw Object.assign(new Error(answer?.detail ?? `The server answers with ${status}.`), { status })
  }
  return answer
}
