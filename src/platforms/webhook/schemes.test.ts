import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { signers } from './fake.ts';
import { provenBy } from './schemes.ts';
import { request, secret } from './testing.ts';

const body = '{"action":"opened","number":7,"event_type":"demo"}';
const seconds = 1_780_000_000;
const proven = (headers: Readonly<Record<string, string>>, options: Options = {}) =>
  provenBy(
    request('/', options.body ?? body, headers),
    options.secret ?? secret,
    (seconds + (options.late ?? 0)) * 1000,
  );
interface Options {
  readonly body?: string;
  readonly secret?: string;
  readonly late?: number;
}

const v1 = 'bc8d5e8155acb5f6872d8d632845dfa8e763e4410387a927d81f0f9e891b1622';
const v2 = '5c87bf7a88217c1dda1e488acfabbc6851f54975e0edad5d46e8eee7dd1751b8';
const svix = (signature: string, id = 'msg_1') => ({
  'svix-id': id,
  'svix-timestamp': String(seconds),
  'svix-signature': signature,
});
const vectors: Readonly<Record<string, { headers: Readonly<Record<string, string>>; secret?: string }>> = {
  github: { headers: { 'x-hub-signature-256': `sha256=${v1}` } },
  'generic-v1': { headers: { 'x-webhook-signature': v1 } },
  'generic-v2': { headers: { 'x-webhook-signature-v2': v2, 'x-webhook-timestamp': String(seconds) } },
  svix: { headers: svix('v1,NunTj4QACIIQ2oHxcnujHzHHx1eotu+frXFahcJiD9A=') },
  'svix with an encoded secret': {
    headers: svix('v1,BHYK2DpwcOV+ieZkDIjn3xSOeyw+T8Q124LwhhhuoM8='),
    secret: 'whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=',
  },
};

describe('a request', () => {
  for (const [name, { headers, secret: own }] of Object.entries(vectors))
    it(`with the published signature of ${name} is proven, and with one byte changed it is not`, () => {
      const options = own === undefined ? {} : { secret: own };
      expect(proven(headers, options)).toBe(name.split(' ')[0]);
      expect(proven(headers, { ...options, body: body.replace('7', '8') })).toBeUndefined();
      for (const [header, value] of Object.entries(headers)) {
        if (!header.includes('signature')) continue;
        const last = value.endsWith('=') ? value.length - 2 : value.length - 1;
        const flipped = `${value.slice(0, last)}${value[last] === '0' ? '1' : '0'}${value.slice(last + 1)}`;
        expect(proven({ ...headers, [header]: flipped }, options), header).toBeUndefined();
      }
    });

  for (const [name, sign] of Object.entries(signers))
    it(`signed by ${name} is proven with this secret only`, () => {
      const headers = sign(body, secret, seconds);
      expect(proven(headers)).toBeDefined();
      expect(proven(headers, { secret: `${secret}x` })).toBeUndefined();
    });

  it('without any signature is refused, whatever else it says', () => {
    expect(proven({})).toBeUndefined();
    expect(proven({ 'webhook-id': 'a', 'webhook-timestamp': String(seconds) })).toBeUndefined();
    expect(proven({ authorization: `Basic ${secret}` })).toBeUndefined();
  });

  it('is judged by its strongest scheme alone: a wrong signature never falls through to a right weaker one', () => {
    const bearer = { authorization: `Bearer ${secret}` };
    const old = { 'x-webhook-signature': v1 };
    expect(proven({ 'x-webhook-signature-v2': v2, ...old })).toBeUndefined();
    expect(
      proven({ 'x-webhook-signature-v2': 'bad', 'x-webhook-timestamp': String(seconds), ...bearer }),
    ).toBe(undefined);
    expect(proven({ 'x-hub-signature-256': '', ...bearer })).toBeUndefined();
    expect(proven({ 'x-hub-signature-256': v1, 'x-gitlab-token': secret })).toBeUndefined();
    expect(proven({ 'svix-id': 'msg_1', ...bearer })).toBeUndefined();
  });

  it('whose signed time is 299 seconds off is proven, 301 seconds off it is not, in both directions', () => {
    for (const sign of [signers.svix, signers.standard, signers.genericV2]) {
      const headers = sign(body, secret, seconds);
      for (const late of [299, -299]) expect(proven(headers, { late }), `${late}`).toBeDefined();
      for (const late of [301, -301]) expect(proven(headers, { late }), `${late}`).toBeUndefined();
    }
  });

  it('with a time that is no number is refused', () => {
    for (const time of ['', 'now', '1e9', `${seconds}.0`, ` ${seconds}`, `-${seconds}`, '٣']) {
      const headers = { 'x-webhook-signature-v2': v2, 'x-webhook-timestamp': time };
      expect(proven(headers), time).toBeUndefined();
    }
  });

  it('with header values that are no ASCII is refused without a throw', () => {
    for (const value of ['ü', '\u{1f600}'.repeat(32), '\0', 'sha256=ü', 'v1,ü', 'Bearer ü'])
      for (const header of [
        'svix-signature',
        'webhook-signature',
        'linear-signature',
        'x-hub-signature-256',
        'x-gitlab-token',
        'x-webhook-signature-v2',
        'x-webhook-signature',
        'authorization',
      ])
        expect(proven({ [header]: value }), `${header}: ${value}`).toBeUndefined();
  });

  it('is never proven by an encoded secret that is no strict base64', () => {
    for (const bad of ['whsec_', 'whsec_***', 'whsec_MDEyMzQ', 'whsec_MDEy MzQ1'])
      expect(proven(signers.svix(body, bad, seconds), { secret: bad }), bad).toBeUndefined();
  });

  it('is never proven where there is no secret', () => {
    for (const sign of Object.values(signers))
      expect(proven(sign(body, '', seconds), { secret: '' })).toBeUndefined();
  });
});

