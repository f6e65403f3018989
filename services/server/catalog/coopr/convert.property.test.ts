/** What holds for every catalog of that system, however odd. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { exportDocument } from "../export.js";
import { loadCatalog } from "../load.js";
import { convertCatalog } from "./convert.js";
import { SOURCE_FOLDERS, type ConversionOptions, type SourceFile } from "./types.js";

const OPTIONS: ConversionOptions = { currency: "EUR", ownTypes: { providers: ["docker"], automators: ["shell"] } };

type Arbitrary = fc.Arbitrary<unknown>;

const NAMES = ["a", "b", "c", "_d", "e.f"];
const name = fc.constantFrom(...NAMES, ...NAMES, "gone");
const text = fc.constantFrom("x", "", "%host.self%", "%ip.service.a[0]%", "%host.no% 5%%", "%num.service._d%", "é\n");
const names = fc.uniqueArray(name, { maxLength: 3 });
const some = (fields: Record<string, Arbitrary>): Arbitrary => fc.record(fields, { requiredKeys: [] });
const mapOf = (value: Arbitrary): Arbitrary => fc.dictionary(name, value, { maxKeys: 3, noNullPrototype: true });
const config = fc.oneof(
  fc.dictionary(
    fc.constantFrom("a", "k", "generate", "$secret"),
    fc.oneof(
      text,
      fc.json({ maxDepth: 1 }).map((json) => JSON.parse(json) as unknown),
    ),
    { noNullPrototype: true },
  ),
  fc.constant({}),
);
const bounds = some({
  min: fc.integer({ min: -1, max: 4 }),
  max: fc.oneof(fc.integer({ min: 0, max: 4 }), fc.constant("2")),
});
const stage = some({ requires: names, uses: names });
const action = some({ type: fc.constantFrom("chef-solo", "shell", "docker"), fields: mapOf(text) });
const base = { description: text, label: text, icon: text };
const template = {
  ...base,
  extends: some({ name }),
  includes: fc.array(some({ name }), { maxLength: 2 }),
  defaults: some({
    services: fc.array(fc.oneof(name, some({ name, config })), { maxLength: 4 }),
    provider: name,
    hardwaretype: name,
    imagetype: name,
    dnsSuffix: fc.constantFrom(".a.b", "x", "-"),
    config,
  }),
  compatibility: some({ hardwaretypes: names, imagetypes: names, services: names }),
  constraints: some({
    layout: some({ mustcoexist: fc.array(names, { maxLength: 2 }), cantcoexist: fc.array(names, { maxLength: 2 }) }),
    services: mapOf(some({ quantities: bounds, hardwaretypes: names, imagetypes: names })),
    size: bounds,
  }),
  administration: some({
    leaseduration: some({
      initial: fc.constantFrom(0, 1, "8h", "x"),
      max: fc.constantFrom(0, 5000, "1d"),
      step: fc.integer(),
    }),
  }),
  links: fc.array(some({ label: text, url: text }), { maxLength: 2 }),
};
const SHAPES: Readonly<Record<string, Record<string, Arbitrary>>> = {
  providers: { ...base, providertype: fc.constantFrom("docker", "cloud"), provisioner: mapOf(text) },
  hardwaretypes: {
    ...base,
    providermap: mapOf(some({ flavor: fc.constantFrom("f", "", 7), cost: fc.constantFrom("0.1", "x"), ram: text })),
  },
  imagetypes: {
    ...base,
    providermap: mapOf(some({ image: fc.constantFrom("i", ""), sshuser: fc.constantFrom("ops", "no user") })),
  },
  services: {
    ...base,
    dependson: names,
    dependencies: some({ provides: names, conflicts: names, install: stage, runtime: stage }),
    provisioner: some({ actions: some({ install: action, start: action, stop: action, dance: action }) }),
    links: template.links,
  },
  clustertemplates: template,
  partialtemplates: { ...template, immutable: fc.constantFrom(true, "true", false, "maybe") },
};

/** Anything may stand where something else should. */
const odd = (shape: Record<string, Arbitrary>): Arbitrary =>
  some(
    Object.fromEntries(
      Object.entries(shape).map(([key, value]) => [
        key,
        fc.oneof(
          { weight: 15, arbitrary: value },
          { weight: 1, arbitrary: fc.constantFrom(null, 7, "text", [], [null], {}) },
        ),
      ]),
    ),
  );

const files: fc.Arbitrary<SourceFile[]> = fc
  .tuple(
    ...Object.keys(SOURCE_FOLDERS).map((folder) =>
      fc
        .uniqueArray(fc.tuple(fc.constantFrom(...NAMES), odd(SHAPES[folder]!)), {
          maxLength: 4,
          selector: ([own]) => own,
        })
        .map((list) =>
          list.map(([own, body]) => ({
            path: `${folder}/${own}.json`,
            folder,
            text: JSON.stringify({ name: own, ...(body as object) }, undefined, 1),
          })),
        ),
    ),
  )
  .map((lists) => lists.flat());

