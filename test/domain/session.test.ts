import { describe, expect, it } from 'vitest';
import type { Message, Told } from '../../domain/message.schema.ts';
import type { SaidEnd } from '../../domain/session.schema.ts';
import { nowIn, sessionOf, stillStands } from '../../domain/session.ts';

const said = (id: string, message: Message): Told => ({ id, message, at: 0 });
const turn = (id: string): Told => said(id, { kind: 'turn', text: id });
const undo = said('u', { kind: 'undo' });
const redo = said('r', { kind: 'redo' });
const done = (told: string): SaidEnd => ({
  ...{ kind: 'done', told, note: told },
  ...{ files: `files ${told}`, program: `program ${told}`, written: `written ${told}` },
});
const failed = (told: string): SaidEnd => ({ kind: 'failed', told, why: 'no' });

describe('a conversation', () => {
  it('goes on from what the last turn left, and one that failed leaves nothing', () => {
    const session = sessionOf('first', [turn('a'), turn('b'), turn('c')], [done('a'), failed('b')]);
    expect(session.next).toMatchObject({
      ...{ told: 'c', turn: 3 },
      before: { files: 'files a', program: 'program a' },
    });
    expect(session.said.map(({ end }) => end?.kind)).toEqual(['done', 'failed']);
  });

  it('does one thing at a time, in the order it was said, whatever ended first', () => {
    const session = sessionOf('first', [turn('a'), turn('b'), turn('c')], [done('b')]);
    expect(session.next).toMatchObject({ told: 'a', turn: 1, before: { files: 'first', program: null } });
    expect(session).toMatchObject({ waiting: 2, said: [] });
  });

  it('takes turns back and gives them again, and stops at either end', () => {
    const told = [turn('a'), turn('b'), undo];
    const ends = [done('a'), done('b')];
    expect(nowIn(sessionOf('first', told, ends)).files).toBe('files a');
    expect(nowIn(sessionOf('first', [...told, redo], ends)).files).toBe('files b');
    expect(nowIn(sessionOf('first', [...told, redo, redo], ends)).files).toBe('files b');
    expect(nowIn(sessionOf('first', [...told, undo, undo, undo], ends))).toEqual({
      ...{ files: 'first', program: null, turn: null },
    });
  });

  it('goes another way after a turn was taken back: that one can no longer be had again', () => {
    const session = sessionOf(
      'first',
      [turn('a'), turn('b'), undo, turn('c'), redo],
      [done('a'), done('b'), done('c')],
    );
    expect(nowIn(session).files).toBe('files c');
    expect(session.versions.map(({ files }) => files)).toEqual(['first', 'files a', 'files c']);
    expect(session.said.map((each) => stillStands(session, each))).toEqual([true, false, true]);
  });

  it('has files that are brought in their place in the order, without a number', () => {
    const put = said('p', { kind: 'put', files: 'tree' });
    const waits = sessionOf('first', [put, turn('a')], []);
    expect(waits.next).toMatchObject({ told: 'p', turn: null, text: 'tree' });
    const put1: SaidEnd = {
      kind: 'done',
      told: 'p',
      note: '',
      files: 'files p',
      program: null,
      written: 'w',
    };
    expect(sessionOf('first', [put, turn('a')], [put1]).next).toMatchObject({
      ...{ told: 'a', turn: 1 },
      before: { files: 'files p', program: null },
    });
  });

  it('is over once somebody ended it and every turn before that is done', () => {
    const told = [turn('a'), said('e', { kind: 'end' })];
    expect(sessionOf('first', told, [])).toMatchObject({ ended: false, next: { told: 'a' } });
    expect(sessionOf('first', told, [done('a')])).toMatchObject({ ended: true, next: null });
  });
});
