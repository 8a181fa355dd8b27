import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { DESKS, type DeskName } from '../../desks/desks.ts';
import { STORIES, whyNot } from './stories.ts';
import { Till } from './till.ts';

const STORY_MS = 180_000;

/** Tells every story at one provider, with one program for all of them. */
export async function tellStories(provider: DeskName): Promise<void> {
  // Open already here, because the desk knows which stories there are.
  const desk = await DESKS[provider]();

  describe(provider, () => {
    let till: Till | undefined;
    beforeAll(async () => {
      till = await Till.open(desk);
    }, STORY_MS);
    afterEach(() => desk.faults.clear());
    afterAll(async () => {
      await till?.close();
      await desk.close();
    });

    for (const story of STORIES) {
      const reason = whyNot(story, desk);
      if (reason === undefined)
        test(story.title, () => (till ? story.tell(till) : Promise.reject(new Error('the till is closed'))), STORY_MS);
      else test(`there is none here: ${story.title}. ${reason}`, () => expect(reason).not.toBe(''));
    }
  });
}
