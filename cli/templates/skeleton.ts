/** The files that a template begins with. They work as they are, on Debian and on this machine. Pure. */

/** A file to write. */
export interface SkeletonFile {
  /** Below the folder. */
  readonly path: string;
  readonly text: string;
}

/** A service of the skeleton with the port it listens on unless a cluster says otherwise. */
interface SkeletonService {
  readonly name: string;
  readonly port: number;
}

const FIRST_PORT = 8080;

/**
 * A template with services that each serve a page, a check that looks at all of them, and a README.
 *
 * @param services at least one
 * @param folder as a person would type it
 */
export function skeleton(template: string, services: readonly string[], folder: string): SkeletonFile[] {
  const all = services.map((name, index): SkeletonService => ({ name, port: FIRST_PORT + index }));
  return [
    { path: `templates/${template}.yaml`, text: templateText(template, all) },
    ...all.map((service) => ({ path: `services/${service.name}.yaml`, text: serviceText(service) })),
    { path: "README.md", text: readmeText(template, all, folder) },
  ];
}

function serviceText({ name, port }: SkeletonService): string {
  return `# How one service is installed, configured, started and stopped on a node.
# Every field is described in docs/reference/catalog.md of Loom.
kind: Service
name: ${name}
description: A page that names its node.

# What a cluster may set differently: loom create ... --config ${name}.port=9000. Scripts read it with loom-config.
# A value {generate: password} is made once for each cluster and kept as a secret.
config:
  port: ${port}
  greeting: Hello

# What must be there before this service is installed, and while it runs; Loom puts things in the right order.
# install: { requires: [SERVICE] }
# runtime: { requires: [SERVICE], uses: [SERVICE] }

# Each action is a shell script, with one variant for each image type. Every action may run twice: after a failure, or
# because Loom was killed before it heard of a success. Write it so that twice is the same as once.
actions:
  # Puts what the service needs onto the node.
  install:
    variants:
      # Containers of the provider docker: root, and Debian packages.
      - imageTypes: [debian]
        fields:
          script: |
            set -eu
            loom-apt nginx-light curl
      # Processes of the provider local: your own user, sh and node, and nothing else to rely on. $LOOM_HOME is the
      # node's own folder.
      - imageTypes: [this-machine]
        fields:
          script: |
            set -eu
            mkdir -p "$LOOM_HOME/${name}"
            cat >"$LOOM_HOME/${name}/server.mjs" <<'END'
            // Serves one page. Reads where to listen, and the page, from settings.json beside it.
            import { readFileSync } from "node:fs";
            import { createServer } from "node:http";
            const { address, port, page } = JSON.parse(readFileSync(new URL("settings.json", import.meta.url), "utf8"));
            const server = createServer((_request, response) => response.end(page));
            server.on("error", ({ message }) => {
              console.error(message);
              process.exit(1);
            });
            server.listen(port, address);
            process.on("SIGTERM", () => process.exit(0));
            END

  # Writes what depends on the configuration and on other nodes. Runs again when either changes.
  configure:
    variants:
      - imageTypes: [debian]
        fields:
          script: |
            set -eu
            port=$(loom-config ${name} port)
            greeting=$(loom-config ${name} greeting)
            mkdir -p /srv/${name}
            echo "$greeting from $LOOM_HOSTNAME" >/srv/${name}/index.html
            cat >/etc/nginx/${name}.conf <<END
            daemon off;
            pid /run/nginx-${name}.pid;
            error_log stderr;
            events {}
            http {
              access_log off;
              default_type text/plain;
              server {
                listen $port;
                root /srv/${name};
              }
            }
            END
            nginx -t -q -c /etc/nginx/${name}.conf
            # What runs already reads its configuration when it starts.
            if loom-service status ${name} >/dev/null; then loom-service restart ${name}; fi
      - imageTypes: [this-machine]
        fields:
          script: |
            set -eu
            cd "$LOOM_HOME/${name}"
            PORT=$(loom-config ${name} port)
            GREETING=$(loom-config ${name} greeting)
            export PORT GREETING
            node --input-type=module >settings.json.new <<'END'
            const { GREETING, LOOM_ADDRESS, LOOM_HOSTNAME, PORT } = process.env;
            const page = \`\${GREETING} from \${LOOM_HOSTNAME}\\n\`;
            console.log(JSON.stringify({ address: LOOM_ADDRESS, port: Number(PORT), page }));
            END
            mv -f settings.json.new settings.json
            # What runs already reads its settings when it starts.
            if loom-service status ${name} >/dev/null; then loom-service restart ${name}; fi

  # Starts the service and waits until it works: what is started after it may rely on it. loom-service keeps a program
  # running: it starts it again when it crashes, and when the node is started again.
  start:
    variants:
      - imageTypes: [debian]
        fields:
          script: |
            set -eu
            loom-service start ${name} nginx -c /etc/nginx/${name}.conf
            url="http://$LOOM_ADDRESS:$(loom-config ${name} port)/"
            curl -fsS --noproxy '*' --max-time 5 --retry 30 --retry-delay 1 --retry-max-time 30 --retry-connrefused "$url" ||
              { tail -n 20 "$LOOM_HOME/log/${name}.log" >&2; exit 1; }
      - imageTypes: [this-machine]
        fields:
          script: |
            set -eu
            loom-service start ${name} node "$LOOM_HOME/${name}/server.mjs"
            URL="http://$LOOM_ADDRESS:$(loom-config ${name} port)/"
            export URL
            # What the program itself printed is in log/, below the node's folder.
            node --input-type=module <<'END' || { tail -n 20 "$LOOM_HOME/log/${name}.log" >&2; exit 1; }
            const { URL: url } = process.env;
            const deadline = Date.now() + 30_000;
            for (;;) {
              const page = await fetch(url).then((answer) => answer.text(), () => undefined);
              if (page !== undefined) {
                console.log(page.trim());
                break;
              }
              if (Date.now() > deadline) {
                console.error(\`nothing answers at \${url}\`);
                process.exit(1);
              }
              await new Promise((resolve) => setTimeout(resolve, 100));
            }
            END

  # The same everywhere, so that it needs no variants.
  stop:
    fields:
      script: loom-service stop ${name}
`;
}

