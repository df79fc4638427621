import { Composer, type Document, isMap, isSeq, LineCounter, Parser } from 'yaml';
import { errorText } from '../lib/errors.ts';
import { readBroken, readObjects } from './objects.ts';
import type { Declared, Diagnostic, ObjectPath, Origin } from './resources.ts';

/** What one file declares. */
export interface FileReading {
  readonly declared: readonly Declared[];
  readonly diagnostics: readonly Diagnostic[];
  /** Whether a part of it could not be read. */
  readonly broken: boolean;
}

const MAX_DOCUMENTS = 10_000;
const MAX_ALIASES = 100;

/**
 * Reads the YAML documents (or the JSON) of one file. A document that is broken is an error with its line; the others apply.
 * At most 10,000 documents; aliases that would unfold to more than a hundred times what is written are an error.
 */
export function readDocuments(text: string, file: string, ownNamespace: string): FileReading {
  const lines = new LineCounter();
  const declared: Declared[] = [];
  const diagnostics: Diagnostic[] = [];
  let broken = false;
  let count = 0;
  try {
    // Composed one by one, not with `parseAllDocuments`: the cap must hold before a million documents are in memory.
    const composer = new Composer({ lineCounter: lines, uniqueKeys: true, prettyErrors: true });
    for (const document of composer.compose(new Parser(lines.addNewLine).parse(text), true, text.length)) {
      count += 1;
      if (count > MAX_DOCUMENTS) {
        diagnostics.push(
          problem(file, lineAt(lines, document.range?.[0] ?? 0), `expected at most ${MAX_DOCUMENTS} documents; the rest is ignored`),
        );
        broken = true;
        break;
      }
      const reading = readDocument(document, file, lines, ownNamespace);
      declared.push(...reading.declared);
      diagnostics.push(...reading.diagnostics);
      broken ||= reading.broken;
    }
  } catch (error) {
    // The composer recurses: nesting by the thousand ends in a RangeError.
    diagnostics.push(problem(file, undefined, `cannot be read as YAML: ${firstLine(errorText(error))}`));
    broken = true;
  }
  return { declared, diagnostics, broken };
}

function readDocument(document: Document, file: string, lines: LineCounter, ownNamespace: string): FileReading {
  const origin: Origin = { file, line: (path) => lineOf(document, lines, path) };
  const place = { origin, ownNamespace };
  const error = document.errors[0];
  try {
    const value: unknown = document.toJS({ maxAliasCount: MAX_ALIASES });
    if (error === undefined) return readObjects(value, place);
    const diagnostics = [problem(file, lineAt(lines, error.pos[0]), `not YAML: ${firstLine(error.message)}`)];
    const declared = readBroken(value, place);
    // A doubled key swallows nothing that follows: where the object is known, no other can be hidden in it.
    const mayHideOthers = declared.length === 0 || document.errors.some(({ code }) => code !== 'DUPLICATE_KEY');
    return { declared, diagnostics, broken: mayHideOthers };
  } catch (thrown) {
    const line = error === undefined ? lineAt(lines, document.range?.[0] ?? 0) : lineAt(lines, error.pos[0]);
    return { declared: [], diagnostics: [problem(file, line, `not YAML: ${firstLine(errorText(error ?? thrown))}`)], broken: true };
  }
}

/** The line of the key or element at `path`, or of the deepest one on the way that is there. */
function lineOf(document: Document, lines: LineCounter, path: ObjectPath): number | undefined {
  let node: unknown = document.contents;
  let offset = offsetOf(node);
  for (const segment of path) {
    if (isMap(node)) {
      const pair = node.items.find((item) => String(item.key) === String(segment));
      if (pair === undefined) break;
      offset = offsetOf(pair.key) ?? offset;
      node = pair.value;
    } else if (isSeq(node) && typeof segment === 'number' && node.items[segment] !== undefined) {
      node = node.items[segment];
      offset = offsetOf(node) ?? offset;
    } else break;
  }
  return offset === undefined ? undefined : lineAt(lines, offset);
}

function offsetOf(node: unknown): number | undefined {
  if (typeof node !== 'object' || node === null || !('range' in node) || !Array.isArray(node.range)) return undefined;
  const start: unknown = node.range[0];
  return typeof start === 'number' ? start : undefined;
}

function lineAt(lines: LineCounter, offset: number): number {
  return Math.max(lines.linePos(offset).line, 1);
}

function problem(file: string, line: number | undefined, message: string): Diagnostic {
  return { severity: 'error', file, ...(line === undefined ? {} : { line }), path: '', code: 'CONFIG_INVALID', message };
}

function firstLine(text: string): string {
  const line = text.split('\n', 1)[0] ?? '';
  return line.replace(/ at line \d+, column \d+:?$/, '').slice(0, 160);
}
