/** What a failure of PostgreSQL means for the store (SQLSTATE: PostgreSQL manual, appendix A). */

interface DatabaseError extends Error {
  readonly code: string;
  readonly severity: string;
}

export const isDatabaseError = (error: unknown): error is DatabaseError =>
  error instanceof Error && 'severity' in error && 'code' in error && typeof error.code === 'string';

export type FailureKind =
  /** Two units touched the same rows: the unit may be run again. */
  | 'conflict'
  /** The server answers, but takes no writes now: full, read-only, out of memory, shutting down. */
  | 'unwritable'
  /** No answer: whatever was asked may or may not have happened. */
  | 'lost'
  /** The statement itself is wrong or refused; only its unit is concerned. */
  | 'own';

const conflicts = new Set(['40001', '40P01']);
const unwritable = new Set(['25006', '55P03', '57014', 'XX001', 'XX002']);
/** Insufficient resources and system errors. */
const unwritableClasses = new Set(['53', '58']);
/** Connection exceptions and operator intervention: the connection is gone afterwards. */
const lostClasses = new Set(['08', '57']);

/** Classifies a failure of a statement; not for errors that a unit throws by itself. */
export function kindOf(error: unknown): FailureKind {
  if (error instanceof RangeError) return 'own';
  if (!isDatabaseError(error)) return 'lost';
  if (conflicts.has(error.code)) return 'conflict';
  if (unwritable.has(error.code) || unwritableClasses.has(error.code.slice(0, 2))) return 'unwritable';
  return lostClasses.has(error.code.slice(0, 2)) ? 'lost' : 'own';
}

export const isLockTimeout = (error: unknown): boolean => isDatabaseError(error) && error.code === '55P03';

/** One line for people. Never holds the URL: connection errors name host and port only. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join('; ');
  if (isDatabaseError(error)) return `${error.message} (${error.code})`;
  if (!(error instanceof Error)) return String(error);
  return error.message || error.name;
}

/** The database cannot be reached, for opening it or for reading. Same fields as the catalogue's errors. */
export class StoreUnreachable extends Error {
  readonly code = 'STORE_UNREACHABLE';
  readonly status = 503;
  readonly fix =
    'Check that the PostgreSQL server runs and that the URL names the right host, user and database.';
  constructor(name: string, cause: unknown) {
    super(`The database ${name} cannot be reached: ${reasonOf(cause)}`, { cause });
    this.name = 'StoreUnreachable';
  }
}
