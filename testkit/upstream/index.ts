export { startUpstream, type Upstream, type UpstreamOptions } from './server.ts';
export type { Fault, Reply, ScriptedReply, UpstreamRequest } from './types.ts';
