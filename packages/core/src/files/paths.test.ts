import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isInside } from './confinement.ts'
import { decodePath, normalizePath, resolveInside } from './paths.ts'

const root = '/srv/media'
const outside = { status: 404, code: 'ERR_OUTSIDE_ROOT' }
const dotfile = { status: 404, code: 'ERR_DOTFILE' }
const folder = { status: 404, code: 'ERR_NOT_A_FILE' }
const badPath = { status: 400, code: 'ERR_BAD_PATH' }

describe('resolveInside', () => {
  it.each([
    ['clip.mp4', '/srv/media/clip.mp4'],
    ['/clip.mp4', '/srv/media/clip.mp4'], // a leading slash has no effect
    ['//clip.mp4', '/srv/media/clip.mp4'],
    ['a/b/c.mp4', '/srv/media/a/b/c.mp4'],
    ['a//b/./c.mp4', '/srv/media/a/b/c.mp4'],
    ['./clip.mp4', '/srv/media/clip.mp4'],
    ['/srv/media/clip.mp4', '/srv/media/srv/media/clip.mp4'],
    ['/etc/passwd', '/srv/media/etc/passwd'],
    ['a/../b.mp4', '/srv/media/b.mp4'], // RFC 3986 §5.2.4
    ['/a/b/../../c', '/srv/media/c'],
    ['a/./../b', '/srv/media/b'],
    ['a//..//b', '/srv/media/b'],
    ['a/b/..', '/srv/media/a'],
    ['a/..', '/srv/media'], // a folder, which has no content
    ['a\\..\\b', '/srv/media/a\\..\\b'], // a name, unless the system separates with it
    ['a..b', '/srv/media/a..b'], // two dots in a name are a name
    ['a..', '/srv/media/a..'],
    ['%2e%2e/secret', '/srv/media/%2e%2e/secret'], // decoded already: a % is a %
    ['a b', '/srv/media/a b'],
    ['\u65e5\u672c', '/srv/media/\u65e5\u672c'],
  ])('makes %j %j', async (filePath, expected) => {
    expect(await resolveInside(root, filePath, {})).toBe(expected)
  })

  it.each<[filePath: string, expected: object]>([
    ['..', outside],
    ['../secret', outside],
    ['/../secret', outside],
    ['a/../../secret', outside],
    ['../media/clip.mp4', outside],
    ['a/../../media/clip.mp4', outside], // not even to come back
    ['a/../../b', outside],
    ['./../b', outside],
    ['//../b', outside],
    ['a/../..', outside],
    ['../media-secret', outside],
    ['a/../../../../../../etc/passwd', outside],
    ['.//..//secret', outside],
    ['.env', dotfile],
    ['/.env', dotfile],
    ['.git/config', dotfile],
    ['a/.b/c', dotfile],
    ['.git/../b', dotfile],
    ['a/../.env', dotfile],
    ['...', dotfile],
    ['', folder],
    ['/', folder],
    ['a.txt/', folder],
    ['a\0', badPath],
    ['\0', badPath],
    ['../\0', badPath],
  ])('refuses %j', async (filePath, expected) => {
    await expect(resolveInside(root, filePath, {})).rejects.toMatchObject({
      ...expected,
      path: filePath,
    })
  })

  it('denies or allows dotfiles, by the option', async () => {
    await expect(resolveInside(root, '.env', { dotfiles: 'deny' })).rejects.toMatchObject({
      status: 403,
      code: 'ERR_DOTFILE',
    })
    await expect(resolveInside(root, '.env', { dotfiles: 'ignore' })).rejects.toMatchObject(dotfile)
    expect(await resolveInside(root, 'a/.env', { dotfiles: 'allow' })).toBe('/srv/media/a/.env')
    await expect(resolveInside(root, '../.env', { dotfiles: 'allow' })).rejects.toMatchObject(
      outside,
    )
  })

  it('ignores dots in the root itself', async () => {
    expect(await resolveInside('/home/me/.media', 'a', {})).toBe('/home/me/.media/a')
    expect(await resolveInside('/', 'etc/passwd', {})).toBe('/etc/passwd')
  })

  it('never leaves the root, whatever the path consists of', async () => {
    const word = fc.constantFrom(
      '..',
      '.',
      '/',
      '//',
      'a',
      '%2e',
      '%2f',
      '\\',
      '\0',
      '...',
      ' ',
      '\u2025',
    )
    const pathLike = fc.array(word, { maxLength: 10 }).map((words) => words.join(''))
    const dotfiles = fc.constantFrom<'allow' | 'deny' | 'ignore'>('allow', 'deny', 'ignore')
    let resolvedCount = 0
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(pathLike, fc.string({ unit: 'binary' })),
        dotfiles,
        async (filePath, how) => {
          const outcome = await resolveInside(root, filePath, { dotfiles: how }).catch(
            (error: { status: number }) => error.status,
          )
          if (typeof outcome === 'number') {
            expect([400, 403, 404]).toContain(outcome)
            return
          }
          resolvedCount++
          expect(isInside(outcome, root)).toBe(true)
          expect(outcome.split('/')).not.toContain('..')
          expect(outcome).not.toContain('\0')
        },
      ),
      { numRuns: 3_000 },
    )
    expect(resolvedCount).toBeGreaterThan(300)
  })
})

