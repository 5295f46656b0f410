import { z } from 'zod';
import { badRequest } from '../errors.ts';
import type { Route } from '../routes.ts';

const request = z.object({ model: z.string(), input: z.union([z.string(), z.array(z.string())]) });

/** `POST /v1/embeddings`: the agent's models answer with words; a caller is told so and not left with a missing path. */
export function embeddingsRoute(): Route {
  return {
    method: 'POST',
    path: '/v1/embeddings',
    scope: 'bearer',
    doc: {
      id: 'createEmbedding',
      summary: 'Not supported: always answers 400 `embeddings_not_supported`.',
      body: request,
      answer: z.object({}),
      errors: [400],
    },
    handle() {
      throw badRequest('This server has no embedding model; ask a vendor of embeddings directly.', {
        param: 'model',
        code: 'embeddings_not_supported',
      });
    },
  };
}
