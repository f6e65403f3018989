/** The documents of the benchmarks: instant tasks on simulated machines. */

/** Tasks of a node of the template `farm`: a service of two actions, and CREATE, CONFIRM and BOOTSTRAP. */
export const TASKS_PER_NODE = 5;

export const BENCH_CATALOG = `
kind: Provider
name: bench
type: simulated
---
kind: HardwareType
name: any
providers: { bench: { flavor: any } }
---
kind: ImageType
name: any
providers: { bench: { image: any } }
---
kind: Service
name: worker
actions:
  install: { type: shell, fields: { script: "true" } }
  start: { type: shell, fields: { script: "true" } }
---
kind: ClusterTemplate
name: farm
defaults: { services: [worker], provider: bench, hardwareType: any, imageType: any }
`;