describe('normalizePath', () => {
  it.each([
    ['/clip.mp4', 'clip.mp4'],
    ['clip.mp4', 'clip.mp4'],
    ['//etc/passwd', 'etc/passwd'], // never absolute
    ['/a//b', 'a/b'],
    ['/a/../b', 'b'],
    ['/a/./b', 'a/b'],
    ['/a/', 'a/'],
    ['/a/b/..', 'a/'],
    ['/a/.', 'a/'],
    ['/a/..', ''],
    ['/', ''],
    ['', ''],
    ['/.env', '.env'],
    ['/...', '...'],
  ])('makes %j %j', (given, expected) => {
    expect(normalizePath(given)).toBe(expected)
  })

  it.each<[given: string, expected: object]>([
    ['/..', outside],
    ['/../a', outside],
    ['/a/../../mount/b', outside],
    ['/a\0', badPath],
  ])('refuses %j', (given, expected) => {
    expect(() => normalizePath(given)).toThrow(expect.objectContaining(expected))
  })
})

describe('decodePath', () => {
  it.each([
    ['/clip.mp4', '/clip.mp4'],
    ['/clip.mp4?t=5', '/clip.mp4'],
    ['/clip.mp4?a=/../b?c', '/clip.mp4'],
    ['/clip.mp4#t=5', '/clip.mp4'],
    ['/a%20b', '/a b'],
    ['/a+b', '/a+b'], // a plus is a plus in a path
    ['/%E6%97%A5', '/\u65e5'],
    ['/%e6%97%a5', '/\u65e5'],
    ['/%3F%23', '/?#'], // in the name, not at its end
    ['/%2e%2e/secret', '/../secret'],
    ['/%252e%252e/secret', '/%2e%2e/secret'], // once, and not again
    ['/a%2Fb', '/a/b'],
    ['/a%00', '/a\0'],
    ['', '/'], // RFC 9110 §4.2.3
    ['?a', '/'],
    ['http://host/clip.mp4', '/clip.mp4'], // RFC 9112 §3.2.2
    ['HTTPS://user@[::1]:8080/a%20b?c=http://d/e', '/a b'],
    ['http://host', '/'],
    ['http://host?a=/b', '/'],
    ['http://host/http://host/a', '/http://host/a'],
    ['/http://host/a', '/http://host/a'], // a path, whatever follows
    ['//host/clip.mp4', '//host/clip.mp4'],
    ['http://host/../secret', '/../secret'],
    ['file:///etc/passwd', 'file:///etc/passwd'], // not a target of an HTTP request
  ])('makes %j %j', (target, expected) => {
    expect(decodePath(target)).toBe(expected)
  })

  it.each(['/%', '/%2', '/%zz', '/%ff', '/%c0%ae%c0%ae/secret', '/%ed%a0%80', '/%E6%97'])(
    'rejects %j, which is not percent-encoded UTF-8',
    (target) => {
      expect(() => decodePath(target)).toThrow(expect.objectContaining(badPath))
    },
  )

  it.each([
    '%2e%2e/secret',
    '/%2e%2e/secret',
    '/..%2fsecret',
    '/a/%2E./%2e%2e/secret',
    '/%2e%2e%2f%2e%2e%2fsecret',
  ])('keeps %j inside the root', async (target) => {
    await expect(resolveInside(root, decodePath(target), {})).rejects.toMatchObject(outside)
  })

  it('decodes what encodeURIComponent wrote', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(decodePath(`/${encodeURIComponent(text)}`)).toBe(`/${text}`)
      }),
      { numRuns: 2_000 },
    )
  })

  it('throws only a 400', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string(), (a, b) => {
        try {
          decodePath(`${a}%${b}`)
        } catch (error) {
          expect(error).toMatchObject(badPath)
        }
      }),
      { numRuns: 2_000 },
    )
  })
})
