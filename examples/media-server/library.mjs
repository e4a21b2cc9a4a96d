import { readdir, stat } from 'node:fs/promises'
import { extname, join } from 'node:path'

const mostFiles = 1000
const mostCounted = 100_000
const deepest = 3

/** What browsers show by themselves; anything else is offered for download. */
const types = {
  '.aac': 'audio/aac',
  '.avif': 'image/avif',
  '.flac': 'audio/flac',
  '.gif': 'image/gif',
  '.jpeg': 'image/jpeg',
  '.jpg': 'image/jpeg',
  '.m4a': 'audio/mp4',
  '.m4v': 'video/mp4',
  '.mkv': 'video/x-matroska',
  '.mov': 'video/quicktime',
  '.mp3': 'audio/mpeg',
  '.mp4': 'video/mp4',
  '.oga': 'audio/ogg',
  '.ogg': 'audio/ogg',
  '.ogv': 'video/ogg',
  '.opus': 'audio/ogg',
  '.pdf': 'application/pdf',
  '.png': 'image/png',
  '.wav': 'audio/wav',
  '.webm': 'video/webm',
  '.webp': 'image/webp',
}

/**
 * What is below a folder: `{ folder, files, total, deeper }`. The files, by name, are
 * `{ name, url, size, type }`; `total` counts those that are not listed too, and `deeper` the folders
 * that were not looked into.
 */
export async function listMedia(folder, prefix) {
  const names = []
  const deeper = await search(folder, '', deepest, names)
  names.sort(new Intl.Collator('en', { numeric: true }).compare)
  const files = await Promise.all(names.slice(0, mostFiles).map((name) => describe(name)))
  return { folder, files: files.filter((file) => file !== undefined), total: names.length, deeper }

  async function describe(name) {
    const stats = await stat(join(folder, name)).catch(() => undefined)
    if (!stats) return undefined // gone since it was listed
    const url = prefix + name.split('/').map(encodeURIComponent).join('/')
    const type = types[extname(name).toLowerCase()] ?? 'application/octet-stream'
    return { name, url, size: stats.size, type }
  }
}

// Links are left out: those that lead elsewhere are not served.
async function search(folder, path, levels, names) {
  const entries = await readdir(join(folder, path), { withFileTypes: true }).catch(() => [])
  let deeper = 0
  for (const entry of entries) {
    if (names.length >= mostCounted) break
    if (entry.name.startsWith('.')) continue
    const name = path === '' ? entry.name : `${path}/${entry.name}`
    if (entry.isFile()) names.push(name)
    else if (entry.isDirectory()) {
      deeper += levels > 0 ? await search(folder, name, levels - 1, names) : 1
    }
  }
  return deeper
}
