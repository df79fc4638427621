import { type DestinationStream, destination, pino } from 'pino';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
type Write = (fields: Readonly<Record<string, unknown>>, message: string) => void;

/** Structured log lines; what a stranger wrote goes into fields, never into the message. */
export interface Logger {
  readonly debug: Write;
  readonly info: Write;
  readonly warn: Write;
  readonly error: Write;
}

export interface LoggerOptions {
  /** The least level that is written. Default `info`. */
  readonly level?: LogLevel;
  /** Where lines go. Default: standard output, without waiting for its reader. */
  readonly stream?: DestinationStream;
}

/** Lines that wait for a reader that has stopped; beyond, lines are lost rather than memory. */
const MAX_BUFFERED = 4 * 1024 * 1024;
const SECRET_FIELDS: ReadonlySet<string> = new Set([
  'password',
  'token',
  'identityToken',
  'refreshToken',
  'secret',
  'authorization',
  'credential',
  'key',
]);
const REDACTED = '[redacted]';
/** How deep fields are searched for secrets, and shown. */
const MAX_DEPTH = 5;
const CREDENTIALS_IN_URL = /\/\/[^/@\s"\\]{1,512}@/g;
const BEARER = /\b(Bearer|Basic) [A-Za-z0-9._~+/=-]{1,8192}/gi;

/** JSON lines, one an event; fields named like secrets are redacted at any depth that is shown, and credentials inside error texts are cut out. */
export function createLogger(options: LoggerOptions = {}): Logger {
  const stream = options.stream ?? destination({ fd: 1, sync: false, maxLength: MAX_BUFFERED });
  const logger = pino(
    {
      level: options.level ?? 'info',
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      depthLimit: MAX_DEPTH,
      serializers: { error: errorFields },
    },
    stream,
  );
  return {
    debug: (fields, message) => logger.debug(redact(fields), message),
    info: (fields, message) => logger.info(redact(fields), message),
    warn: (fields, message) => logger.warn(redact(fields), message),
    error: (fields, message) => logger.error(redact(fields), message),
  };
}

/** By hand: pino's own redaction with wildcards costs four times the line itself. */
function redact(fields: Readonly<Record<string, unknown>>, depth = 0): Readonly<Record<string, unknown>> {
  let changed: Record<string, unknown> | undefined;
  for (const name in fields) {
    const value = fields[name];
    const shown = SECRET_FIELDS.has(name) ? REDACTED : isPlain(value) && depth < MAX_DEPTH ? redact(value, depth + 1) : value;
    if (shown === value) continue;
    changed ??= { ...fields };
    changed[name] = shown;
  }
  return changed ?? fields;
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !('message' in value) && !(value instanceof Date);
}

/** What of a thrown value may be logged: its code, message, stack and causes, without credentials. */
function errorFields(error: unknown, depth = 0): unknown {
  if (typeof error !== 'object' || error === null) return scrub(String(error));
  const { code, message, stack, cause } = error as { code?: unknown; message?: unknown; stack?: unknown; cause?: unknown }; // any property may be absent
  return {
    ...(code === undefined ? {} : { code: scrub(String(code)) }),
    message: scrub(String(message ?? '')),
    ...(typeof stack === 'string' ? { stack: scrub(stack) } : {}),
    ...(cause === undefined || depth >= 4 ? {} : { cause: errorFields(cause, depth + 1) }),
  };
}

function scrub(text: string): string {
  return text.slice(0, 8192).replace(CREDENTIALS_IN_URL, '//[redacted]@').replace(BEARER, '$1 [redacted]');
}
