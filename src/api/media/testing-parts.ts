/** Parts of messages as nobody should send them, for property tests. */
import fc from 'fast-check';

const word = fc.oneof(
  fc.string(),
  fc.constantFrom(
    'data:',
    'data:image/png;base64,',
    'base64',
    'url',
    'text/plain',
    '__proto__',
    'a.pdf',
    'https://a.example/',
  ),
);
const field = fc.oneof(word, fc.integer(), fc.boolean(), fc.constant(null), fc.array(word, { maxLength: 2 }));
export const hostileInner = fc.dictionary(
  fc.constantFrom(
    'type',
    'url',
    'data',
    'media_type',
    'filename',
    'file_data',
    'file_url',
    'file_id',
    'detail',
  ),
  field,
);
const type = fc.constantFrom(
  'file',
  'input_file',
  'image_url',
  'input_image',
  ' Input_File ',
  'text',
  'input_text',
);
export const hostilePart = fc.record(
  {
    type,
    file: fc.oneof(hostileInner, field),
    source: fc.oneof(hostileInner, field),
    image_url: fc.oneof(hostileInner, field),
    file_data: field,
    file_url: field,
    file_id: field,
    filename: field,
    detail: field,
    text: field,
  },
  { requiredKeys: ['type'] },
);
