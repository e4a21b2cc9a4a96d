// What requirements are about, by what a client notices: which of them a diagnosis checks, and what
// happens if they are not met.
//
// Ranges that are known to stop a server's process (reversed, or from beyond 2^53) are not among them:
// a diagnosis does no harm.

import type { Topic, TopicId } from './topic.ts'

export const topics: Readonly<Record<TopicId, Topic>> = {
  ranges: {
    title: 'Sends ranges',
    fault: 'Range is ignored: the full content is sent',
    most: 'wrong',
    rows: [],
    effects: {
      players: 'cannot seek past what is loaded; Safari does not play at all',
      browsers: 'start an interrupted download over; PDF viewers load the full file',
      'download managers': 'use one connection and cannot resume',
    },
  },
  announcement: {
    title: 'Announces ranges',
    fault: 'Accept-Ranges: bytes is missing from the full response',
    most: 'advice',
    rows: ['accept-ranges'],
    effects: {
      browsers: 'PDF viewers load the full file instead of pages',
      'download managers': 'may assume that a download cannot be resumed',
    },
  },
  length: {
    title: 'Declares its length',
    fault: 'The full response has no Content-Length',
    most: 'advice',
    rows: [],
    effects: {
      browsers: 'show no progress',
      'download managers': 'cannot divide a download',
    },
  },
  head: {
    title: 'Responds to HEAD as to GET',
    fault: 'HEAD yields another response than GET',
    most: 'wrong',
    rows: ['head', 'range-head'],
    lesser: ['range-head'],
    effects: {
      'download managers': 'ask by HEAD first, and take its length for that of the file',
      caches: 'may drop a response that HEAD contradicts',
    },
  },
  positions: {
    title: 'Sends the right bytes',
    fault: 'A range yields other bytes, or another range, than requested',
    most: 'wrong',
    rows: [
      'range-first',
      'range-second',
      'range-final',
      'range-open',
      'range-zero',
      'range-open-zero',
    ],
    effects: {
      players: 'stop or show noise after a seek',
      'download managers': 'write a damaged file',
      caches: 'store slices that do not fit together',
    },
  },
  edges: {
    title: 'Cuts ranges at the end',
    fault: 'A range that reaches past the end is not cut there',
    most: 'wrong',
    rows: ['range-beyond', 'range-suffix-long', 'satisfiable-one'],
    effects: {
      players: 'that read the last bytes of a file of unknown length get an error',
      'download managers': 'that request fixed blocks fail at the last one',
      caches: 'that fetch slices fail at the last one',
    },
  },
  grammar: {
    title: 'Reads the Range grammar',
    fault: 'An unusual or invalid Range is misread',
    most: 'wrong',
    rows: [
      'unit-case',
      'unit-unknown',
      'range-empty-elements',
      'range-letters',
      'range-one-bad',
      'range-minus',
    ],
    lesser: ['unit-case', 'range-empty-elements'],
    effects: {
      'download managers': 'get an error or other bytes if they write a Range in another way',
      caches: 'may store a response under a range that was not sent',
    },
  },
  unsatisfiable: {
    title: 'Refuses ranges past the end',
    fault: 'A range past the end is not refused with 416 and the length',
    most: 'wrong',
    rows: ['unsatisfiable', 'unsatisfiable-suffix', 'unsatisfiable-all'],
    effects: {
      players: 'do not learn that they are past the end of a file',
      'download managers': 'start over a download that was complete, or loop',
    },
  },
  several: {
    title: 'Sends several ranges',
    fault: 'Several ranges in one request are sent wrongly',
    most: 'wrong',
    rows: ['multipart', 'multipart-first-last', 'coalesce-overlap', 'range-space'],
    effects: {
      browsers: 'PDF and map viewers fail on the parts',
      'download managers': 'zsync and similar clients fail, or write a damaged file',
    },
  },
  revalidation: {
    title: 'Revalidates',
    fault: 'If-None-Match or If-Modified-Since is not evaluated as RFC 9110 requires',
    most: 'wrong',
    rows: [
      'inm-match',
      'inm-weak',
      'inm-list',
      'inm-over-ims',
      'inm-range',
      'inm-other-range',
      'ims-same',
      'ims-earlier',
    ],
    effects: {
      browsers: 'load again what they have, or keep what has changed',
      caches: 'fetch again what has not changed, or serve what has',
    },
  },
  resuming: {
    title: 'Resumes what is unchanged',
    fault: 'If-Range with the current validator does not yield the range',
    most: 'wrong',
    rows: ['ir-match', 'ir-date', 'ir-no-range'],
    effects: {
      browsers: 'start an interrupted download over',
      'download managers': 'start over at each interruption',
    },
  },
  versions: {
    title: 'Resumes nothing that changed',
    fault: 'If-Range with another validator yields a range all the same',
    most: 'wrong',
    rows: ['ir-other', 'ir-weak', 'ir-date-later', 'ir-garbage', 'ir-unsatisfiable'],
    effects: {
      browsers: 'may join two versions when a download resumes after a change',
      'download managers': 'may write a file of two versions',
      caches: 'may join slices of two versions',
    },
  },
  preconditions: {
    title: 'Evaluates If-Match',
    fault: 'If-Match or If-Unmodified-Since is not evaluated as RFC 9110 requires',
    most: 'advice',
    rows: ['im-other', 'im-range', 'ius-earlier'],
    effects: { 'download managers': 'that ask for one version get another' },
  },
  validators: {
    title: 'Has a strong validator',
    fault: 'Neither a strong ETag nor a Last-Modified that may count as one',
    most: 'advice',
    rows: [],
    effects: {
      browsers: 'start an interrupted download over',
      'download managers': 'start over, or resume without noticing a change',
    },
  },
  stability: {
    title: 'Has the same validators each time',
    fault: 'Validators differ between two responses',
    most: 'wrong',
    rows: [],
    effects: {
      players: 'may start over at each seek',
      'download managers': 'start over at each interruption',
      caches: 'never reuse what they hold',
    },
  },
  metadata: {
    title: 'Describes parts as the full response',
    fault: 'A 206 lacks fields of the 200',
    most: 'wrong',
    rows: [],
    effects: {
      players: 'may refuse a part without its type',
      caches: 'cannot combine parts, or keep them for another time',
    },
  },
  encoding: {
    title: 'Keeps encodings apart',
    fault: 'Compressed and plain content are confused',
    most: 'wrong',
    rows: [],
    effects: {
      browsers: 'cannot decode a part, or decode what is not encoded',
      'download managers': 'join plain and compressed bytes',
      caches: 'serve compressed content to clients that do not accept it',
    },
  },
  cors: {
    title: 'Is readable by scripts of other sites',
    fault: 'Scripts of other sites may read the content but not Content-Range',
    most: 'advice',
    rows: [],
    effects: { browsers: 'pdf.js, PMTiles and similar scripts load the full file, or fail' },
  },
  http2: {
    title: 'Responds over HTTP/2 as over HTTP/1.1',
    fault: 'HTTP/2 yields other responses than HTTP/1.1',
    most: 'wrong',
    rows: [],
    effects: { browsers: 'use HTTP/2 and so get what is wrong, although curl may not' },
  },
  certificate: {
    title: 'Has a valid certificate',
    fault: 'The certificate cannot be verified',
    most: 'wrong',
    rows: [],
    effects: { browsers: 'show a warning instead, or nothing', 'download managers': 'refuse' },
  },
}
