/**
 * The catalog of tests of whole Looms: one `front` that knows every `back`, so that growing the cluster re-configures
 * it, a check at the end, and hooks before a delete. `side` is on no cluster at first.
 */

/** @param simulated fields of the simulated provider */
export const CHAOS_CATALOG = (simulated: Readonly<Record<string, unknown>>): string => `
kind: Provider
name: simulated
type: simulated
fields: ${JSON.stringify(simulated)}
---
kind: HardwareType
name: any
providers: { simulated: { flavor: any } }
---
kind: ImageType
name: any
providers: { simulated: { image: any } }
---
kind: Service
name: front
actions:
  install: { type: shell, fields: { script: "true" } }
  configure: { type: shell, fields: { script: "true", env: { BACKS: "%host.service.back%" } } }
  start: { type: shell, fields: { script: "true" } }
  stop: { type: shell, fields: { script: "true" } }
---
kind: Service
name: back
actions:
  install: { type: shell, fields: { script: "true" } }
  start: { type: shell, fields: { script: "true" } }
  remove: { type: shell, fields: { script: "true" } }
---
kind: Service
name: side
config: { key: { generate: password } }
actions:
  install: { type: shell, fields: { script: "true" } }
  configure: { type: shell, fields: { script: "true", env: { FRONT: "%host.service.front%" } } }
  initialize: { type: shell, fields: { script: "true" } }
  start: { type: shell, fields: { script: "true" } }
  stop: { type: shell, fields: { script: "true" } }
  remove: { type: shell, fields: { script: "true" } }
---
kind: ClusterTemplate
name: small
defaults:
  services: [front, back]
  provider: simulated
  config: { back: { password: { generate: password } } }
constraints:
  layout: { cantCoexist: [[front, back]] }
  services: { front: { min: 1, max: 1 } }
  size: { min: 2 }
check: { service: front, fields: { script: "true" } }
stopBeforeDelete: true
`;
