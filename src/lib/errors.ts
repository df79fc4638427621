/** An error that carries a stable, documented `code` (docs/errors.md) beside its message. */
export abstract class CodedError extends Error {
  abstract readonly code: string;
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** The text of whatever was thrown, for messages and logs. */
export function errorText(error: unknown): string {
  // Not `instanceof Error`: an error of Node's core belongs to another realm when code runs in a vm context.
  if (typeof error === 'object' && error !== null && 'message' in error) return String(error.message);
  return String(error);
}
