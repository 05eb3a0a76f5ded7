// Goes through the API as kitsu does, a client by other people, and prints what it found.
// node walk.mjs http://127.0.0.1:5000 TOKEN ADDRESS_OF_THE_PAST

import Kitsu from 'kitsu'

const [url, token, past] = process.argv.slice(2)
const api = new Kitsu({
  baseURL: `${url}/api`,
  headers: { Authorization: `Bearer ${token}` },
  resourceCase: 'none' // it would take the capitals of an address for words
})

async function pages (path, query) {
  const found = []
  let after
  do {
    const page = await api.get(path, { params: { ...query, page: { size: 40, ...(after && { after }) } } })
    found.push(...page.data)
    after = page.links.next && new URL(page.links.next, url).searchParams.get('page[after]')
  } while (after)
  return found
}

async function refusal (request) {
  try {
    await request
  } catch (error) {
    return error.errors.map(({ status, code, source }) => ({ status, code, ...source }))
  }
}

const devices = await api.get('devices', { params: { include: 'vehicle', fields: { vehicles: 'name' } } })
const readings = await pages(`readings/${past}`, { sort: 'timestamp', fields: { readings: 'voltage' } })

const made = await api.create('vehicles', { name: 'Kayak' })
const renamed = await api.update('vehicles', { id: made.data.id, name: 'Canoe' })
const device = devices.data[5].id
const moved = await api.update('devices', { id: device, vehicle: { data: { type: 'vehicles', id: made.data.id } } })
const related = await api.get(`vehicles/${made.data.id}/devices`)
const link = await api.get(`devices/${device}/relationships/vehicle`)
const inUse = await refusal(api.remove('vehicles', made.data.id))
const removed = await api.remove('vehicles', made.data.id, { params: { move_to: 'vehicle_6' } })

console.log(JSON.stringify({
  vehicles: devices.data.slice(0, 6).map(device => [device.id, device.vehicle.data.name === device.vehicle_name]),
  voltages: readings.map(reading => reading.voltage),
  made: made.status,
  renamed: renamed.data.name,
  moved: moved.data.vehicle_name,
  related: related.data.map(device => device.id),
  link: [link.data.type, link.data.id === made.data.id],
  inUse,
  removed: removed.status,
  gone: await refusal(api.get(`vehicles/${made.data.id}`)),
  nameless: await refusal(api.create('vehicles', { name: '' })),
  taken: await refusal(api.create('vehicles', { name: 'Boat' })),
  unknown: await refusal(api.get('devices', { params: { sort: 'colour' } }))
}))
