// The way to what is checked: redirects, and the first full response.

import { CannotCheck } from './cannot-check.ts'
import { type Budget, type ClientOptions, Http1Client } from './client.ts'
import { field, type Reply } from './reply.ts'

const maxRedirects = 5

/** A redirect that was followed. */
export interface Redirect {
  readonly status: number
  readonly to: string
}

export interface Reached {
  readonly url: URL
  readonly redirects: readonly Redirect[]
  readonly client: Http1Client
  /** The options with the fields that this URL may get. */
  readonly options: ClientOptions
  /** The response with status 200. */
  readonly first: Reply
}

/** Requests a URL and follows its redirects. Throws `CannotCheck` unless they lead to a 200. */
export async function follow(start: URL, given: ClientOptions, budget: Budget): Promise<Reached> {
  const redirects: Redirect[] = []
  let url = start
  let options = given
  for (;;) {
    const client = new Http1Client(url, options, budget)
    let isReached = false
    try {
      const first = await client.send({})
      if (first.status === 200 && first.fault === undefined) {
        isReached = true
        return { url, redirects, client, options, first }
      }
      const next = locationOf(first, url)
      if (!next) throw new CannotCheck(reasonOf(first))
      if (redirects.length === maxRedirects) {
        throw new CannotCheck(`redirects more than ${maxRedirects} times`)
      }
      redirects.push({ status: first.status, to: next.href })
      // Another origin gets no cookies or credentials.
      if (next.origin !== url.origin) options = { ...options, headers: [] }
      url = next
    } finally {
      if (!isReached) client.close()
    }
  }
}

function locationOf(reply: Reply, base: URL): URL | undefined {
  const location = field(reply, 'Location')
  if (![301, 302, 303, 307, 308].includes(reply.status) || location === undefined) return undefined
  const url = URL.canParse(location, base.href) ? new URL(location, base) : undefined
  return url && /^https?:$/.test(url.protocol) ? url : undefined
}

function reasonOf({ status, fault }: Reply): string {
  if (status === 200) return `sends a response that ${fault}`
  const hints: Readonly<Record<number, string>> = {
    401: ': give credentials with --header',
    403: ': give a cookie or credentials with --header',
    404: ': check the path',
  }
  return `responds ${status} instead of 200${hints[status] ?? ''}`
}
