// Files in PostgreSQL, as rows of 256 KiB: a range reads the rows that it touches, each by one index
// look-up. The version is part of the key, so that an upload disturbs no download: no transaction is
// held open while a slow client reads.
//
//   DATABASE_URL=postgres://user@localhost/files node examples/postgres-chunks.mjs
//   curl -T clip.mp4 -H 'Content-Type: video/mp4' http://localhost:3000/files/clip.mp4
//   curl -r 1000-1999 http://localhost:3000/files/clip.mp4

import { rangeServe } from '@range-serve/express'
import express from 'express'
import pg from 'pg'

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL })
await pool.query(`
  create sequence if not exists file_versions;
  create table if not exists files (
    name text primary key, version bigint not null, length bigint not null, type text,
    modified timestamptz not null default now());
  create table if not exists file_chunks (
    version bigint, n int, data bytea not null, primary key (version, n));
  -- Compressed values would have to be decompressed from their beginning for each slice.
  alter table file_chunks alter column data set storage external`)

const chunkSize = 256 * 1024

/** Makes a source of a file as it is now; `undefined` if there is none. */
async function fromPostgres(name) {
  const { rows } = await pool.query('select * from files where name = $1', [name])
  const [file] = rows
  if (!file) return undefined
  return {
    length: Number(file.length),
    type: file.type ?? 'application/octet-stream',
    etag: `"${file.version}"`,
    lastModified: file.modified,
    read: (range, { signal }) => readChunks(file, range, signal),
    // If the version is gone before anything was sent, the response is that of the next.
    reopen: () => fromPostgres(name),
  }
}

async function* readChunks({ version }, { firstPos, lastPos }, signal) {
  for (let position = firstPos; position <= lastPos;) {
    signal.throwIfAborted()
    const n = Math.floor(position / chunkSize)
    const from = position - n * chunkSize
    const length = Math.min(chunkSize - from, lastPos + 1 - position)
    // As text, the default: { binary: true } of pg garbles bytea.
    const { rows } = await pool.query({
      name: 'chunk',
      text: 'select substring(data from $3::int for $4::int) as data from file_chunks where version = $1 and n = $2',
      values: [version, n, from + 1, length],
    })
    if (rows[0]?.data.length !== length) {
      const gone = new Error(`Version ${version} is gone`)
      throw Object.assign(gone, { code: 'ERR_SOURCE_CHANGED', status: 503 })
    }
    yield rows[0].data
    position += length
  }
}

/** Stores an upload as a new version. */
async function store(name, type, body) {
  const { rows } = await pool.query("select nextval('file_versions') as version")
  const [{ version }] = rows
  const insert = { name: 'insert', text: 'insert into file_chunks values ($1, $2, $3)' }
  let length = 0
  for await (const data of inChunks(body)) {
    await pool.query({ ...insert, values: [version, Math.floor(length / chunkSize), data] })
    length += data.length
  }
  const { rows: before } = await pool.query('select version from files where name = $1', [name])
  await pool.query(
    `insert into files values ($1, $2, $3, $4) on conflict (name)
     do update set version = $2, length = $3, type = $4, modified = now()`,
    [name, version, length, type],
  )
  // Downloads of the version before end here. A server with long downloads deletes it hours later.
  for (const old of before) {
    await pool.query('delete from file_chunks where version = $1', [old.version])
  }
}

async function* inChunks(body) {
  let held = []
  let size = 0
  for await (const piece of body) {
    held.push(piece)
    size += piece.length
    while (size >= chunkSize) {
      const all = Buffer.concat(held)
      yield all.subarray(0, chunkSize)
      held = [all.subarray(chunkSize)]
      size -= chunkSize
    }
  }
  if (size > 0) yield Buffer.concat(held)
}

const app = express()
app.use(rangeServe())

app.put('/files/:name', async (req, res) => {
  await store(req.params.name, req.get('Content-Type'), req)
  res.status(204).end()
})
app.get('/files/:name', async (req, res, next) => {
  const source = await fromPostgres(req.params.name)
  if (source) await res.sendRange(source)
  else next()
})

const server = app.listen(process.env.PORT ?? 3000, '127.0.0.1', () => {
  console.log(`http://localhost:${server.address().port}/files/`)
})
