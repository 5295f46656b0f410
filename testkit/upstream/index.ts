export { startUpstream, type Upstream, type UpstreamOptions } from './server.ts';
export type { Fault, Reply, UpstreamRequest } from './types.ts';
