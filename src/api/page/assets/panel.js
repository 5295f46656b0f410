/** What the gateway says about itself. Asked while somebody looks, and less often when nobody answers. */
import { byId, copyButton, make } from './dom.js';
import { call, Refusal } from './gateway.js';
import { counted, lasting, platformState, platformTitle } from './words.js';

/**
 * @typedef {object} Health The body of `GET /health/detailed`; everything in it is from the gateway and may be missing.
 * @property {string} status
 * @property {string} version
 * @property {string} gateway_state
 * @property {{ name: string, provider: string, demo: boolean }} [model]
 * @property {Record<string, { state: string, code?: string }>} platforms
 * @property {number} active_agents
 * @property {string | null} [started_at]
 * @property {{ sent: number, dead: number, maybe_doubled: number, maybe_lost: number }} [deliveries]
 * @property {number | null} [oldest_undelivered_part_ms]
 * @property {{ checks: Record<string, { status: string, [name: string]: unknown }> }} readiness
 */

const calmMs = 5_000;
const slowestMs = 30_000;
const soonMs = 300;

/** @typedef {{ tone: 'good' | 'warn' | 'bad' | 'quiet', text: string }} Pulse */

export class Panel {
  #state = byId('state');
  #seen;
  #refused;
  #wait = calmMs;
  #timer = 0;
  #isAsking = false;
  #isOff = true;
  /** What is on the screen, so that nothing is drawn again under a reader. */
  #drawn = '';

