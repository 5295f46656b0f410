import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ToolChoice } from './contract.ts';
import { offerOf, type Shown } from './offer.ts';
import { named, prepared } from './prepare.ts';
import { fakeTool } from './testing.ts';

const names: readonly string[] = ['terminal', 'read_file', 'patch', 'todo', 'mine', 'Terminal', 'read-file'];
const some = fc.uniqueArray(fc.constantFrom(...names));
const name = fc.constantFrom(...names);
const choice: fc.Arbitrary<ToolChoice> = fc.oneof(
  fc.constantFrom<ToolChoice>({ type: 'auto' }, { type: 'none' }, { type: 'required' }),
  name.map((wanted) => ({ type: 'tool' as const, name: wanted })),
  fc.record({ type: fc.constant('allowed' as const), names: some, required: fc.boolean() }),
);
const schema = (of: string, description: string) => ({ name: of, description, parameters: {} });

test('no wish of a caller widens what runs here, and none of its own tools does', () => {
  fc.assert(
    fc.property(some, some, fc.option(choice), fc.array(name), (allowed, own, wanted, calls) => {
      const tools = new Map(allowed.map((each) => [each, fakeTool(each)]));
      const server = { tools, schemas: allowed.map((each) => schema(each, 'server')) };
      const clientTools = own.map((each) => schema(each, 'client'));
      const offer = offerOf({ clientTools, ...(wanted && { toolChoice: wanted }) }, server);

      for (const [each, tool] of offer.tools) expect(tools.get(each)).toBe(tool);
      expect([...offer.tools.keys()].filter((each) => own.includes(each))).toEqual([]);
      const known = (shown: Shown) =>
        shown.schemas.every((each) => [...server.schemas, ...clientTools].includes(each));
      expect([known(offer.first), known(offer.later)]).toEqual([true, true]);
      for (const shown of [offer.first, offer.later]) {
        expect(new Set(shown.schemas.map((each) => each.name)).size).toBe(shown.schemas.length);
      }
      for (const each of calls) {
        const { call, tool, client } = prepared(
          named({ id: '1', name: each, arguments: '{}' }, offer),
          offer,
        );
        if (tool !== undefined) expect([tools.get(call.name), client]).toEqual([tool, undefined]);
        if (wanted?.type === 'none') expect(tool).toBeUndefined();
      }
    }),
  );
});
