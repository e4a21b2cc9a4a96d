import { S3 } from '@aws-sdk/client-s3'
import { rangeServe } from '@range-serve/express'
import { fromS3 } from '@range-serve/s3'
import express from 'express'

const client = new S3({ region: 'eu-central-1' })

const app = express()
app.use(rangeServe())

app.get('/clips/:name', (req, res) => {
  const object = { client, Bucket: 'media', Key: `clips/${req.params.name}` }
  return res.sendRange(fromS3(object, { metadataTtl: 10_000 }), { maxAge: '1h' })
})

app.listen(3000)
