/** Every RPC of Loom by name, read off the generated stubs, so that a table over them is complete or does not compile. */
import { IdentityServiceService } from "../../../gen/services/loom/internal/v1/identity.js";
import { EnrolmentServiceService } from "../../../gen/services/loom/internal/v1/enrolment.js";
import { WorkerServiceService } from "../../../gen/services/loom/internal/v1/worker.js";
import { CatalogServiceService } from "../../../gen/services/loom/v1/catalog.js";
import { ClusterServiceService } from "../../../gen/services/loom/v1/cluster.js";
import { EventServiceService } from "../../../gen/services/loom/v1/event.js";
import { ExecServiceService } from "../../../gen/services/loom/v1/exec.js";
import { JobServiceService } from "../../../gen/services/loom/v1/job.js";
import { ProvisionerServiceService } from "../../../gen/services/loom/v1/provisioner.js";
import { StrayServiceService } from "../../../gen/services/loom/v1/stray.js";
import { SystemServiceService } from "../../../gen/services/loom/v1/system.js";

/** The stubs of every service. */
export const STUBS = {
  catalog: CatalogServiceService,
  clusters: ClusterServiceService,
  events: EventServiceService,
  exec: ExecServiceService,
  jobs: JobServiceService,
  strays: StrayServiceService,
  system: SystemServiceService,
  provisioners: ProvisionerServiceService,
  identity: IdentityServiceService,
  enrolment: EnrolmentServiceService,
  workers: WorkerServiceService,
} as const;

type Stubs = typeof STUBS;
type PathOf<Methods> = { [M in keyof Methods]: Methods[M] extends { path: infer Path } ? Path : never }[keyof Methods];

/** For example `/loom.v1.ClusterService/GetCluster`. */
export type RpcPath = { [S in keyof Stubs]: PathOf<Stubs[S]> }[keyof Stubs];

type Short<Path> = Path extends `/loom.${string}v1.${infer Service}/${infer Method}` ? `${Service}.${Method}` : never;

/** For example `ClusterService.GetCluster`. */
export type RpcName = Short<RpcPath>;

/** `/loom.v1.ClusterService/GetCluster` gives `ClusterService.GetCluster`. */
export function rpcName(path: RpcPath): RpcName {
  return path.slice(path.lastIndexOf(".", path.lastIndexOf("/")) + 1).replace("/", ".") as RpcName;
}
