import { ServerResponse } from 'node:http'
import { applyFields } from '@range-serve/core/adapter'

/** Whether a response can get the fields of a plan: a patched method may throw. */
export function takesFields(res: ServerResponse, plan: Parameters<typeof applyFields>[1]): boolean {
  const own = ServerResponse.prototype
  if (isSame(res, own, 'setHeader') && isSame(res, own, 'removeHeader')) return true
  try {
    // Koa itself sets a length with each body.
    applyFields(res, { ...plan, headers: { 'Content-Length': '0', ...plan.headers } })()
    return true
  } catch {
    return false
  }
}

function isSame(one: object, other: object, name: string): boolean {
  return Reflect.get(one, name) === Reflect.get(other, name)
}
