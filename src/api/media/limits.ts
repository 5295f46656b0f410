/** The settings of an endpoint as limits of the pipeline. */
import type { ImageSettings, Settings } from '../../config/settings.ts';
import { chatLimits, type FileLimits, responsesLimits } from '../../files/limits.ts';

export type EndpointName = 'chatCompletions' | 'responses';

/** `pass`: the address goes to the model as it is (docs/decisions/016). */
export type Downloads = 'pass' | 'download' | 'refuse';

export interface EndpointLimits {
  readonly name: EndpointName;
  readonly maxBodyBytes: number;
  readonly downloads: { readonly hermes: Downloads; readonly openclaw: Downloads };
  readonly files: FileLimits;
}

export function limitsOf(http: Settings['http'], name: EndpointName): EndpointLimits {
  const { maxBodyBytes, images, files } = http[name];
  const downloads = name === 'chatCompletions' ? 'refuse' : 'download';
  return {
    name,
    maxBodyBytes,
    downloads: { hermes: wished(images, 'pass'), openclaw: wished(images, downloads) },
    files: { images: { ...images, allowUrl: true }, files, request: requestLimits(http, name) },
  };
}

const wished = ({ allowUrl }: ImageSettings, otherwise: Downloads): Downloads =>
  allowUrl === undefined ? otherwise : allowUrl ? 'download' : 'refuse';

function requestLimits(http: Settings['http'], name: EndpointName): FileLimits['request'] {
  if (name === 'responses') return { ...responsesLimits.request, maxUrlParts: http.responses.maxUrlParts };
  const { maxImageParts, maxTotalImageBytes } = http.chatCompletions;
  return { ...chatLimits.request, maxImageParts, maxTotalBytes: maxTotalImageBytes };
}
