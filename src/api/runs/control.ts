/** What can be done to a run while it works (api-server §9.5–9.7). */
import type { FastifyRequest } from 'fastify';
import type { ApprovalChoice } from '../../core/agent-event.ts';
import { GatewayError } from '../../core/errors.ts';
import { looseBoolean, parseObject } from '../body.ts';
import { flattenText } from '../content.ts';
import { ApiError, badRequest } from '../errors.ts';
import type { Route } from '../routes.ts';
import { conflict, namedRun, type RunsDeps, runPath, statusNow } from './deps.ts';
import { approvalAnswer, approvalRequest, steerAnswer, steerRequest, stopAnswer } from './schema.ts';

export function controlRoutes(deps: RunsDeps): Route[] {
  return [
    {
      method: 'POST',
      path: `${runPath}/stop`,
      scope: 'runs',
      name: 'run_stop',
      doc: {
        id: 'stopRun',
        summary: 'Asks for the end of a run; it is cancelled when its work has really ended.',
        answer: stopAnswer,
        errors: [404, 409],
      },
      handle: (request) => stop(deps, request),
    },
    {
      method: 'POST',
      path: `${runPath}/approval`,
      scope: 'runs',
      name: 'run_approval',
      doc: {
        id: 'answerRunApproval',
        summary: 'Answers what a run waits for.',
        body: approvalRequest,
        answer: approvalAnswer,
        errors: [400, 404, 409],
      },
      handle: (request) => approve(deps, request),
    },
    {
      method: 'POST',
      path: `${runPath}/steer`,
      scope: 'runs',
      name: 'run_steer',
      doc: {
        id: 'steerRun',
        summary: 'Gives guidance that the model reads before its next step.',
        body: steerRequest,
        answer: steerAnswer,
        errors: [400, 404, 409],
      },
      handle: (request) => steer(deps, request),
    },
  ];
}

async function stop(deps: RunsDeps, request: FastifyRequest) {
  const found = await namedRun(deps, request);
  const { row, live } = found;
  if (row.state === 'ended') return statusNow(found);
  if (live === undefined) throw conflict(`Run is not active here: ${row.id}`, 'run_not_active');
  return (await live.stop()) ? { run_id: row.id, status: 'stopping' } : live.status;
}

const choices: ReadonlyMap<string, ApprovalChoice> = new Map([
  ['once', 'once'],
  ['session', 'session'],
  ['always', 'always'],
  ['deny', 'deny'],
  ['approve', 'once'],
  ['approved', 'once'],
  ['allow', 'once'],
]);

async function approve(deps: RunsDeps, request: FastifyRequest) {
  const { row, live } = await namedRun(deps, request);
  const body = parseObject(request.body);
  const choice = typeof body.choice === 'string' ? choices.get(body.choice.trim().toLowerCase()) : undefined;
  if (choice === undefined) throw badChoice(['once', 'session', 'always', 'deny']);
  const which = whichOf(body);
  if (live === undefined) {
    throw conflict(`Run has no active approval session: ${row.id}`, 'approval_not_active');
  }
  const meant = live.questions.filter(
    ({ request_id }) => typeof which === 'string' || request_id === which.id,
  );
  const [first] = meant;
  if (first === undefined) throw conflict(`Run has no pending approval: ${row.id}`, 'approval_not_pending');
  // A caller who may not allow for ever hears of it instead of getting less than it asked for.
  if (!first.choices.includes(choice)) throw badChoice(first.choices);
  const resolved = live.answer(choice, which);
  if (resolved === 0) throw conflict(`Run has no pending approval: ${row.id}`, 'approval_not_pending');
  return { object: 'hermes.run.approval_response', run_id: row.id, choice, resolved };
}

function whichOf(body: Readonly<Record<string, unknown>>): 'oldest' | 'all' | { readonly id: string } {
  const { request_id: id } = body;
  if (id !== undefined && id !== null) {
    if (typeof id === 'string' && /^[\u0021-\u007e]{1,128}$/.test(id)) return { id };
    throw badRequest("Invalid 'request_id': expected the id of an approval.request event", {
      param: 'request_id',
      code: 'invalid_approval_request',
    });
  }
  return looseBoolean(body.all, false) || looseBoolean(body.resolve_all, false) ? 'all' : 'oldest';
}

function badChoice(offered: readonly string[]): ApiError {
  return badRequest(`Invalid approval choice; expected one of: ${offered.join(', ')}`, {
    param: 'choice',
    code: 'invalid_approval_choice',
  });
}

async function steer(deps: RunsDeps, request: FastifyRequest) {
  const found = await namedRun(deps, request);
  const { row, live } = found;
  const { status } = statusNow(found);
  if (live === undefined || status !== 'running') {
    throw conflict(`Run is not accepting steering in status '${status}'`, 'run_not_accepting_steer');
  }
  const body = parseObject(request.body);
  const text = [body.input, body.message, body.text].map((each) => flattenText(each).trim()).find(Boolean);
  if (text === undefined) {
    throw badRequest('No steering text found in input', { param: 'input', code: 'invalid_steer_input' });
  }
  if (!(await accepted(live.steer(text)))) {
    throw conflict('The run did not accept the steering text', 'steer_not_accepted');
  }
  return { object: 'hermes.run.steer', run_id: row.id, accepted: true };
}

/** What the store refuses has answers of its own. */
async function accepted(steering: Promise<boolean>): Promise<boolean> {
  try {
    return await steering;
  } catch (error) {
    if (error instanceof GatewayError) throw error;
    throw new ApiError(500, 'The run could not be steered', { code: 'steer_failed' });
  }
}
