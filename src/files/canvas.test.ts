import * as library from '@napi-rs/canvas';
import { expect, it } from 'vitest';
import { canvasFactory } from './canvas.ts';

it('surfaces together never hold more pixels than allowed, and give them back', () => {
  const factory = new (canvasFactory(library, 100))();
  const first = factory.create(8, 8);
  expect(() => factory.create(8, 8)).toThrow('too many');
  factory.reset(first, 2, 2);
  const second = factory.create(8, 8);
  expect(() => factory.reset(first, 10, 10)).toThrow('too many');
  factory.destroy(first);
  factory.destroy(first);
  factory.destroy(second);
  expect(factory.create(10, 10).canvas?.width).toBe(10);
});

it('refuses surfaces without extent', () => {
  const factory = new (canvasFactory(library, 100))();
  for (const [width, height] of [
    [0, 1],
    [-1, -1],
    [Number.NaN, 1],
  ] as const)
    expect(() => factory.create(width, height)).toThrow('without extent');
});
