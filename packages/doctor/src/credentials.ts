/** A URL without its user and password, and the field that carries them instead. */
export function takeCredentials(given: string | URL): {
  readonly url: URL
  readonly headers: readonly (readonly [name: string, value: string])[]
} {
  const url = new URL(given)
  const { username, password } = url
  if (username === '' && password === '') return { url, headers: [] }
  url.username = ''
  url.password = ''
  const text = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  return { url, headers: [['Authorization', `Basic ${Buffer.from(text).toString('base64')}`]] }
}
