// NestJS on Express: res.sendRange in a controller, and a StreamableFile, which the filter makes
// range-aware. npx esbuild nest.ts --bundle --packages=external --format=esm | node --input-type=module

import { createReadStream } from 'node:fs'
import path from 'node:path'
import { Controller, Get, Module, Param, Res, StreamableFile } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import type { Response } from 'express'
import { rangeServe } from '@range-serve/express'
import { media } from './media.mjs'

@Controller()
class MediaController {
  @Get('media/:name')
  async send(@Param('name') name: string, @Res() response: Response) {
    await response.sendRange(name, { root: media })
  }

  @Get('streams/:name')
  stream(@Param('name') name: string) {
    return new StreamableFile(createReadStream(path.join(media, path.basename(name))))
  }
}

@Module({ controllers: [MediaController] })
class AppModule {}

const app = await NestFactory.create(AppModule, { logger: false })
app.use(rangeServe())
await app.listen(Number(process.env['PORT'] ?? 3000))
console.log(`http://localhost:${app.getHttpServer().address().port}/media/dive.webm`)
