// A PDF, page by page: pdf.js requests the bytes of the page that is shown, and no others.

const chunkSize = 65_536

export class Pages {
  element = document.getElementById('pages').content.firstElementChild.cloneNode(true)
  #task
  #document
  #number = 1
  #drawing
  #fail

  /**
   * @param {{ url: string, size: number }} file
   * @param {(error: Error) => void} fail called if it cannot be shown
   */
  constructor({ url, size }, fail) {
    this.#fail = fail
    const { element } = this
    element.addEventListener('click', ({ target }) => {
      if (target.dataset.turn) this.#turn(this.#number + Number(target.dataset.turn))
    })
    element.querySelector('input').addEventListener('change', ({ target }) => {
      this.#turn(Math.round(Number(target.value)))
    })
    this.#open(url, size).catch(fail)
  }

  close() {
    this.#drawing?.cancel()
    this.#task?.destroy()
    this.#task = null
  }

  async #open(url, size) {
    const pdfjs = await import('../pdfjs/pdf.min.mjs')
    pdfjs.GlobalWorkerOptions.workerSrc = '/pdfjs/pdf.worker.min.mjs'
    if (this.#task === null) return // closed meanwhile
    // The size is known: with a URL alone, pdf.js would first request all of the file to learn it.
    const range = new pdfjs.PDFDataRangeTransport(size, null)
    range.requestDataRange = (start, end) => {
      fetchRange(url, start, end - 1).then(
        (bytes) => range.onDataRange(start, bytes),
        (error) => this.#task && this.#fail(error),
      )
    }
    this.#task = pdfjs.getDocument({
      range,
      rangeChunkSize: chunkSize,
      disableAutoFetch: true,
      disableStream: true,
    })
    this.#document = await this.#task.promise
    this.element.querySelector('span').textContent = this.#document.numPages
    this.element.querySelector('input').max = this.#document.numPages
    await this.#draw()
  }

  #turn(number) {
    const { numPages = 0 } = this.#document ?? {}
    if (number >= 1 && number <= numPages) this.#number = number
    this.element.querySelector('input').value = this.#number
    if (numPages > 0) this.#draw().catch((error) => this.#task && this.#fail(error))
  }

  async #draw() {
    const number = this.#number
    const page = await this.#document.getPage(number)
    if (number !== this.#number || this.#task === null) return
    this.#drawing?.cancel()
    const viewport = page.getViewport({ scale: 2 })
    const canvas = document.createElement('canvas')
    Object.assign(canvas, { width: viewport.width, height: viewport.height })
    canvas.style.aspectRatio = `${viewport.width} / ${viewport.height}`
    this.#drawing = page.render({ canvas, viewport })
    try {
      await this.#drawing.promise
    } catch (error) {
      if (error.name === 'RenderingCancelledException') return
      throw error
    }
    canvas.dataset.page = number
    this.element.querySelector('canvas').replaceWith(canvas)
  }
}

async function fetchRange(url, firstPos, lastPos) {
  const headers = { Range: `bytes=${firstPos}-${lastPos}` }
  const response = await fetch(url, { headers, cache: 'no-store' })
  if (response.status !== 206) throw new Error(`status ${response.status}`)
  return response.arrayBuffer()
}
