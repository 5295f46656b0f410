/**
 * What a message carries besides text (telegram §3.7): files as references, fetched only after the sender is known
 * to be allowed, and one-line notes for what cannot be shown, so that nothing is lost in silence.
 */
import type { MediaRef } from '../../core/inbound.ts';
import { type Json, list, oneLine, record, text } from './wire.ts';

export interface Attachments {
  readonly media: readonly MediaRef[];
  readonly notes: readonly string[];
}

const none: Attachments = { media: [], notes: [] };

const documentTypes =
  'cfg csv doc docx ini json log md pdf ppt pptx py sh toml ts txt xls xlsx xml yaml yml zip'.split(' ');
const videoTypes = new Set(['mp4', 'mov', 'webm', 'mkv', 'avi']);

/** Parts of a message that say nothing to the agent: events of the chat, not words of a person. */
const service = new Set(
  (
    'new_chat_members left_chat_member chat_owner_left chat_owner_changed new_chat_title new_chat_photo ' +
    'delete_chat_photo group_chat_created supergroup_chat_created channel_chat_created ' +
    'message_auto_delete_timer_changed migrate_to_chat_id migrate_from_chat_id pinned_message connected_website ' +
    'write_access_allowed proximity_alert_triggered boost_added chat_background_set direct_message_price_changed ' +
    'forum_topic_created forum_topic_edited forum_topic_closed forum_topic_reopened general_forum_topic_hidden ' +
    'general_forum_topic_unhidden giveaway_created giveaway_completed managed_bot_created ' +
    'paid_message_price_changed video_chat_scheduled video_chat_started video_chat_ended ' +
    'video_chat_participants_invited suggested_post_approved suggested_post_approval_failed ' +
    'suggested_post_declined suggested_post_paid suggested_post_refunded'
  ).split(' '),
);

/** Fields every message may have; whatever else is left names the kind of an unknown message. */
const envelope = new Set(
  (
    'message_id message_thread_id direct_messages_topic from sender_chat sender_boost_count sender_business_bot ' +
    'sender_tag date guest_query_id business_connection_id chat forward_origin is_topic_message ' +
    'is_automatic_forward reply_to_message external_reply quote reply_to_story reply_to_checklist_task_id ' +
    'reply_to_poll_option_id via_bot guest_bot_caller_user guest_bot_caller_chat edit_date ' +
    'has_protected_content is_from_offline is_paid_post media_group_id author_signature paid_star_count text ' +
    'entities link_preview_options suggested_post_info effect_id caption caption_entities ' +
    'show_caption_above_media has_media_spoiler reply_markup'
  ).split(' '),
);

export function isService(body: Json): boolean {
  return Object.keys(body).some((key) => service.has(key));
}

type Reader = (value: unknown, cap: number) => Attachments;

/** In this order, because an animation also carries a document and a venue also carries a location. */
const readers: readonly (readonly [string, Reader])[] = [
  ['photo', photo],
  ['voice', file('voice', 'voice message', 'audio/ogg')],
  ['audio', file('audio', 'audio file', 'audio/mpeg')],
  ['animation', file('video', 'animation', 'video/mp4')],
  ['video', file('video', 'video', 'video/mp4')],
  ['video_note', file('video', 'video message', 'video/mp4')],
  ['document', document],
  ['sticker', sticker],
  ['venue', venue],
  ['location', (value) => place(record(value), [])],
  ['contact', (value) => note(`shared a contact: ${contact(record(value))}`)],
  ['poll', (value) => note(`sent a poll: ${poll(record(value))}`)],
  [
    'dice',
    (value) => note(`rolled ${word(record(value)?.['emoji'])}: ${String(record(value)?.['value'] ?? '?')}`),
  ],
  ['story', () => note('forwarded a story')],
];

/** `cap` in bytes. Total: a damaged attachment is a note. */
export function attachmentsOf(body: Json, cap: number): Attachments {
  for (const [field, read] of readers) if (body[field] !== undefined) return read(body[field], cap);
  if (body['text'] !== undefined) return none;
  const kind = Object.keys(body).find((key) => !envelope.has(key) && !service.has(key));
  return note(
    `sent something that cannot be shown here: ${oneLine(kind ?? 'an empty message', 40).replaceAll('_', ' ')}`,
  );
}

function note(sentence: string): Attachments {
  return { media: [], notes: [`[The user ${sentence}]`] };
}

function refOf(value: unknown): { readonly ref: string; readonly bytes?: number } | undefined {
  const object = record(value);
  const ref = text(object?.['file_id']);
  const bytes = object?.['file_size'];
  if (ref === undefined || ref === '') return undefined;
  return { ref, ...(typeof bytes === 'number' && bytes >= 0 ? { bytes } : {}) };
}

