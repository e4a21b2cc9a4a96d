// HTTP-date, RFC 9110 §5.6.7: https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const month = `(${months.join('|')})`
const time = String.raw`(\d{2}):(\d{2}):(\d{2})`

const imfFixdate = new RegExp(
  String.raw`^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (\d{2}) ${month} (\d{4}) ${time} GMT$`,
)
const rfc850Date = new RegExp(
  String.raw`^(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, (\d{2})-${month}-(\d{2}) ${time} GMT$`,
)
const asctimeDate = new RegExp(
  String.raw`^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) ${month} (\d{2}| \d) ${time} (\d{4})$`,
)

/**
 * Parses an HTTP-date in any of its three forms: IMF-fixdate, and the obsolete RFC 850 and asctime.
 *
 * Returns `undefined` if the text has none of these forms or names a day or time that does not exist;
 * a condition that depends on it is then ignored (§13.1.3, §13.1.4).
 *
 * @param now milliseconds since the epoch: a two-digit year that appears to be more than 50 years
 *   after it is the most recent year in the past with the same digits
 */
export function parseHttpDate(text: string, now: number): Date | undefined {
  let match = imfFixdate.exec(text)
  if (match) {
    const [, day, monthName, year, ...clock] = match
    return toDate(Number(year), monthName, day, clock)
  }
  match = rfc850Date.exec(text)
  if (match) {
    const [, day, monthName, year, ...clock] = match
    const century = Math.floor(new Date(now).getUTCFullYear() / 100) * 100
    const date = toDate(century + Number(year), monthName, day, clock)
    const latest = new Date(now).setUTCFullYear(new Date(now).getUTCFullYear() + 50)
    if (!date || date.getTime() <= latest) return date
    return toDate(century - 100 + Number(year), monthName, day, clock)
  }
  match = asctimeDate.exec(text)
  if (match) {
    const [, monthName, day, hour, minute, second, year] = match
    return toDate(Number(year), monthName, day, [hour, minute, second])
  }
  return undefined
}

const formatted = new Map<number, string>()

/** Formats a date as an IMF-fixdate, the only form that may be generated; drops milliseconds. */
export function formatHttpDate(date: Date): string {
  // Formatting takes a microsecond, and a server sends the same few dates again and again.
  const key = date.getTime()
  let text = formatted.get(key)
  if (text === undefined) {
    text = date.toUTCString()
    if (formatted.size >= 1000) formatted.clear()
    formatted.set(key, text)
  }
  return text
}

function toDate(
  year: number,
  monthName: string | undefined,
  day: string | undefined,
  clock: (string | undefined)[],
): Date | undefined {
  const [hour = NaN, minute = NaN, second = NaN] = clock.map(Number)
  // A leap second is valid (§5.6.7) and has no number of its own in POSIX time.
  if (hour > 23 || minute > 59 || second > 60) return undefined
  const monthIndex = months.indexOf(monthName ?? '')
  const date = new Date(0)
  date.setUTCFullYear(year, monthIndex, Number(day))
  if (date.getUTCMonth() !== monthIndex) return undefined
  date.setUTCHours(hour, minute, second)
  return date
}
