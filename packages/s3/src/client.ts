// The part of @aws-sdk/client-s3 that is used, by its structure: nothing of it is imported.

import { invalidArgument } from '@range-serve/core/sources'

/** The input of HeadObject and GetObject. */
export interface S3Input {
  readonly Bucket: string
  readonly Key: string
  readonly VersionId?: string
  readonly Range?: string
  readonly IfMatch?: string
}

/** The part of their output that is read. */
export interface S3Output {
  readonly Body?: unknown
  readonly ContentLength?: number | undefined
  readonly ContentRange?: string | undefined
  readonly ContentType?: string | undefined
  readonly ContentEncoding?: string | undefined
  readonly CacheControl?: string | undefined
  readonly ETag?: string | undefined
  readonly LastModified?: Date | undefined
  readonly VersionId?: string | undefined
}

interface SendOptions {
  readonly abortSignal: AbortSignal
}

/** The client `S3` of the SDK, which has a method for each command. */
export interface S3Facade {
  headObject(input: S3Input, options: SendOptions): Promise<S3Output>
  getObject(input: S3Input, options: SendOptions): Promise<S3Output>
}

/** The client `S3Client` of the SDK, which sends commands. */
export interface S3Client {
  // The commands of a client are classes of its own, unknown here.
  // oxlint-disable-next-line typescript/no-explicit-any
  send(command: any, options: SendOptions): Promise<any>
}

/** The commands that an `S3Client` needs. */
export interface S3Commands {
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly HeadObjectCommand: new (input: any) => object
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly GetObjectCommand: new (input: any) => object
}

/**
 * A client of either kind as one that has methods.
 *
 * @throws TypeError `ERR_INVALID_ARGUMENT`
 */
export function toFacade(client: S3Facade | S3Client, commands: S3Commands | undefined): S3Facade {
  const sender = (client ?? {}) as S3Client
  if (commands !== undefined && typeof sender.send === 'function') {
    const { HeadObjectCommand, GetObjectCommand } = commands
    if (typeof HeadObjectCommand === 'function' && typeof GetObjectCommand === 'function') {
      return {
        headObject: (input, options) => sender.send(new HeadObjectCommand(input), options),
        getObject: (input, options) => sender.send(new GetObjectCommand(input), options),
      }
    }
  }
  const { headObject, getObject } = (client ?? {}) as Partial<S3Facade>
  if (
    commands === undefined &&
    typeof headObject === 'function' &&
    typeof getObject === 'function'
  ) {
    return client as S3Facade
  }
  throw invalidArgument(
    'ERR_INVALID_ARGUMENT',
    'Cannot read from the client: give an S3 of @aws-sdk/client-s3, or an S3Client with commands: { HeadObjectCommand, GetObjectCommand }',
  )
}