function templateText(template: string, services: readonly SkeletonService[]): string {
  const [first, ...others] = services as [SkeletonService, ...SkeletonService[]];
  const names = services.map(({ name }) => name).join(", ");
  const urls = others.map(({ name, port }) => `%join(map(ip.service.${name},'http://$:${port}/'),' ')%`).join(" ");
  return `# Which services make a cluster, and what must hold.
# Every field is described in docs/reference/catalog.md of Loom.
kind: ClusterTemplate
name: ${template}
description: Nodes that each serve a page.

defaults:
  services: [${names}]
  # Where clusters are made unless somebody says --provider: local is this machine, docker makes containers.
  provider: local

constraints:
  # How many nodes a cluster may have.
  size: { min: 1, max: 9 }
  # How many nodes each service is on; every node carries every service where nothing is said.
  # services:
  #   ${first.name}: { min: 1, max: 1 }
  # Which services never share a node, or always do.
  # layout:
  #   cantCoexist: [[${services.length > 1 ? names : `${first.name}, OTHER`}]]

# Runs last, on the first node that carries the service, and decides whether the cluster works. Look at what a user wants
# of it, and set a deadline.
check:
  service: ${first.name}
  timeoutSeconds: 120
  fields:
    # Macros name what is only known once there are machines. They work here, in configuration and in links; not in
    # scripts, where % means something to the shell.
    env:
      ADDRESSES: "%ip.service.${first.name}%"${
        others.length === 0
          ? ""
          : `
      # A check sees the configuration of its own service; the ports of the others are those of their documents.
      OTHERS: "${urls}"`
      }
  variants:
    - imageTypes: [debian]
      fields:
        script: |
          set -eu
          # Every node answers within 30 s.
          port=$(loom-config ${first.name} port)
          urls=
          for address in $(echo "$ADDRESSES" | tr , ' '); do
            urls="$urls http://$address:$port/"
          done
          for url in $urls${others.length === 0 ? "" : " $OTHERS"}; do
            curl -fsS --noproxy '*' --max-time 5 --retry 30 --retry-delay 1 --retry-max-time 30 --retry-connrefused "$url"
          done
    - imageTypes: [this-machine]
      fields:
        script: |
          set -eu
          # Every node answers within 30 s.
          PORT=$(loom-config ${first.name} port)
          export PORT
          node --input-type=module <<'END'
          const { ADDRESSES, ${others.length === 0 ? "" : "OTHERS, "}PORT } = process.env;
          const urls = ADDRESSES.split(",").map((address) => \`http://\${address}:\${PORT}/\`);${
            others.length === 0
              ? ""
              : `
          urls.push(...OTHERS.split(" "));`
          }
          const deadline = Date.now() + 30_000;
          for (const url of urls) {
            for (;;) {
              const page = await fetch(url).then((answer) => answer.text(), () => undefined);
              if (page !== undefined) {
                console.log(\`\${url} \${page.trim()}\`);
                break;
              }
              if (Date.now() > deadline) {
                console.error(\`nothing answers at \${url}\`);
                process.exit(1);
              }
              await new Promise((resolve) => setTimeout(resolve, 100));
            }
          }
          END

# Where the cluster answers, for the people who use it. Macros with an index name one node.
links:
${services.map(({ name, port }) => `  - label: ${name}\n    url: "http://%ip.external.service.${name}[0]%:${port}"`).join("\n")}
`;
}

function readmeText(template: string, services: readonly SkeletonService[], folder: string): string {
  return `# ${template}

A template for clusters of ${services.map(({ name }) => `\`${name}\``).join(" and ")}.

| File | What it is |
|---|---|
| \`templates/${template}.yaml\` | which services make a cluster, what must hold, and the check that decides whether it works |
${services.map(({ name }) => `| \`services/${name}.yaml\` | how \`${name}\` is installed, configured, started and stopped |`).join("\n")}

\`\`\`sh
loom template lint ${folder}                      # every mistake with its line; needs no server
loom template try ${folder}                       # a real cluster, deleted again when you press Enter
loom template try ${folder} --watch               # and a new one whenever you save a file
loom template try ${folder} --provider docker     # in containers
loom catalog apply ${folder}                      # when it works: from now on everybody can create it
loom create NAME --template ${template} --nodes 2 --wait
\`\`\`
`;
}
