// Clips in which each picture shows its second: six squares, highest bit first, white for 1. The
// noise around them makes the files too large for the kernel to buffer.

import path from 'node:path'
import { run } from './run.ts'

export const seconds = 48

const bits = [5, 4, 3, 2, 1, 0]
export const width = 256
const left = (bit: number) => 8 + 40 * (5 - bit)

const squares = bits.map((bit) => {
  const square = `drawbox=x=${left(bit)}:y=8:w=32:h=32:t=fill`
  return `${square}:color=black,${square}:color=white:enable='mod(floor(t/${2 ** bit}),2)'`
})
const picture = `color=gray:size=${width}x192:rate=5,noise=alls=60:allf=t,${squares.join()}`

const codecs: Record<string, readonly [source: string, codec: string]> = {
  // The index, the moov box, comes last, as it does by default.
  'clip.mp4': [picture, '-pix_fmt yuv420p -c:v libx264 -preset ultrafast -g 5 -crf 10'],
  'clip.webm': [
    picture,
    '-pix_fmt yuv420p -c:v libvpx -deadline realtime -cpu-used 16 -g 5 -b:v 2M',
  ],
  'noise.mp3': ['anoisesrc=amplitude=0.1', '-c:a libmp3lame -b:a 320k'],
  'noise.wav': ['anoisesrc=amplitude=0.1', '-c:a pcm_f32le -ar 48000 -ac 2'],
}

/** Makes all of them. */
export async function makeMedia(ffmpeg: string, folder: string): Promise<void> {
  for (const [name, [source, codec]] of Object.entries(codecs)) {
    const options = `-v error -y -t ${seconds} ${codec}`.split(' ')
    const args = ['-f', 'lavfi', '-i', source, ...options, path.join(folder, name)]
    const { code, stderr } = await run(ffmpeg, args)
    if (code !== 0) throw new Error(`${name} could not be made: ${stderr}`)
  }
}

/** The line of a picture that goes through the middle of the squares. */
export const line = 24

/** The second that a picture shows, by the brightness of the pixels in that line. */
export function secondOf(brightness: ArrayLike<number>): number {
  return bits.reduce((sum, bit) => sum + (brightness[left(bit) + 16]! > 128 ? 2 ** bit : 0), 0)
}
