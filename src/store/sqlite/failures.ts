/** SQLite result codes (sqlite.org/rescode.html), as `node:sqlite` reports them in `errcode`. */

const primary = (error: unknown): number | undefined => {
  if (typeof error !== 'object' || error === null || !('errcode' in error)) return undefined;
  return typeof error.errcode === 'number' ? error.errcode & 0xff : undefined;
};

/** BUSY or LOCKED: another process has the file. */
export const isBusy = (error: unknown): boolean => [5, 6].includes(primary(error) ?? -1);
/** CORRUPT or NOTADB. */
export const isDamaged = (error: unknown): boolean => [11, 26].includes(primary(error) ?? -1);
/** READONLY, IOERR, FULL, CANTOPEN: the disk does not take the write; later it may. */
export const isUnwritable = (error: unknown): boolean => [8, 10, 13, 14].includes(primary(error) ?? -1);

/** READONLY: of a file that may be written this is damage, its header asks for a newer SQLite. */
export const isReadOnly = (error: unknown): boolean => primary(error) === 8;
/** ERROR: of a fixed statement this is not its text, so the file has an unknown format. */
export const isRefused = (error: unknown): boolean => primary(error) === 1;

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
