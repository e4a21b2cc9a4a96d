const units = ['kB', 'MB', 'GB', 'TB']

/** `2628361` as `2.63 MB`. */
export function formatBytes(bytes) {
  if (bytes < 1000) return `${bytes} B`
  const power = Math.min(Math.floor(Math.log10(bytes) / 3), units.length)
  const number = bytes / 1000 ** power
  return `${number.toFixed(number < 10 ? 2 : number < 100 ? 1 : 0)} ${units[power - 1]}`
}

/** `2628361` as `2,628,361`. */
export function formatPosition(position) {
  return position.toLocaleString('en')
}

/** `1234.5` milliseconds as `1.2 s`. */
export function formatTime(ms) {
  if (ms < 10) return `${ms.toFixed(1)} ms`
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`
}
