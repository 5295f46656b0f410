import { describe, expect, it } from 'vitest';
import { allowed, metadata, refused } from './data/refused-urls.ts';
import { checkUrl } from './egress.ts';
import type { Resolve } from './resolve.ts';

const publicAddress = { address: '93.184.216.34', family: 4 } as const;
const toPublic: Resolve = async () => [publicAddress];
const to =
  (...addresses: readonly string[]): Resolve =>
  async () =>
    addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));

const refusal = { code: 'URL_REFUSED', status: 400 };

describe('a URL of a stranger', () => {
  for (const [trick, urls] of Object.entries(refused)) {
    it(`is refused: ${trick}`, async () => {
      for (const url of urls) await expect(checkUrl(url, {}, toPublic), url).rejects.toMatchObject(refusal);
    });
  }

  it('never reaches a metadata service, not even when private addresses are allowed', async () => {
    for (const url of metadata) {
      await expect(checkUrl(url, {}, toPublic), url).rejects.toMatchObject(refusal);
      await expect(checkUrl(url, { allowPrivate: true }, toPublic), url).rejects.toMatchObject(refusal);
    }
    for (const address of ['169.254.169.254', 'fd00:ec2::254', '::ffff:100.100.100.200'])
      await expect(
        checkUrl('http://rebind.example/', { allowPrivate: true }, to('8.8.8.8', address)),
      ).rejects.toMatchObject(refusal);
  });

  it('passes when it is public', async () => {
    for (const url of allowed)
      await expect(checkUrl(url, {}, toPublic), url).resolves.toMatchObject({
        url: { href: new URL(url).href },
      });
  });

  it('is refused when any one of its addresses is not public', async () => {
    for (const hidden of ['10.0.0.1', '::1', 'fe80::1%eth0', '64:ff9b::7f00:1', 'not an address'])
      await expect(
        checkUrl('http://two.example/', {}, to('93.184.216.34', hidden)),
        hidden,
      ).rejects.toMatchObject(refusal);
  });

  it('is refused when its name has no address or the name server fails', async () => {
    await expect(checkUrl('http://none.example/', {}, to())).rejects.toMatchObject(refusal);
    const broken: Resolve = () => Promise.reject(new Error('SERVFAIL'));
    await expect(checkUrl('http://down.example/', {}, broken)).rejects.toMatchObject(refusal);
  });

  it('may lead to a private address where the settings allow that', async () => {
    const policy = { allowPrivate: true };
    for (const url of [
      'http://127.0.0.1:3000/',
      'http://localhost/',
      'http://nas.local/',
      'http://[fd12::1]/',
    ])
      await expect(checkUrl(url, policy, to('192.168.1.2')), url).resolves.toBeDefined();
  });

  it('is held to an allow-list of hosts, subdomains and ports', async () => {
    const policy = { hosts: ['example.com', '*.trusted.example', 'other.example:8443'] };
    const pass = [
      'https://example.com/x',
      'http://a.trusted.example/',
      'https://a.b.trusted.example/',
      'https://other.example:8443/',
    ];
    const stop = [
      'https://www.example.com/',
      'https://trusted.example/',
      'https://eviltrusted.example/',
      'https://example.com.evil.example/',
      'https://other.example/',
    ];
    for (const url of pass) await expect(checkUrl(url, policy, toPublic), url).resolves.toBeDefined();
    for (const url of stop) await expect(checkUrl(url, policy, toPublic), url).rejects.toMatchObject(refusal);
  });

  it('is never repeated with its query or password in the refusal', async () => {
    const message = await checkUrl('http://u:hunter2@10.0.0.1/a?token=hunter2').catch(
      (error: Error) => error.message,
    );
    expect(message).toContain('http://10.0.0.1/a');
    expect(message).not.toContain('hunter2');
  });

  it('comes back with the addresses to connect to', async () => {
    const checked = await checkUrl('http://93.184.216.34/');
    expect(checked.addresses).toEqual([publicAddress]);
  });
});
