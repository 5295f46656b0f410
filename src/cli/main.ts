/** The command tree. Every command's module is loaded only when the command runs. */
import { Command, CommanderError, Option } from 'commander';
import { version } from '../version.ts';
import { exitCodes, reportFailure } from './failure.ts';
import type { Host, Place } from './host.ts';

/** Runs one command line; answers the exit code and never throws. */
export async function main(argv: readonly string[], given?: Host): Promise<number> {
  const host = given ?? (await import('./process-host.ts')).processHost();
  let code: number = exitCodes.ok;
  const run = (work: () => Promise<number>) => async () => {
    code = await work();
  };
  const program = commands(host, run);
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    return reportFailure(host, error);
  }
}

type Run = (work: () => Promise<number>) => () => Promise<void>;

function commands(host: Host, run: Run): Command {
  const program = new Command('hermes')
    .description('One process between your chats, OpenAI-compatible clients and an AI agent.')
    .option('-p, --profile <name>', 'use the home of this profile')
    .version(version, '-V, --version')
    .showHelpAfterError('Run `hermes --help` for the commands.')
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => host.stdout.write(text),
      writeErr: (text) => host.stderr.write(text),
    });
  const place = (): Place => program.opts<Place>();

  program.commandsGroup('Talk:');
  program
    .command('chat')
    .description('talk to the agent in the terminal')
    .option('-q, --query <text>', 'ask once, print the answer and end')
    .option('--session <name>', 'conversation to go on with', 'cli')
    .action((options) => run(async () => (await import('./chat.ts')).chat(host, place(), options))());
  program
    .command('demo')
    .description('watch a chat with the built-in demo model, nothing to set up')
    .option('--script', 'play a fixed conversation and end')
    .action((options) => run(async () => (await import('./demo.ts')).demo(host, options))());

  program.commandsGroup('Gateway:');
  gatewayCommand(program, host, run, place);
  program
    .command('status')
    .description('same as `hermes gateway status`')
    .option('--json', 'as JSON')
    .action((options) =>
      run(async () => (await import('./gateway-status.ts')).gatewayStatus(host, place(), options))(),
    );

  webhookCommand(program, host, run, place);

  program.commandsGroup('Set up:');
  configCommand(program, host, run, place);
  return program;
}

function gatewayCommand(program: Command, host: Host, run: Run, place: () => Place): void {
  const gateway = program.command('gateway').description('run, look at or stop the gateway');
  gateway
    .command('run', { isDefault: true })
    .description('run in the foreground')
    .option(
      '-v, --verbose',
      'more on the terminal; twice for everything',
      (_value, sum: number) => sum + 1,
      0,
    )
    .option('-q, --quiet', 'nothing on the terminal')
    .option('--replace', 'end a running gateway of this home first')
    .addOption(new Option('--greet', 'show what runs and how to use it').hideHelp())
    .action((options) =>
      run(async () => (await import('./gateway-run.ts')).gatewayRun(host, place(), options))(),
    );
  gateway
    .command('status')
    .description('what runs and how it is')
    .option('--json', 'as JSON')
    .action((options) =>
      run(async () => (await import('./gateway-status.ts')).gatewayStatus(host, place(), options))(),
    );
  gateway
    .command('stop')
    .description('let running turns finish and end the gateway')
    .action(run(async () => (await import('./gateway-stop.ts')).gatewayStop(host, place())));
}

function configCommand(program: Command, host: Host, run: Run, place: () => Place): void {
  const config = program.command('config').description('look at, check and change the configuration');
  const load = () => import('./config.ts');
  config
    .command('show', { isDefault: true })
    .description('effective values that differ from the defaults')
    .action(run(async () => (await load()).configShow(host, place())));
  config
    .command('check')
    .description('find mistakes; exit code 1 when there are errors')
    .action(run(async () => (await load()).configCheck(host, place())));
  config
    .command('explain <key>')
    .description('where the value of a key comes from')
    .action((key: string) => run(async () => (await load()).configExplain(host, place(), key))());
  config
    .command('set <key> <value>')
    .description('change one value; secrets go to .env')
    .action((key: string, value: string) =>
      run(async () => (await load()).configSet(host, place(), key, value))(),
    );
  config
    .command('edit')
    .description('open config.yaml in $EDITOR')
    .action(run(async () => (await load()).configEdit(host, place())));
  config
    .command('path')
    .description('print the path of config.yaml')
    .action(run(async () => (await load()).configPath(host, place(), 'config')));
  config
    .command('env-path')
    .description('print the path of .env')
    .action(run(async () => (await load()).configPath(host, place(), 'env')));
}

function webhookCommand(program: Command, host: Host, run: Run, place: () => Place): void {
  const webhook = program.command('webhook').description('routes for events of other services');
  const load = () => import('./webhook.ts');
  webhook.action(run(async () => (await load()).webhookUsage(host)));
  webhook
    .command('subscribe <name>')
    .alias('add')
    .description('add or change a route; a running gateway takes it up by itself')
    .option('--prompt <text>', 'template of the task or message, with {dot.path} of the event', '')
    .option('--events <list>', 'take only these events, separated by commas', '')
    .option('--description <text>', 'what the route is for')
    .option('--skills <list>', 'skills for the agent, separated by commas', '')
    .option('--deliver <target>', 'log, a platform, or github_comment', 'log')
    .option('--deliver-chat-id <id>', 'chat of that platform instead of its home channel', '')
    .option('--secret <text>', 'secret of the sender; made up when left out')
    .option('--deliver-only', 'deliver the message itself, without the agent')
    .option('--script <file>', 'script that filters or changes the event')
    .option('--retry-on-script-failure', 'answer 503 when the script fails')
    .option('--cron-job <job>', 'run this cron job instead of the agent')
    .option('--route-profile <name>', 'profile the route belongs to')
    .option('--mirror-to-session', 'write delivered messages into the session of the chat')
    .action((name: string, options) =>
      run(async () => (await load()).webhookSubscribe(host, place(), name, options))(),
    );
  webhook
    .command('list')
    .alias('ls')
    .description('subscriptions made with subscribe')
    .action(run(async () => (await load()).webhookList(host, place())));
  webhook
    .command('remove <name>')
    .alias('rm')
    .description('end a subscription')
    .action((name: string) => run(async () => (await load()).webhookRemove(host, place(), name))());
  webhook
    .command('test <name>')
    .description('send a signed event to a subscription')
    .option('--payload <json>', 'the event')
    .action((name: string, options) =>
      run(async () => (await load()).webhookTest(host, place(), name, options))(),
    );
}
