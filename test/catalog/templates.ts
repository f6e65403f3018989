/** What is done to each template of the shipped catalog, and how its clusters are broken. */

export interface TemplateUnderTest {
  readonly template: string;
  /** Nodes of the new cluster. */
  readonly nodes: number;
  /** The service whose nodes come and go. */
  readonly grows: string;
  readonly by: number;
  /** Each of these has a node replaced; the first is broken. */
  readonly replaced: readonly string[];
  /** The supervised programs on a node of a service: stopping one has to turn the check red. */
  readonly broken: readonly { readonly service: string; readonly program: string }[];
  /** Something a user might set differently, so that it must hold after CONFIGURE. */
  readonly config: object;
  /** Whether `config` needs a restart of the services. */
  readonly restart: boolean;
  /**
   * Shell texts for a node of `on`: `write` leaves something behind, which `read` finds after everything else that is
   * done to the cluster. `%NODES%` are the addresses of `of`.
   */
  readonly memory?: { readonly on: string; readonly of: string; readonly write: string; readonly read: string };
}

const REDIS = `export REDISCLI_AUTH="$(loom-config redis password)"; redis-cli -p "$(loom-config redis port)"`;
const POSTGRES = `PGPASSWORD="$(loom-config postgresql password)" psql -h "$LOOM_ADDRESS" -p "$(loom-config postgresql port)" -U "$(loom-config postgresql user)" -At "$(loom-config postgresql database)" -c`;
const RABBIT = `printf 'user = "%s:%s"\\n' "$(loom-config rabbitmq user)" "$(loom-config rabbitmq password)" | curl -fsS --noproxy '*' -K - -H 'content-type: application/json'`;

export const TEMPLATES: readonly TemplateUnderTest[] = [
  {
    template: "web-farm",
    nodes: 3,
    grows: "web",
    by: 1,
    replaced: ["web", "lb"],
    broken: [
      { service: "web", program: "web" },
      { service: "lb", program: "lb" },
    ],
    config: { web: { port: 8181 }, lb: { webPort: 8181 } },
    restart: true,
  },
  {
    template: "static-site",
    nodes: 2,
    grows: "site",
    by: 1,
    replaced: ["site"],
    broken: [{ service: "site", program: "site" }],
    config: { site: { pages: [{ path: "index.html", content: "<h1>Another page</h1>\n" }] } },
    restart: false,
  },
  {
    template: "redis",
    nodes: 2,
    grows: "redis-replica",
    by: 1,
    replaced: ["redis-replica", "redis-primary"],
    broken: [
      { service: "redis-replica", program: "redis-replica" },
      { service: "redis-primary", program: "redis-primary" },
    ],
    config: { redis: { password: "another-one" } },
    restart: true,
    memory: {
      on: "redis-primary",
      of: "redis-primary",
      write: `${REDIS} set kept yes`,
      read: `${REDIS} get kept | grep -qx yes`,
    },
  },
  {
    template: "postgresql",
    nodes: 2,
    grows: "postgresql-replica",
    by: 1,
    replaced: ["postgresql-replica", "postgresql-primary"],
    broken: [
      { service: "postgresql-replica", program: "postgresql-replica" },
      { service: "postgresql-primary", program: "postgresql-primary" },
    ],
    config: { postgresql: { password: "another-one", replicationPassword: "and-another" } },
    restart: false,
    memory: {
      on: "postgresql-primary",
      of: "postgresql-primary",
      write: `${POSTGRES} "create table kept (value text)" && ${POSTGRES} "insert into kept values ('yes')"`,
      read: `${POSTGRES} "select value from kept" | grep -qx yes`,
    },
  },
  {
    template: "zookeeper",
    nodes: 3,
    grows: "zookeeper",
    by: 2,
    replaced: ["zookeeper"],
    broken: [{ service: "zookeeper", program: "zookeeper" }],
    config: { zookeeper: { heapMb: 160 } },
    restart: true,
    memory: {
      on: "zookeeper",
      of: "zookeeper",
      write: `SERVERS=%NODES%; . "$LOOM_HOME/zookeeper/functions"; echo "create /kept yes" | cli "$LOOM_ADDRESS"`,
      read: `SERVERS=%NODES%; . "$LOOM_HOME/zookeeper/functions"; printf 'sync /kept\\nget /kept\\n' | cli "$LOOM_ADDRESS" | grep -qx yes`,
    },
  },
  {
    template: "rabbitmq",
    nodes: 3,
    grows: "rabbitmq",
    by: 1,
    replaced: ["rabbitmq"],
    broken: [{ service: "rabbitmq", program: "rabbitmq" }],
    config: { rabbitmq: { password: "another-one" } },
    restart: false,
    memory: {
      on: "rabbitmq",
      of: "rabbitmq",
      write: `${RABBIT} -X PUT -d '{"durable":true,"arguments":{"x-queue-type":"quorum"}}' "http://$LOOM_ADDRESS:15672/api/queues/%2f/kept"; ${RABBIT} -X POST -d '{"properties":{"delivery_mode":2},"routing_key":"kept","payload":"yes","payload_encoding":"string"}' "http://$LOOM_ADDRESS:15672/api/exchanges/%2f/amq.default/publish"`,
      read: `${RABBIT} -X POST -d '{"count":1,"ackmode":"ack_requeue_true","encoding":"auto"}' "http://$LOOM_ADDRESS:15672/api/queues/%2f/kept/get" | grep -q '"payload":"yes"'`,
    },
  },
  {
    template: "lamp",
    nodes: 2,
    grows: "apache",
    by: 1,
    replaced: ["apache"],
    broken: [
      { service: "apache", program: "apache" },
      { service: "mariadb", program: "mariadb" },
    ],
    config: { database: { password: "another-one" } },
    restart: false,
    memory: {
      on: "apache",
      of: "apache",
      write: `curl -fsS --noproxy '*' -d note=kept-yes "http://$LOOM_ADDRESS:8080/"`,
      read: `curl -fsS --noproxy '*' "http://$LOOM_ADDRESS:8080/" | grep -q kept-yes`,
    },
  },
  {
    template: "three-tier",
    nodes: 3,
    grows: "app",
    by: 1,
    replaced: ["app", "lb"],
    broken: [
      { service: "app", program: "app" },
      { service: "postgresql-primary", program: "postgresql-primary" },
    ],
    config: { app: { title: "Another title" }, postgresql: { password: "another-one" } },
    restart: false,
    memory: {
      on: "lb",
      of: "lb",
      write: `curl -fsS --noproxy '*' -d note=kept-yes "http://$LOOM_ADDRESS:8080/"`,
      read: `curl -fsS --noproxy '*' "http://$LOOM_ADDRESS:8080/" | grep -q kept-yes`,
    },
  },
];
