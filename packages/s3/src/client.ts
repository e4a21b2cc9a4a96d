// The part of @aws-sdk/client-s3 that is used, by its structure: nothing of it is imported.

import { invalidArgument } from '@range-serve/core/sources'

/** The input of HeadObject and GetObject. */
export interface S3Input {
  readonly Bucket: string
  readonly Key: string
  readonly VersionId?: string | undefined
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

function sendsCommands(client: unknown): client is S3Client {
  const { send } = (client ?? {}) as { readonly send?: unknown }
  return typeof send === 'function'
}

function hasMethods(client: unknown): client is S3Facade {
  const { headObject, getObject } = (client ?? {}) as Partial<Record<keyof S3Facade, unknown>>
  return typeof headObject === 'function' && typeof getObject === 'function'
}

/**
 * A client of either kind as one that has methods.
 *
 * @throws TypeError `ERR_INVALID_ARGUMENT`
 */
export function toFacade(client: S3Facade | S3Client, commands: S3Commands | undefined): S3Facade {
  if (commands !== undefined && sendsCommands(client)) {
    const { HeadObjectCommand, GetObjectCommand } = commands
    if (typeof HeadObjectCommand === 'function' && typeof GetObjectCommand === 'function') {
      return {
        headObject: (input, options) => client.send(new HeadObjectCommand(input), options),
        getObject: (input, options) => client.send(new GetObjectCommand(input), options),
      }
    }
  }
  if (commands === undefined && hasMethods(client)) return client
  throw invalidArgument(
    'ERR_INVALID_ARGUMENT',
    'Cannot read from the client: give an S3 of @aws-sdk/client-s3, or an S3Client with commands: { HeadObjectCommand, GetObjectCommand }',
  )
}
