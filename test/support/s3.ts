// Clients of the stores under test.

import { S3 } from '@aws-sdk/client-s3'
import type { Engine } from './engine.ts'

/** The options of a client for a store, through a port such as that of a proxy. */
export function clientOptions(engine: Engine, port: number = engine.port) {
  const { region, accessKeyId, secretAccessKey } = engine
  return {
    endpoint: `http://127.0.0.1:${port}`,
    region,
    credentials: { accessKeyId, secretAccessKey },
    forcePathStyle: true,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  } as const
}

export function connect(engine: Engine, port?: number): S3 {
  return new S3(clientOptions(engine, port))
}

/** Uploads an object in parts. */
export async function uploadInParts(
  client: S3,
  Bucket: string,
  Key: string,
  parts: readonly Buffer[],
): Promise<void> {
  const { UploadId } = await client.createMultipartUpload({ Bucket, Key })
  const Parts = []
  for (const [i, Body] of parts.entries()) {
    const PartNumber = i + 1
    const { ETag } = await client.uploadPart({ Bucket, Key, UploadId, PartNumber, Body })
    Parts.push({ PartNumber, ETag })
  }
  await client.completeMultipartUpload({ Bucket, Key, UploadId, MultipartUpload: { Parts } })
}
