// The built packages.

const packages = new URL('../../../packages/', import.meta.url)

export const core = await import(new URL('core/dist/index.js', packages).href)
export const express = await import(new URL('express/dist/index.js', packages).href)
export const koa = await import(new URL('koa/dist/index.js', packages).href)
