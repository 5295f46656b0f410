/** The first screen: what runs where, who answers, and two things to try that work as printed. */
import { filesOf } from '../config/home.ts';
import type { Settings } from '../config/settings.ts';
import type { RunningGateway } from '../gateway.ts';
import { version } from '../version.ts';
import type { Host } from './host.ts';
import { line, styleFor } from './print.ts';

/** `full` adds the examples; without it only the facts are shown. Goes to stderr: stdout is for answers. */
export function greet(host: Host, settings: Settings, gateway: RunningGateway, full: boolean): void {
  const style = styleFor(host, host.stderr);
  const put = (text = '') => line(host.stderr, text);
  const fact = (label: string, value: string) => put(`  ${style.dim(label.padEnd(8))} ${value}`);
  const command = full ? 'node bin/hermes.js' : 'hermes';
  const files = filesOf(settings.home);

  put();
  put(`${style.bold('⚕ Hermes Gateway')} ${style.dim(version)}`);
  put();
  fact(
    'API',
    gateway.api === undefined ? 'off' : `${style.cyan(`${gateway.api.url}/v1`)}  ${keyNote(settings)}`,
  );
  if (gateway.api !== undefined && settings.api.page) fact('Page', style.cyan(`${gateway.api.url}/`));
  fact('Model', modelNote(gateway, style.yellow));
  const chats = Object.keys(settings.platforms);
  fact('Chats', chats.length === 0 ? 'none yet' : chats.join(', '));
  fact('Config', `${files.config}, ${files.env}`);
  fact('Logs', files.logs);
  if (gateway.model.isDemo) {
    put();
    put(`  ${style.bold('To get real answers')}, set a key and a model, then start again:`);
    put(`    ${command} config set OPENROUTER_API_KEY <key>`);
    put(`    ${command} config set model.default <model>`);
  }
  if (full && gateway.api !== undefined) examples(put, gateway.api.url, settings, style.bold, command);
  put();
  put(`  ${style.dim('Press Ctrl+C to stop.')}`);
  put();
}

function keyNote(settings: Settings): string {
  const { mode } = settings.api.auth.gateway;
  const variable = variableOf(settings);
  if (variable !== undefined) return `with your ${variable}`;
  return mode === 'trusted-proxy'
    ? 'for the people of your proxy'
    : 'open to every program on this machine (no API_SERVER_KEY)';
}

/** What a program shows the API; undefined = nothing, or nothing of its own. */
function variableOf({ api }: Settings): string | undefined {
  if (api.key !== undefined) return 'API_SERVER_KEY';
  const { gateway, keys } = api.auth;
  if (gateway.mode === 'token') return 'OPENCLAW_GATEWAY_TOKEN';
  if (gateway.mode === 'password') return 'OPENCLAW_GATEWAY_PASSWORD';
  return keys.length === 0 ? undefined : 'API_KEY';
}

function modelNote({ model }: RunningGateway, mark: (text: string) => string): string {
  return model.isDemo
    ? `${mark('demo')}: scripted answers, no real model is set`
    : `${model.name} (${model.provider})`;
}

function examples(
  put: (text?: string) => void,
  url: string,
  settings: Settings,
  bold: (text: string) => string,
  command: string,
): void {
  const model = settings.api.modelName;
  const variable = variableOf(settings);
  put();
  put(`  ${bold('Try it')} in another terminal${variable ? ` (after \`export ${variable}=…\`)` : ''}:`);
  put(`    ${command} chat`);
  put();
  put(`    curl ${url}/v1/chat/completions \\`);
  if (variable) put(`      -H "Authorization: Bearer $${variable}" \\`);
  put("      -H 'Content-Type: application/json' \\");
  put(`      -d '${JSON.stringify({ model, messages: [{ role: 'user', content: 'Hello' }] })}'`);
  put();
  put(`  ${bold('With the OpenAI SDK')} (npm install openai):`);
  put("    import OpenAI from 'openai';");
  // Text of the example: nothing here reads the environment.
  const key = variable ? ['process', 'env', variable].join('.') : "'none'";
  put(`    const client = new OpenAI({ baseURL: '${url}/v1', apiKey: ${key} });`);
  put('    const answer = await client.chat.completions.create({');
  put(`      model: ${JSON.stringify(model)},`);
  put("      messages: [{ role: 'user', content: 'Hello' }],");
  put('    });');
  put('    console.log(answer.choices[0].message.content);');
}
