import { describe, expect, it } from 'vitest'
import { type OptionCall, validateOptionNames } from './option-names.ts'

const rows: [call: OptionCall, options: object, message: string][] = [
  ['sendRange', { maxage: '1d' }, 'sendRange has no option "maxage": write maxAge'],
  ['sendRange', { maxRange: 5 }, 'did you mean maxRanges?'],
  ['sendRange', { filenme: 'a' }, 'did you mean filename?'],
  ['sendRange', { index: 'a' }, 'it is an option of rangeStatic'],
  ['sendRange', { contentType: 'a/b' }, 'write type instead'],
  ['sendRange', { hidden: true }, "write dotfiles: 'allow' instead"],
  ['sendRange', { start: 5 }, 'write fromReader'],
  ['sendRange', { whatever: 1 }, 'it takes type, etag'],
  ['sendRange', { constructor: 1 }, 'no option "constructor"'],
  ['rangeServe', { type: 'a/b' }, 'it is an option of sendRange'],
  ['rangeServe', { onTranfer() {} }, 'did you mean onTransfer?'],
  ['rangeStatic', { indx: 'a' }, 'did you mean index?'],
  ['rangeStatic', { gzip: true }, 'write precompressed instead'],
  ['rangeStatic', { brotli: true }, 'write precompressed instead'],
  ['rangeServe', { gzip: true }, 'a compression middleware'],
  ['sendRange', { brotli: true }, 'a compression middleware'],
  ['rangeStatic', { root: '/' }, 'write the root as the first argument instead'],
  ['rangeStatic', { format: false }, 'write redirect instead'],
  ['rangeStatic', { defer: true }, 'the order of the middleware'],
  ['rangeStatic', { hidden: true }, "write dotfiles: 'allow' instead"],
  ['rangeStatic', { type: 'a/b' }, 'a Content-Type in setHeaders'],
  ['rangeStatic', { extension: 'html' }, 'did you mean extensions?'],
  ['rangeStatic', { redirects: false }, 'did you mean redirect?'],
  ['rangeStatic', { start: 5 }, 'write fromReader'],
  ['rangeStatic of a function', { index: 'a' }, 'it is an option of rangeStatic of a folder'],
  [
    'rangeStatic of a function',
    { precompressed: true },
    'it is an option of rangeStatic of a folder',
  ],
  ['rangeStatic of a function', { dotfiles: 'deny' }, 'it is an option of sendRange'],
  ['rangeStatic of Koa', { prefx: '/' }, 'did you mean prefix?'],
  ['rangeStatic of Koa', { gzip: true }, 'write precompressed instead'],
  ['rangeStatic of Koa and a function', { prefx: '/' }, 'did you mean prefix?'],
  [
    'rangeStatic of Koa and a function',
    { index: 'a' },
    'it is an option of rangeStatic of a folder',
  ],
  ['rangeStatic of a function', { gzip: true }, 'a compression middleware'],
  ['sendRange', { extensions: ['html'] }, 'it is an option of rangeStatic'],
  ['sendRange', { redirect: false }, 'it is an option of rangeStatic'],
  ['sendRange', { precompressed: true }, 'it is an option of rangeStatic'],
  ['rangeServe', { disposition: 'inline' }, 'it is an option of sendRange'],
  ['rangeStatic', { prefix: '/' }, 'it is an option of rangeStatic of Koa'],
]

describe('validateOptionNames', () => {
  it.each(rows)('%s(…, %o)', (call, options, message) => {
    expect(() => validateOptionNames(call, options)).toThrow(
      expect.objectContaining({
        name: 'TypeError',
        code: 'ERR_UNKNOWN_OPTION',
        message: expect.stringContaining(message),
      }),
    )
  })

  it('ignores an option that is undefined', () => {
    expect(() => validateOptionNames('sendRange', { maxage: undefined })).not.toThrow()
  })
})
