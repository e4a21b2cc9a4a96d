export type { S3Location, S3Options } from './from-s3.ts'
export { fromS3 } from './from-s3.ts'
export type { S3Client, S3Commands, S3Facade, S3Input, S3Output } from './client.ts'
