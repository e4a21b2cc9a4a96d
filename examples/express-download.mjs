// A download that is made in memory and can resume: the filter adds ranges and a strong entity-tag.
//
//   node examples/express-download.mjs
//   curl -O -C - http://localhost:3000/report.csv      (after Ctrl-C, repeat it: it resumes)

import { rangeServe } from '@range-serve/express'
import express from 'express'

const rows = Array.from({ length: 200_000 }, (_, i) => `${i},${(i * i) % 997}`)
const report = Buffer.from(`n,n² mod 997\n${rows.join('\n')}\n`)

const app = express()
app.use(rangeServe())

app.get('/report.csv', (req, res) => {
  res.type('csv').attachment('report.csv').send(report)
})

const server = app.listen(process.env.PORT ?? 3000, '127.0.0.1', () => {
  console.log(`http://localhost:${server.address().port}/report.csv`)
})
