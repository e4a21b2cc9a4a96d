// RFC 9110 §5.6.7.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatHttpDate, parseHttpDate } from './http-date.ts'

const now = Date.UTC(2026, 10, 23, 12, 0, 0)

const valid: [text: string, iso: string][] = [
  ['Sun, 06 Nov 1994 08:49:37 GMT', '1994-11-06T08:49:37Z'], // IMF-fixdate
  ['Sunday, 06-Nov-94 08:49:37 GMT', '1994-11-06T08:49:37Z'], // obsolete RFC 850
  ['Sun Nov  6 08:49:37 1994', '1994-11-06T08:49:37Z'], // asctime, the day padded by a space
  ['Wed Nov 16 08:49:37 1994', '1994-11-16T08:49:37Z'], // asctime, a day of two digits
  ['Thu, 01 Jan 1970 00:00:00 GMT', '1970-01-01T00:00:00Z'],
  ['Tue, 29 Feb 2000 23:59:59 GMT', '2000-02-29T23:59:59Z'], // divisible by 400
  ['Sat, 31 Dec 2016 23:59:60 GMT', '2017-01-01T00:00:00Z'], // the grammar allows a leap second
  ['Sat, 01 Jan 0050 00:00:00 GMT', '0050-01-01T00:00:00Z'], // four digits are not expanded
  ['Fri, 31 Dec 9999 23:59:59 GMT', '9999-12-31T23:59:59Z'],
]

const invalid: [text: string, why: string][] = [
  ['', 'empty'],
  ['0', 'a number'],
  ['1994-11-06T08:49:37Z', 'ISO 8601'],
  ['Sun, 06 Nov 1994 08:49:37', 'the zone is missing'],
  ['Sun, 06 Nov 1994 08:49:37 UTC', 'the zone must be GMT'],
  ['Sun, 06 Nov 1994 08:49:37 +0000', 'the zone must be GMT'],
  ['sun, 06 nov 1994 08:49:37 gmt', 'the grammar is case-sensitive'],
  ['Sun, 6 Nov 1994 08:49:37 GMT', 'the day has two digits'],
  ['Sun, 06 Nov 94 08:49:37 GMT', 'the year has four digits'],
  ['Sun, 06-Nov-1994 08:49:37 GMT', 'two forms mixed'],
  ['Sunday, 06 Nov 1994 08:49:37 GMT', 'two forms mixed'],
  ['Sun,  06 Nov 1994 08:49:37 GMT', 'two spaces'],
  [' Sun, 06 Nov 1994 08:49:37 GMT', 'leading white space'],
  ['Sun, 06 Nov 1994 08:49:37 GMT ', 'trailing white space'],
  ['Sun, 06 Nov 1994 08:49:37 GMT\n', 'trailing white space'],
  ['Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT', 'two dates'],
  ['Wed, 00 Nov 1994 08:49:37 GMT', 'there is no day 0'],
  ['Wed, 30 Feb 1994 08:49:37 GMT', 'there is no 30 February'],
  ['Thu, 29 Feb 1900 08:49:37 GMT', '1900 was not a leap year'],
  ['Thu, 31 Nov 1994 08:49:37 GMT', 'November has 30 days'],
  ['Sun, 06 Noc 1994 08:49:37 GMT', 'there is no such month'],
  ['Sun, 06 Nov 1994 24:00:00 GMT', 'there is no hour 24'],
  ['Sun, 06 Nov 1994 08:60:00 GMT', 'there is no minute 60'],
  ['Sun, 06 Nov 1994 08:49:61 GMT', 'there is no second 61'],
  ['Sun, 06 Nov 1994 8:49:37 GMT', 'the hour has two digits'],
  ['Xyz, 06 Nov 1994 08:49:37 GMT', 'there is no such day of the week'],
  ['Sun Nov 6 08:49:37 1994', 'asctime pads the day with a space'],
  ['"Sun, 06 Nov 1994 08:49:37 GMT"', 'quoted'],
]