  /**
   * @param {object} does
   * @param {(health: Health) => void} does.seen
   * @param {(refusal: Refusal) => void} does.refused The key is missing or wrong; asking stops until `start`.
   */
  constructor({ seen, refused }) {
    this.#seen = seen;
    this.#refused = refused;
    byId('address').append(...address());
    document.addEventListener('visibilitychange', () => {
      clearTimeout(this.#timer);
      if (!document.hidden && !this.#isOff) void this.#ask();
    });
  }

  /** Also asks at once when it had been waiting. */
  start() {
    byId('enter-key').hidden = true;
    this.#isOff = false;
    this.#wait = calmMs;
    clearTimeout(this.#timer);
    void this.#ask();
  }

  /** Something has changed that the state shows. */
  soon() {
    if (this.#isOff || document.hidden) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#ask(), soonMs);
  }

  /** Nothing may be asked without a key: every try would count as a wrong one. */
  locked() {
    this.#isOff = true;
    clearTimeout(this.#timer);
    this.#show('locked', () => [
      make('p', { class: 'quiet-text' }, 'The state is shown once you have entered the key.'),
    ]);
    showPulse({ tone: 'quiet', text: 'Locked' });
    byId('enter-key').hidden = false;
  }

  async #ask() {
    if (this.#isAsking || this.#isOff || document.hidden) return;
    this.#isAsking = true;
    try {
      const response = await call('health/detailed', { signal: AbortSignal.timeout(10_000) });
      this.#take(/** @type {Health} */ (await response.json()));
      this.#wait = calmMs;
    } catch (error) {
      this.#wait = Math.min(this.#wait * 1.5, slowestMs);
      if (error instanceof Refusal && error.isAboutKey) {
        this.locked();
        this.#refused(error);
      } else if (error instanceof Refusal && error.status === 403) {
        this.#isOff = true;
        this.#show('hidden', () => [
          make('p', { class: 'quiet-text' }, 'Your key may chat, but not see the state of the gateway.'),
        ]);
        showPulse({ tone: 'good', text: 'Ready' });
      } else {
        showPulse({ tone: 'bad', text: 'Not reachable, trying again' });
      }
    } finally {
      this.#isAsking = false;
    }
    if (!this.#isOff && !document.hidden) this.#timer = setTimeout(() => void this.#ask(), this.#wait);
  }

  /** @param {Health} health */
  #take(health) {
    showPulse(pulseOf(health));
    const facts = factsOf(health);
    this.#show(JSON.stringify([facts, health.platforms]), () => draw(facts, health.platforms));
    this.#seen(health);
  }

  /** @param {string} what @param {() => Node[]} nodes */
  #show(what, nodes) {
    if (what === this.#drawn) return;
    this.#drawn = what;
    this.#state.replaceChildren(...nodes());
  }
}

/** @param {Pulse} pulse */
function showPulse({ tone, text }) {
  const pulse = byId('pulse');
  if (pulse.dataset.tone !== tone) pulse.dataset.tone = tone;
  const place = byId('pulse-text');
  if (place.textContent !== text) place.textContent = text;
}

/** @param {Health} health @returns {Pulse} */
function pulseOf({ gateway_state: state, status, platforms }) {
  if (state === 'draining' || state === 'stopped') return { tone: 'warn', text: 'Restarting' };
  if (state === 'starting') return { tone: 'warn', text: 'Starting' };
  if (status === 'ok') return { tone: 'good', text: 'Running' };
  const down = Object.values(platforms).filter((platform) => platform.state !== 'connected').length;
  return {
    tone: 'warn',
    text: down > 0 ? `Running, ${counted(down, 'platform')} not connected` : 'Running, with a problem',
  };
}

/** @typedef {{ label: string, value: string, tone: Pulse['tone'], more?: string }} Fact */

/** @param {Health} health @returns {Fact[]} */
function factsOf(health) {
  const { checks } = health.readiness;
  /** @type {Fact[]} */
  const facts = [];
  /** @param {string} label @param {string} value @param {Pulse['tone']} [tone] @param {string} [more] */
  const put = (label, value, tone = 'quiet', more = undefined) =>
    facts.push({ label, value, tone, ...(more === undefined ? {} : { more }) });

  if (health.model?.demo) {
    put(
      'Model',
      'Built-in demo',
      'warn',
      'Scripted answers. For real ones, set a key such as OPENROUTER_API_KEY and restart.',
    );
  } else if (health.model !== undefined) put('Model', health.model.name, 'quiet', health.model.provider);
  put('Working on', health.active_agents === 0 ? 'nothing now' : counted(health.active_agents, 'answer'));
  if (typeof health.started_at === 'string')
    put('Up for', lasting(Date.now() - Date.parse(health.started_at)));
  put('Version', health.version);
  for (const fact of [
    deliveriesOf(health),
    configOf(checks.config),
    databaseOf(checks.state_db),
    diskOf(checks.disk),
  ]) {
    if (fact !== undefined) facts.push(fact);
  }
  return facts;
}

/** @param {Health} health @returns {Fact | undefined} */
function deliveriesOf({ deliveries, oldest_undelivered_part_ms: oldest, readiness }) {
  if (deliveries === undefined) return undefined;
  const waiting = Number(readiness.checks.background_queues?.undelivered ?? 0);
  const { sent, dead, maybe_doubled: doubled, maybe_lost: lost } = deliveries;
  const parts = [
    `${sent.toLocaleString('en')} sent`,
    waiting > 0
      ? `${waiting.toLocaleString('en')} waiting${typeof oldest === 'number' ? ` for ${lasting(oldest)}` : ''}`
      : '',
    dead > 0 ? `${dead.toLocaleString('en')} given up` : '',
    doubled > 0 ? `${doubled.toLocaleString('en')} maybe twice` : '',
    lost > 0 ? `${lost.toLocaleString('en')} maybe lost` : '',
  ];
  const tone =
    dead + lost > 0 ? 'bad' : waiting > 0 && typeof oldest === 'number' && oldest > 60_000 ? 'warn' : 'quiet';
  return { label: 'Deliveries, 24 h', value: parts.filter((part) => part !== '').join(', '), tone };
}

/** @param {{ status: string, [name: string]: unknown } | undefined} check @returns {Fact | undefined} */
function configOf(check) {
  if (check === undefined) return undefined;
  if (check.status === 'ok') return { label: 'Configuration', value: 'in order', tone: 'quiet' };
  const count = Number(check.problems ?? 1);
  return {
    label: 'Configuration',
    value: counted(count, 'note'),
    tone: 'warn',
    more: 'hermes config check says which and why.',
  };
}

/** @param {{ status: string } | undefined} check @returns {Fact | undefined} */
function databaseOf(check) {
  if (check === undefined || check.status === 'ok') return undefined;
  return {
    label: 'Database',
    value: 'takes no writes',
    tone: 'bad',
    more: 'Nothing new is accepted until it does.',
  };
}

/** @param {{ status: string, [name: string]: unknown } | undefined} check @returns {Fact | undefined} */
function diskOf(check) {
  if (check === undefined || check.status === 'ok') return undefined;
  const used = Number(check.used_percent);
  return {
    label: 'Disk',
    value: Number.isFinite(used) ? `${Math.round(used)} % used` : 'cannot be read',
    tone: 'warn',
  };
}

/**
 * @param {readonly Fact[]} facts
 * @param {Health['platforms']} platforms
 * @returns {Node[]}
 */
function draw(facts, platforms) {
  const rows = facts.flatMap(({ label, value, tone, more }) => [
    make('dt', {}, label),
    make('dd', { 'data-tone': tone }, value),
    ...(more === undefined ? [] : [make('dd', { class: 'more' }, more)]),
  ]);
  return [
    make('h2', {}, 'Gateway'),
    make('dl', { class: 'facts' }, ...rows),
    make('h2', {}, 'Platforms'),
    drawPlatforms(platforms),
  ];
}

/** @param {Health['platforms']} platforms */
function drawPlatforms(platforms) {
  const names = Object.keys(platforms);
  if (names.length === 0) {
    return make(
      'p',
      { class: 'quiet-text' },
      'No chat network yet. Put a token such as TELEGRAM_BOT_TOKEN into .env and restart.',
    );
  }
  const rows = names.sort().map((name) => {
    const platform = platforms[name] ?? { state: 'disconnected' };
    const tone = platform.state === 'connected' ? 'good' : platform.state === 'fatal' ? 'bad' : 'warn';
    const dot = make('span', { class: 'dot', 'aria-hidden': 'true' });
    return make(
      'li',
      { 'data-tone': tone },
      dot,
      make('b', {}, platformTitle(name)),
      make('span', {}, platformState(platform)),
    );
  });
  return make('ul', { class: 'platforms' }, ...rows);
}

function address() {
  const url = new URL('v1', document.baseURI).href;
  const copy = copyButton(() => url, 'Copy the base URL');
  return [make('code', {}, url), ...(copy === undefined ? [] : [copy])];
}
