const MAX_CHARACTERS = 200;

/** Text that somebody else wrote, in quotes and on one line: at most 200 characters of it. */
export function quote(text: string): string {
  return JSON.stringify(text.length > MAX_CHARACTERS ? `${text.slice(0, MAX_CHARACTERS)}…` : text);
}