describe('parseHttpDate', () => {
  it.each(valid)('parses %j as %s', (text, iso) => {
    expect(parseHttpDate(text, now)?.getTime()).toBe(Date.parse(iso))
  })

  it.each(invalid)('rejects %j: %s', (text) => {
    expect(parseHttpDate(text, now)).toBeUndefined()
  })

  // §5.6.7: a date more than 50 years in the future is in the most recent year in the past.
  it.each<[text: string, now: string, year: number]>([
    ['Sunday, 06-Nov-94 08:49:37 GMT', '2026-11-23', 1994],
    ['Monday, 23-Nov-76 00:00:00 GMT', '2026-11-23', 2076], // 50 years to the day
    ['Tuesday, 24-Nov-76 00:00:00 GMT', '2026-11-23', 1976], // one day more
    ['Tuesday, 01-Jan-77 00:00:00 GMT', '2026-11-23', 1977],
    ['Monday, 23-Nov-26 00:00:00 GMT', '2026-11-23', 2026],
    ['Tuesday, 23-Nov-27 00:00:00 GMT', '2026-11-23', 2027],
    ['Friday, 31-Dec-99 23:59:59 GMT', '2000-01-01', 1999],
    ['Saturday, 01-Jan-00 00:00:00 GMT', '2000-01-01', 2000],
    ['Saturday, 29-Feb-96 00:00:00 GMT', '2026-11-23', 1996],
  ])('parses the year of %j on %s as %i', (text, today, year) => {
    expect(parseHttpDate(text, Date.parse(today))?.getUTCFullYear()).toBe(year)
  })

  it('places a two-digit year between 100 years ago and 50 years ahead', () => {
    fc.assert(
      fc.property(dates(1970, 2200), fc.integer({ min: 0, max: 99 }), (today, year) => {
        const text = `Monday, 15-Jun-${pad(year)} 00:00:00 GMT`
        const date = parseHttpDate(text, today.getTime())
        expect(date).toBeDefined()
        expect(date!.getUTCFullYear() % 100).toBe(year)
        expect(date!.getTime()).toBeLessThanOrEqual(yearsFrom(today, 50))
        expect(date!.getTime()).toBeGreaterThanOrEqual(yearsFrom(today, -100))
      }),
      { numRuns: 5_000 },
    )
  })

  it('parses what formatHttpDate writes, to the second', () => {
    fc.assert(
      fc.property(dates(0, 9999), (date) => {
        expect(parseHttpDate(formatHttpDate(date), now)?.getTime()).toBe(wholeSecond(date))
      }),
      { numRuns: 5_000 },
    )
  })

  it('parses the same moment from all three forms', () => {
    fc.assert(
      fc.property(dates(1977, 2075), (date) => {
        for (const text of [imfFixdate(date), rfc850(date), asctime(date)]) {
          expect(parseHttpDate(text, now)?.getTime()).toBe(wholeSecond(date))
        }
      }),
      { numRuns: 5_000 },
    )
  })

  it('never throws, and returns valid dates only', () => {
    fc.assert(
      fc.property(dateLike(), (text) => {
        const date = parseHttpDate(text, now)
        if (date) expect(date.getTime()).not.toBeNaN()
      }),
      { numRuns: 10_000 },
    )
  })

  it.each([
    ['spaces', ' '.repeat(100_000)],
    ['digits', '1'.repeat(100_000)],
    ['days', 'Sun, '.repeat(20_000)],
    ['a date and spaces', `Sun, 06 Nov 1994 08:49:37 GMT${' '.repeat(100_000)}`],
  ])('rejects 100 KB of %s', (_, text) => {
    expect(parseHttpDate(text, now)).toBeUndefined()
  })
})

describe('formatHttpDate', () => {
  it('writes an IMF-fixdate', () => {
    expect(formatHttpDate(new Date('1994-11-06T08:49:37Z'))).toBe('Sun, 06 Nov 1994 08:49:37 GMT')
  })

  it('rounds down to the second', () => {
    const date = new Date('1994-11-06T08:49:37.999Z')
    expect(formatHttpDate(date)).toBe('Sun, 06 Nov 1994 08:49:37 GMT')
  })

  it('follows the grammar for every date', () => {
    fc.assert(
      fc.property(dates(0, 9999), (date) => {
        expect(formatHttpDate(date)).toBe(imfFixdate(date))
      }),
      { numRuns: 5_000 },
    )
  })
})

const weekdays = ['Sun', 'Mon', 'Tues', 'Wednes', 'Thurs', 'Fri', 'Satur']
const months = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ')

function imfFixdate(date: Date): string {
  const { weekday, day, month, year, time } = partsOf(date)
  return `${weekday.slice(0, 3)}, ${pad(day)} ${month} ${String(year).padStart(4, '0')} ${time} GMT`
}

function rfc850(date: Date): string {
  const { weekday, day, month, year, time } = partsOf(date)
  return `${weekday}day, ${pad(day)}-${month}-${pad(year % 100)} ${time} GMT`
}

function asctime(date: Date): string {
  const { weekday, day, month, year, time } = partsOf(date)
  return `${weekday.slice(0, 3)} ${month} ${String(day).padStart(2, ' ')} ${time} ${year}`
}

function partsOf(date: Date) {
  return {
    weekday: weekdays[date.getUTCDay()]!,
    day: date.getUTCDate(),
    month: months[date.getUTCMonth()]!,
    year: date.getUTCFullYear(),
    time: [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()].map(pad).join(':'),
  }
}

function pad(number: number): string {
  return String(number).padStart(2, '0')
}

function dates(fromYear: number, toYear: number): fc.Arbitrary<Date> {
  const min = new Date(0)
  min.setUTCFullYear(fromYear, 0, 1)
  const max = new Date(Date.UTC(2000, 11, 31, 23, 59, 59, 999))
  max.setUTCFullYear(toYear)
  return fc.date({ min, max, noInvalidDate: true })
}

function wholeSecond(date: Date): number {
  return Math.floor(date.getTime() / 1000) * 1000
}

function yearsFrom(date: Date, years: number): number {
  return new Date(date).setUTCFullYear(date.getUTCFullYear() + years)
}

function dateLike(): fc.Arbitrary<string> {
  const word = fc.constantFrom(
    'Sun',
    'Sunday',
    ',',
    ' ',
    '-',
    'Nov',
    'Feb',
    '06',
    '30',
    '00',
    '99',
    '1994',
    ':',
    'GMT',
    '08:49:37',
    '24:60:61',
  )
  const scrambled = fc.array(word, { maxLength: 16 }).map((words) => words.join(''))
  const twoDigits = fc.integer({ min: 0, max: 99 }).map(pad)
  const shaped = fc
    .tuple(twoDigits, fc.constantFrom(...months), twoDigits, twoDigits, twoDigits, twoDigits)
    .chain(([day, month, year, hour, minute, second]) =>
      fc.constantFrom(
        `Sun, ${day} ${month} ${year}${year} ${hour}:${minute}:${second} GMT`,
        `Sunday, ${day}-${month}-${year} ${hour}:${minute}:${second} GMT`,
        `Sun ${month} ${day} ${hour}:${minute}:${second} ${year}${year}`,
      ),
    )
  return fc.oneof(shaped, scrambled, fc.string({ unit: 'binary' }))
}