function photo(value: unknown, cap: number): Attachments {
  const area = (size: unknown) => Number(record(size)?.['width']) * Number(record(size)?.['height']) || 0;
  const largest = [...list(value)].sort((a, b) => area(b) - area(a))[0];
  const found = refOf(largest);
  if (found === undefined) return note('sent a photo that cannot be read');
  if ((found.bytes ?? 0) > cap) return tooLarge('photo', found.bytes ?? 0, cap);
  return { media: [{ ...found, kind: 'image', mime: 'image/jpeg' }], notes: [] };
}

function file(kind: MediaRef['kind'], label: string, mime: string): Reader {
  return (value, cap) => {
    const found = refOf(value);
    if (found === undefined) return note(`sent a ${label} that cannot be read`);
    if ((found.bytes ?? 0) > cap) return tooLarge(label, found.bytes ?? 0, cap);
    const name = fileName(value);
    return {
      media: [
        {
          ...found,
          kind,
          mime: text(record(value)?.['mime_type']) ?? mime,
          ...(name === undefined ? {} : { name }),
        },
      ],
      notes: [],
    };
  };
}

function document(value: unknown, cap: number): Attachments {
  const found = refOf(value);
  if (found === undefined || !found.bytes || found.bytes > cap) {
    const why = `The document is too large or its size could not be verified. Maximum: ${cap / mebi} MB.`;
    return { media: [], notes: [why] };
  }
  const name = fileName(value);
  const mime = text(record(value)?.['mime_type']) ?? 'application/octet-stream';
  const extension = /\.([A-Za-z0-9]{1,10})$/.exec(name ?? '')?.[1]?.toLowerCase() ?? '';
  const kind = mime.startsWith('image/')
    ? 'image'
    : videoTypes.has(extension)
      ? 'video'
      : documentTypes.includes(extension)
        ? 'file'
        : undefined;
  if (kind === undefined) {
    const supported = documentTypes.map((type) => `.${type}`).join(', ');
    return { media: [], notes: [`Unsupported document type '.${extension}'. Supported types: ${supported}`] };
  }
  return { media: [{ ...found, kind, mime, ...(name === undefined ? {} : { name }) }], notes: [] };
}

function sticker(value: unknown, cap: number): Attachments {
  const object = record(value);
  const emoji = word(object?.['emoji']);
  const moving = object?.['is_animated'] === true || object?.['is_video'] === true;
  const found = refOf(value);
  if (moving) return note(`sent an animated sticker${emoji === '' ? '' : ` ${emoji}`}`);
  const set = word(object?.['set_name']);
  const line = note(`sent a sticker${emoji === '' ? '' : ` ${emoji}`}${set === '' ? '' : ` from "${set}"`}`);
  if (found === undefined || (found.bytes ?? 0) > cap) return line;
  return { media: [{ ...found, kind: 'sticker', mime: 'image/webp' }], notes: line.notes };
}

function venue(value: unknown): Attachments {
  const object = record(value);
  return place(record(object?.['location']), [
    `Venue: ${word(object?.['title'])}`,
    `Address: ${word(object?.['address'])}`,
  ]);
}

function place(location: Json | undefined, lines: readonly string[]): Attachments {
  const latitude = Number(location?.['latitude']);
  const longitude = Number(location?.['longitude']);
  if (!Number.isFinite(latitude) || !Number.isFinite(longitude))
    return note('shared a location that cannot be read');
  const notes = [
    '[The user shared a location pin.]',
    ...lines,
    `latitude: ${latitude}`,
    `longitude: ${longitude}`,
    `Map: https://www.google.com/maps/search/?api=1&query=${latitude},${longitude}`,
  ];
  return { media: [], notes };
}

function contact(object: Json | undefined): string {
  const name = [word(object?.['first_name']), word(object?.['last_name'])]
    .filter((part) => part !== '')
    .join(' ');
  return [name, word(object?.['phone_number'])].filter((part) => part !== '').join(', ');
}

function poll(object: Json | undefined): string {
  const options = list(object?.['options'])
    .slice(0, 12)
    .map((option) => word(record(option)?.['text']));
  return `"${word(object?.['question'])}" (${options.join(' / ')})`;
}

const mebi = 1024 * 1024;

function tooLarge(label: string, bytes: number, cap: number): Attachments {
  const size = (bytes / mebi).toFixed(1);
  return {
    media: [],
    notes: [`[Telegram ${label} skipped: file size ${size} MB exceeds the ${cap / mebi} MB limit.]`],
  };
}

/** The last path element only: the name is a label, never a place. */
function fileName(value: unknown): string | undefined {
  const name = text(record(value)?.['file_name'])?.split(/[/\\]/).at(-1);
  return name === undefined || name === '' || name === '..' ? undefined : oneLine(name, 200);
}

function word(value: unknown): string {
  return oneLine(text(value) ?? '', 300);
}