describe('a scheme a route asks for', () => {
  const at = 1_780_000_000;
  const hex = (text: string) => createHmac('sha256', 'whsec_test').update(text).digest('hex');
  const body = '{"id":"evt_1"}';
  const by = (scheme: 'stripe' | 'slack', headers: Readonly<Record<string, string>>, now = at, text = body) =>
    provenBy(
      { headers: new Map(Object.entries(headers)), body: Buffer.from(text) },
      'whsec_test',
      now * 1000,
      scheme,
    );
  const stripe = (v1: string) => ({ 'stripe-signature': `t=${at},v1=${v1},v0=${hex(`${at}.${body}`)}` });
  const slack = (time: number, v0: string) => ({
    'x-slack-request-timestamp': String(time),
    'x-slack-signature': v0,
  });

  it('of Stripe signs time and body; any v1 counts, and v0 never', () => {
    const good = hex(`${at}.${body}`);
    expect(by('stripe', stripe(good))).toBe('stripe');
    expect(by('stripe', stripe(`${hex('old')},v1=${good}`))).toBe('stripe');
    expect(by('stripe', stripe(hex('other')))).toBeUndefined();
    expect(by('stripe', { 'stripe-signature': `v1=${good}` })).toBeUndefined();
    expect(by('stripe', stripe(good), at + 301)).toBeUndefined();
    expect(by('stripe', stripe(good), at, `${body} `)).toBeUndefined();
  });

  it('of Slack signs version, time and body', () => {
    const good = `v0=${hex(`v0:${at}:${body}`)}`;
    expect(by('slack', slack(at, good))).toBe('slack');
    expect(by('slack', slack(at, good.slice(3)))).toBeUndefined();
    expect(by('slack', slack(at + 1, good))).toBeUndefined();
    expect(by('slack', slack(at, good), at - 301)).toBeUndefined();
  });

  it('is the only one the route takes', () => {
    expect(by('stripe', { authorization: 'Bearer whsec_test' })).toBeUndefined();
    expect(by('slack', { 'x-hub-signature-256': `sha256=${hex(body)}` })).toBeUndefined();
  });
});
