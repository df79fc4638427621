/** One line of the benchmark: what was measured, what was to be reached, and whether it was. */
export interface Figure {
  readonly id: string;
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  readonly target: string;
  readonly reached: boolean;
}

export function atLeast(id: string, what: string, value: number, bound: number, unit: string): Figure {
  return { id, what, value, unit, target: `>= ${bound}`, reached: value >= bound };
}

export function atMost(id: string, what: string, value: number, bound: number, unit: string): Figure {
  return { id, what, value, unit, target: `<= ${bound}`, reached: value <= bound };
}

/** A figure without a bound of its own, for reading the others. */
export function context(id: string, what: string, value: number, unit: string): Figure {
  return { id, what, value, unit, target: '', reached: true };
}

export function table(figures: readonly Figure[]): string {
  const rows = figures.map((figure) => [figure.id, figure.what, `${rounded(figure.value)} ${figure.unit}`, figure.target, verdict(figure)]);
  const all = [['id', 'what', 'measured', 'target', ''], ...rows];
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function rounded(value: number): string {
  return value >= 100 || Number.isInteger(value) ? value.toFixed(0) : value.toPrecision(3);
}

function verdict(figure: Figure): string {
  if (figure.target === '') return '';
  return figure.reached ? 'reached' : 'MISSED';
}
