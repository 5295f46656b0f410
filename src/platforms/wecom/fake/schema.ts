/** What the server takes, field by field; anything else is refused. Source: the vendor's SDK for Node, `types/api`. */
import { z } from 'zod';

const text = z.string().min(1);
const mediaId = z.strictObject({ media_id: text });
const card = z.looseObject({ card_type: text });
const feedback = z.strictObject({ id: z.string().max(256) });
const image = z.strictObject({ base64: text, md5: z.string().length(32) });
const stream = z.strictObject({
  id: text,
  finish: z.boolean().optional(),
  content: z.string().optional(),
  msg_item: z
    .array(z.strictObject({ msgtype: z.literal('image'), image }))
    .max(10)
    .optional(),
  feedback: feedback.optional(),
});
const markdown = { msgtype: z.literal('markdown'), markdown: z.strictObject({ content: text }) };
const cards = { msgtype: z.literal('template_card'), template_card: card };
const media = [
  { msgtype: z.literal('image'), image: mediaId },
  { msgtype: z.literal('file'), file: mediaId },
  { msgtype: z.literal('voice'), voice: mediaId },
  {
    msgtype: z.literal('video'),
    video: mediaId.extend({ title: z.string().optional(), description: z.string().optional() }),
  },
] as const;
const to = { chatid: text, chat_type: z.literal([0, 1, 2]).optional() };
const mediaType = z.enum(['image', 'file', 'voice', 'video']);

/** By command. */
export const bodies = {
  aibot_subscribe: z.strictObject({
    bot_id: text,
    secret: text,
    device_id: text.optional(),
    scene: z.number().optional(),
    plug_version: z.string().optional(),
  }),
  ping: z.strictObject({}).optional(),
  aibot_respond_msg: z.union([
    z.strictObject(markdown),
    z.strictObject(cards),
    ...media.map((shape) => z.strictObject(shape)),
    z.strictObject({ msgtype: z.literal('stream'), stream }),
    z.strictObject({
      msgtype: z.literal('stream_with_template_card'),
      stream,
      template_card: card.optional(),
    }),
  ]),
  aibot_respond_welcome_msg: z.union([
    z.strictObject({ msgtype: z.literal('text'), text: z.strictObject({ content: text }) }),
    z.strictObject(cards),
  ]),
  aibot_respond_update_msg: z.strictObject({
    response_type: z.literal('update_template_card'),
    userids: z.array(text).optional(),
    template_card: card,
  }),
  aibot_send_msg: z.union([
    z.strictObject({ ...to, ...markdown }),
    z.strictObject({ ...to, ...cards }),
    ...media.map((shape) => z.strictObject({ ...to, ...shape })),
  ]),
  aibot_upload_media_init: z.strictObject({
    type: mediaType,
    filename: z.string().min(1).max(256),
    total_size: z.number().int().positive(),
    total_chunks: z.number().int().positive(),
    md5: z
      .string()
      .regex(/^[0-9a-f]{32}$/)
      .optional(),
  }),
  aibot_upload_media_chunk: z.strictObject({
    upload_id: text,
    chunk_index: z.number().int().nonnegative(),
    base64_data: text,
  }),
  aibot_upload_media_finish: z.strictObject({ upload_id: text }),
} as const;

export type Command = keyof typeof bodies;
export type Body<C extends Command> = z.output<(typeof bodies)[C]>;

export const envelope = z.strictObject({
  cmd: z.string(),
  headers: z.strictObject({ req_id: z.string().min(1).max(512) }),
  body: z.unknown().optional(),
});

export function isCommand(cmd: string): cmd is Command {
  return Object.hasOwn(bodies, cmd);
}
