// Logging in with a token, or with the one-time link that a terminal shows as a QR code.

import { byId, setText, show } from './dom.js'
import { fetchJson } from './requests.js'

/** Use the code in the address, if there is one; return what went wrong, or an empty text. */
export async function useLink() {
  const code = new URLSearchParams(location.hash.slice(1)).get('code')
  if (code === null) return ''
  // It works once and is nobody's business: neither the history's nor a screenshot's.
  history.replaceState(null, '', location.pathname + location.search)
  try {
    await fetchJson('login', { code })
    return ''
  } catch (error) {
    const used = 'This link has been used, or is older than five minutes. Press Q in the terminal for a new one.'
    return error.status === 401 ? used : error.message
  }
}

/** The form; `onLogin` is called once the server has let us in. */
export class LoginForm {
  #form = byId('login')
  #token = byId('token')
  #error = byId('login-error')

  constructor(onLogin) {
    this.#form.addEventListener('submit', async event => {
      event.preventDefault()
      const button = this.#form.querySelector('button')
      button.disabled = true
      setText(this.#error, '')
      try {
        await fetchJson('login', { token: this.#token.value })
        this.#token.value = ''
        onLogin()
      } catch (error) {
        setText(this.#error, error.status === 401 ? 'This is not the token of the server.' : error.message)
      }
      button.disabled = false
    })
  }

  show(shown) {
    if (this.#form.hidden === shown && shown) queueMicrotask(() => this.#token.focus())
    show(this.#form, shown)
  }

  complain(text) {
    setText(this.#error, text)
  }
}

export const logOut = () => fetchJson('logout', {})
