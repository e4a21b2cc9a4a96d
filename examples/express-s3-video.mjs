// Videos in S3, or in a store that is compatible with it: a seek in the player is one request to the
// store, which reads only what is played.
//
//   AWS_REGION=eu-central-1 BUCKET=media node examples/express-s3-video.mjs
//   curl -r 1000-1999 http://localhost:3000/videos/clip.mp4
//
// Credentials come from where the SDK looks for them. ENDPOINT names another store, such as MinIO.

import { S3 } from '@aws-sdk/client-s3'
import { rangeServe, rangeStatic } from '@range-serve/express'
import { fromS3 } from '@range-serve/s3'
import express from 'express'

const { BUCKET: Bucket = 'media', ENDPOINT: endpoint } = process.env
const client = new S3({
  ...(endpoint && { endpoint, forcePathStyle: true }),
  // Some stores send the checksum of the whole object with a part of it.
  responseChecksumValidation: 'WHEN_REQUIRED',
})

const app = express()
app.use(rangeServe())

// For ten seconds a range costs one request. Each read names the version that it needs, so that no
// response is ever made of two.
const options = { metadataTtl: 10_000, forbiddenStatus: 404 }
const find = (Key) => (Key === '' ? undefined : fromS3({ client, Bucket, Key }, options))
app.use('/videos', rangeStatic(find, { maxAge: '1h' }))

const server = app.listen(process.env.PORT ?? 3000, '127.0.0.1', () => {
  console.log(`http://localhost:${server.address().port}/videos/clip.mp4`)
})
