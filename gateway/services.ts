/** What the outside may reach. Everything else of the contract stays between Loom's own processes. */
import { CatalogService } from "../gen/web/loom/v1/catalog_pb.js";
import { ClusterService } from "../gen/web/loom/v1/cluster_pb.js";
import { EventService } from "../gen/web/loom/v1/event_pb.js";
import { ExecService } from "../gen/web/loom/v1/exec_pb.js";
import { JobService } from "../gen/web/loom/v1/job_pb.js";
import { ProvisionerService } from "../gen/web/loom/v1/provisioner_pb.js";
import { StrayService } from "../gen/web/loom/v1/stray_pb.js";
import { SystemService } from "../gen/web/loom/v1/system_pb.js";

export const PUBLIC_SERVICES = [
  CatalogService,
  ClusterService,
  EventService,
  ExecService,
  JobService,
  ProvisionerService,
  StrayService,
  SystemService,
] as const;
