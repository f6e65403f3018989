import assert from "node:assert/strict";
import fc from "fast-check";
import { CliError } from "../exit.js";
import { createPalette } from "./colour.js";
import { pickColumns, tableLines, type Column } from "./table.js";
import { cut, oneLine, widthOf, wrap } from "./text.js";

interface Row {
  readonly a: string;
  readonly b: string;
}

const columns: readonly Column<Row>[] = [
  { name: "first", value: (row) => row.a, flexible: true },
  { name: "second", value: (row) => row.b, flexible: true },
  { name: "more", value: () => "m", wide: true },
];
const context = { palette: createPalette(false), now: 0, utc: false };

describe("cli: tables", () => {
  it("puts columns under each other", () => {
    assert.deepEqual(
      tableLines(
        columns,
        [
          { a: "x", b: "yyy" },
          { a: "longer than", b: "" },
        ],
        context,
        { header: true },
      ),
      ["FIRST        SECOND  MORE", "x            yyy     m", "longer than          m"],
    );
  });

  it("shows wide columns only where asked, and columns by name in the order named", () => {
    const names = (named: string | undefined, wide: boolean): string[] =>
      pickColumns(columns, named, wide).map((column) => column.name);
    assert.deepEqual(names(undefined, false), ["first", "second"]);
    assert.deepEqual(names(undefined, true), ["first", "second", "more"]);
    assert.deepEqual(names("more, FIRST", false), ["more", "first"]);
    for (const wrong of ["", ",", "firts"])
      assert.throws(
        () => pickColumns(columns, wrong, false),
        (thrown) => thrown instanceof CliError && thrown.exit === 2,
      );
  });

  it("never exceeds the width while columns can give way, and keeps columns in line", () => {
    const text = fc.string({ unit: "grapheme", maxLength: 60 });
    fc.assert(
      fc.property(
        fc.array(fc.record({ a: text, b: text }), { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 20, max: 120 }),
        (rows, width) => {
          for (const line of tableLines(columns.slice(0, 2), rows, context, { header: true, width }))
            assert.ok(widthOf(line) <= width, `${widthOf(line)} > ${width}: ${line}`);
        },
      ),
    );
  });

  it("keeps the widths of earlier lines", () => {
    const widths = [0, 0];
    const options = { header: false, widths };
    tableLines(columns.slice(0, 2), [{ a: "four", b: "x" }], context, options);
    assert.deepEqual(tableLines(columns.slice(0, 2), [{ a: "a", b: "b" }], context, options), ["a     b"]);
  });

  it("counts columns of the terminal, not characters", () => {
    assert.equal(widthOf("日本"), 4);
    assert.equal(widthOf("e\u0301"), 1);
    assert.equal(widthOf("\u001b[31mred\u001b[39m"), 3);
    assert.equal(cut("日本語", 5), "日本…");
    assert.equal(cut("abcdef", 4), "abc…");
    assert.equal(cut("abc", 3), "abc");
  });

  it("leaves no control character in a cell", () => {
    assert.equal(oneLine("a\u001b[2J\r\nb\u0007"), "a b");
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => !/\p{Cc}/u.test(oneLine(text))));
  });

  it("wraps words", () => {
    assert.deepEqual(wrap("one two three", 7), ["one two", "three"]);
    assert.deepEqual(wrap("abcdefghij k", 5), ["abcdefghij", "k"]);
  });
});
