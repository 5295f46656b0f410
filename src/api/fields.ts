/** What becomes of each field a client can send, as data: the report of ignored fields and the reference page read it. */
import type { JsonObject } from './body.ts';

/**
 * `honoured`: the gateway acts on it. `passed on`: the model gets it where it takes it; where not, `warnings` of the
 * answer say so. `kept`: stored and repeated in the response, without any other effect. `reported`: no effect, and the
 * name comes back in `X-Hermes-Ignored`. `refused`: 400 for everything that would need it.
 */
export type Ruling = 'honoured' | 'passed on' | 'kept' | 'reported' | 'refused';

export interface FieldRule {
  readonly ruling: Ruling;
  readonly note: string;
  /**
   * Says which parts of a value have no effect, as paths below the field; '' = all of it. Absent for `reported`: always
   * all of it; absent for all others: nothing.
   */
  readonly unmet?: (value: unknown) => readonly string[];
}

export type FieldRules = Readonly<Record<string, FieldRule>>;

const mostNamed = 20;
const everything = [''];
const nothing: readonly string[] = [];

/** For `unmet`: a value that differs from what is done anyway has no effect. */
export const unlessOneOf =
  (...done: readonly unknown[]) =>
  (value: unknown): readonly string[] =>
    done.includes(value) ? nothing : everything;

/** For `unmet`: the named members of an object have no effect when they ask for something. */
export const members =
  (rules: Readonly<Record<string, (value: unknown) => readonly string[]>>) =>
  (value: unknown): readonly string[] => {
    if (typeof value !== 'object' || value === null) return nothing;
    return Object.entries(rules).flatMap(([name, unmet]) => {
      const member = (value as Readonly<Record<string, unknown>>)[name];
      return member === undefined || member === null
        ? nothing
        : unmet(member).map((path) => (path === '' ? `.${name}` : `.${name}${path}`));
    });
  };

/** Names of what was sent and has no effect, in the order it was sent; fields nobody knows are among them. */
export function unmetFields(body: JsonObject, rules: FieldRules): string[] {
  return Object.entries(body)
    .filter(([name, value]) => value !== null && /^\w{1,64}$/.test(name))
    .flatMap(([name, value]) => {
      const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
      const unmet =
        rule === undefined
          ? everything
          : (rule.unmet?.(value) ?? (rule.ruling === 'reported' ? everything : nothing));
      return unmet.map((path) => `${name}${path}`);
    })
    .slice(0, mostNamed);
}
