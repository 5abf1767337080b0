// SPDX-License-Identifier: GPL-3.0-or-later
//
// node-coap as a server for our client: server.js PORT
const coap = require('coap')

let value = Buffer.from('hello')
let updated = Buffer.alloc(0)
const large = Buffer.from('0123456789abcdef'.repeat(1250)) // 20,000 bytes

const resources = {
  '/test': (req, res) => {
    if (req.method === 'PUT') { value = req.payload; res.code = '2.04' }
    if (req.method === 'POST') res.code = '2.01'
    if (req.method === 'DELETE') { value = Buffer.from('hello'); res.code = '2.02' }
    res.end(req.method === 'GET' ? value : '')
  },
  '/echo': (req, res) => res.end(req.payload),
  '/separate': (req, res) => setTimeout(() => res.end('late'), 1500),
  '/large': (req, res) => res.end(large),
  '/sized': (req, res) => res.end('x'.repeat(Number(req.url.split('?')[1]))),
  '/large-update': (req, res) => {
    if (req.method === 'PUT') { updated = req.payload; res.code = '2.04' }
    res.end(req.method === 'GET' ? updated : '')
  },
  '/obs': (req, res) => {
    if (req.headers.Observe !== 0) return res.end('once')
    let count = 0
    const timer = setInterval(() => res.write(`count ${++count}`), 300)
    res.write('count 0')
    res.on('finish', () => { clearInterval(timer); console.log('cancelled') })
  }
}

const server = coap.createServer((req, res) => {
  const path = req.url.split('?')[0]
  if (resources[path]) return resources[path](req, res)
  res.code = '4.04'
  res.end()
})
server.listen(Number(process.argv[2]), '127.0.0.1', () => console.log('ready'))
