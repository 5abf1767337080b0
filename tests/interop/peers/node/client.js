// SPDX-License-Identifier: GPL-3.0-or-later
//
// node-coap as a client of our server: client.js PORT LOSSY_PORT STRICT_PORT. Prints one line for each case. On the
// strict port our server gives strangers little and asks for an Echo (RFC 9175).
const coap = require('coap')

const [port, lossyPort, strictPort] = process.argv.slice(2).map(Number)

// One request; resolves with the response. `prepare` may set options before it leaves.
function ask (method, path, { body, prepare, on = port, agent } = {}) {
  return new Promise((resolve, reject) => {
    const [pathname, query] = path.split('?')
    const req = coap.request({ hostname: '127.0.0.1', port: on, method, pathname, query, agent, retrySend: 8 })
    if (prepare) prepare(req)
    req.on('response', resolve)
    req.on('error', reject)
    setTimeout(() => reject(new Error('no answer in 120 s')), 120000).unref()
    req.end(body)
  })
}

function expect (condition, what) {
  if (!condition) throw new Error(what)
}

const pattern = size => Buffer.from(Array.from({ length: size }, (_, i) => 33 + (i * 7 + (i >> 6)) % 90))

// 16-byte blocks over a lossy path take long, so the body grows with the block.
async function blocks (szx) {
  const size = (16 << szx) * 12 + 5
  const body = pattern(size)
  const up = await ask('PUT', '/large-update', { body, on: lossyPort, prepare: r => r.setOption('Block1', Buffer.of(szx)) })
  expect(up.code.startsWith('2.'), `PUT ended with ${up.code}`)
  const down = await ask('GET', '/large-update', { on: lossyPort, prepare: r => r.setOption('Block2', Buffer.of(szx)) })
  expect(down.payload.equals(body), `${down.payload.length} bytes came back, not the ${size} that were put`)
}

async function observe () {
  const req = coap.request({ hostname: '127.0.0.1', port, pathname: '/obs', observe: true })
  const seen = await new Promise((resolve, reject) => {
    const values = []
    setTimeout(() => reject(new Error(`${values.length} notifications`)), 20000).unref()
    req.on('response', res => {
      res.on('data', data => {
        values.push(data.toString())
        if (values.length < 4) return
        res.close()
        resolve(values)
      })
    })
    req.on('error', reject)
    req.end()
  })
  expect(new Set(seen).size === 4, `the same twice: ${seen}`)
}

// The peer knows nothing of Echo, so the option, number 252, is carried by hand. Between two requests the peer leaves its
// port, so it is told which one to take again: an Echo is good for one address.
async function echo () {
  const agent = new coap.Agent({ type: 'udp4', port: 20000 + process.pid % 10000 })
  const first = await ask('GET', '/large', { on: strictPort, agent })
  const option = first._packet.options.find(o => o.name === '252' || o.name === 252)
  expect(first.code === '4.01' && option !== undefined, `${first.code} instead of 4.01 with an Echo`)
  const prepare = r => { r.setOption('252', option.value); r.setOption('Block2', Buffer.of(2)) }
  const second = await ask('GET', '/large', { on: strictPort, prepare, agent })
  expect(second.code === '2.05' && second.payload.length > 1000, `${second.code} with the Echo`)
}

const cases = {
  'an Echo': echo,
  discover: async () => {
    const res = await ask('GET', '/.well-known/core')
    expect(res.payload.toString().includes('</test>'), res.payload.toString())
  },
  'put, get, post, delete': async () => {
    expect((await ask('PUT', '/test', { body: 'from node' })).code.startsWith('2.0'), 'PUT')
    const got = await ask('GET', '/test')
    expect(got.code === '2.05' && got.payload.toString() === 'from node', 'GET')
    expect((await ask('POST', '/test', { body: 'x' })).code.startsWith('2.0'), 'POST')
    expect((await ask('DELETE', '/test')).code === '2.02', 'DELETE')
    expect((await ask('PUT', '/test', { body: 'from node' })).code.startsWith('2.0'), 'PUT after DELETE')
  },
  fetch: async () => {
    const prepare = r => r.setOption('Content-Format', 'text/plain')
    const res = await ask('FETCH', '/echo', { body: 'what is asked', prepare })
    expect(res.code === '2.05' && res.payload.toString() === 'what is asked', res.code)
  },
  'an unknown path': async () => expect((await ask('GET', '/nowhere')).code === '4.04', 'not 4.04'),
  'a separate response': async () => expect((await ask('GET', '/separate')).code === '2.05', 'not 2.05'),
  'a query': async () => expect((await ask('GET', '/query?first=1&second=2')).code === '2.05', 'not 2.05'),
  'observe and cancel': observe
}
for (let szx = 0; szx <= 6; szx++) cases[`blocks of ${16 << szx} both ways, with loss`] = () => blocks(szx)

async function main () {
  let failed = 0
  for (const [name, run] of Object.entries(cases)) {
    try {
      await run()
      console.log(`ok ${name}`)
    } catch (error) {
      failed++
      console.log(`FAILED ${name}: ${error.message}`)
    }
  }
  process.exit(failed > 0 ? 1 : 0)
}
main()
