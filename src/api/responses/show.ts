import type { ResponsesDeps } from './deps.ts';
import type { Asked } from './request.ts';

/** The request with its images as the model sees them, and with what its files hold. Throws what `media.load` throws. */
export async function withMedia(
  { media }: Pick<ResponsesDeps, 'media'>,
  asked: Asked,
  request: string,
  signal: AbortSignal,
): Promise<Asked> {
  const { brought, history, input, target } = asked;
  const shown = await media.load(
    {
      brought,
      messages: [...(history ?? []), ...input.messages],
      isOpenClaw: target.isNamed,
      request,
    },
    signal,
  );
  return {
    ...asked,
    history: history && shown.messages(history),
    input: { ...input, messages: shown.messages(input.messages) },
    ...(shown.unstored === undefined ? {} : { unstored: shown.unstored }),
  };
}
