import assert from "node:assert/strict";
import fc from "fast-check";
import { catalogDocuments } from "../../../test/arbitraries/catalog.js";
import { planApply, planDelete } from "./apply.js";
import type { CurrentDocument, PlannedChange } from "./apply.js";
import type { CatalogDocument } from "./types.js";

const service = (description: string, name = "web"): CatalogDocument => ({
  kind: "Service",
  name,
  body: { description },
});
const stored = (description: string, version: number, flags: Partial<CurrentDocument> = {}): CurrentDocument => ({
  document: service(description),
  version,
  shipped: false,
  deleted: false,
  ...flags,
});
const brief = ({ kind, version, fields, write }: PlannedChange): unknown[] => [
  kind,
  version,
  fields.map((field) => `${field.path}: ${field.before} -> ${field.after}`).join(),
  write === undefined ? "" : `${write.version}${write.shipped ? " shipped" : ""}`,
];

describe("planApply", () => {
  const deleted = { deleted: true };
  const table: [string, CurrentDocument[], CatalogDocument, boolean, unknown[]][] = [
    ["creates what is new", [], service("a"), false, ["CREATED", 1, ':  -> {"description":"a"}', "1"]],
    [
      "creates what is new and shipped",
      [],
      service("a"),
      true,
      ["CREATED", 1, ':  -> {"description":"a"}', "1 shipped"],
    ],
    [
      "makes a version of what changes",
      [stored("a", 3)],
      service("b"),
      false,
      ["UPDATED", 4, 'description: "a" -> "b"', "4"],
    ],
    [
      "makes none of what is as it was",
      [stored("a", 3)],
      { kind: "Service", name: "web", body: { provides: [], description: "a" } },
      false,
      ["UNCHANGED", 3, "", ""],
    ],
    [
      "replaces a shipped document by a shipped one",
      [stored("a", 1, { shipped: true })],
      service("b"),
      true,
      ["UPDATED", 2, 'description: "a" -> "b"', "2 shipped"],
    ],
    [
      "replaces a shipped document by an edited one",
      [stored("a", 1, { shipped: true })],
      service("b"),
      false,
      ["UPDATED", 2, 'description: "a" -> "b"', "2"],
    ],
    ["keeps what somebody edited", [stored("a", 2)], service("b"), true, ["KEPT", 2, 'description: "a" -> "b"', ""]],
    [
      "keeps what somebody deleted",
      [stored("a", 2, deleted)],
      service("a"),
      true,
      ["KEPT", 2, ':  -> {"description":"a"}', ""],
    ],
    [
      "keeps what somebody deleted, though it was as shipped",
      [stored("a", 2, { deleted: true, shipped: true })],
      service("a"),
      true,
      ["KEPT", 2, ':  -> {"description":"a"}', ""],
    ],
    [
      "goes on counting after a deleted document",
      [stored("a", 7, deleted)],
      service("a"),
      false,
      ["CREATED", 8, ':  -> {"description":"a"}', "8"],
    ],
    [
      "leaves other documents alone",
      [{ ...stored("a", 7), document: { kind: "ImageType", name: "web", body: {} } }],
      service("a"),
      false,
      ["CREATED", 1, ':  -> {"description":"a"}', "1"],
    ],
  ];
  for (const [what, current, incoming, shipped, expected] of table) {
    it(what, () => assert.deepEqual(planApply(current, [incoming], { shipped }).map(brief), [expected]));
  }

  it("takes documents one after the other", () => {
    assert.deepEqual(
      planApply([], [service("a"), service("b"), service("b")], { shipped: false }).map((change) => [
        change.kind,
        change.version,
      ]),
      [
        ["CREATED", 1],
        ["UPDATED", 2],
        ["UNCHANGED", 2],
      ],
    );
  });

  it("changes nothing the second time and never uses a number twice", () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ documents: catalogDocuments(), shipped: fc.boolean(), remove: fc.nat(5) }), {
          maxLength: 5,
        }),
        (writes) => {
          const store = new Map<string, CurrentDocument>();
          const used = new Set<string>();
          const put = (one: CurrentDocument): void => {
            const id = `${one.document.kind}/${one.document.name}`;
            assert.ok(!used.has(`${id}@${one.version}`));
            used.add(`${id}@${one.version}`);
            store.set(id, one);
          };
          for (const { documents, shipped, remove } of writes) {
            for (const { write } of planApply(store.values(), documents, { shipped }))
              if (write !== undefined) put(write);
            for (const change of planApply(store.values(), documents, { shipped }))
              assert.equal(change.write, undefined);
            const victim = [...store.values()][remove];
            if (victim !== undefined && !victim.deleted) put(planDelete(victim));
          }
        },
      ),
    );
  });
});
