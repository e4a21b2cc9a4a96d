// What preconditions are to yield: RFC 9110 §13. One row, one fact.

import { expectationsOf, get, range, type Representation, type Row } from './requirement.ts'

const weekdays = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']

/** The rows for a representation; its validators stand in for those that it lacks. */
export function conditionRows(representation: Representation): Row[] {
  const { length: n, etag = '"v1"', lastModified = new Date(0) } = representation
  const { whole, notModified, failed, unsatisfiable, part, parts } = expectationsOf(n)
  const opaque = etag.replace(/^W\//, '')
  const another = '"another-version"'
  const time = lastModified.getTime()
  const modified = lastModified.toUTCString()
  const later = new Date(time + 1000).toUTCString()
  const earlier = new Date(time - 1000).toUTCString()
  const [day = '', date = '', month = '', year = '', clock = ''] = modified.replace(',', '').split(' ')
  const rfc850 = `${weekdays[lastModified.getUTCDay()]}, ${date}-${month}-${year.slice(2)} ${clock} GMT`
  const asctime = `${day} ${month} ${date.replace(/^0/, ' ')} ${clock} ${year}`
  return [
    // If-None-Match and If-Modified-Since
    ['inm-match', 'MUST', '13.1.2', 'respond 304 if the entity-tag matches', get(['If-None-Match', etag]), notModified],
    ['inm-weak', 'MUST', '13.1.2', 'compare entity-tags weakly', get(['If-None-Match', `W/${opaque}`]), notModified],
    ['inm-list', 'MUST', '13.1.2', 'compare every entity-tag of a list', get(['If-None-Match', `"x", "y" , W/${opaque}`]), notModified],
    ['inm-lines', 'MUST', '5.3', 'join the field lines of a list', get(['If-None-Match', '"x"'], ['If-None-Match', etag]), notModified],
    ['inm-star', 'MUST', '13.1.2', 'respond 304 to *', get(['If-None-Match', '*']), notModified],
    ['inm-other', 'MUST', '13.1.2', 'send the full response if none matches', get(['If-None-Match', another]), whole],
    ['inm-comma', 'MUST', '8.8.3', 'treat a comma inside quotes as part of the entity-tag', get(['If-None-Match', `"a,${opaque}`]), whole],
    ['inm-quoted-comma', 'MUST', '8.8.3', 'read on after an entity-tag with commas', get(['If-None-Match', `"a,b,", ${etag}`]), notModified],
    ['inm-case', 'MUST', '8.8.3', 'reject a lower-case w/ as the mark of a weak entity-tag', get(['If-None-Match', `w/${opaque}`]), whole],
    ['inm-head', 'MUST', '13.1.2', 'respond 304 to HEAD too', { method: 'HEAD', headers: [['If-None-Match', etag]] }, notModified],
    ['inm-over-ims', 'MUST', '13.1.3', 'ignore If-Modified-Since beside If-None-Match', get(['If-None-Match', another], ['If-Modified-Since', later]), whole],
    ['inm-no-cache', 'OURS', '13.1.2', 'respond 304 even if the request has no-cache', get(['If-None-Match', etag], ['Cache-Control', 'no-cache']), notModified],
    ['ims-same', 'SHOULD', '13.1.3', 'respond 304 if it has not been modified since', get(['If-Modified-Since', modified]), notModified],
    ['ims-later', 'SHOULD', '13.1.3', 'respond 304 to a later date', get(['If-Modified-Since', later]), notModified],
    ['ims-earlier', 'MUST', '13.1.3', 'send the full response for an earlier date', get(['If-Modified-Since', earlier]), whole],
    ['ims-rfc850', 'MUST', '5.6.7', 'read an RFC 850 date', get(['If-Modified-Since', rfc850]), notModified],
    ['ims-asctime', 'MUST', '5.6.7', 'read an asctime date', get(['If-Modified-Since', asctime]), notModified],
    ['ims-invalid', 'MUST', '13.1.3', 'ignore an invalid date', get(['If-Modified-Since', '2025-01-01T10:00:00Z']), whole],
    ['ims-range', 'MUST', '13.2.2', 'evaluate If-Modified-Since before Range', range('bytes=0-4', ['If-Modified-Since', modified]), notModified],
    ['inm-range', 'MUST', '13.2.2', 'evaluate If-None-Match before Range', range('bytes=0-4', ['If-None-Match', etag]), notModified],
    ['inm-unsatisfiable', 'MUST', '13.2.2', 'respond 304 rather than 416', range(`bytes=${n}-`, ['If-None-Match', etag]), notModified],
    ['inm-other-range', 'MUST', '13.2.2', 'send the range if none matches', range('bytes=0-4', ['If-None-Match', another]), part(0, 4)],

    // If-Match and If-Unmodified-Since
    ['im-match', 'MUST', '13.1.1', 'proceed if an entity-tag matches', get(['If-Match', `${another}, ${etag}`]), whole],
    ['im-star', 'MUST', '13.1.1', 'proceed for *', get(['If-Match', '*']), whole],
    ['im-other', 'MUST', '13.1.1', 'respond 412 if none matches', get(['If-Match', another]), failed],
    ['im-weak', 'MUST', '13.1.1', 'compare entity-tags strongly', get(['If-Match', `W/${opaque}`]), failed],
    ['im-head', 'MUST', '13.1.1', 'respond 412 to HEAD too', { method: 'HEAD', headers: [['If-Match', another]] }, failed],
    ['im-range', 'MUST', '13.2.2', 'evaluate If-Match before Range', range('bytes=0-4', ['If-Match', another]), failed],
    ['im-match-range', 'MUST', '13.2.2', 'send the range if it matches', range('bytes=0-4', ['If-Match', etag]), part(0, 4)],
    ['im-over-ius', 'MUST', '13.1.4', 'ignore If-Unmodified-Since beside If-Match', get(['If-Match', etag], ['If-Unmodified-Since', earlier]), whole],
    ['im-before-inm', 'MUST', '13.2.2', 'evaluate If-Match before If-None-Match', get(['If-Match', another], ['If-None-Match', etag]), failed],
    ['ius-same', 'MUST', '13.1.4', 'proceed if it has not been modified since', get(['If-Unmodified-Since', modified]), whole],
    ['ius-earlier', 'MUST', '13.1.4', 'respond 412 if it has been modified since', get(['If-Unmodified-Since', earlier]), failed],
    ['ius-invalid', 'MUST', '13.1.4', 'ignore an invalid date', get(['If-Unmodified-Since', 'yesterday']), whole],
    ['ius-range', 'MUST', '13.2.2', 'evaluate If-Unmodified-Since before Range', range('bytes=0-4', ['If-Unmodified-Since', earlier]), failed],

    // If-Range
    ['ir-match', 'SHOULD', '13.1.5', 'send the range if the entity-tag matches', range('bytes=0-4', ['If-Range', etag]), part(0, 4)],
    ['ir-other', 'MUST', '13.1.5', 'send the full response if it does not match', range('bytes=0-4', ['If-Range', another]), whole],
    ['ir-weak', 'MUST', '13.1.5', 'send the full response for a weak entity-tag', range('bytes=0-4', ['If-Range', `W/${opaque}`]), whole],
    ['ir-date', 'SHOULD', '13.1.5', 'send the range for the exact date', range('bytes=0-4', ['If-Range', modified]), part(0, 4)],
    ['ir-date-later', 'MUST', '13.1.5', 'send the full response for a later date', range('bytes=0-4', ['If-Range', later]), whole],
    ['ir-date-earlier', 'MUST', '13.1.5', 'send the full response for an earlier date', range('bytes=0-4', ['If-Range', earlier]), whole],
    ['ir-garbage', 'MUST', '13.1.5', 'send the full response for an invalid validator', range('bytes=0-4', ['If-Range', 'v1']), whole],
    ['ir-list', 'MUST', '13.1.5', 'send the full response for a list', range('bytes=0-4', ['If-Range', `${etag}, ${another}`]), whole],
    ['ir-no-range', 'MUST', '13.1.5', 'ignore If-Range without Range', get(['If-Range', another]), whole],
    ['ir-unsatisfiable', 'MUST', '13.2.2', 'send the full response for an unsatisfiable range of another version', range(`bytes=${n}-`, ['If-Range', another]), whole],
    ['ir-match-unsatisfiable', 'SHOULD', '15.5.17', 'respond 416 to an unsatisfiable range of this version', range(`bytes=${n}-`, ['If-Range', etag]), unsatisfiable],
    ['ir-several', 'SHOULD', '13.1.5', 'send several ranges if the entity-tag matches', range('bytes=0-4,9000-9004', ['If-Range', etag]), parts([0, 4], [9000, 9004])],
  ]
}
