/** What is wrong with the configuration, said so that a person can go to the line and mend it. */

export interface Problem {
  /**
   * `error` without `platform`: the gateway must not start (fail closed). `error` with `platform`: only that
   * platform stays off. `warning`: the value was ignored or has no effect, everything else works.
   */
  readonly severity: 'error' | 'warning';
  /** Dotted key or environment variable. */
  readonly path: string;
  readonly message: string;
  /** One sentence: what to do. */
  readonly hint?: string;
  readonly platform?: string;
  readonly file?: string;
  /** 1-based. */
  readonly line?: number;
  readonly column?: number;
}

/** True when the gateway must not start because of it. */
export function preventsStart(problem: Problem): boolean {
  return problem.severity === 'error' && problem.platform === undefined;
}

/** `config.yaml:3:5: agent.max_turns: expected a whole number. Fix: …` */
export function describeProblem(problem: Problem): string {
  const place = [problem.file, problem.line, problem.column].filter((part) => part !== undefined).join(':');
  const start = place === '' ? '' : `${place}: `;
  return `${start}${problem.path}: ${problem.message}${problem.hint === undefined ? '' : ` ${problem.hint}`}`;
}
