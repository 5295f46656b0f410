import { setTimeout as delay } from 'node:timers/promises';
import type { Lab } from './lab.ts';
import type { Home, Running } from './subject.ts';

/** A home whose gateway serves the API and talks to a Telegram bot. */
export async function homeWithTelegram(lab: Lab): Promise<Home> {
  const upstream = await lab.far.run('instant', { text: 'Yes.' });
  return lab.home(upstream, { telegram: await lab.far.run('telegram', undefined) });
}

/** A bot that polls, a bot that holds a socket, and routes that are pushed to. */
export async function homeWithThree(lab: Lab): Promise<Home> {
  const upstream = await lab.far.run('instant', { text: 'Yes.' });
  return lab.home(upstream, {
    telegram: await lab.far.run('telegram', undefined),
    wecom: await lab.far.run('wecom', undefined),
    webhookSecret: 'bench-webhook-secret-0123456789',
  });
}

/** Started, and waiting in a long poll for updates. One at a time: they share the bot. */
export async function connectedGateway(lab: Lab, home: Home): Promise<Running> {
  await until('the gateway before is gone', async () => (await lab.far.run('connections', undefined)) === 0);
  const before = await lab.far.run('polls', undefined);
  const running = await lab.gateway(home);
  await until('the gateway asks for updates', async () => (await lab.far.run('polls', undefined)) > before);
  return running;
}

const withinMs = 15_000;

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`waited in vain until ${what}`);
    await delay(20);
  }
}
