import { readdir, stat } from 'node:fs/promises'
import { extname, join } from 'node:path'

const mostFiles = 1000
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

/** The files below a folder, by name, as `{ name, url, size, type }`. */
export async function listMedia(folder, prefix) {
  const names = await namesBelow(folder, '', deepest)
  names.sort(new Intl.Collator('en', { numeric: true }).compare)
  const files = await Promise.all(names.slice(0, mostFiles).map((name) => describe(name)))
  return files.filter((file) => file !== undefined)

  async function describe(name) {
    const stats = await stat(join(folder, name)).catch(() => undefined)
    if (!stats) return undefined // gone since it was listed
    const url = prefix + name.split('/').map(encodeURIComponent).join('/')
    const type = types[extname(name).toLowerCase()] ?? 'application/octet-stream'
    return { name, url, size: stats.size, type }
  }
}

// Links are left out: those that lead elsewhere are not served.
async function namesBelow(folder, path, levels) {
  const entries = await readdir(join(folder, path), { withFileTypes: true }).catch(() => [])
  const names = []
  for (const entry of entries) {
    if (names.length >= mostFiles) break
    if (entry.name.startsWith('.')) continue
    const name = path === '' ? entry.name : `${path}/${entry.name}`
    if (entry.isFile()) names.push(name)
    else if (entry.isDirectory() && levels > 0) {
      names.push(...(await namesBelow(folder, name, levels - 1)))
    }
  }
  return names
}