describe("coopr: any catalog", () => {
  it("becomes documents that read back as they are, with no error that is not told", () => {
    fc.assert(
      fc.property(files, (given) => {
        const { documents, findings } = convertCatalog(given, OPTIONS);
        const loaded = loadCatalog(
          documents.map(({ document }, index) => ({ path: `${index}.yaml`, text: exportDocument(document) })),
        );
        assert.deepEqual(
          loaded.documents.map((one) => one.document),
          documents.map((one) => one.document),
        );
        for (const problem of loaded.problems) {
          if (problem.severity === "warning") continue;
          // Nothing but what is missing in the source itself can still be wrong.
          assert.match(problem.message, /which is no service and which no service provides/);
          assert.ok(
            findings.some(
              (finding) => finding.document === problem.document && finding.reason.includes(problem.message),
            ),
            problem.message,
          );
        }
        assert.equal(documents.length, given.length);
      }),
      { numRuns: 300 },
    );
  });

  it("becomes the same documents in whatever order its files come, every finding with its place", () => {
    fc.assert(
      fc.property(
        files.chain((given) => fc.tuple(fc.constant(given), fc.shuffledSubarray(given, { minLength: given.length }))),
        ([given, shuffled]) => {
          const first = convertCatalog(given, OPTIONS);
          assert.deepEqual(convertCatalog(shuffled, OPTIONS), first);
          for (const { file, line, column, reason } of first.findings) {
            const lines = given.find((one) => one.path === file)!.text.split("\n");
            assert.ok(
              line >= 1 && line <= lines.length && column >= 1 && column <= lines[line - 1]!.length + 1,
              reason,
            );
          }
        },
      ),
      { numRuns: 150 },
    );
  });
});

interface Small {
  readonly services: readonly string[];
  readonly must: readonly (readonly string[])[];
  readonly cant: readonly (readonly string[])[];
  readonly quantities: Readonly<Record<string, { min?: number; max?: number }>>;
  readonly size: { min?: number; max?: number };
}

const ABC = ["a", "b", "c"];
const groups = fc.array(fc.uniqueArray(fc.constantFrom(...ABC), { minLength: 2, maxLength: 3 }), { maxLength: 2 });
const quantity = fc
  .record(
    { min: fc.integer({ min: 0, max: 2 }), max: fc.integer({ min: 0, max: 3 }) },
    { requiredKeys: [], noNullPrototype: true },
  )
  .filter(({ min, max }) => max === undefined || max >= (min ?? 0));
const small: fc.Arbitrary<Small> = fc.record({
  services: fc.uniqueArray(fc.constantFrom(...ABC), { minLength: 1, maxLength: 3 }),
  must: groups,
  cant: groups,
  quantities: fc.dictionary(fc.constantFrom(...ABC), quantity, { noNullPrototype: true }),
  size: fc
    .record(
      { min: fc.integer({ min: 1, max: 3 }), max: fc.integer({ min: 1, max: 3 }) },
      { requiredKeys: [], noNullPrototype: true },
    )
    .filter(({ min, max }) => max === undefined || max >= (min ?? 1)),
});

/** True where so many nodes can be given services by the rules of the source: no service has to be anywhere but by its minimum. */
function couldLayOut({ services, must, cant, quantities }: Small, nodes: number): boolean {
  const isFree = (one: string): boolean => !(one in quantities) && ![...must, ...cant].some((set) => set.includes(one));
  const subsets = Array.from({ length: 2 ** services.length }, (_, bits) =>
    services.filter((_one, index) => (bits >> index) % 2 === 1),
  );
  const kinds = subsets.filter(
    (kind) =>
      kind.length > 0 &&
      services.every((one) => !isFree(one) || kind.includes(one)) &&
      cant.every((set) => !set.every((one) => kind.includes(one))) &&
      must.every((set) => {
        const there = set.filter((one) => services.includes(one));
        return !there.some((one) => kind.includes(one)) || there.every((one) => kind.includes(one));
      }),
  );
  const fits = (counts: Readonly<Record<string, number>>): boolean =>
    services.every((one) => {
      const { min = 0, max = Infinity } = quantities[one] ?? {};
      return (counts[one] ?? 0) >= min && (counts[one] ?? 0) <= max;
    });
  const place = (left: number, from: number, counts: Readonly<Record<string, number>>): boolean => {
    if (left === 0) return fits(counts);
    return kinds.some((kind, index) => {
      if (index < from) return false;
      return place(left - 1, index, {
        ...counts,
        ...Object.fromEntries(kind.map((one) => [one, (counts[one] ?? 0) + 1])),
      });
    });
  };
  return place(nodes, 0, {});
}

describe("coopr: any template", () => {
  it("that its own system can lay out can be laid out here", () => {
    let possible = 0;
    fc.assert(
      fc.property(small, (one) => {
        const sizes = [1, 2, 3].filter((nodes) => nodes >= (one.size.min ?? 1) && nodes <= (one.size.max ?? 3));
        if (!sizes.some((nodes) => couldLayOut(one, nodes))) return;
        possible += 1;
        const document = (folder: string, body: { readonly name: string }): SourceFile => ({
          path: `${folder}/${body.name}.json`,
          folder,
          text: JSON.stringify(body),
        });
        const services = Object.fromEntries(
          Object.entries(one.quantities).map(([service, quantities]) => [service, { quantities }]),
        );
        const { templates } = convertCatalog(
          [
            document("providers", { name: "p", providertype: "x" } as { name: string }),
            document("hardwaretypes", { name: "h", providermap: { p: { flavor: "x" } } } as { name: string }),
            document("imagetypes", { name: "i", providermap: { p: { image: "x" } } } as { name: string }),
            ...ABC.map((service) => document("services", { name: service })),
            document("clustertemplates", {
              name: "t",
              defaults: { services: one.services, provider: "p" },
              constraints: { layout: { mustcoexist: one.must, cantcoexist: one.cant }, services, size: one.size },
            } as { name: string }),
          ],
          OPTIONS,
        );
        assert.notEqual(templates[0]!.fewest, undefined, templates[0]!.reason);
      }),
      { numRuns: 400 },
    );
    assert.ok(possible > 100);
  });
});
