import { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'
import { expect, it, vi } from 'vitest'
import { holdClose } from './hold-close.ts'

function make(): { response: ServerResponse; told: unknown[] } {
  const response = new EventEmitter() as ServerResponse
  const told: unknown[] = []
  for (const event of ['close', 'finish']) response.on(event, () => told.push(event))
  return { response, told }
}

it('holds back nothing but close, until it is released', () => {
  const { response, told } = make()
  const release = holdClose(response)
  response.emit('close')
  response.emit('finish')
  expect(told).toEqual(['finish'])
  release()
  release()
  expect(told).toEqual(['finish', 'close'])
  expect(Object.hasOwn(response, 'emit')).toBe(false)
  response.emit('close')
  expect(told).toEqual(['finish', 'close', 'close'])
})

it('emits nothing if there was no close', () => {
  const { response, told } = make()
  holdClose(response)()
  expect(told).toEqual([])
})

it('leaves a later patch of emit in place', () => {
  const { response, told } = make()
  const release = holdClose(response)
  const { emit } = response
  const patched = (...args: [string]) => emit.apply(response, args)
  response.emit = patched
  release()
  expect(response.emit).toBe(patched)
  response.emit('close')
  expect(told).toEqual(['close'])
})

it('holds close back for a bounded time', () => {
  vi.useFakeTimers()
  try {
    const { response, told } = make()
    holdClose(response)
    response.emit('close')
    vi.runAllTimers()
    expect(told).toEqual(['close'])
  } finally {
    vi.useRealTimers()
  }
})
