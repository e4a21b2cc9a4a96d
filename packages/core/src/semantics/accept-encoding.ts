// Accept-Encoding, RFC 9110 §12.5.3: https://www.rfc-editor.org/rfc/rfc9110#section-12.5.3
//
//   Accept-Encoding = #( codings [ weight ] )
//   codings         = content-coding / "identity" / "*"
//   weight          = OWS ";" OWS "q=" qvalue
//   qvalue          = ( "0" [ "." 0*3DIGIT ] ) / ( "1" [ "." 0*3("0") ] )

const weightedCoding =
  /^([!#$%&'*+.^_`|~\w-]+)(?:[\t ]*;[\t ]*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?))?$/i

/**
 * Parses the value of Accept-Encoding into the weight of each coding, by its name in lower case.
 *
 * `x-gzip` is `gzip` (§8.4.1.3). An element that does not follow the grammar is ignored, as is a coding
 * that was listed before.
 */
export function parseAcceptEncoding(fieldValue: string): Map<string, number> {
  const weights = new Map<string, number>()
  for (const element of fieldValue.split(',')) {
    const match = weightedCoding.exec(element.replace(/^[\t ]+|[\t ]+$/g, ''))
    if (!match) continue
    const [, name = '', weight = '1'] = match
    const lowerCase = name.toLowerCase()
    const coding = lowerCase === 'x-gzip' ? 'gzip' : lowerCase
    if (!weights.has(coding)) weights.set(coding, Number(weight))
  }
  return weights
}

/**
 * Selects the codings that a client prefers to none, the best first. Those of equal weight, also with
 * `identity`, stay in the order of the server.
 *
 * Without the field any coding is acceptable, but none is the one that every client reads. A coding
 * that is not listed has the weight of `*`; `identity` without either is acceptable, after what is
 * listed.
 *
 * @param fieldValue the Accept-Encoding of the request, if it has one
 * @param offered the codings that the server has, in its own order
 */
export function selectCodings<C extends string>(
  fieldValue: string | undefined,
  offered: readonly C[],
): readonly C[] {
  if (fieldValue === undefined) return []
  const weights = parseAcceptEncoding(fieldValue)
  const others = weights.get('*')
  const ofNone = weights.get('identity') ?? others ?? 0
  const weightOf = (coding: string) => weights.get(coding) ?? others ?? 0
  return offered
    .filter((coding) => weightOf(coding) > 0 && weightOf(coding) >= ofNone)
    .toSorted((a, b) => weightOf(b) - weightOf(a))
}

/** Whether content in a coding is acceptable: any is without the field. */
export function acceptsCoding(fieldValue: string | undefined, coding: string): boolean {
  if (fieldValue === undefined) return true
  const weights = parseAcceptEncoding(fieldValue)
  return (weights.get(coding) ?? weights.get('*') ?? 0) > 0
}
