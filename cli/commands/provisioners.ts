/** `loom provisioner token`, `list` and `revoke`: who of other machines is let in. */
import { JoinTokenSchema } from "../../gen/web/loom/v1/provisioner_pb.js";
import { formatDuration, parseDuration } from "../duration.js";
import { badInput, EXIT } from "../exit.js";
import { readPages } from "../pages.js";
import { formatOf, printValue } from "../render/format.js";
import { provisionerId, PROVISIONERS } from "../render/kinds/provisioners.js";
import { jsonOf, printRecords } from "../render/output.js";
import { mutate, type MutationOptions } from "../request.js";
import type { OutputOptions, Session } from "../session.js";

export interface TokenOptions extends MutationOptions {
  readonly ttl: string;
  readonly output?: string;
}

export async function token(session: Session, options: TokenOptions, label: string): Promise<number> {
  const format = formatOf(options);
  const ttl = parseDuration(options.ttl, "--ttl");
  if (ttl < 60_000 || ttl > 7 * 86_400_000)
    throw badInput(`--ttl ${options.ttl} is out of range.`, "Give from 1m to 7d.");
  const api = await session.api();
  const validateOnly = options.dryRun === true;
  const made = await mutate(session, options, `provisioner token ${label}`, (requestId) =>
    api.provisioners.createJoinToken(
      { label, ttlSeconds: Math.round(ttl / 1000), requestId, validateOnly },
      { signal: session.signal },
    ),
  );
  if (validateOnly) {
    session.say(`Dry run: nothing is changed. A provisioner would be invited as ${label}.`);
    return options.detailedExitCode === true ? EXIT.changes : EXIT.done;
  }
  const [address = "", ...others] = made.addresses;
  if (format !== "table" && format !== "wide") {
    if (format === "name") session.print(made.provisioner!.name);
    else await printValue(session, format, jsonOf(JoinTokenSchema, made));
    return EXIT.done;
  }
  session.say(
    `Run this on the other machine within ${formatDuration(ttl)}; it lets one provisioner in, once (${provisionerId(made.provisioner!)}):`,
  );
  // In the environment, other users of that machine do not see it.
  session.print(`LOOM_JOIN_TOKEN=${made.token} loom provisioner --join ${address} --fingerprint ${made.fingerprint}`);
  if (others.length > 0) session.say(`Other addresses of this machine: ${others.join(", ")}`);
  session.say(`Provider documents with \`provisioner: ${label}\` are served by it.`);
  return EXIT.done;
}

export async function list(session: Session, options: OutputOptions & { readonly all?: boolean }): Promise<number> {
  const api = await session.api();
  const { items } = await readPages(async (page) => {
    const showRevoked = options.all === true;
    const answer = await api.provisioners.listProvisioners({ ...page, showRevoked }, { signal: session.signal });
    return { items: answer.provisioners, nextPageToken: answer.nextPageToken, unreachable: [] };
  });
  await printRecords(session, options, PROVISIONERS, items);
  return EXIT.done;
}

export async function revoke(session: Session, options: MutationOptions, id: string): Promise<number> {
  const api = await session.api();
  const name = id.startsWith("provisioners/") ? id : `provisioners/${id}`;
  const validateOnly = options.dryRun === true;
  const revoked = await mutate(session, options, `provisioner revoke ${id}`, (requestId) =>
    api.provisioners.revokeProvisioner({ name, requestId, validateOnly }, { signal: session.signal }),
  );
  const what = `${provisionerId(revoked)} (${revoked.label})`;
  session.say(
    validateOnly ? `Dry run: nothing is changed. ${what} would be let in no more.` : `${what} is let in no more.`,
  );
  return validateOnly && options.detailedExitCode === true ? EXIT.changes : EXIT.done;
}
