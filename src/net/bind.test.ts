import { expect, it } from 'vitest';
import { isNetworkAccessible } from './bind.ts';
import type { Resolve } from './resolve.ts';

const names: Readonly<Record<string, readonly string[]>> = {
  localhost: ['127.0.0.1', '::1'],
  'both.example': ['127.0.0.1', '192.168.1.5'],
  'lan.example': ['10.1.2.3'],
  'empty.example': [],
};
const resolve: Resolve = async (host) => {
  const found = names[host];
  if (found === undefined) throw new Error('ENOTFOUND');
  return found.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
};

it('only loopback is out of reach of the network', async () => {
  for (const host of [
    '127.0.0.1',
    '127.8.8.8',
    '::1',
    '[::1]',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    'localhost',
    'LOCALHOST',
  ])
    expect(await isNetworkAccessible(host, resolve), host).toBe(false);
});

it('everything else can be reached, also what cannot be resolved', async () => {
  for (const host of [
    '0.0.0.0',
    '::',
    '',
    '10.0.0.1',
    '192.168.1.1',
    '8.8.8.8',
    'fe80::1',
    'both.example',
    'lan.example',
    'empty.example',
    'nowhere.example',
    '::ffff:10.0.0.1',
    '127.0.0.1.nip.example',
  ])
    expect(await isNetworkAccessible(host, resolve), host).toBe(true);
});
