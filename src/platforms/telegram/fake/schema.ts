/**
 * Checks the parameters of a Bot API call against `data/bot-api.json`, more strictly than the public server, which
 * ignores what it does not know: an unknown, missing or wrongly typed parameter is an error of the caller.
 */
import botApi from '../data/bot-api.json' with { type: 'json' };

interface Field {
  readonly name: string;
  readonly types: readonly string[];
  readonly required: boolean;
}

interface Schema {
  readonly reactions: readonly string[];
  readonly methods: Readonly<Record<string, { readonly fields: readonly Field[] }>>;
  readonly types: Readonly<
    Record<string, { readonly fields?: readonly Field[]; readonly subtypes?: readonly string[] }>
  >;
}

const schema: Schema = botApi;

/** Emoji a bot may react with. */
export const { reactions } = schema;

export type Params = Readonly<Record<string, unknown>>;

export function isMethod(method: string): boolean {
  return Object.hasOwn(schema.methods, method);
}

/** The first problem, or undefined. */
export function problemOf(method: string, params: Params): string | undefined {
  return fieldsProblem(method, schema.methods[method]?.fields ?? [], params);
}

/** Parameters of a query string or form arrive as text: whatever is not a string is read as JSON. */
export function fromText(method: string, params: Readonly<Record<string, string>>): Params {
  return Object.fromEntries(
    Object.entries(params).map(([name, value]) => {
      const field = schema.methods[method]?.fields.find((known) => known.name === name);
      if (field === undefined || matches(value, field.types)) return [name, value];
      try {
        return [name, JSON.parse(value) as unknown];
      } catch {
        return [name, value];
      }
    }),
  );
}

function fieldsProblem(where: string, fields: readonly Field[], value: Params): string | undefined {
  for (const name of Object.keys(value)) {
    if (!fields.some((field) => field.name === name)) return `unknown parameter "${name}" in ${where}`;
  }
  for (const field of fields) {
    const given = value[field.name];
    if (given === undefined) {
      if (field.required) return `parameter "${field.name}" of ${where} is required`;
    } else if (!matches(given, field.types)) {
      return `parameter "${field.name}" of ${where} must be ${field.types.join(' or ')}`;
    }
  }
  return undefined;
}

function matches(value: unknown, types: readonly string[]): boolean {
  return types.some((type) => matchesOne(value, type));
}

function matchesOne(value: unknown, type: string): boolean {
  if (type.startsWith('Array of ')) {
    const inner = type.slice('Array of '.length);
    return Array.isArray(value) && value.every((item) => matchesOne(item, inner));
  }
  switch (type) {
    case 'Integer':
      return typeof value === 'number' && Number.isInteger(value);
    case 'Float':
      return typeof value === 'number';
    case 'String':
      return typeof value === 'string';
    case 'Boolean':
      return typeof value === 'boolean';
    default:
      return matchesObject(value, type);
  }
}

function matchesObject(value: unknown, type: string): boolean {
  const known = schema.types[type];
  if (known === undefined || typeof value !== 'object' || value === null || Array.isArray(value))
    return false;
  if (known.subtypes) return known.subtypes.some((subtype) => matchesOne(value, subtype));
  return fieldsProblem(type, known.fields ?? [], value as Params) === undefined;
}
